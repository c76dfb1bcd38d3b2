"""All pairs of a recipe: the same every time, split by database, counted by what became of them."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Data, Source

from ..preparing import prepared_pairs


def rows_of(count: int, times: int = 1, column: str = "age") -> list[dict[str, str]]:
    return [
        {
            "question": f"Q{k} of {n}?",
            "schema": f"CREATE TABLE t{n} ({column} INT)",
            "sql": f"SELECT {column} FROM t{n}",
        }
        for n in range(count)
        for k in range(times)
    ]


def write(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("share, valid", [(0.0, 0), (0.02, 1), (0.25, 5), (0.5, 10)])
def test_no_database_is_in_both_parts(share: float, valid: int, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", rows_of(20, 3))
    pairs = prepared_pairs(Data(jsonl=(file,), valid_share=share), tmp_path)
    names = {example.database for example in pairs.train}, {example.database for example in pairs.valid}
    assert not names[0] & names[1] and len(names[1]) == valid and len(pairs.train) + len(pairs.valid) == 60


def test_one_database_alone_is_trained_on(tmp_path: Path) -> None:
    pairs = prepared_pairs(Data(jsonl=(write(tmp_path / "a.jsonl", rows_of(1, 4)),), valid_share=0.5), tmp_path)
    assert len(pairs.train) == 4 and not pairs.valid


def test_the_same_recipe_and_files_give_the_same_pairs(tmp_path: Path) -> None:
    lines = [
        {"question": f"Age {n}?", "schema": f"CREATE TABLE t{n} (age INT)", "sql": f"SELECT age FROM t{n}"}
        for n in range(30)
    ]
    lines.append({**lines[0], "sql": "SELECT FROM"})
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = Data(jsonl=(str(path),), jsonl_limit=20, valid_share=0.1)
    pairs = prepared_pairs(data, tmp_path)
    again = prepared_pairs(data, tmp_path)
    assert (again.train, again.valid) == (pairs.train, pairs.valid)
    assert len(pairs.train) == 18 and len(pairs.valid) == 2
    assert pairs.left_out == {"a: over the limit": 10, "a: cannot be parsed": 1}
    assert prepared_pairs(Data(jsonl=(str(path),), jsonl_limit=20, seed=2), tmp_path).train != pairs.train


def test_a_schema_that_two_files_have_is_in_one_part_only(tmp_path: Path) -> None:
    files = []
    for name, share in (("a.jsonl", "INT"), ("b.jsonl", "integer /* whole */")):
        lines = [
            {"question": f"Q{k}?", "schema": f"CREATE TABLE t{n} (age {share})", "sql": f"SELECT age FROM T{n}"}
            for n in range(5)
            for k in range(4)
        ]
        (tmp_path / name).write_text(
            "".join(json.dumps({**line, "table_id": name * (n % 2)}) + "\n" for n, line in enumerate(lines))
        )
        files.append(str(tmp_path / name))
    for seed in range(5):
        pairs = prepared_pairs(Data(jsonl=(files[0],), valid_share=0.4, seed=seed), tmp_path)
        assert {e.schema.tables for e in pairs.train} & {e.schema.tables for e in pairs.valid} == set()
    for name in files:
        asked = "Which ages?" if name == files[0] else "List all."
        lines = [
            {"question": asked, "schema": f"CREATE TABLE t{n} (a INT)", "sql": f"SELECT a FROM t{n}"} for n in range(6)
        ]
        write(Path(name), lines)
    pairs = prepared_pairs(Data(jsonl=tuple(files), valid_share=0.4), tmp_path)
    tables = [{example.schema.tables[0].name for example in part} for part in (pairs.train, pairs.valid)]
    assert not tables[0] & tables[1] and len(pairs.train) == 8 and len(pairs.valid) == 4


def test_what_is_left_out_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"question": "Q?", "schema": "CREATE TABLE t (a INT)", "sql": "SELECT a FROM t"}
    answers = ["SELECT a FROM t", "DROP TABLE t", "DELETE FROM t", "INSERT INTO t VALUES (1)"]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({**good, "sql": sql}) + "\n" for sql in answers))
    pairs = prepared_pairs(Data(jsonl=(str(path),)), tmp_path)
    assert capsys.readouterr().err == "skipped 3 of 4 rows of a.jsonl: writes (2), changes the schema (1)\n"
    assert pairs.left_out == {"a: writes": 2, "a: changes the schema": 1}


def test_a_source_that_is_only_validated_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One schema is never split, so one of two sources with one schema each is kept for validation as a whole."""
    for name in ("mine", "other"):
        row = {"question": "Q?", "schema": f"CREATE TABLE {name} (a INT)", "sql": f"SELECT a FROM {name}"}
        write(tmp_path / f"{name}.jsonl", [row, {**row, "question": "Or what?"}])
    files = (str(tmp_path / "mine.jsonl"), str(tmp_path / "other.jsonl"))
    (kept,) = {example.source for example in prepared_pairs(Data(jsonl=files, valid_share=0.02), tmp_path).valid}
    assert capsys.readouterr().err == (
        f"Warning: validation takes all 2 pairs of {kept}, training none. Fix: --set data.valid_share=0\n"
    )
    prepared_pairs(Data(jsonl=files, valid_share=0), tmp_path)
    assert capsys.readouterr().err == ""


def test_a_recipe_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gives no pairs"):
        prepared_pairs(Data(), tmp_path)


def test_databases_of_which_one_has_all_tables_of_the_other_go_together(tmp_path: Path) -> None:
    table, more = "CREATE TABLE t (a INT, b INT)", "CREATE TABLE u (c INT)"
    schemas = {
        "plain": table,
        "seen": f"{table}; CREATE VIEW v AS SELECT a FROM t",
        "seen otherwise": f"{table}; CREATE VIEW w AS SELECT b FROM t",
        "larger": f"{table}; {more}",
        "alike": "CREATE TABLE t (a INT, x INT)",
        "another": "CREATE TABLE z (a INT)",
    }
    asked = {"alike": "t", "another": "z"}
    rows = [
        {"question": f"{name}?", "schema": ddl, "sql": f"SELECT a FROM {asked.get(name, 't')}", "table_id": name}
        for name, ddl in schemas.items()
    ]
    file = write(tmp_path / "a.jsonl", rows)
    together = {"a.jsonl:plain", "a.jsonl:seen", "a.jsonl:seen otherwise", "a.jsonl:larger"}
    for seed in range(6):
        pairs = prepared_pairs(Data(jsonl=(file,), valid_share=0.4, seed=seed), tmp_path)
        parts = [{example.database for example in part} for part in (pairs.train, pairs.valid)]
        assert parts[0] and parts[1] and all(together <= part or not together & part for part in parts)


def test_duplicates_and_contradictions_are_left_out(tmp_path: Path) -> None:
    schema = "CREATE TABLE pet (name TEXT, age INT)"
    said = [
        ("How old is Rex?", "SELECT age FROM pet WHERE name = 'Rex'"),
        ("how old is rex", "SELECT age FROM pet WHERE name = 'Rex'"),  # the same
        ("How old was Rex?", "SELECT age FROM pet WHERE name = 'Rex'"),  # nearly
        ("What is the age of Rex?", "SELECT age FROM pet WHERE name = 'Rex'"),  # another wording
        ("Names?", "SELECT name FROM pet"),
        ("Names?", "SELECT name FROM pet WHERE age > 3"),  # contradicts
        ("Ages?", "SELECT age FROM pet"),
        ("Ages?", "SELECT pet.age FROM pet AS pet"),  # says the same
    ]
    rows = [{"question": question, "schema": schema, "sql": sql} for question, sql in said]
    data = Data(jsonl=(write(tmp_path / "a.jsonl", rows),), near_duplicates=0.85)
    pairs = prepared_pairs(data, tmp_path)
    assert [example.question for example in pairs.train] == ["How old is Rex?", "What is the age of Rex?", "Ages?"]
    assert pairs.prepared.contradictions == 2 and pairs.prepared.duplicates == 3
    assert pairs.prepared.near_duplicates == 1


def test_weights_repeat_pairs_and_balance_leaves_out_the_most_frequent_class(tmp_path: Path) -> None:
    schema = "CREATE TABLE pet (name TEXT, age INT)"
    rows = [
        {"question": f"Over {n}?", "schema": schema, "sql": f"SELECT name FROM pet WHERE age > {n}"} for n in range(40)
    ]
    rows += [
        {"question": f"Top {n}?", "schema": schema, "sql": f"SELECT name FROM pet ORDER BY age LIMIT {n}"}
        for n in range(1, 11)
    ]
    file = write(tmp_path / "a.jsonl", rows)
    pairs = prepared_pairs(Data(jsonl=(file,), balance=0.5), tmp_path)
    assert pairs.prepared.before == {"top": 10, "filter": 40} and pairs.prepared.after == {"top": 10, "filter": 10}
    twice = Data(source=(Source(path=file, weight=2),))
    assert len(prepared_pairs(twice, tmp_path).train) == 100
    half = len(prepared_pairs(Data(source=(Source(path=file, weight=0.5),)), tmp_path).train)
    assert 10 < half < 40


def test_rows_of_the_ddl_are_the_judge_of_what_is_empty(tmp_path: Path) -> None:
    schema = "CREATE TABLE pet (name TEXT, age INT); INSERT INTO pet VALUES ('Rex', 3), ('Tom', 4), ('Pia', 4);"
    said = {
        "How old is Rex?": "SELECT age FROM pet WHERE name = 'Rex'",
        "How old is Max?": "SELECT age FROM pet WHERE name = 'Max'",
        "Who is the oldest?": "SELECT name FROM pet ORDER BY age DESC LIMIT 1",
        "Who is the youngest?": "SELECT name FROM pet ORDER BY age LIMIT 1",
    }
    rows = [{"question": question, "schema": schema, "sql": sql} for question, sql in said.items()]
    file = write(tmp_path / "a.jsonl", rows)
    assert prepared_pairs(Data(jsonl=(file,)), tmp_path).prepared.marks == {"empty": 1, "tie": 1}
    kept = prepared_pairs(Data(jsonl=(file,), drop=("empty", "tie")), tmp_path).train
    assert [example.question for example in kept] == ["How old is Rex?", "Who is the youngest?"]
    with pytest.raises(DataError, match=r"data\.drop: odd is no mark"):
        prepared_pairs(Data(jsonl=(file,), drop=("odd",)), tmp_path)

"""All pairs of a recipe: the same every time, split by schema, kept as JSONL."""

import json
import random
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.recipe import Data
from sql_llama.core.records import Column, Example, ForeignKey, Hint, Schema, Table
from sql_llama.data.pairs import build_pairs, read_pairs, same_schemas, split_by_schema, write_pairs
from sql_llama.sql.ddl.parse import parse_ddl

TABLES = (Table("A b", (Column("É", "text", True, ("x'y",)), Column("n", "int"))), Table("c", (Column("d", "date"),)))
SCHEMA = Schema(TABLES, (ForeignKey("c", "d", "A b", "n"),), "one")
EXAMPLES = [
    Example("Why?", "SELECT 1", SCHEMA, (Hint("A b", "É", 'quo"te'),), "one", "mine"),
    Example("Who — 漢?", "SELECT 2", SCHEMA, (), "one", "mine"),
    Example("What?", "SELECT 3", Schema(()), (), "two", "other"),
]


def test_what_is_written_is_read_back_the_same_with_each_schema_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "train.jsonl"
    write_pairs(path, EXAMPLES)
    assert list(read_pairs(path)) == EXAMPLES
    assert ["schema" in json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == [
        True,
        False,
        True,
    ]
    write_pairs(path, [])
    assert list(read_pairs(path)) == []


@pytest.mark.parametrize("line", ['{"question": "cut', "{}", '{"question": 1, "sql": 2, "schema_id": 9}', "3"])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_pairs(path, EXAMPLES)
    with path.open("a") as file:
        file.write(line)
    with pytest.raises(DataError, match=r"train\.jsonl:4: broken"):
        list(read_pairs(path))


@pytest.mark.parametrize("share, valid", [(0.0, 0), (0.02, 1), (0.25, 5), (0.5, 10)])
def test_no_schema_is_in_both_parts(share: float, valid: int) -> None:
    examples = [Example(str(n), "SELECT 1", SCHEMA, database=f"d{n % 20}") for n in range(100)]
    train, held = split_by_schema(examples, share, random.Random(1))
    names = {example.database for example in train}, {example.database for example in held}
    assert not names[0] & names[1] and len(names[1]) == valid and len(train) + len(held) == 100


def test_one_schema_alone_is_trained_on() -> None:
    assert split_by_schema(EXAMPLES[:2], 0.5, random.Random(1)) == (EXAMPLES[:2], [])


def test_the_same_recipe_and_files_give_the_same_pairs(tmp_path: Path) -> None:
    lines = [
        {"question": f"Age {n}?", "schema": f"CREATE TABLE t{n} (age INT)", "sql": f"SELECT age FROM t{n}"}
        for n in range(30)
    ]
    lines.append({**lines[0], "sql": "SELECT FROM"})
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = Data(jsonl=(str(path),), jsonl_limit=20, valid_share=0.1)
    pairs = build_pairs(data, tmp_path)
    assert build_pairs(data, tmp_path) == pairs
    assert len(pairs.train) == 18 and len(pairs.valid) == 2 and pairs.left_out == {"a.jsonl: cannot be parsed": 1}
    assert build_pairs(Data(jsonl=(str(path),), jsonl_limit=20, seed=2), tmp_path) != pairs


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
        pairs = build_pairs(Data(jsonl=(files[0],), valid_share=0.4, seed=seed), tmp_path)
        assert {e.schema.tables for e in pairs.train} & {e.schema.tables for e in pairs.valid} == set()
    lines = [{"question": "Q?", "schema": f"CREATE TABLE t{n} (a INT)", "sql": f"SELECT a FROM t{n}"} for n in range(6)]
    for name in files:
        Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    pairs = build_pairs(Data(jsonl=tuple(files), valid_share=0.4), tmp_path)
    tables = [{example.schema.tables[0].name for example in part} for part in (pairs.train, pairs.valid)]
    assert not tables[0] & tables[1] and len(pairs.train) == 8 and len(pairs.valid) == 4


def test_what_is_left_out_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"question": "Q?", "schema": "CREATE TABLE t (a INT)", "sql": "SELECT a FROM t"}
    answers = ["SELECT a FROM t", "DROP TABLE t", "DELETE FROM t", "INSERT INTO t VALUES (1)"]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({**good, "sql": sql}) + "\n" for sql in answers))
    pairs = build_pairs(Data(jsonl=(str(path),)), tmp_path)
    assert capsys.readouterr().err == "skipped 3 of 4 rows of a.jsonl: writes (2), changes the schema (1)\n"
    assert pairs.left_out == {"a.jsonl: writes": 2, "a.jsonl: changes the schema": 1}


def test_a_source_that_is_only_validated_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One schema is never split, so one of two sources with one schema each is kept for validation as a whole."""
    for name in ("mine", "other"):
        row = {"question": "Q?", "schema": f"CREATE TABLE {name} (a INT)", "sql": f"SELECT a FROM {name}"}
        (tmp_path / f"{name}.jsonl").write_text(2 * (json.dumps(row) + "\n"))
    files = (str(tmp_path / "mine.jsonl"), str(tmp_path / "other.jsonl"))
    (kept,) = {example.source for example in build_pairs(Data(jsonl=files, valid_share=0.02), tmp_path).valid}
    assert capsys.readouterr().err == (
        f"Warning: validation takes all 2 pairs of {kept}, training none. Fix: --set data.valid_share=0\n"
    )
    build_pairs(Data(jsonl=files, valid_share=0), tmp_path)
    assert capsys.readouterr().err == ""


def test_a_recipe_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gives no pairs"):
        build_pairs(Data(), tmp_path)


def test_schemas_of_which_one_has_all_tables_of_the_other_go_together(tmp_path: Path) -> None:
    table, more = "CREATE TABLE t (a INT, b INT)", "CREATE TABLE u (c INT)"
    schemas = {
        "plain": table,
        "seen": f"{table}; CREATE VIEW v AS SELECT a FROM t",
        "seen otherwise": f"{table}; CREATE VIEW w AS SELECT b FROM t",
        "larger": f"{table}; {more}",
        "alike": "CREATE TABLE t (a INT, x INT)",
        "another": "CREATE TABLE z (a INT)",
    }
    examples = [Example("Q?", "SELECT 1", parse_ddl(ddl), (), name, "a") for name, ddl in schemas.items()]
    same = same_schemas(examples)
    assert {same[name] for name in ("plain", "seen", "seen otherwise", "larger")} == {"larger"}
    assert same["alike"] == "alike" and same["another"] == "another"
    assert same_schemas(examples[1:3]) == {"seen": "seen", "seen otherwise": "seen"}

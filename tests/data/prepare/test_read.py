"""Files of question, schema and SQL, made small on the spot: what is learnt, and what is left out with its reason."""

import gzip
import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Hint

from ..loading import load_pairs

LINES = [
    {
        "question": "How old is Ann?",
        "schema": "CREATE TABLE t (name TEXT, age INT)",
        "sql": "SELECT age FROM t WHERE name = 'Ann'",
    },
    {
        "question": "Age of Bob?",
        "context": "CREATE TABLE t (name VARCHAR)",
        "answer": 'SELECT name FROM t WHERE name = "Bob"',
    },
]


def text(*lines: object) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize("kind", ["jsonl", "gz", "list"])
def test_both_sets_of_field_names_in_all_three_kinds_of_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("mine.jsonl.gz" if kind == "gz" else "mine.jsonl")
    whole = json.dumps(LINES) if kind == "list" else text(LINES[0]) + "\n" + text(LINES[1])
    path.write_bytes(gzip.compress(whole.encode()) if kind == "gz" else whole.encode())
    first, second = load_pairs(path).examples
    assert first.sql == "SELECT t.age FROM t WHERE t.name = 'Ann'" and first.hints == (Hint("t", "name", "Ann"),)
    assert second.sql == "SELECT t.name FROM t WHERE t.name = 'Bob'"
    assert first.source == "mine" and first.database != second.database


def test_rows_of_one_table_share_its_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(*({**line, "table_id": "7"} for line in LINES)))
    first, second = load_pairs(tmp_path / "a.jsonl").examples
    assert first.schema == second.schema and first.database == second.database == "a.jsonl:7"
    assert [(c.name, c.type) for c in second.schema.tables[0].columns] == [("name", "text"), ("age", "int")]


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text(LINES[0]) + '{"question": "cut\n' + text(LINES[1]))
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON"):
        load_pairs(path)


@pytest.mark.parametrize("line", [{"question": "x"}, 3, "text", {**LINES[0], "sql": 5}, {**LINES[0], "question": 5}])
def test_a_line_without_its_fields_is_left_out_and_one_alone_is_named(line: object, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(LINES[0], line))
    (reason,) = load_pairs(tmp_path / "a.jsonl").left_out
    assert reason in ("no sql and no schema", "not an object but int", "not an object but str") or "its field" in reason
    (tmp_path / "a.jsonl").write_text(text({"note": "x"}, line))
    with pytest.raises(DataError, match=r"a\.jsonl:1: no question and no sql .* \(the row has: note\)"):
        load_pairs(tmp_path / "a.jsonl")


def test_an_answer_that_is_null_is_left_out_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(LINES[0], {**LINES[0], "sql": None}))
    assert load_pairs(tmp_path / "a.jsonl").left_out == {"empty answer": 1}


def test_a_file_that_is_missing_or_torn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_pairs(tmp_path / "nosuch.jsonl")
    whole = gzip.compress(text(*LINES * 50).encode())
    for number, torn in enumerate(
        (whole[:-20], b"\x1f\x8b" + b"x" * 30, whole[:12] + b"\xff" * 40 + whole[52:], b"plain")
    ):
        path = tmp_path / f"{number}.jsonl.gz"
        path.write_bytes(torn)
        with pytest.raises(DataError, match="cannot be read"):
            load_pairs(path)


def test_the_primary_key_stays_one_when_columns_are_put_together(tmp_path: Path) -> None:
    first = {"question": "Q", "schema": "CREATE TABLE T (Id INT PRIMARY KEY, a TEXT)", "sql": "SELECT a FROM t"}
    second = {**first, "schema": "create table t (b REAL, ID INT);", "sql": "SELECT b FROM t"}
    (tmp_path / "a.jsonl").write_text(text(*({**row, "table_id": 7} for row in (first, second))))
    one, two = load_pairs(tmp_path / "a.jsonl").examples
    assert one.schema == two.schema
    assert [(c.name, c.primary_key) for c in two.schema.tables[0].columns] == [("Id", True), ("a", False), ("b", False)]


SAME = [
    "CREATE TABLE fan (id INT PRIMARY KEY, team TEXT); CREATE TABLE team (name TEXT)",
    "create table Fan(\n  ID int primary key, -- a number\n  TEAM text\n);\n\nCREATE TABLE team (name TEXT);\n",
    "CREATE TABLE team (name TEXT); CREATE TABLE fan (id INT PRIMARY KEY, team TEXT); INSERT INTO fan VALUES (1, 'x');",
]


def test_one_schema_is_one_database_however_it_is_written_and_how_many_rows_it_has(tmp_path: Path) -> None:
    rows = [{"question": f"Fan {n}?", "schema": SAME[n % 3], "sql": "SELECT team FROM fan"} for n in range(9)]
    rows.append({**rows[0], "schema": "CREATE TABLE fan (id INT PRIMARY KEY, team TEXT)"})
    (tmp_path / "a.jsonl").write_text(text(*rows))
    examples = load_pairs(tmp_path / "a.jsonl").examples
    assert [example.database for example in examples] == ["a.jsonl:1"] * 9 + ["a.jsonl:10"]
    assert {table.name.lower() for table in examples[1].schema.tables} == {"fan", "team"}


def test_pairs_name_a_table_as_the_schema_does(tmp_path: Path) -> None:
    row = {"question": "Q", "schema": "CREATE SCHEMA mine; CREATE TABLE mine.seam (id INT, depth FLOAT)"}
    asked = ["SELECT COUNT(*) FROM mine.seam;", "SELECT mine.seam.id FROM mine.seam WHERE depth > 3"]
    (tmp_path / "a.jsonl").write_text(text(*({**row, "sql": sql} for sql in asked)))
    one, two = load_pairs(tmp_path / "a.jsonl").examples
    assert one.schema.tables[0].name == "seam" and one.sql == "SELECT COUNT(*) FROM seam"
    assert two.sql == "SELECT seam.id FROM seam WHERE seam.depth > 3"


def test_rows_that_cannot_be_learnt_are_counted_by_reason(tmp_path: Path) -> None:
    good = LINES[0]
    bad = [
        {**good, "sql": "DELETE FROM t"},
        {**good, "sql": "SELECT age FROM gone"},
        {**good, "sql": " ; "},
        {**good, "question": " "},
        {**good, "schema": ""},
        {**good, "schema": "CREATE TABLE t (age INT"},
        {**good, "schema": "CREATE TABLE t (age INT", "sql": "DELETE FROM t"},
    ]
    (tmp_path / "a.jsonl").write_text(text(good, *bad))
    loaded = load_pairs(tmp_path / "a.jsonl")
    assert len(loaded.examples) == 1 and loaded.rows == 8
    assert loaded.left_out == {
        "writes": 1,
        "no such table": 1,
        "empty answer": 1,
        "empty question": 1,
        "neither a schema nor a database": 1,
        "the schema cannot be parsed": 2,
    }


def test_when_every_row_is_left_out_the_error_says_why(tmp_path: Path) -> None:
    rows = [{**LINES[0], "sql": sql} for sql in ["DELETE FROM t"] * 3 + ["SELECT gone FROM t"]]
    (tmp_path / "a.jsonl").write_text(text(*rows))
    with pytest.raises(DataError, match=r"a\.jsonl: .* all 4 rows were skipped: writes \(3\), no such column \(1\)"):
        load_pairs(tmp_path / "a.jsonl")


def test_sql_that_cannot_be_parsed_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text(*LINES * 5, {**LINES[0], "sql": "SELECT FROM WHERE"}))
    loaded = load_pairs(path)
    assert len(loaded.examples) == 10 and loaded.left_out == {"cannot be parsed": 1}

"""Public layouts, made small on the spot: Spider's folder and JSONL of question, schema and SQL."""

import gzip
import json
import os
import random
import shutil
import zipfile
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError
from sql_llama.core.records import Hint
from sql_llama.data.sources.load import Loaded, load_jsonl, load_spider, open_spider
from sql_llama.sql.normalise import normalise

ITEMS = [
    {
        "question": "How many  dogs\nare there?",
        "query": 'SELECT count(*) FROM pets WHERE kind = "dog"',
        "db_id": "pets",
    },
    {"question": "Who?", "query": "SELECT T1.name FROM owners AS T1", "db_id": "pets"},
    {"question": "Gone?", "query": "SELECT 1", "db_id": "gone"},
    {"question": "Fails?", "query": "SELECT nosuch FROM pets", "db_id": "pets"},
]


@pytest.fixture
def spider(pets: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "spider"
    (folder / "database" / "pets").mkdir(parents=True)
    shutil.copy(pets, folder / "database" / "pets" / "pets.sqlite")
    (folder / "train_spider.json").write_text(json.dumps(ITEMS))
    return folder


def test_spiders_questions_come_in_plain_style_with_hints(spider: Path, tmp_path: Path) -> None:
    loaded, databases = load_spider(open_spider(spider, tmp_path / "cache"))
    first, second = loaded.examples
    assert first.question == "How many dogs are there?" and first.database == "pets" and first.source == "spider"
    assert first.sql == "SELECT COUNT(*) FROM pets WHERE pets.kind = 'dog'"
    assert first.hints == (Hint("pets", "kind", "dog"),)
    assert second.sql == "SELECT owners.name FROM owners"
    assert loaded.left_out == {"database missing": 1, "gold SQL fails": 1} and list(databases) == ["pets"]


def test_a_zip_of_databases_is_unpacked_once(spider: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(spider / "database.zip", "w") as archive:
        archive.write(spider / "database" / "pets" / "pets.sqlite", "database/pets/pets.sqlite")
    shutil.rmtree(spider / "database")
    opened = open_spider(spider, tmp_path / "cache")
    file = opened.database("pets")
    before = file.stat().st_mtime_ns
    assert open_spider(spider, tmp_path / "cache") == opened and file.stat().st_mtime_ns == before
    assert len(load_spider(opened)[0].examples) == 2
    (spider / "database.zip").write_bytes(b"PK half")
    os.utime(spider / "database.zip", (1, 1))
    with pytest.raises(DataError, match=r"database\.zip: not a zip file"):
        open_spider(spider, tmp_path / "cache")


def test_what_is_missing_is_named(spider: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nosuch: no such data folder"):
        open_spider(tmp_path / "nosuch", tmp_path)
    shutil.rmtree(spider / "database" / "pets")
    with pytest.raises(DataError, match="no question has its database"):
        load_spider(open_spider(spider, tmp_path))
    shutil.rmtree(spider / "database")
    with pytest.raises(DataError, match=r"has neither database/ nor database\.zip"):
        open_spider(spider, tmp_path)
    (spider / "train_spider.json").unlink()
    with pytest.raises(DataError, match=r"has no train_spider\.json"):
        open_spider(spider, tmp_path)


@pytest.mark.parametrize("text", ["{", "3", '[{"question": "x"}]', "[3]"])
def test_questions_in_another_layout_are_refused(text: str, spider: Path, tmp_path: Path) -> None:
    (spider / "train_spider.json").write_text(text)
    with pytest.raises(DataError, match=r"train_spider\.json: not in Spider's layout"):
        load_spider(open_spider(spider, tmp_path))


def load(path: Path) -> Loaded:
    return load_jsonl(path, 0, random.Random(1))


def test_a_gold_that_writes_and_a_broken_database_are_counted_by_reason(spider: Path, tmp_path: Path) -> None:
    (spider / "database" / "torn").mkdir()
    (spider / "database" / "torn" / "torn.sqlite").write_text("version https://git-lfs.github.com/spec/v1")
    more = [
        {"question": "Drop?", "query": "DELETE FROM pets", "db_id": "pets"},
        {"question": "Two?", "query": "SELECT 1; SELECT 2", "db_id": "pets"},
        {"question": "Torn?", "query": "SELECT 1", "db_id": "torn"},
        {"question": "Torn again?", "query": "SELECT 1", "db_id": "torn"},
    ]
    (spider / "train_spider.json").write_text("\ufeff" + json.dumps(ITEMS + more), encoding="utf-8")
    loaded, _ = load_spider(open_spider(spider, tmp_path / "cache"))
    assert len(loaded.examples) == 2 and loaded.rows == 8
    assert loaded.left_out == {
        "database missing": 1,
        "gold SQL fails": 1,
        "writes": 1,
        "several statements": 1,
        "database cannot be read": 2,
    }
    (spider / "train_spider.json").write_text(json.dumps(more))
    with pytest.raises(
        DataError, match=r"train_spider\.json: .* all 4 rows are left out: database cannot be read \(2\)"
    ):
        load_spider(open_spider(spider, tmp_path / "cache"))


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
    first, second = load_jsonl(path, 0, random.Random(1)).examples
    assert first.sql == "SELECT t.age FROM t WHERE t.name = 'Ann'" and first.hints == (Hint("t", "name", "Ann"),)
    assert second.sql == "SELECT t.name FROM t WHERE t.name = 'Bob'"
    assert first.source == "mine" and first.database != second.database


def test_rows_of_one_table_share_its_columns(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(*({**line, "table_id": "7"} for line in LINES)))
    first, second = load_jsonl(tmp_path / "a.jsonl", 0, random.Random(1)).examples
    assert first.schema == second.schema and first.database == second.database == "a.jsonl:7"
    assert [(c.name, c.type) for c in second.schema.tables[0].columns] == [("name", "text"), ("age", "int")]


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text(LINES[0]) + '{"question": "cut\n' + text(LINES[1]))
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON"):
        load_jsonl(path, 0, random.Random(1))


@pytest.mark.parametrize("line", [{"question": "x"}, 3, "text", {**LINES[0], "sql": 5}, {**LINES[0], "question": 5}])
def test_a_line_without_its_fields_is_named_by_its_number(line: object, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(LINES[0], line))
    with pytest.raises(DataError, match=r"a\.jsonl:2: fields missing"):
        load_jsonl(tmp_path / "a.jsonl", 0, random.Random(1))


def test_an_answer_that_is_null_is_left_out_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(text(LINES[0], {**LINES[0], "sql": None}))
    assert load_jsonl(tmp_path / "a.jsonl", 0, random.Random(1)).left_out == {"empty answer": 1}


def test_a_file_that_is_missing_or_torn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_jsonl(tmp_path / "nosuch.jsonl", 0, random.Random(1))
    whole = gzip.compress(text(*LINES * 50).encode())
    for number, torn in enumerate(
        (whole[:-20], b"\x1f\x8b" + b"x" * 30, whole[:12] + b"\xff" * 40 + whole[52:], b"plain")
    ):
        path = tmp_path / f"{number}.jsonl.gz"
        path.write_bytes(torn)
        with pytest.raises(DataError, match="cannot be read"):
            load_jsonl(path, 0, random.Random(1))


def test_the_primary_key_stays_one_when_columns_are_put_together(tmp_path: Path) -> None:
    first = {"question": "Q", "schema": "CREATE TABLE T (Id INT PRIMARY KEY, a TEXT)", "sql": "SELECT a FROM t"}
    second = {**first, "schema": "create table t (b REAL, ID INT);", "sql": "SELECT b FROM t"}
    (tmp_path / "a.jsonl").write_text(text(*({**row, "table_id": 7} for row in (first, second))))
    one, two = load(tmp_path / "a.jsonl").examples
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
    examples = load(tmp_path / "a.jsonl").examples
    assert [example.database for example in examples] == ["a.jsonl:1"] * 9 + ["a.jsonl:10"]
    assert {table.name.lower() for table in examples[1].schema.tables} == {"fan", "team"}


def test_pairs_name_a_table_as_the_schema_does(tmp_path: Path) -> None:
    row = {"question": "Q", "schema": "CREATE SCHEMA mine; CREATE TABLE mine.seam (id INT, depth FLOAT)"}
    asked = ["SELECT COUNT(*) FROM mine.seam;", "SELECT mine.seam.id FROM mine.seam WHERE depth > 3"]
    (tmp_path / "a.jsonl").write_text(text(*({**row, "sql": sql} for sql in asked)))
    one, two = load(tmp_path / "a.jsonl").examples
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
    loaded = load(tmp_path / "a.jsonl")
    assert len(loaded.examples) == 1 and loaded.rows == 8
    assert loaded.left_out == {
        "writes": 1,
        "no such table": 1,
        "empty answer": 1,
        "empty question": 1,
        "no table in the schema": 1,
        "the schema cannot be parsed": 2,
    }


def test_when_every_row_is_left_out_the_error_says_why(tmp_path: Path) -> None:
    rows = [{**LINES[0], "sql": sql} for sql in ["DELETE FROM t"] * 3 + ["SELECT gone FROM t"]]
    (tmp_path / "a.jsonl").write_text(text(*rows))
    with pytest.raises(DataError, match=r"a\.jsonl: .* all 4 rows are left out: writes \(3\), no such column \(1\)"):
        load(tmp_path / "a.jsonl")


def test_sql_that_cannot_be_parsed_is_counted_and_a_limit_draws(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text(*LINES * 5, {**LINES[0], "sql": "SELECT FROM WHERE"}))
    loaded = load_jsonl(path, 4, random.Random(1))
    assert len(loaded.examples) == 4 and loaded.left_out == {"cannot be parsed": 1}
    assert load_jsonl(path, 4, random.Random(1)).examples == loaded.examples


@pytest.mark.shared
def test_spiders_gold_in_plain_style_returns_the_same_rows(shared: Path, tmp_path: Path) -> None:
    """On real data; `plain` keeps the plain style only where it was run and gave the same rows."""
    spider = open_spider(shared / "spider", tmp_path)
    items = json.loads(spider.questions.read_text())
    loaded, databases = load_spider(spider)
    assert loaded.left_out == {"database missing": 96, "join without a condition": 19, "gold SQL fails": 3}
    assert len(items) == 7000 and len(loaded.examples) == 6882 and len(databases) == 138
    own = {" ".join(item["query"].strip().rstrip(";").split()) for item in items}
    kept = [example for example in loaded.examples if example.sql in own]
    assert len(kept) == 10  # all others were rewritten and gave the same rows
    assert all(normalise(example.sql, example.schema) == example.sql for example in kept)  # these were plain already

"""Question files in both layouts; what is wrong is said with its line, what is missing is counted."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.databases.sqlite import run
from sql_llama.evals.questions import from_schema
from sql_llama.evals.questions.predictions import read_predictions
from sql_llama.evals.questions.questions import fuzzed, questions


@pytest.fixture
def databases(pets: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "databases"
    (folder / "pets").mkdir(parents=True)
    (folder / "pets" / "pets.sqlite").write_bytes(pets.read_bytes())
    return folder


def write(path: Path, *rows: Any, lines: bool = False) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows))
    return path


GOLD = "SELECT count(*) FROM pets"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n"
BROKEN: dict[str, Callable[[Path, bytes], Any]] = {
    "pointer": lambda path, good: path.write_bytes(POINTER),
    "encrypted": lambda path, good: path.write_bytes(bytes(255 - byte for byte in good)),
    "empty": lambda path, good: path.write_bytes(b""),
    "folder": lambda path, good: path.mkdir(),
    "torn": lambda path, good: path.write_bytes(good[: len(good) // 2]),
    "page": lambda path, good: path.write_bytes(b"<!DOCTYPE html><title>404</title>"),
    "headless": lambda path, good: path.write_bytes(good[:16] + bytes(84) + good[100:]),
}
SPIDER = {"question": "How many?", "query": "SELECT count(*) FROM pets", "db_id": "pets", "sql": {"parsed": []}}
LINE = {"question": "How many?", "sql": "SELECT count(*) FROM pets", "db": "pets/pets.sqlite"}


def test_spiders_layout(databases: Path, tmp_path: Path) -> None:
    found = questions(write(tmp_path / "dev.json", SPIDER, SPIDER), databases)
    assert len(found.items) == 2
    assert found.items[0].gold == "SELECT count(*) FROM pets"
    assert found.items[0].database == databases / "pets" / "pets.sqlite"


def test_lines_with_a_database(databases: Path, tmp_path: Path) -> None:
    found = questions(write(tmp_path / "q.jsonl", LINE, LINE, lines=True), databases, limit=1)
    assert [item.database for item in found.items] == [databases / "pets" / "pets.sqlite"]


def test_lines_with_a_schema_get_a_database_with_rows(tmp_path: Path) -> None:
    row = {"question": "q", "sql": "SELECT a FROM t", "schema": "CREATE TABLE t (a INT); CREATE TABLE u (b TEXT)"}
    found = questions(write(tmp_path / "q.jsonl", row, row, lines=True), None)
    assert found.items[0].database == found.items[1].database
    assert run(str(found.items[0].database), "SELECT a FROM t").rows  # over no rows every query would be right


@pytest.mark.parametrize("ddl", ["ATTACH DATABASE 'evil.sqlite' AS e", "CREATE TABLE t (", "PRAGMA journal_mode = WAL"])
def test_a_schema_that_is_none_is_refused(tmp_path: Path, ddl: str) -> None:
    row = {"question": "q", "sql": "SELECT 1", "schema": ddl}
    with pytest.raises(DataError, match=r"q\.jsonl:1: the schema cannot be made"):
        questions(write(tmp_path / "q.jsonl", row, lines=True), None)
    assert not list((tmp_path / "home").rglob("*.sqlite"))


def test_missing_databases_are_counted(databases: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", {**SPIDER, "db_id": "gone"}, SPIDER, {**SPIDER, "db_id": "gone"})
    found = questions(path, databases)
    assert len(found.items) == 1 and found.missing == {"gone": 2} and found.places == (1,) and found.total == 3
    predictions = write(tmp_path / "p.jsonl", {"sql": "a"}, {"sql": "b"}, {"sql": "c"}, lines=True)
    assert read_predictions(predictions, found) == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no questions"),
        ("[]", "no questions"),
        ("[1", "broken JSON"),
        ("[1]", "question 1: not an object"),
        ('[{"question": "q"}]', "question 1: has no sql and no db_id, db or schema"),
        ('{"question": "q", "sql": "s", "db": "d"}\n{"question": ', ":2: broken JSON"),
        ('{"question": "q", "sql": "s", "db": "d"}\n\n{"sql": "s", "db": "d"}', "line 3: has no question"),
        ('{"question": "q", "sql": "s", "db": "../../x"}', "leads out of"),
        ('{"question": "q", "sql": "s", "db": "x"}', "none of the databases"),
    ],
)
def test_a_wrong_file_is_said_with_its_line(databases: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "q.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        questions(path, databases)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_files_and_folders_that_are_not_there(databases: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", SPIDER)
    for file, folder in (
        (tmp_path / "gone", databases),
        (path, tmp_path / "gone"),
        (path, None),
        (tmp_path, databases),
    ):
        with pytest.raises(DataError):
            questions(file, folder)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        questions(binary, databases)


def test_sql_create_contexts_layout_as_lines_and_as_a_list(tmp_path: Path) -> None:
    row = {
        "question": "How many heads?",
        "answer": "SELECT COUNT(*) FROM head WHERE age > 56",
        "context": "CREATE TABLE head (age INTEGER)",
    }
    for lines in (True, False):
        (item,) = questions(write(tmp_path / "q.json", row, lines=lines), None).items
        assert (item.question, item.gold) == (row["question"], row["answer"])
        ages = [age for (age,) in run(str(item.database), "SELECT age FROM head").rows]
        assert any(age > 56 for age in ages) and any(age <= 56 for age in ages)  # rows within and without


def test_gretels_keys(tmp_path: Path) -> None:
    row = {"sql_prompt": "How heavy?", "sql": "SELECT w FROM mine.box", "sql_context": "CREATE TABLE mine.box (w INT)"}
    (item,) = questions(write(tmp_path / "q.jsonl", row, lines=True), None).items
    assert (item.question, item.gold) == ("How heavy?", "SELECT w FROM box") and run(str(item.database), item.gold).rows


def test_schemas_that_cannot_be_made_are_missing_and_listed(tmp_path: Path) -> None:
    good = {"question": "q", "answer": "SELECT a FROM t", "context": "CREATE TABLE t (a INT)"}
    twice = {**good, "context": "CREATE TABLE t (a INT); CREATE TABLE t (b INT)"}
    found = questions(write(tmp_path / "q.jsonl", twice, good, {**good, "context": "-- no"}, lines=True), None)
    assert len(found.items) == 1 and found.places == (1,) and found.total == 3
    assert found.missing == {
        "line 1: the schema cannot be made (table t already exists)": 1,
        "line 3: the schema cannot be made (it makes no table)": 1,
    }


def test_a_gold_that_fails_over_its_schema_is_asked_all_the_same(tmp_path: Path) -> None:
    fails = {"question": "q", "answer": "SELECT b FROM t", "context": "CREATE TABLE t (a INT)"}
    found = questions(write(tmp_path / "q.jsonl", fails, lines=True), None)
    assert [item.gold for item in found.items] == ["SELECT b FROM t"] and not found.missing


@pytest.mark.parametrize("gold", ["SELECT count(*) FROM t", "SELECT a FROM t", "SELECT 1", "SELECT count(*) FROM t, u"])
def test_even_a_gold_that_any_rows_satisfy_gets_rows(tmp_path: Path, gold: str) -> None:
    row = {"question": "q", "answer": gold, "context": "CREATE TABLE t (a INT); CREATE TABLE u (b TEXT)"}
    (item,) = questions(write(tmp_path / "q.jsonl", row, lines=True), None).items
    assert run(str(item.database), "SELECT * FROM t").rows and run(str(item.database), "SELECT * FROM u").rows


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(
    "ddl",
    [
        f"CREATE TABLE t AS {ENDLESS} SELECT count(*) FROM n",
        f"CREATE TABLE t (a); INSERT INTO t {ENDLESS} SELECT zeroblob(1000) FROM n",
        "CREATE TABLE t AS SELECT zeroblob(1000000000)",
        "CREATE TABLE t AS SELECT load_extension('evil')",
        "CREATE VIRTUAL TABLE t USING csv(filename='stolen.csv')",
        "CREATE TABLE t (a); ATTACH 'stolen.sqlite' AS s",
        "CREATE TABLE t (a); VACUUM INTO 'stolen.sqlite'",
        "CREATE TABLE t (a\x00)",
    ],
)
def test_a_schema_that_attacks_is_stopped(tmp_path: Path, ddl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_schema, "DDL_SECONDS", 0.3)
    monkeypatch.chdir(tmp_path)
    row = {"question": "q", "sql": "SELECT 1", "schema": ddl}
    with pytest.raises(DataError, match=r"q\.jsonl:1: the schema cannot be made") as caught:
        questions(write(tmp_path / "q.jsonl", row, lines=True), None)
    assert "\n" not in str(caught.value) and not list(tmp_path.rglob("*.sqlite"))


def test_a_sample_is_the_same_for_the_same_seed_and_predictions_follow_it(databases: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", *({**SPIDER, "question": f"q{n}"} for n in range(50)))
    predictions = write(tmp_path / "p.jsonl", *({"sql": f"SELECT {n}"} for n in range(50)), lines=True)
    first, again, other = (questions(path, databases, sample=8, seed=seed) for seed in (1, 1, 2))
    assert first == again and first.items != other.items and len(first.items) == 8
    assert list(first.places) == sorted(first.places)
    said = read_predictions(predictions, first)
    assert [f"SELECT {item.question[1:]}" for item in first.items] == said
    assert len(questions(path, databases, sample=80).items) == 50


def test_a_limit_takes_predictions_of_the_whole_file(databases: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dev.json", *[SPIDER] * 9)
    predictions = write(tmp_path / "p.jsonl", *({"sql": f"SELECT {n}"} for n in range(9)), lines=True)
    assert read_predictions(predictions, questions(path, databases, 2), exact=False) == ["SELECT 0", "SELECT 1"]


def test_birds_keys_and_its_evidence(databases: Path, tmp_path: Path) -> None:
    row = {"question_id": 1, "question": "How many?", "evidence": "many =\n rows", "SQL": GOLD, "db_id": "pets"}
    path = write(
        tmp_path / "dev.json", {**row, "difficulty": "simple"}, {**row, "evidence": ""}, {**row, "evidence": None}
    )
    first, second, third = questions(path, databases).items
    assert (first.question, first.evidence, first.gold) == ("How many?", "many = rows", GOLD)
    assert first.full_question == "How many? many = rows" and second.full_question == third.full_question == "How many?"


def test_databases_that_cannot_be_read_are_counted_with_the_reason(databases: Path, tmp_path: Path) -> None:
    names = ["pets", *BROKEN]
    good = (databases / "pets" / "pets.sqlite").read_bytes()
    for name, spoil in BROKEN.items():
        path = databases / name / f"{name}.sqlite"
        path.parent.mkdir()
        spoil(path, good)
    path = write(tmp_path / "dev.json", *({**SPIDER, "db_id": name} for name in [*names, *names, "gone"]))
    found = questions(path, databases)
    assert [item.database_name for item in found.items] == ["pets", "pets"] and found.places == (0, len(names))
    assert found.missing == {"gone": 1} and found.total == 2 * len(names) + 1
    assert {name: one.questions for name, one in found.unreadable.items()} == dict.fromkeys(BROKEN, 2)
    said = {name: one.reason for name, one in found.unreadable.items()}
    assert "Git LFS" in said["pointer"] and "encrypted" in said["encrypted"] and "empty" in said["empty"]
    assert "folder" in said["folder"] and "malformed" in said["torn"]
    assert not any(str(tmp_path) in reason for reason in said.values())


def test_when_no_database_can_be_read_that_is_the_error(databases: Path, tmp_path: Path) -> None:
    (databases / "pets" / "pets.sqlite").write_bytes(POINTER)
    with pytest.raises(DataError, match=r"none of its databases can be read \(pets: .*Git LFS.*\)"):
        questions(write(tmp_path / "dev.json", SPIDER, {**SPIDER, "db_id": "gone"}), databases)


def test_a_database_that_another_program_writes_to_is_counted(databases: Path, tmp_path: Path) -> None:
    other = databases / "busy.sqlite"
    other.write_bytes((databases / "pets" / "pets.sqlite").read_bytes())
    rows = [LINE, {**LINE, "db": "busy.sqlite"}]
    with contextlib.closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        found = questions(write(tmp_path / "q.jsonl", *rows, lines=True), databases)
    assert len(found.items) == 1 and "locked" in found.unreadable["busy.sqlite"].reason


def test_a_copy_of_a_database_that_breaks_is_left_out(databases: Path, tmp_path: Path) -> None:
    found = questions(write(tmp_path / "dev.json", SPIDER), databases)
    (databases / "pets" / "pets.sqlite").unlink()
    assert fuzzed(found, 2) == {}


def test_halves_of_characters_are_made_whole(databases: Path, tmp_path: Path) -> None:
    row = {**LINE, "question": "a\ud800b", "sql": "SELECT '\udfff'"}
    path = write(tmp_path / "q.jsonl", row, lines=True)
    (item,) = questions(path, databases).items
    assert (item.question, item.gold) == ("a?b", "SELECT '?'")
    assert read_predictions(path, questions(path, databases)) == ["SELECT '?'"]


def test_links_in_a_circle_are_a_database_that_cannot_be_read(databases: Path, tmp_path: Path) -> None:
    (databases / "loop").mkdir()
    (databases / "loop" / "loop.sqlite").symlink_to("loop.sqlite")
    found = questions(write(tmp_path / "dev.json", SPIDER, {**SPIDER, "db_id": "loop"}), databases)
    assert len(found.items) == 1 and "symbolic links" in found.unreadable["loop"].reason
    (databases / "out.sqlite").symlink_to("../../elsewhere.sqlite")
    with pytest.raises(DataError, match="leads out of"):
        questions(write(tmp_path / "q.jsonl", {**LINE, "db": "out.sqlite"}, lines=True), databases)


def test_a_name_with_a_nul_is_shown_without_it(databases: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pe\\x00ts leads out of"):
        questions(write(tmp_path / "dev.json", {**SPIDER, "db_id": "pe\0ts"}), databases)

"""Fuzzed databases: what the schema promises still holds, and luck does not last."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sql_llama.core.settings import settings
from sql_llama.evals.fuzz.fuzz import Fuzzed, fuzz, variants
from sql_llama.evals.judge.bench import Bench
from sql_llama.evals.judge.verdict import Task

GOLDS = (
    "SELECT count(*) FROM pets",
    "SELECT name FROM pets WHERE weight > 4",
    "SELECT name FROM pets WHERE kind = 'cat'",
    "SELECT name FROM pets ORDER BY weight DESC LIMIT 1",
    "SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id",
    "SELECT kind, count(*) FROM pets GROUP BY kind HAVING count(*) >= 2",
    "SELECT avg(weight) FROM pets",
    'SELECT city FROM owners WHERE name = "Ann"',
)

LUCKY = [  # gold, a wrong query that says the same on the original
    (GOLDS[1], "SELECT name FROM pets WHERE weight > 5"),
    (GOLDS[2], "SELECT name FROM pets WHERE kind <> 'dog'"),
    (GOLDS[2], "SELECT name FROM pets WHERE kind LIKE 'cat'"),
    (GOLDS[2], "SELECT name FROM pets WHERE weight < 5"),
    (GOLDS[3], "SELECT name FROM pets WHERE weight = (SELECT max(weight) FROM pets)"),
    (GOLDS[4], "SELECT T1.name FROM owners AS T1 LEFT JOIN pets AS T2 ON T1.id = T2.owner_id"),
    (GOLDS[5], "SELECT kind, count(*) FROM pets GROUP BY kind HAVING count(*) > 1 AND kind = 'cat'"),
    (GOLDS[5], "SELECT kind, count(*) FROM pets GROUP BY kind HAVING count(*) = 2"),
    (GOLDS[0], "SELECT count(DISTINCT name) FROM pets"),
    (GOLDS[7], "SELECT city FROM owners WHERE id = 1"),
    (GOLDS[7], "SELECT 'Oslo'"),
]
RIGHT = [
    (GOLDS[1], "SELECT p.name FROM pets AS p WHERE NOT p.weight <= 4"),
    (GOLDS[3], "SELECT name FROM (SELECT name, weight FROM pets ORDER BY id DESC) ORDER BY weight DESC LIMIT 1"),
    (GOLDS[4], "SELECT T1.name FROM pets AS T2, owners AS T1 WHERE T2.owner_id = T1.id"),
    (GOLDS[5], "SELECT kind, count(1) FROM pets GROUP BY 1 HAVING count(id) > 1"),
    (GOLDS[6], "SELECT sum(weight) / count(weight) FROM pets"),
    (GOLDS[7], "SELECT city FROM owners WHERE name IN ('Ann')"),
]


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def judged(database: Path, gold: str, predicted: str, copies: tuple[Path, ...]) -> tuple[bool, bool | None]:
    bench = Bench(60.0)
    said = bench.verdict(Task(database, gold, predicted, copies))
    for connection in bench.connections.values():
        connection.close()
    return said.correct, said.suite


@pytest.fixture
def copies(pets: Path) -> tuple[Path, ...]:
    return variants(pets, GOLDS)


@pytest.mark.parametrize(("gold", "lucky"), LUCKY)
def test_a_query_that_is_right_by_luck_is_found_out(pets: Path, gold: str, lucky: str) -> None:
    assert judged(pets, gold, lucky, variants(pets, GOLDS)) == (True, False)


@pytest.mark.parametrize(("gold", "right"), RIGHT)
def test_a_right_query_in_other_words_stays_right(pets: Path, gold: str, right: str) -> None:
    assert judged(pets, gold, right, variants(pets, GOLDS)) == (True, True)


def test_copies_keep_the_schema_and_what_it_promises(pets: Path, copies: tuple[Path, ...]) -> None:
    before = hashlib.sha256(pets.read_bytes()).digest()
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    assert 1 <= len(copies) <= 8
    for copy in copies:
        assert rows(copy, schema) == rows(pets, schema)
        assert rows(copy, "PRAGMA foreign_key_check") == [] and rows(copy, "PRAGMA integrity_check") == [("ok",)]
    contents = [tuple(rows(copy, "SELECT * FROM pets")) for copy in copies]
    assert len(set(contents)) == len(copies) and tuple(rows(pets, "SELECT * FROM pets")) not in contents
    assert hashlib.sha256(pets.read_bytes()).digest() == before


def test_what_golds_compare_with_is_planted_with_what_is_just_beside(copies: tuple[Path, ...]) -> None:
    weights = {row[0] for copy in copies for row in rows(copy, "SELECT weight FROM pets")}
    kinds = {row[0] for copy in copies for row in rows(copy, "SELECT kind FROM pets")}
    assert {3.0, 4.0, 5.0} <= weights and {"cat", "CAT"} <= kinds


def test_the_same_seed_gives_the_same_copies_in_any_process(pets: Path, tmp_path: Path) -> None:
    made = [path.read_bytes() for path in variants(pets, GOLDS)]
    script = "from pathlib import Path; from sql_llama.evals.fuzz.fuzz import variants\n"
    script += f"variants(Path({str(pets)!r}), {GOLDS})"
    for seed in ("1", "2"):
        cache = tmp_path / f"cache{seed}"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "SQL_LLAMA_CACHE": str(cache)}
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, cwd=tmp_path)
        assert [path.read_bytes() for path in sorted(cache.rglob("*.sqlite"))] == made
    assert [path.read_bytes() for path in variants(pets, GOLDS, seed=1)] != made


def test_copies_are_made_once_and_a_half_made_folder_is_not_taken(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    folder = settings().cache / "fuzzed"
    with monkeypatch.context() as patch:
        patch.setattr("sql_llama.evals.fuzz.fuzz._chosen", broken)
        with pytest.raises(KeyboardInterrupt):
            fuzz(pets, GOLDS)
    assert list(folder.iterdir()) == []
    first = fuzz(pets, GOLDS)
    stamps = [path.stat().st_mtime_ns for path in first.paths]
    assert fuzz(pets, tuple(reversed(GOLDS))) == first
    assert [path.stat().st_mtime_ns for path in first.paths] == stamps
    assert fuzz(pets, GOLDS[:3]).paths != first.paths


def test_golds_that_fail_or_return_nothing_are_reported(pets: Path) -> None:
    broken, never = "SELECT colour FROM pets", "SELECT name FROM pets WHERE 1 = 2"
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    found = fuzz(pets, (*GOLDS, broken, never, endless, "DELETE FROM pets"))
    assert set(found.failed) == {broken, endless, "DELETE FROM pets"} and found.empty == (never,)


def test_a_gold_that_takes_its_time_does_not_stop_the_rest(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sql_llama.evals.fuzz.fuzz.SECONDS", 0.05)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    found = fuzz(pets, (*GOLDS, endless, endless.replace("count", "max")))
    assert len(found.failed) == 2 and found.paths


def test_it_says_how_many_neighbours_still_pass(pets: Path) -> None:
    found = fuzz(pets, GOLDS)
    assert found.neighbours > found.lucky_before > 3 * found.lucky


Build = Callable[[str], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def make(script: str) -> Path:
        path = tmp_path / "made.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.commit()
        connection.close()
        return path

    return make


def test_odd_schemas_are_filled(build: Build) -> None:
    path = build(
        """
        CREATE TABLE "two words" ("a ""b" INTEGER PRIMARY KEY, "order" TEXT NOT NULL UNIQUE, boss INTEGER
            REFERENCES "two words"("a ""b"), CHECK (length("order") > 1));
        CREATE TABLE link (left_id INTEGER, right_id INTEGER, PRIMARY KEY (left_id, right_id)) WITHOUT ROWID;
        CREATE TABLE made (n INTEGER, twice INTEGER GENERATED ALWAYS AS (n * 2));
        CREATE TABLE strictly (n INTEGER NOT NULL, t TEXT) STRICT;
        CREATE TABLE none (id INTEGER PRIMARY KEY, word TEXT, day DATE, price REAL);
        CREATE VIEW seen AS SELECT n, twice FROM made WHERE n > 1;
        CREATE TRIGGER spy AFTER INSERT ON none BEGIN DELETE FROM none; END;
        INSERT INTO "two words" VALUES (1, 'one', NULL), (2, 'two', 1), (3, 'three', 1);
        INSERT INTO link VALUES (1, 2), (2, 3);
        INSERT INTO made (n) VALUES (1), (2), (3);
        INSERT INTO strictly VALUES (1, 'a'), (2, 'b');
        """
    )
    golds = [
        'SELECT "order" FROM "two words" WHERE "a ""b" > 1',
        "SELECT * FROM link WHERE left_id = 1",
        "SELECT n FROM seen WHERE twice > 3",
        "SELECT t FROM strictly WHERE n < 2",
        "SELECT word FROM none WHERE price > 3.5",
    ]
    found = fuzz(path, golds)
    assert found.failed == () and found.empty == () and found.paths
    for copy in found.paths:
        assert rows(copy, "PRAGMA integrity_check") == [("ok",)] and rows(copy, "PRAGMA foreign_key_check") == []


def test_a_large_table_gives_small_copies(build: Build) -> None:
    path = build(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER, t TEXT);"
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50000)"
        "INSERT INTO big SELECT i, i % 97, 'text ' || (i % 1000) FROM c;"
    )
    found = fuzz(path, ["SELECT t FROM big WHERE n > 90", "SELECT max(n) FROM big"])
    assert found.paths and all(4 <= rows(copy, "SELECT count(*) FROM big")[0][0] <= 300 for copy in found.paths)


def test_a_database_without_rows_or_tables(build: Build) -> None:
    path = build("CREATE TABLE t (name TEXT, age INTEGER)")
    found = fuzz(path, ["SELECT name FROM t WHERE age > 20", "SELECT count(*) FROM t"])
    assert found.empty == () and found.lucky < found.lucky_before
    empty = path.with_name("empty.sqlite")
    empty.touch()
    assert fuzz(empty, ["SELECT 1"]) == Fuzzed((), neighbours=3, lucky_before=1, lucky=1)  # SELECT DISTINCT 1


@pytest.mark.parametrize(
    "schema, gold",
    [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY)", "SELECT id FROM t"),
        ("CREATE TABLE t (code TEXT PRIMARY KEY)", "SELECT code FROM t WHERE code = 'FR'"),
        ("CREATE TABLE t (code CHAR(2) PRIMARY KEY, name TEXT) WITHOUT ROWID", "SELECT name FROM t WHERE code = 'FR'"),
        ("CREATE TABLE t (id INT PRIMARY KEY, name TEXT)", "SELECT name FROM t WHERE id = 4711"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, t_id INT NOT NULL REFERENCES t)", "SELECT t_id FROM t"),
    ],
)
def test_a_key_and_a_column_without_rows_get_rows_that_the_gold_returns(schema: str, gold: str, build: Build) -> None:
    found = fuzz(build(schema), [gold])
    assert found.empty == () and any(rows(copy, gold) for copy in found.paths)
    for copy in found.paths:
        assert rows(copy, "PRAGMA integrity_check") == [("ok",)] and rows(copy, "PRAGMA foreign_key_check") == []

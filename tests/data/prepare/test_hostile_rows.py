"""Rows that would hang, fill the memory or write: each is left out with a reason, and no source changes by a byte."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.data.prepare.checked import Chunk, check_chunk, parse_texts

TABLE = "CREATE TABLE t (a INT, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')"


def over_ddl(sql: str, ddl: str = TABLE) -> str:
    """The reason why a row is left out, or the SQL that is kept of it."""
    ((_, _, schema, why),) = parse_texts([(1, ddl)], lambda place: None, frozenset())
    assert schema is not None, why
    row = (1, 1, "Q?", sql, ddl)
    checked = check_chunk(Chunk("s", "s:1", (row,), ((ddl, schema),)), lambda place: None, frozenset())
    return checked.left_out[0][1] if checked.left_out else checked.pairs[0][1].sql


def over_file(path: Path, sql: str = "SELECT a FROM t") -> str:
    row = (1, 1, "Q?", sql, path.stem)
    checked = check_chunk(Chunk("s", str(path), (row,), (), str(path)), lambda place: None, frozenset())
    return checked.left_out[0][1] if checked.left_out else checked.pairs[0][1].sql


@pytest.mark.parametrize(
    "sql, why",
    [
        ("SELECT length(randomblob(2000000000)) FROM t", "fails in SQLite"),
        ("SELECT zeroblob(900000000) FROM t", "fails in SQLite"),
        ("SELECT replace(hex(zeroblob(4000000)), '0', 'aaaaaaaaaa') FROM t", "fails in SQLite"),
        ("SELECT load_extension('x') FROM t", "function that is not for queries"),
        ("ATTACH 'x.db' AS y", "not a query"),
        ("PRAGMA writable_schema = 1", "not a query"),
        ("INSERT INTO t VALUES (1, 'b') RETURNING a", "writes"),
        ("SELECT " + "(" * 5000 + "a" + ")" * 5000 + " FROM t", "too long or too many nested brackets"),
        ("SELECT a FROM t WHERE b = '\0'", "fails in SQLite"),
        ("SELECT a FROM t WHERE " + " OR ".join(["a = 1"] * 1000), "fails in SQLite"),
        ("SELECT a FROM t" + ", t" * 10, "ambiguous column"),
        ("SELECT count(*) FROM " + ", ".join(f"t AS x{n}" for n in range(40)), "takes too long"),
        ("SELECT * FROM sqlite_master, t", "no such table"),
    ],
)
def test_a_hostile_query_costs_its_own_row(sql: str, why: str) -> None:
    assert over_ddl(sql) == why


@pytest.mark.parametrize(
    "more",
    [
        "CREATE TABLE u (a INT, g INT GENERATED ALWAYS AS (a * 2)); CREATE VIEW v AS SELECT a FROM u",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO t VALUES (1, 'x'); END",
        "CREATE VIRTUAL TABLE f USING fts5(a, b)",
        "INSERT INTO t SELECT 1, printf('%.*c', 100000000, 'x')",
        "INSERT INTO t VALUES (1, '" + "x" * 1_000_000 + "')",
        "INSERT INTO t VALUES (1, 'x') " + "/*" * 1000,
    ],
    ids=lambda text: text[:30],
)
def test_what_else_stands_in_a_schema_does_no_harm(more: str) -> None:
    assert over_ddl("SELECT a FROM t", f"{TABLE}; {more}") == "SELECT t.a FROM t"


def database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLE)
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "corrupt"])
def test_a_file_that_is_no_database_costs_its_rows(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("no database at all, but long enough")
    elif kind == "corrupt":
        whole = database(path).read_bytes()
        path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    before = path.read_bytes() if path.exists() else None
    wanted = {"missing": ["database missing"], "text": ["database cannot be read"]}
    assert over_file(path) in wanted.get(kind, ["database cannot be read", "gold SQL fails"])
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_write_ahead_log_and_a_writer_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "wal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.executescript(TABLE)
        writer.execute("BEGIN IMMEDIATE")
        log = path.with_name(path.name + "-wal")
        before = path.read_bytes(), log.read_bytes()
        assert over_file(path) == "SELECT t.a FROM t"
        assert (path.read_bytes(), log.read_bytes()) == before
        writer.execute("ROLLBACK")


@pytest.mark.parametrize("sql", ["DELETE FROM t", "INSERT INTO t VALUES (9, 'z') RETURNING a", "DROP TABLE t"])
def test_a_query_that_writes_changes_no_source(sql: str, tmp_path: Path) -> None:
    path = database(tmp_path / "d.sqlite")
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert over_file(path, sql) in ("writes", "changes the schema")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert not list(tmp_path.glob("d.sqlite-*"))

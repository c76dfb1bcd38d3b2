"""A database can be read and nothing else: the database itself sees to it, whatever the text says."""

import os
import socket
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from sql_llama.core.database import connect, run, sqlite_path
from sql_llama.core.errors import DataError, QueryError
from sql_llama.core.files import sha256
from sql_llama.core.hints import index_cells
from sql_llama.core.schema import introspect

ATTACKS = [
    "DELETE FROM pets",
    "INSERT INTO pets (name) VALUES ('x')",
    "UPDATE pets SET name = 'x'",
    "DROP TABLE pets",
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE TEMP TRIGGER x AFTER INSERT ON pets BEGIN SELECT 1; END",
    "ALTER TABLE pets RENAME TO x",
    "PRAGMA query_only = 0",
    "PRAGMA writable_schema = 1",
    "PRAGMA journal_mode = DELETE",
    "SELECT * FROM pragma_journal_mode('delete')",
    "ATTACH DATABASE '/tmp/x.sqlite' AS x",
    "VACUUM",
    "VACUUM INTO '/tmp/x.sqlite'",
    "REINDEX",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "SAVEPOINT x",
    "SELECT load_extension('x')",
    "SELECT 1; DELETE FROM pets",
    "WITH x AS (SELECT 1) DELETE FROM pets",
    "REPLACE INTO pets (id) VALUES (1)",
    "EXPLAIN DELETE FROM pets",
    "UPDATE sqlite_master SET sql = ''",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_nothing_but_reading(pets: Path, sql: str) -> None:
    before = sha256(pets)
    with pytest.raises(QueryError):
        run(str(pets), sql)
    assert sha256(pets) == before
    assert sorted(item.name for item in pets.parent.iterdir()) == ["home", "pets.sqlite"]


@pytest.mark.parametrize(
    "sql", ["", "   ", "-- nothing", "no query at all", "SELECT '\0'", "SELECT '\ud800'", "SELECT ("]
)
def test_text_that_is_no_query_is_refused(pets: Path, sql: str) -> None:
    with pytest.raises(QueryError):
        run(str(pets), sql)


def test_rows_come_back_as_the_database_holds_them(pets: Path) -> None:
    result = run(f"sqlite:///{pets}", "SELECT name, weight, NULL AS n FROM pets WHERE kind = 'cat' ORDER BY weight")
    assert result.columns == ("name", "weight", "n")
    assert result.rows == (("Kit", 3.5, None), ("Tom", 4.0, None))
    assert not result.truncated


def test_rows_beyond_the_cap_are_not_read(pets: Path) -> None:
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    result = run(str(pets), forever, max_rows=10)
    assert [row[0] for row in result.rows] == list(range(1, 11)) and result.truncated
    assert not run(str(pets), "SELECT * FROM pets", max_rows=3).truncated


def test_a_query_without_end_is_stopped(pets: Path) -> None:
    started = time.monotonic()
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    with pytest.raises(QueryError, match=r"stopped after 0\.2 s"):
        run(str(pets), forever, timeout=0.2)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("sql", ["SELECT zeroblob(1000000000)", "SELECT hex(zeroblob(9000000))"])
def test_a_giant_value_is_refused(pets: Path, sql: str) -> None:
    with pytest.raises(QueryError):
        run(str(pets), sql)


def test_many_large_values_are_cut(pets: Path) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40) SELECT zeroblob(9000000) FROM n"
    result = run(str(pets), many)
    assert result.truncated and len(result.rows) < 12


def test_what_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database at all")
    cut = tmp_path / "cut.sqlite"
    cut.write_bytes(b"SQLite format 3\0" + b"\xff" * 50)
    pipe, channel = tmp_path / "pipe", tmp_path / "channel"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(channel))
        for path in (text, cut, pipe, channel, tmp_path, tmp_path / "missing", Path("/dev/zero"), Path("a\0b")):
            with pytest.raises(DataError) as caught:
                connect(str(path)).close()
            assert "\n" not in str(caught.value) and caught.value.fix
    assert sorted(item.name for item in tmp_path.iterdir()) == ["channel", "cut.sqlite", "home", "pipe", "text.sqlite"]


def test_other_databases_are_named() -> None:
    with pytest.raises(DataError, match="postgresql: databases of this kind"):
        sqlite_path("postgresql://localhost/x")


def test_odd_paths_are_only_paths(tmp_path: Path, pets: Path) -> None:
    odd = tmp_path / "a?mode=rwc#b%41 'c.sqlite"
    odd.write_bytes(pets.read_bytes())
    assert run(str(odd), "SELECT count(*) FROM pets").rows == ((3,),)


def test_a_write_ahead_database_is_read_without_a_trace(tmp_path: Path, pets: Path) -> None:
    with sqlite3.connect(pets) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    folder = tmp_path / "locked"
    folder.mkdir()
    path = folder / "pets.sqlite"
    path.write_bytes(pets.read_bytes())
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert run(str(path), "SELECT count(*) FROM pets").rows == ((3,),)
        assert [item.name for item in folder.iterdir()] == ["pets.sqlite"]
    finally:
        folder.chmod(0o755)


def test_rows_that_are_still_in_the_log_are_seen(pets: Path) -> None:
    writer = sqlite3.connect(pets)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO owners VALUES (3, 'Eve', 'Rome')")
    writer.commit()
    try:
        assert run(str(pets), "SELECT count(*) FROM owners").rows == ((3,),)
    finally:
        writer.close()


def test_hostile_names_and_cells_are_only_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile.sqlite"
    name = 'x"; DROP TABLE pets; --\nIgnore'
    quoted = '"' + name.replace('"', '""') + '"'
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, {quoted} TEXT, [select] TEXT)")
        connection.execute("CREATE TABLE pets (name TEXT)")
        connection.execute(f"INSERT INTO {quoted} VALUES (1, CAST(x'ff4142' AS TEXT), 'it''s')")
        connection.execute("CREATE VIEW broken AS SELECT * FROM pets")
        connection.execute("DROP TABLE pets")
        connection.execute("CREATE TABLE pets (name TEXT)")
    connection.close()
    schema = introspect(str(path))
    assert name in [table.name for table in schema.tables]
    assert "\ufffdAB" in [sample for table in schema.tables for column in table.columns for sample in column.samples]
    assert index_cells(str(path), schema)
    assert run(str(path), f"SELECT {quoted} FROM {quoted}").rows == (("\ufffdAB",),)


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    assert introspect(str(path)).tables == ()

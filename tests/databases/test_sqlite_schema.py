"""Reading a schema runs nothing of the database's own, whatever its names, views and cells hold."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, QueryError
from sql_llama.core.files import sha256
from sql_llama.databases.cells import index_cells
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run


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


def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(DataError, match="has no tables"):
        introspect(str(path))


@pytest.mark.parametrize(
    "body",
    [
        "SELECT fts3_tokenizer('simple') AS a",
        "SELECT fts3_tokenizer('simple', x'4141414141414141') AS a",
        "SELECT load_extension('x') AS a",
        "SELECT * FROM pragma_journal_mode('delete')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(1000000000) AS a FROM n",
    ],
)
def test_a_hostile_view_does_nothing_when_its_schema_is_read(tmp_path: Path, body: str) -> None:
    path = tmp_path / "hostile.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pets (name TEXT)")
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("INSERT INTO sqlite_master VALUES ('view', 'v', 'v', 0, ?)", (f"CREATE VIEW v AS {body}",))
        connection.commit()
    before = sha256(path)
    assert "pets" in [table.name for table in introspect(str(path)).tables]
    with pytest.raises(QueryError):
        run(str(path), "SELECT * FROM v")
    assert sha256(path) == before


def test_a_large_cell_spoils_only_the_query_that_returns_it(tmp_path: Path) -> None:
    path = tmp_path / "photo.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE photo (id INTEGER PRIMARY KEY, data BLOB, title TEXT);"
            "INSERT INTO photo VALUES (1, x'00', 'small'), (2, zeroblob(12000000), 'large')"
        )
    schema = introspect(str(path))
    assert schema.tables[0].columns[2].samples == ("large", "small")
    assert index_cells(str(path), schema)
    for sql in (
        "SELECT title FROM photo WHERE data = x'00'",
        "SELECT title FROM photo ORDER BY data",
        "SELECT * FROM photo LIMIT 1",
    ):
        assert run(str(path), sql).rows
    with pytest.raises(QueryError, match="a cell of 12 MB is too large"):
        run(str(path), "SELECT * FROM photo")

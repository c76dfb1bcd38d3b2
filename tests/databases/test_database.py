"""A database of any kind is opened by its URL, and can be asked for its schema, its texts and the rows of a query."""

import contextlib
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, QueryError
from sql_llama.databases.database import open_database
from sql_llama.databases.sqlite_database import SqliteDatabase


@pytest.mark.parametrize("url", ["{}", "sqlite:///{}"])
def test_a_sqlite_file_can_be_read_and_not_written(pets: Path, url: str) -> None:
    before = pets.read_bytes()
    with contextlib.closing(open_database(url.format(pets))) as database:
        schema = database.schema("shop")
        assert schema.name == "shop" and [table.name for table in schema.tables] == ["owners", "pets"]
        cells = {(cell.table, cell.column, cell.value) for cell in database.text_cells(schema)}
        assert ("pets", "kind", "dog") in cells and ("owners", "city", "Oslo") in cells
        with pytest.raises(QueryError) as caught:
            database.query("DELETE FROM pets")
        assert caught.value.kind == "refused"
        assert database.query("SELECT name FROM pets ORDER BY id", max_rows=2).rows == (("Rex",), ("Tom",))
    assert pets.read_bytes() == before


def test_rows_come_backwards_where_a_query_asks_for_no_order(pets: Path) -> None:
    with contextlib.closing(SqliteDatabase(str(pets), backwards=True)) as database:
        assert database.query("SELECT name FROM pets").rows == (("Kit",), ("Tom",), ("Rex",))
        assert database.query("SELECT name FROM pets ORDER BY id").rows == (("Rex",), ("Tom",), ("Kit",))


def test_a_database_of_another_kind_is_an_error() -> None:
    with pytest.raises(DataError, match="oracle: databases of this kind are not supported"):
        open_database("oracle://localhost/x")


def test_a_file_that_is_torn_after_it_was_opened_is_an_error(pets: Path) -> None:
    with contextlib.closing(open_database(str(pets))) as database:
        schema = database.schema()
        with pets.open("r+b") as file:
            file.write(b"\xff" * pets.stat().st_size)
        with pytest.raises(DataError, match="cannot be read"):
            database.schema()
        with pytest.raises(DataError, match="cannot be read"):
            list(database.text_cells(schema))

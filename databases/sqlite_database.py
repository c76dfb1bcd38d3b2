"""A SQLite file as a database: what sqlite.py guards, sqlite_schema.py and sqlite_cells.py read."""

import sqlite3
from collections.abc import Iterator, Mapping

from ..core.errors import DataError
from ..core.records import Hint, ResultSet, Schema
from .sqlite import connect, query, sqlite_path, unreadable_error
from .sqlite_cells import sqlite_cells
from .sqlite_schema import sqlite_schema


class SqliteDatabase:
    """An open SQLite file, see `Database` in database.py.

    `backwards`: where a query asks for no order, rows come in the other direction. Raises DataError when the file is no
    database that can be read.
    """

    dialect = "sqlite"
    names: Mapping[str, tuple[str, str]] = {}

    def __init__(self, url: str, *, backwards: bool = False) -> None:
        self.url = url
        self._path = sqlite_path(url)
        self._connection = connect(url)
        if backwards:
            self._connection.execute("PRAGMA reverse_unordered_selects = 1")

    def schema(self, name: str = "") -> Schema:
        """Read tables, columns, keys and a few sample cells. Raises DataError."""
        try:
            return sqlite_schema(self._connection, name)
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def text_cells(self, schema: Schema) -> Iterator[Hint]:
        """Read the short texts in its columns, each once a column. Raises DataError."""
        try:
            yield from sqlite_cells(self._connection, schema)
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def query(self, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
        """Run one query; the connection can be used again afterwards, whatever it did. Raises QueryError."""
        return query(self._connection, sql, timeout=timeout, max_rows=max_rows)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _unreadable(self, error: sqlite3.Error) -> DataError:
        return unreadable_error(self._path, error)

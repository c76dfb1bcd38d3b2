"""What every kind of database can do for us; each kind is a class in a file of its own."""

from collections.abc import Iterator
from typing import Protocol

from ..core.records import Hint, ResultSet, Schema
from .sqlite_database import SqliteDatabase


class Database(Protocol):
    """An open connection to somebody's database that can read it and do nothing else."""

    url: str

    def schema(self, name: str = "") -> Schema:
        """Read tables, columns, keys and a few sample cells; `name` is what to call it. Raises DataError."""
        ...

    def text_cells(self, schema: Schema) -> Iterator[Hint]:
        """Read the short texts in its columns, each once a column, at most some thousands. Raises DataError."""
        ...

    def query(self, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
        """Run one query. `timeout` in seconds; rows after `max_rows` are not read. Raises QueryError with its kind."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def open_database(url: str) -> Database:
    """Connect to a database by its URL; a plain path is a SQLite file.

    Raises DataError when there is none, or one of a kind that is not read yet.
    """
    return SqliteDatabase(url)

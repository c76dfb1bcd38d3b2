"""What every kind of database can do for us; each kind is a class in a file of its own."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from ..core.records import Hint, ResultSet, Schema
from .sqlite_database import SqliteDatabase
from .url import parse_url


class Database(Protocol):
    """An open connection to somebody's database that can read it and do nothing else."""

    url: str

    @property
    def dialect(self) -> str:
        """Return what sqlglot calls its SQL: sqlite, postgres, mysql or duckdb."""
        ...

    @property
    def names(self) -> Mapping[str, tuple[str, str]]:
        """Return schema and table by the name in `schema`; filled by reading that, and empty for SQLite."""
        ...

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
    """Connect to a database by what `--db` names (databases/url.py): a file, a folder of files or a server.

    Raises DataError when there is none, or one that cannot be read.
    """
    parsed = parse_url(url)
    if parsed.engine == "postgresql":
        from .postgres import PostgresDatabase

        return PostgresDatabase(parsed)
    if parsed.engine == "mysql":
        from .mysql import MysqlDatabase

        return MysqlDatabase(parsed)
    if parsed.engine == "duckdb":
        from .duckdb import DuckDatabase

        return DuckDatabase(parsed)
    return SqliteDatabase(url)

"""A database as a prompt needs it: its schema, and its cells by their words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ..core.records import Schema
from ..databases.cells import CellIndex, index_cells
from ..databases.introspect import introspect
from ..databases.sqlite import sqlite_path


@dataclass(frozen=True)
class PreparedDatabase:
    """What questions are about: a database, or with an empty `url` only a schema, over which nothing is run.

    `rewrite` changes a query before it runs, where the database has other names than the model is shown.
    """

    url: str
    schema: Schema
    cells: CellIndex
    rewrite: Callable[[str], str] = str


def prepare(url: str) -> PreparedDatabase:
    """Read a database's schema and cells; kept for this process until the file changes.

    Raises DataError when there is no such database, or when it cannot be read.
    """
    stat = sqlite_path(url).stat()
    return _prepare(url, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _prepare(url: str, changed: int, size: int) -> PreparedDatabase:
    schema = introspect(url)
    return PreparedDatabase(url, schema, index_cells(url, schema))

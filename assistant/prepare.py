"""A database as a prompt needs it: its schema, and its cells by their words."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from ..core.records import Schema
from ..databases.cells import CellIndex, index_cells
from ..databases.database import open_database
from ..databases.introspect import no_tables
from ..databases.url import parse_url
from ..sql.dialects import to_dialect


@dataclass(frozen=True)
class PreparedDatabase:
    """What questions are about: a database, or with an empty `url` only a schema, over which nothing is run.

    `rewrite` changes a query before it runs, where the database has other names than the model is shown.
    """

    url: str
    schema: Schema
    cells: CellIndex
    rewrite: Callable[[str], str] = str
    dialect: str = "sqlite"


def prepare(url: str) -> PreparedDatabase:
    """Read a database's schema and cells; kept for this process until its files change, a server's for as long.

    Raises DataError when there is no such database, or when it cannot be read.
    """
    parsed = parse_url(url)
    stats = [path.stat() for path in (parsed.files or (() if parsed.is_server else (parsed.path,)))]
    return _prepare(url, tuple((stat.st_mtime_ns, stat.st_size) for stat in stats))


@lru_cache(maxsize=16)
def _prepare(url: str, state: tuple[tuple[int, int], ...]) -> PreparedDatabase:
    with contextlib.closing(open_database(url)) as database:
        schema = database.schema()
        if not schema.tables:
            raise no_tables(url)
        cells = index_cells(database, schema)
        dialect, names = database.dialect, dict(database.names)
    if dialect == "sqlite":
        return PreparedDatabase(url, schema, cells)
    return PreparedDatabase(
        url, schema, cells, partial(to_dialect, schema=schema, dialect=dialect, full=names), dialect
    )

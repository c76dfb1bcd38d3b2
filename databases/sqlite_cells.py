"""The texts in the columns of a SQLite database."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator

from ..core.records import Hint, Schema
from ..sql.names import quoted
from .sqlite import LONGEST_COMPUTED, SCHEMA_TIME, spending
from .sqlite_schema import VIEW_TIME

SCANNED = 20_000  # distinct cells of one column
COLUMN_TIME = 10.0  # seconds that reading them may take; those read by then are used
COMPUTED = "SELECT name FROM sqlite_master WHERE type = 'view' OR sql LIKE '% AS (%' OR sql LIKE '%GENERATED%'"
"""Views, and tables with generated columns."""


def sqlite_cells(connection: sqlite3.Connection, schema: Schema) -> Iterator[Hint]:
    """Read the texts of 2 to 60 characters in each column, each once. Raises sqlite3.Error."""
    until = time.monotonic() + SCHEMA_TIME
    computed = {name for (name,) in connection.execute(COMPUTED)}
    for table in schema.tables:
        is_computed = table.name in computed  # whoever made it may have made it slow, or endless
        end = min(until, time.monotonic() + VIEW_TIME) if is_computed else until
        for column in table.columns:
            t, c = quoted(table.name), quoted(column.name)
            query = (
                f"SELECT DISTINCT {c} FROM {t} WHERE typeof({c}) = 'text' AND length({c}) BETWEEN 2 AND 60 "
                f"LIMIT {SCANNED}"
            )
            seconds = min(COLUMN_TIME, end - time.monotonic())
            cells: list[str] = []
            longest = LONGEST_COMPUTED if is_computed else None
            # a view whose tables are gone, a cell that is too large, a column that takes too long
            with contextlib.suppress(sqlite3.Error), spending(connection, seconds, longest=longest):
                cells.extend(str(row[0]) for row in connection.execute(query))
            for cell in cells:
                yield Hint(table.name, column.name, cell)

"""Cells of the database that a question names: `values: singer.country = 'France'` saves the model from guessing.

Only the question and the database are looked at, so what training sees can be had for any user's question too.
"""

import contextlib
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import Mapping

from ..core.records import Hint, Schema
from ..sql.names import quoted
from .introspect import VIEW_TIME
from .sqlite import LONGEST_COMPUTED, SCHEMA_TIME, connect, spending

SCANNED = 20_000  # distinct cells of one column
COLUMN_TIME = 10.0  # seconds that reading them may take; those read by then are used
COMMON = frozenset(
    "a an the of in on at to for from by with and or not is are was were be been do does did has have had what "
    "which who whom whose how many much any each every all show find list give return me us their its there that "
    "this those these than more most less least name names id number count total average avg max min maximum "
    "minimum it as no yes them they i we you him her his".split()
)

COMPUTED = "SELECT name FROM sqlite_master WHERE type = 'view' OR sql LIKE '% AS (%' OR sql LIKE '%GENERATED%'"
"""Views, and tables with generated columns."""

CellIndex = Mapping[str, tuple[Hint, ...]]
"""Cells by their words: lower case, without punctuation, joined by blanks."""


def flat(text: str) -> str:
    """The words of a text, lower case, joined by blanks.

    >>> flat("O'Neill, Jr.")
    'o neill jr'
    """
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def index_cells(url: str, schema: Schema) -> CellIndex:
    """Index the text cells of a database by their words."""
    found: dict[str, list[Hint]] = defaultdict(list)
    connection = connect(url)
    until = time.monotonic() + SCHEMA_TIME
    try:
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
                    key = flat(cell)
                    if not key or key in COMMON or (key.isdigit() and len(key) < 3):
                        continue
                    if column.type != "text" and re.fullmatch(r"[\d.,:/ -]+", cell):
                        continue
                    found[key].append(Hint(table.name, column.name, " ".join(cell.split())))
    finally:
        connection.close()
    return {key: tuple(hints) for key, hints in found.items()}

"""Cells of the database that a question names: `values: singer.country = 'France'` saves the model from guessing.

Only the question and the database are looked at, so what training sees can be had for any user's question too.
"""

import contextlib
import re
from collections import defaultdict
from collections.abc import Mapping

from ..core.records import Hint, Schema
from .database import Database, open_database

COMMON = frozenset(
    "a an the of in on at to for from by with and or not is are was were be been do does did has have had what "
    "which who whom whose how many much any each every all show find list give return me us their its there that "
    "this those these than more most less least name names id number count total average avg max min maximum "
    "minimum it as no yes them they i we you him her his".split()
)

CellIndex = Mapping[str, tuple[Hint, ...]]
"""Cells by their words: lower case, without punctuation, joined by blanks."""


def flat(text: str) -> str:
    """Reduce a text to its words, lower case, joined by blanks.

    >>> flat("O'Neill, Jr.")
    'o neill jr'
    """
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def index_cells(source: str | Database, schema: Schema) -> CellIndex:
    """Index the text cells of a database, open or by its URL. Raises DataError when it cannot be read."""
    index: dict[str, list[Hint]] = defaultdict(list)
    types = {(table.name, column.name): column.type for table in schema.tables for column in table.columns}
    opened = contextlib.closing(open_database(source)) if isinstance(source, str) else contextlib.nullcontext(source)
    with opened as database:
        for cell in database.text_cells(schema):
            key = flat(cell.value)
            if not key or key in COMMON or (key.isdigit() and len(key) < 3):
                continue
            if types[cell.table, cell.column] != "text" and re.fullmatch(r"[\d.,:/ -]+", cell.value):
                continue
            index[key].append(Hint(cell.table, cell.column, " ".join(cell.value.split())))
    return {key: tuple(hints) for key, hints in index.items()}

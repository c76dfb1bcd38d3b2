"""Files of question, schema and SQL (JSON lines, a JSON list, CSV, Parquet): the pairs whose SQL can be learnt."""

import contextlib
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...core.errors import DataError
from ...core.progress import progress
from ...core.records import Example, Hint
from ...databases.cells import flat
from ...sql.names import fold
from ..clean.learnable_sql import learnable_sql, quiet_parser
from ..clean.left_out import LeftOut
from ..clean.opaque_names import speaking_name
from ..clean.trial_database import NAME, bare, trial_database
from .loaded import Loaded, nothing_left
from .pair_rows import pair_rows
from .pair_schemas import PairSchemas, SchemaRow

MANY = 5000  # rows of a file; from here on their check shows its progress
MOST_HINTS = 6  # hints of a pair
EQUALS = re.compile(rf"{NAME}\.{NAME} = '((?:[^']|'')*)'")

Cells = Mapping[tuple[str, str, str], set[str]]
"""The cells that are known of a database, a table and a column."""


def load_pairs(path: Path, limit: int, rng: random.Random) -> Loaded:
    """Read the pairs of a file of rows (pair_rows.py) whose SQL can be learnt (clean/learnable_sql.py).

    Rows of one schema belong together, and so do those of one `table_id`, whose columns are put together. There is no
    database, so the hints are the strings that other questions over the same table compare its columns with.
    Raises DataError naming the line that is broken, and when nothing is left.
    """
    loaded = Loaded()
    rows: list[SchemaRow] = []
    with quiet_parser():
        schemas = PairSchemas(path.name)
        for pair in pair_rows(path):
            loaded.rows += 1
            try:
                rows.append(schemas.read(pair))
            except LeftOut as reason:
                loaded.left_out[str(reason)] += 1
        learnt = _learnable([schemas.whole(row) for row in rows], loaded, path.name)
    if not learnt:
        raise nothing_left(path, loaded)
    cells = known_cells(learnt)
    if limit and len(learnt) > limit:
        learnt = rng.sample(learnt, limit)
    source = path.name.split(".")[0]
    for row, sql in learnt:
        hints = named_cells(row, cells)[:MOST_HINTS]
        loaded.examples.append(speaking_name(Example(row.pair.question, sql, row.schema, hints, row.key, source)))
    return loaded


def _learnable(rows: Sequence[SchemaRow], loaded: Loaded, name: str) -> list[tuple[SchemaRow, str]]:
    """The rows that can be learnt, in their order, each with its SQL."""
    by_schema: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        by_schema.setdefault(id(row.schema), []).append(place)
    learnt: dict[int, str] = {}
    with contextlib.ExitStack() as stack:
        # a few rows take no time, and a line about them would only be in the way
        advance = stack.enter_context(progress(f"checking {name}", len(rows), "pairs")) if len(rows) > MANY else None
        for places in by_schema.values():
            try:
                with trial_database(rows[places[0]].schema) as trial:
                    for place in places:
                        try:
                            learnt[place] = learnable_sql(rows[place].pair.sql, trial, rows[place].pair.schema)
                        except LeftOut as reason:
                            loaded.left_out[str(reason)] += 1
            except DataError:
                loaded.left_out["the schema cannot be made in SQLite"] += len(places)
            if advance is not None:
                advance(len(places))
    return [(row, learnt[place]) for place, row in enumerate(rows) if place in learnt]


def known_cells(learnt: Sequence[tuple[SchemaRow, str]]) -> Cells:
    """Collect the texts that queries compare columns with, by database, table and column."""
    cells: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row, sql in learnt:
        for table, column, cell in EQUALS.findall(sql):
            cells[row.key, bare(table), bare(column)].add(cell.replace("''", "'"))
    return cells


def named_cells(row: SchemaRow, cells: Cells) -> tuple[Hint, ...]:
    """Return the known cells that a row's question names."""
    question = f" {flat(row.pair.question)} "
    return tuple(
        Hint(table.name, column.name, cell)
        for table in row.schema.tables
        for column in table.columns
        for cell in sorted(cells.get((row.key, fold(table.name), fold(column.name)), ()))
        if flat(cell) and f" {flat(cell)} " in question
    )

"""Hints of pairs without a database: the texts that other questions over the same tables compare their columns with."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ...core.records import Hint
from ...databases.cells import flat
from ...sql.names import fold
from ..clean.trial_database import NAME, bare
from .pair_schemas import SchemaRow

MOST_HINTS = 6  # hints of a pair
EQUALS = re.compile(rf"{NAME}\.{NAME} = '((?:[^']|'')*)'")

Cells = Mapping[tuple[str, str, str], set[str]]
"""The cells that are known of a database, a table and a column."""


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

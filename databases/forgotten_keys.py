"""Keys that a database forgot to declare: told by the names of columns, and by whether their values are there."""

from collections.abc import Callable, Mapping, Sequence

from ..core.records import ForeignKey, Table
from ..sql.name_words import singular, words
from ..sql.names import fold

SAY_NOTHING = frozenset(("id", "name", "code", "year"))  # keys of these names are in many tables and tell nothing
Contained = Callable[[str, str, str, str], bool]
"""Whether a column (table, column) has values and all of them are among another's (table, column)."""


def forgotten_keys(
    sources: Sequence[Table], tables: Sequence[Table], declared: Sequence[ForeignKey], contained: Contained
) -> list[ForeignKey]:
    """Return undeclared keys of `sources`: columns named after another table or its key, whose every value is there."""
    known = {(fold(key.table), fold(key.column)) for key in declared}
    primary = {
        table.name: keys[0] for table in tables if len(keys := [c.name for c in table.columns if c.primary_key]) == 1
    }
    targets = _Targets(primary)
    there = {(key.table, key.column, key.ref_table, key.ref_column) for key in declared}
    out: list[ForeignKey] = []
    for table in sources:
        for column in table.columns:
            if (fold(table.name), fold(column.name)) in known or column.name == primary.get(table.name):
                continue
            for other in targets.of(column.name):
                key = primary[other]
                if other == table.name or (other, key, table.name, column.name) in there:
                    continue
                if contained(table.name, column.name, other, key):
                    out.append(ForeignKey(table.name, column.name, other, key))
                    there.add((table.name, column.name, other, key))
                    break
    return out


class _Targets:
    """Which tables a column may be named after, without looking at each table for each column."""

    def __init__(self, primary: Mapping[str, str]) -> None:
        self.place = {table: place for place, table in enumerate(primary)}
        self.by_table: dict[tuple[str, ...], list[str]] = {}
        self.by_key: dict[str, list[str]] = {}
        for table, key in primary.items():
            self.by_table.setdefault(tuple(singular(word) for word in words(table)), []).append(table)
            if fold(key) not in SAY_NOTHING:
                self.by_key.setdefault(fold(key), []).append(table)

    def of(self, column: str) -> list[str]:
        """Return tables called as the column is (with an `id` or `code` at its end), and those whose key is."""
        own = tuple(singular(word) for word in words(column))
        if not own:
            return []
        tables = list(self.by_table.get(own, ()))
        if own[-1] in ("id", "code"):
            tables += self.by_table.get(own[:-1], ())
        tables += self.by_key.get(fold(column), ())
        return sorted(set(tables), key=self.place.__getitem__)

"""Rows for a fuzzed copy of a database: like the original's, and not the same.

Columns that are keys, references, or joined by a gold query keep their values, so that joins find partners; some
parents get many children and some none. Other cells are kept, drawn from their column, moved by one, made to tie, left
out, or planted: what a gold compares a column with, and values just beside it. Heuristics read golds by names alone;
what they miss is only fuzzed less well.
"""

import contextlib
import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...databases.sqlite import allow_schema
from ...sql.names import fold, quoted
from .cells import Fresh, fitting, invented, moved, near
from .original import Place, Table, read_tables
from .wishes import MOST_ROWS, wishes_of


@dataclass(frozen=True)
class Fill:
    """How one copy is filled. Shares are in 0..1."""

    rng: random.Random
    rows: float
    """Rows of a table, as a share of the original's; never more than MOST_ROWS."""
    fewest: int
    planted: float
    """Share of rows that are made for a gold."""
    nulls: float
    """Share of cells left out, in columns that may be."""
    children: float
    """Share of the parents that may have children."""
    modes: tuple[str, ...]
    """What is done with a column, each as likely: keep, shuffle, few, shift."""
    empty: bool
    """Whether one table stays empty."""

    @classmethod
    def drawn(cls, rng: random.Random, number: int) -> "Fill":
        """Return the way of the copy of this number: the first are of plain kinds, so that each kind is there."""
        modes = (("keep", "shuffle"), ("shuffle", "few"), ("shift", "keep"), ("keep", "shuffle", "few", "shift"))
        return cls(
            rng=rng,
            rows=rng.choice((0.3, 1.0, 1.5)),
            fewest=rng.choice((4, 8, 20)),
            planted=rng.choice((0.3, 0.6, 0.9)),
            nulls=rng.choice((0.0, 0.03, 0.15)),
            children=rng.choice((0.3, 0.6, 0.9)),
            modes=modes[number % len(modes)],
            empty=number % 8 == 7,
        )


class Filler:
    """What there is to know about a database and its golds before copies are filled."""

    def __init__(self, original: sqlite3.Connection, golds: Sequence[str]) -> None:
        allow_schema(original)
        self.tables = {fold(table.name): table for table in read_tables(original)}
        wishes, links, self.sizes = wishes_of(golds, self.columns())
        self.wishes = [wish for wish in wishes if wish]
        """For each gold, the literals that its columns are compared with."""
        self.same = self._same(links)
        self.order = self._order()

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of each table, lower case."""
        return {name: [fold(column) for column in table.columns] for name, table in self.tables.items()}

    def fill(self, connection: sqlite3.Connection, plan: Fill) -> None:
        """Insert rows into an empty copy; a row that the schema does not allow is left out."""
        made: dict[Place, list[Any]] = {}
        left_out = plan.rng.choice(self.order) if plan.empty and self.order else ""
        connection.execute("BEGIN")
        for name in self.order:
            table = self.tables[name]
            if name == left_out:
                continue
            marks = ", ".join("?" * len(table.columns))
            names = ", ".join(map(quoted, table.columns))
            insert = f"INSERT OR IGNORE INTO {quoted(table.name)} ({names}) VALUES ({marks})"
            for row in self._rows(table, plan, made):
                try:
                    added = connection.execute(insert, row).rowcount
                except (sqlite3.Error, OverflowError):
                    continue
                if added > 0:
                    for place, value in zip(table.columns, row, strict=True):
                        if value is not None:
                            made.setdefault((name, fold(place)), []).append(value)
        self._mend(connection)
        connection.execute("COMMIT")

    def _mend(self, connection: sqlite3.Connection) -> None:
        """Take out references that lead nowhere: to later rows of the same table, or to rows that were left out."""
        columns = self.columns()
        for _ in range(len(self.tables)):
            mended = 0
            for table in self.tables.values():
                for place, (name, target) in table.references.items():
                    if target not in columns.get(name, ()):
                        continue
                    here, column, there = quoted(table.name), quoted(table.columns[place]), quoted(target)
                    free = not table.needed[place] and place not in table.key
                    change = f"UPDATE {here} SET {column} = NULL" if free else f"DELETE FROM {here}"
                    where = f"{column} NOT IN (SELECT {there} FROM {quoted(name)} WHERE {there} NOT NULL)"
                    try:
                        mended += connection.execute(f"{change} WHERE {where}").rowcount
                    except sqlite3.Error:  # a CHECK wants a value there, or the copy could not be given this table
                        with contextlib.suppress(sqlite3.Error):
                            mended += connection.execute(f"DELETE FROM {here} WHERE {where}").rowcount
            if not mended:
                return

    def _rows(self, table: Table, plan: Fill, made: Mapping[Place, list[Any]]) -> list[list[Any]]:
        rng, name = plan.rng, fold(table.name)
        count = min(MOST_ROWS, max(plan.fewest, int(len(table.rows) * plan.rows)))
        makers = [self._maker(table, place, count, plan, made) for place in range(len(table.columns))]
        fitting = [wish for wish in self.wishes if any(place[0] == name for place in wish)]
        rows = []
        for number in range(count):
            base = rng.choice(table.rows) if table.rows else [None] * len(table.columns)
            row = [make(number, base[place]) for place, make in enumerate(makers)]
            if fitting and rng.random() < plan.planted:
                wish = rng.choice(fitting)
                for place, column in enumerate(table.columns):
                    literals = wish.get((name, fold(column)))
                    if literals and place not in table.alone:
                        planted = near(rng.choice(literals), table, place, rng)
                        source = self.same.get((name, fold(column)), (name, fold(column)))
                        if source == (name, fold(column)) or planted in made.get(source, ()):
                            row[place] = planted
            rows.append(row)
        return rows

    def _maker(self, table: Table, place: int, count: int, plan: Fill, made: Mapping[Place, list[Any]]) -> Any:
        """A function of a row's number and its original cell that gives the cell of one column."""
        rng = plan.rng
        here = (fold(table.name), fold(table.columns[place]))
        pool = table.values(place)
        nulls = 0.0 if table.needed[place] or place in table.key else plan.nulls
        source = self.same.get(here)
        if source is not None and source != here:
            before = source[0] in self.order[: self.order.index(here[0])]
            parents = list(dict.fromkeys(made.get(source, ()) if before else self._pool(source)))
            if place in table.alone:
                rng.shuffle(parents)
                return lambda number, cell: parents[number] if number < len(parents) else None
            return self._children(table, place, parents, plan, nulls)
        if place in table.alone:
            unique = self._keys(table, place, count, rng)
            made_up = Fresh(unique, table.types[place])
            return lambda number, cell: unique[number] if number < len(unique) else made_up.value(number)
        if not pool:
            kind = table.types[place]
            return lambda number, cell: None if rng.random() < nulls else invented(kind, rng)
        mode = rng.choice(plan.modes) if source is None else "shuffle"
        few = rng.sample(pool, min(len(pool), rng.choice((2, 3, 5))))

        def make(number: int, cell: Any) -> Any:
            if nulls and rng.random() < nulls:
                return None
            if mode == "few":
                return rng.choice(few)
            if mode == "shift" and isinstance(cell, int | float):
                return moved(cell, rng)
            return cell if mode == "keep" else rng.choice(pool)

        return make

    def _children(self, table: Table, place: int, parents: list[Any], plan: Fill, nulls: float) -> Any:
        """References: groups of just the sizes that golds ask for, then few parents with many children."""
        rng = plan.rng
        chosen = rng.sample(parents, max(1, int(len(parents) * plan.children))) if parents else []
        exact = []
        sizes = self.sizes.get(fold(table.name), [])
        if sizes and chosen and rng.random() < 0.7:
            size = rng.choice(sizes)
            for parent, many in zip(rng.sample(chosen, len(chosen)), (size, size + 1, size - 1), strict=False):
                exact += [parent] * many
            chosen = [value for value in chosen if value not in exact] or chosen

        def make(number: int, cell: Any) -> Any:
            if number < len(exact):
                return exact[number]
            if not chosen and table.needed[place]:
                return invented(table.types[place], rng)  # of a row that is yet to come; `_mend` takes the others out
            if not chosen or (nulls and rng.random() < nulls):
                return None
            return chosen[min(int(rng.random() ** 1.5 * len(chosen)), len(chosen) - 1)]

        return make

    def _keys(self, table: Table, place: int, count: int, rng: random.Random) -> list[Any]:
        """The values of a unique column in random order, those that golds ask for among the first `count`."""
        here = (fold(table.name), fold(table.columns[place]))
        unique = list(dict.fromkeys(table.values(place)))
        rng.shuffle(unique)
        wanted = [
            value
            for wish in self.wishes
            for compared, literals in wish.items()
            if compared == here or self.same.get(compared) == here
            for value in literals
        ]
        if not unique:  # an original without rows: what is asked for is all there is to go by
            unique = fitting(wanted, table.types[place])
        known = [value for value in unique if value in wanted]
        first = (known + [value for value in unique if value not in wanted])[:count]
        rng.shuffle(first)
        return first + [value for value in unique if value not in first]

    def _pool(self, source: Place) -> list[Any]:
        table = self.tables[source[0]]
        return table.values([fold(column) for column in table.columns].index(source[1]))

    def _same(self, links: set[tuple[Place, Place]]) -> dict[Place, Place]:
        """For each column that is joined to another: the column that its values come from."""
        group: dict[Place, Place] = {}

        def root(place: Place) -> Place:
            while group.setdefault(place, place) != place:
                place = group[place]
            return place

        columns = self.columns()
        for name, table in self.tables.items():
            for place, target in table.references.items():
                if target[1] in columns.get(target[0], ()):
                    links = links | {((name, columns[name][place]), target)}
        for column, linked in sorted(links):
            group[root(column)] = root(linked)
        members: dict[Place, list[Place]] = {}
        for column in sorted(group):
            members.setdefault(root(column), []).append(column)
        sources = {}
        for places in members.values():
            targets = {target for table in self.tables.values() for target in table.references.values()}
            # the column that others refer to, else a key, else the one of most values
            best = max(
                places, key=lambda column: (column in targets, self._unique(column), len(set(self._pool(column))))
            )
            sources.update(dict.fromkeys(places, best))
        return sources

    def _unique(self, place: Place) -> bool:
        table = self.tables[place[0]]
        return [fold(column) for column in table.columns].index(place[1]) in table.alone

    def _order(self) -> list[str]:
        """Tables such that values are there before others refer to them, as far as that goes."""
        needs: dict[str, set[str]] = {name: set() for name in self.tables}
        for place, source in self.same.items():
            if source[0] != place[0]:
                needs[place[0]].add(source[0])
        order: list[str] = []
        while len(order) < len(needs):
            rest = [name for name in needs if name not in order]
            ready = [name for name in rest if needs[name] <= set(order)]
            order.append((ready or rest)[0])
        return order

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
from dataclasses import dataclass, field
from typing import Any

from ...databases.sqlite import allow_schema
from ...sql.names import fold, quoted
from ...sql.normalise import texts_told

MOST_ROWS = 300  # of a table in a copy
SAMPLED = 600  # rows of a table that are looked at
Place = tuple[str, str]
"""Lower-case table and column."""


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
        """The way of the copy of this number: the first are of plain kinds, so that each kind is there."""
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


@dataclass
class Table:
    """One table of the original: its columns with declared types, keys, references and some rows."""

    name: str
    columns: list[str]
    types: list[str]
    needed: list[bool]
    key: list[int]
    alone: set[int]
    """Columns of which each value stands in one row only."""
    references: dict[int, Place]
    rows: list[list[Any]] = field(default_factory=list)

    def values(self, column: int) -> list[Any]:
        return [row[column] for row in self.rows if row[column] is not None]


class Filler:
    """What there is to know about a database and its golds before copies are filled."""

    def __init__(self, original: sqlite3.Connection, golds: Sequence[str]) -> None:
        allow_schema(original)
        self.tables = {fold(table.name): table for table in _tables(original)}
        wishes, links, self.sizes = _asked(golds, self.columns())
        self.wishes = [wish for wish in wishes if wish]
        """For each gold, the literals that its columns are compared with."""
        self.same = self._same(links)
        self.order = self._order()

    def columns(self) -> dict[str, list[str]]:
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
                        planted = _near(rng.choice(literals), table, place, rng)
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
            made_up = _Fresh(unique, table.types[place])
            return lambda number, cell: unique[number] if number < len(unique) else made_up.value(number)
        if not pool:
            kind = table.types[place]
            return lambda number, cell: None if rng.random() < nulls else _invented(kind, rng)
        mode = rng.choice(plan.modes) if source is None else "shuffle"
        few = rng.sample(pool, min(len(pool), rng.choice((2, 3, 5))))

        def make(number: int, cell: Any) -> Any:
            if nulls and rng.random() < nulls:
                return None
            if mode == "few":
                return rng.choice(few)
            if mode == "shift" and isinstance(cell, int | float):
                return _moved(cell, rng)
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
            chosen = [one for one in chosen if one not in exact] or chosen

        def make(number: int, cell: Any) -> Any:
            if number < len(exact):
                return exact[number]
            if not chosen and table.needed[place]:
                return _invented(table.types[place], rng)  # of a row that is yet to come; `_mend` takes the others out
            if not chosen or (nulls and rng.random() < nulls):
                return None
            return chosen[min(int(rng.random() ** 1.5 * len(chosen)), len(chosen) - 1)]

        return make

    def _keys(self, table: Table, place: int, count: int, rng: random.Random) -> list[Any]:
        """The values of a unique column in random order, those that golds ask for among the first `count`."""
        here = (fold(table.name), fold(table.columns[place]))
        unique = list(dict.fromkeys(table.values(place)))
        rng.shuffle(unique)
        asked = [
            value
            for wish in self.wishes
            for one, literals in wish.items()
            if one == here or self.same.get(one) == here
            for value in literals
        ]
        if not unique:  # an original without rows: what is asked for is all there is to go by
            unique = _fitting(asked, table.types[place])
        known = [value for value in unique if value in asked]
        first = (known + [value for value in unique if value not in asked])[:count]
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
        for one, other in sorted(links):
            group[root(one)] = root(other)
        members: dict[Place, list[Place]] = {}
        for one in sorted(group):
            members.setdefault(root(one), []).append(one)
        sources = {}
        for places in members.values():
            targets = {target for table in self.tables.values() for target in table.references.values()}
            # the column that others refer to, else a key, else the one of most values
            best = max(places, key=lambda one: (one in targets, self._unique(one), len(set(self._pool(one)))))
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


class _Fresh:
    """Values of a unique column beyond those of the original."""

    def __init__(self, values: Sequence[Any], kind: str) -> None:
        whole = [value for value in values if isinstance(value, int)]
        self.next = max(whole, default=0) + 1
        self.text = not whole and (bool(values) or _is_text(kind))

    def value(self, number: int) -> Any:
        return f"new {number}" if self.text else self.next + number


def _fitting(values: Sequence[Any], kind: str) -> list[Any]:
    """The texts, or the whole numbers, that a key of this type can be, each once."""
    if _is_text(kind):
        return list(dict.fromkeys(map(str, values)))
    return list(dict.fromkeys(number for number in map(_number, values) if isinstance(number, int)))


def _tables(original: sqlite3.Connection) -> list[Table]:
    found = []
    names = original.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY rowid"
    ).fetchall()
    for (name,) in names:
        about = [row for row in original.execute(f"PRAGMA table_xinfo({quoted(name)})") if row[6] == 0]
        columns = [row[1] for row in about]
        key = [place for place, row in enumerate(about) if row[5]]
        alone = set(key) if len(key) == 1 else set()
        for index in original.execute(f"PRAGMA index_list({quoted(name)})").fetchall():
            within = [row[2] for row in original.execute(f"PRAGMA index_info({quoted(index[1])})")]
            if index[2] and len(within) == 1 and within[0] in columns:
                alone.add(columns.index(within[0]))
        lower = [fold(column) for column in columns]
        references = {}
        for row in original.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall():
            keys = [one for one in original.execute(f"PRAGMA table_info({quoted(row[2])})") if one[5]]
            target = row[4] or (keys[0][1] if len(keys) == 1 else "")
            if target and fold(row[3]) in lower:
                references[lower.index(fold(row[3]))] = (fold(row[2]), fold(target))
        table = Table(name, columns, [row[2] for row in about], [bool(row[3]) for row in about], key, alone, references)
        table.rows = _sample(original, table) if columns else []
        found.append(table)
    return [table for table in found if table.columns]


def _sample(original: sqlite3.Connection, table: Table) -> list[list[Any]]:
    """Rows from all over the table, the same ones each time."""
    name, columns = quoted(table.name), ", ".join(map(quoted, table.columns))
    taken = {fold(column) for column in table.columns}
    number = next((one for one in ("rowid", "_rowid_", "oid") if one not in taken), "NULL")
    try:
        (last,) = original.execute(f"SELECT max({number}) FROM {name}").fetchone()
        step = max(1, (last or 0) // SAMPLED)
        rows = original.execute(f"SELECT {columns} FROM {name} WHERE {number} % {step} = 0 LIMIT {SAMPLED}").fetchall()
        if len(rows) >= 20 or step == 1:
            return [list(row) for row in rows]
    except sqlite3.Error:
        pass  # a table without row ids
    try:
        return [list(row) for row in original.execute(f"SELECT {columns} FROM {name} LIMIT {SAMPLED}").fetchall()]
    except sqlite3.Error:
        return []


Wish = dict[Place, list[Any]]


def _asked(
    golds: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> tuple[list[Wish], set[tuple[Place, Place]], dict[str, list[int]]]:
    """What golds ask for: literals, joins and sizes of groups.

    For each gold the literals its columns are compared with; the pairs of columns that any gold joins; for each table
    the numbers that a HAVING compares a count with.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    wishes: list[Wish] = []
    links: set[tuple[Place, Place]] = set()
    sizes: dict[str, list[int]] = {}
    for gold in golds:
        wish: Wish = {}
        wishes.append(wish)
        try:
            tree = texts_told(sqlglot.parse_one(gold, read="sqlite"), columns)
        except (SqlglotError, RecursionError):
            continue
        called: dict[str, set[str]] = {}
        for table in tree.find_all(exp.Table):
            called.setdefault(fold(table.alias_or_name), set()).add(fold(table.name))

        def places(column: "exp.Expr", called: Mapping[str, set[str]] = called) -> list[Place]:
            named = called.get(fold(column.text("table"))) or {one for names in called.values() for one in names}
            return [(name, fold(column.name)) for name in sorted(named) if fold(column.name) in columns.get(name, ())]

        for having in tree.find_all(exp.Having):
            for literal in having.find_all(exp.Literal):
                if literal.is_int and 0 < int(literal.name) < MOST_ROWS // 6 and having.find(exp.Count):
                    for name in {one for names in called.values() for one in names}:
                        sizes.setdefault(name, []).append(int(literal.name))
        for node in tree.find_all(exp.EQ):
            if isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column):
                links |= {(a, b) for a in places(node.left) for b in places(node.right) if a != b}
        for column in tree.find_all(exp.Column):
            parent = column.parent
            if isinstance(parent, exp.In) and isinstance(parent.args.get("query"), exp.Subquery):
                inner = parent.args["query"].find(exp.Select)
                one = inner.expressions[0] if inner is not None and inner.expressions else None
                if isinstance(one, exp.Column):
                    links |= {(a, b) for a in places(column) for b in places(one) if a != b}
            if not isinstance(parent, exp.Binary | exp.Between | exp.In) or isinstance(parent, exp.Connector):
                continue
            for literal in parent.find_all(exp.Literal):
                if literal.parent is parent or isinstance(literal.parent, exp.Neg):
                    for place in places(column):
                        wish.setdefault(place, []).append(_value(literal))
    return wishes, links, sizes


def _value(literal: Any) -> Any:
    if literal.is_string:
        return literal.name.strip("%").replace("%", " ").replace("_", "a") if "%" in literal.name else literal.name
    sign = -1 if type(literal.parent).__name__ == "Neg" else 1
    return sign * (int(literal.name) if literal.is_int else float(literal.name))


def _near(literal: Any, table: Table, place: int, rng: random.Random) -> Any:
    """The literal or something just beside it, in the type that the column holds."""
    sample = next(iter(table.values(place)), None)
    number = _number(literal)
    if number is not None and (isinstance(sample, int | float) or not isinstance(literal, str)):
        moved = number + rng.choice((0, 0, 0, -1, 1))
        if isinstance(sample, str) or (sample is None and _is_text(table.types[place])):
            return str(moved)
        return float(moved) if isinstance(sample, float) else moved
    text = str(literal)
    if number is not None and isinstance(number, int):
        return rng.choice((text, text, text, str(number - 1), str(number + 1)))
    beside = (text.swapcase(), text.lower(), f"{text}s", f"a {text}", f"{text} b")
    return rng.choice((text, text, text, text, rng.choice(beside)))


def _number(value: Any) -> int | float | None:
    if not isinstance(value, str):
        return value if isinstance(value, int | float) else None
    try:
        return int(value) if value.strip().lstrip("-").isdigit() else float(value)
    except ValueError:
        return None


def _moved(value: Any, rng: random.Random) -> Any:
    step = rng.choice((1, 1, 2, max(1, int(abs(value) * 0.1)) if abs(value) < 2**53 else 1))
    return value + rng.choice((-step, step))


def _is_text(kind: str) -> bool:
    return any(word in kind.upper() for word in ("CHAR", "TEXT", "CLOB", "DATE", "TIME"))


WORDS = ("alpha", "beta", "gamma", "delta", "Omega", "alpha beta")


def _invented(kind: str, rng: random.Random) -> Any:
    """A cell of a column that holds none, by its declared type."""
    upper = kind.upper()
    if "DATE" in upper or "TIME" in upper:
        return f"{rng.randint(2015, 2022)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if _is_text(kind):
        return rng.choice(WORDS)
    return (
        round(rng.uniform(0, 20), 1)
        if any(word in upper for word in ("REAL", "FLOA", "DOUB", "DEC"))
        else rng.randint(0, 20)
    )

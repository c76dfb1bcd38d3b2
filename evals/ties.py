"""Which rows the gold's ORDER BY leaves tied: their order, and which of them a LIMIT keeps, is the database's choice.

The gold is run once more without its LIMIT and with one more column that numbers its rows by their sort keys. Rows of
one number are tied. A prediction is right when, place by place, its rows are of the number that stands there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..core.compare import all_among, same_loosely, same_result
from ..core.names import fold
from ..core.records import ResultSet
from .syntax import syntax

if TYPE_CHECKING:
    from sqlglot import exp

MOST_TRIES = 500  # orders of columns that are tried where a LIMIT cuts through tied rows


@dataclass(frozen=True)
class Keyed:
    """A query that returns what the gold does, without its LIMIT and with `keys` more columns, sorted by them.

    The gold's first row is its row `start`, from 0.
    """

    sql: str
    keys: int
    start: int


@dataclass(frozen=True)
class Ties:
    """All rows that a gold has without its LIMIT, and the number of each: tied rows have the same."""

    rows: tuple[tuple[Any, ...], ...]
    groups: tuple[int, ...]
    start: int


def ties(gold: ResultSet, keyed: Keyed, found: ResultSet) -> Ties | None:
    """What is tied, from what a `keyed` query returned; None when that is not what the gold returned, or too much."""
    width = len(gold.columns)
    if len(found.columns) != width + keyed.keys or gold.truncated:
        return None
    groups = [0] * len(found.rows)
    for place in range(1, len(found.rows)):
        groups[place] = groups[place - 1] + (found.rows[place][width:] != found.rows[place - 1][width:])
    end = keyed.start + len(gold.rows)
    if end > len(groups) or (found.truncated and end and groups[end - 1] == groups[-1]):
        return None
    known = Ties(tuple(row[:width] for row in found.rows), tuple(groups), keyed.start)
    return known if agrees(known, gold) else None


def agrees(known: Ties, found: ResultSet, *, loosely: bool = False) -> bool:
    """Whether rows are the gold's but for the order of tied ones, and for which of them a LIMIT keeps."""
    marks = known.groups[known.start : known.start + len(found.rows)]
    if found.truncated or len(marks) < len(found.rows):
        return False
    touched = set(marks)
    wanted = [(*row, _mark(at)) for row, at in zip(known.rows, known.groups, strict=True) if at in touched]
    rows = [(*row, _mark(at)) for row, at in zip(found.rows, marks, strict=True)]
    if len(rows) == len(wanted):
        names = (*found.columns, "group")
        same = same_loosely if loosely else same_result
        return same(ResultSet(names, tuple(wanted)), ResultSet(names, tuple(rows)), False)
    if not loosely:
        return all_among(rows, wanted)
    return any(
        all_among([(*[row[at] for at in order], row[-1]) for row in rows], wanted) for order in _orders(wanted, rows)
    )


def _mark(group: int) -> str:
    """What no cell holds, so that it is compared with its like alone."""
    return f"\0group {group}"


def _orders(wanted: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, ...]]:
    """Orders of the columns of `rows` in which each column's cells are among the wanted one's; at most MOST_TRIES."""
    width = len(wanted[0]) - 1
    fits = [
        [
            other
            for other in range(width)
            if all_among([(row[other], row[-1]) for row in rows], [(row[place], row[-1]) for row in wanted])
        ]
        for place in range(width)
    ]
    left = MOST_TRIES

    def search(taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        nonlocal left
        if len(taken) == width:
            left -= 1
            yield taken
            return
        for other in fits[len(taken)]:
            if other not in taken and left > 0:
                yield from search((*taken, other))

    return search(())


def settles(gold: str) -> bool:
    """Whether the top level alone leaves a choice to the database: no LIMIT and no window function further in."""
    from sqlglot import exp

    tree = syntax(gold)
    if tree is None:
        return False
    return not any(tree.find_all(exp.Window)) and all(node.parent is tree for node in tree.find_all(exp.Limit))


@lru_cache(maxsize=64)
def keyed_queries(gold: str, columns: tuple[str, ...]) -> tuple[Keyed, ...]:
    """Queries that may tell what is tied, the likeliest first; some may fail, none is there for what is not covered.

    `columns` are the gold's as it returns them. Not covered: DISTINCT or UNION sorted by something that is no column of
    the result, an OFFSET that is no number.

    >>> keyed_queries("SELECT name AS n FROM t ORDER BY size DESC LIMIT 2 OFFSET 1", ("n",))[0].sql
    'SELECT name AS n, DENSE_RANK() OVER (ORDER BY size DESC) AS tied FROM t ORDER BY 2'
    """
    from sqlglot import exp

    tree = syntax(gold)
    if tree is None or not isinstance(tree, exp.Select | exp.SetOperation) or tree.args.get("order") is None:
        return ()
    start = _start(tree)
    if start is None:
        return ()
    bare = tree.copy()
    terms = list(bare.args["order"].expressions)
    for part in ("order", "limit", "offset"):
        bare.set(part, None)
    made: list[tuple[str, int]] = []
    rank = f"ORDER BY {len(columns) + 1}"
    if isinstance(bare, exp.Select) and not bare.args.get("distinct"):
        for deep in (False, True):
            own = _unaliased(bare, terms, deep)
            if own is not None:
                said = ", ".join(term.sql("sqlite") for term in own)
                made.append((f"{_with_column(bare, f'DENSE_RANK() OVER (ORDER BY {said}) AS tied')} {rank}", 1))
    by_place = _by_column(bare, terms, columns)
    if by_place is not None:
        names = ", ".join(f"c{place}" for place in range(1, len(columns) + 1))
        inner = f"WITH tied({names}) AS ({bare.sql('sqlite')})"
        made.append((f"{inner} SELECT *, DENSE_RANK() OVER (ORDER BY {', '.join(by_place)}) FROM tied {rank}", 1))
    return tuple(Keyed(sql, keys, start) for sql, keys in dict.fromkeys(made))


def _start(tree: "exp.Expr") -> int | None:
    """The row that OFFSET begins at; None when it is no plain number."""
    from sqlglot import exp

    offset = tree.args.get("offset")
    limit = tree.args.get("limit")
    said = offset.expression if offset is not None else limit.args.get("offset") if limit is not None else None
    if said is None:
        return 0
    return int(said.this) if isinstance(said, exp.Literal) and re.fullmatch(r"\d+", str(said.this)) else None


def _with_column(bare: "exp.Select", column: str) -> str:
    return bare.select(column, append=True, dialect="sqlite").sql("sqlite")


def _unaliased(bare: "exp.Select", terms: "Sequence[exp.Expr]", deep: bool) -> "list[exp.Expr] | None":
    """Sort keys as they can stand among the selected columns: places and aliases are what they stand for.

    `deep`: aliases inside of an expression too, where a column of that name may be meant.
    """
    from sqlglot import exp

    aliases = {fold(one.alias): one.this for one in bare.expressions if isinstance(one, exp.Alias)}

    def meant(node: "exp.Expr") -> "exp.Expr":
        if isinstance(node, exp.Column) and not node.table and fold(node.name) in aliases:
            return exp.Paren(this=aliases[fold(node.name)].copy())
        return node

    out = []
    for term in terms:
        one = term.copy()
        place = _place(one.this)
        if place is not None:
            before = bare.expressions[:place]
            if len(before) < place or any(column.is_star for column in before):
                return None
            one.set("this", exp.Paren(this=before[-1].unalias().copy()))
        elif deep:
            one = one.transform(meant)
        else:
            holder = one.this if isinstance(one.this, exp.Collate) else one
            holder.set("this", meant(holder.this))
        out.append(one)
    return out


def _place(node: "exp.Expr") -> int | None:
    """The number of a column that an ORDER BY names by its place."""
    from sqlglot import exp

    return int(node.this) if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit() else None


def _by_column(bare: "exp.Expr", terms: "Sequence[exp.Expr]", columns: Sequence[str]) -> list[str] | None:
    """Sort keys over columns c1, c2, ...; None unless each of them is a column of the result."""
    from sqlglot import exp

    first = bare
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    selected = list(first.expressions) if isinstance(first, exp.Select) else []
    starred = any(one.is_star for one in selected) or len(selected) != len(columns)
    names = [fold(name) for name in columns]
    spelled = [] if starred else [one.unalias().sql("sqlite").lower() for one in selected]
    out = []
    for term in terms:
        one = term.copy()
        holder = one.this if isinstance(one.this, exp.Collate) else one
        node = holder.this
        place = _place(node)
        if place is None and isinstance(node, exp.Column) and not node.table and fold(node.name) in names:
            place = names.index(fold(node.name)) + 1
        if place is None and node.sql("sqlite").lower() in spelled:
            place = spelled.index(node.sql("sqlite").lower()) + 1
        if place is None or place > len(columns):
            return None
        holder.set("this", exp.column(f"c{place}"))
        out.append(one.sql("sqlite"))
    return out

"""Joins by the keys of the schema instead of by what a model wrote.

A join is written anew where its condition names a column that its table does not have, or, if asked for, where it
compares columns that are no key of each other. The tables are then joined along the one shortest way of keys, link
tables included. A second copy of a table keeps its alias.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .key_graph import Edge, KeyGraph
from .name_words import words
from .names import fold, is_plain

if TYPE_CHECKING:
    from sqlglot import exp

FARTHEST = 2  # keys between two tables that are joined anew: one link table


def join_by_keys(
    select: "exp.Select",
    tables: dict[str, str],
    columns: Mapping[str, Sequence[str]],
    graph: KeyGraph,
    *,
    keys_only: bool = False,
) -> list[str]:
    """Mend the joins of one SELECT in place; returns what was changed, in words.

    `tables` are those of the SELECT by the name that they have in it; link tables that are joined come into it. With
    `keys_only`, a condition has to compare a key with what it refers to.
    """
    changes: list[str] = []
    joins = select.args.get("joins") or []
    earlier = {shown: real for shown, real in tables.items() if shown not in {_shown(join) for join in joins}}
    mended: list[exp.Join] = []
    for join in joins:
        shown = _shown(join)
        if shown in tables and _is_wrong(join, tables, columns, graph, keys_only):
            way = graph.way(earlier.values(), tables[shown])
            near = keys_only is False or (way is not None and len(way) <= FARTHEST)
            if way and near and tables[shown] not in earlier.values():
                links, condition = _along(way, earlier, shown)
                for link in links:
                    mended.append(link)
                    tables[_shown(link)] = earlier[_shown(link)] = _shown(link)
                join.set("on", condition)
                join.set("using", None)
                changes.append(f"{tables[shown]} is joined by its key")
        if shown in tables:
            earlier[shown] = tables[shown]
        mended.append(join)
    if changes:
        select.set("joins", mended)
    return changes


def _shown(join: "exp.Join") -> str:
    return fold(join.this.alias_or_name)


def _is_wrong(
    join: "exp.Join",
    tables: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    graph: KeyGraph,
    keys_only: bool,
) -> bool:
    """Whether the condition of a join is one comparison of two columns that should not be compared."""
    from sqlglot import exp

    on = join.args.get("on")
    if not isinstance(on, exp.EQ) or join.side or join.kind not in ("", "INNER"):
        return False
    left, right = on.this, on.expression
    if not (isinstance(left, exp.Column) and isinstance(right, exp.Column)):
        return False
    one, other = (tables.get(fold(side.table), "") for side in (left, right))
    if not one or not other or one == other:
        return False
    unknown = [side for side, owner in ((left, one), (right, other)) if fold(side.name) not in columns.get(owner, ())]
    if unknown:
        return True
    if not keys_only or _may_be_meant(fold(left.name), fold(right.name)):
        return False
    known = {(edge.left_column, edge.right_column) for edge in graph.between(one, other)}
    return (fold(left.name), fold(right.name)) not in known


def _may_be_meant(left: str, right: str) -> bool:
    """Whether two columns that no key connects belong together by their names: `course_id` here and there."""
    return left == right and len(words(left)) > 1


def _along(way: Sequence[Edge], earlier: Mapping[str, str], shown: str) -> "tuple[list[exp.Join], exp.EQ]":
    """The joins of the link tables on a way, and the condition of the table at its end."""
    from sqlglot import exp

    links: list[exp.Join] = []
    left = next(name for name, real in earlier.items() if real == way[0].left)
    for edge in way[:-1]:
        condition = equal(left, edge.left_column, edge.right, edge.right_column)
        links.append(exp.Join(this=new_table(edge.right), on=condition))
        left = edge.right
    last = way[-1]
    return links, equal(left, last.left_column, shown, last.right_column)


def identifier_of(name: str) -> "exp.Identifier":
    """Return a folded name as the tree has names, in quotes where they are required."""
    from sqlglot import exp

    return exp.Identifier(this=name, quoted=not is_plain(name))


def new_table(name: str) -> "exp.Table":
    """Return a table to be read."""
    from sqlglot import exp

    return exp.Table(this=identifier_of(name))


def equal(left: str, left_column: str, right: str, right_column: str) -> "exp.EQ":
    """Return the condition `left.left_column = right.right_column`."""
    from sqlglot import exp

    one, other = (
        exp.Column(this=identifier_of(column), table=identifier_of(table))
        for table, column in ((left, left_column), (right, right_column))
    )
    return exp.EQ(this=one, expression=other)

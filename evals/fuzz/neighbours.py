"""Queries that are nearly a given one: what a model writes that almost understood the question.

Each differs in one place: an operator, a literal, a column, an aggregate, a DISTINCT, a kind of join, a clause left
out. Fuzzed databases (evals/fuzz/fuzz.py) are chosen so that they return other rows there. The idea is from Zhong et
al. (2020).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...sql.names import fold, is_plain
from ...sql.normalise import unknown_names_as_texts

if TYPE_CHECKING:
    from sqlglot import exp

MOST = 32  # neighbours of one query


def neighbours(sql: str, columns: Mapping[str, Sequence[str]], most: int = MOST) -> tuple[str, ...]:
    """Return queries one small change away, in SQLite's dialect; none when the query cannot be parsed.

    `columns` maps folded table names to their folded columns. The same query gives the same neighbours.

    >>> neighbours("SELECT a FROM t WHERE b > 3", {"t": ["a", "b"]})[:3]
    ('SELECT DISTINCT a FROM t WHERE b > 3', 'SELECT a FROM t', 'SELECT b FROM t WHERE b > 3')
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree: exp.Expr = unknown_names_as_texts(sqlglot.parse_one(sql, read="sqlite"), columns)
        if not isinstance(tree, exp.Query):
            return ()
        names = {fold(table.name) for table in tree.find_all(exp.Table)}
        others = sorted({column for name in names for column in columns.get(name, ())})
        nodes = enumerate(tree.walk())
        count = [len(list(_changes(node, others, random.Random(f"{sql} {place}")))) for place, node in nodes]
        wanted = [(place, change) for place, many in enumerate(count) for change in range(many)]
        if len(wanted) > most:
            wanted = sorted(random.Random(sql).sample(wanted, most))
        made: dict[str, None] = {}
        for place, change in wanted:
            copy: exp.Expr = tree.copy()
            node = next(node for at, node in enumerate(copy.walk()) if at == place)
            new = list(_changes(node, others, random.Random(f"{sql} {place}")))[change]
            if node is copy:
                copy = new
            else:
                node.replace(new)
            made[copy.sql(dialect="sqlite")] = None
        made.pop(tree.sql(dialect="sqlite"), None)
    except (SqlglotError, RecursionError, ValueError, TypeError):
        return ()
    return tuple(made)


def _changes(node: "exp.Expr", others: Sequence[str], rng: random.Random) -> Iterator["exp.Expr"]:
    """What may stand in a node's place; always as many for the same node."""
    from sqlglot import exp

    swaps: dict[type[exp.Expr], type[exp.Expr]] = {
        exp.GT: exp.GTE,
        exp.GTE: exp.GT,
        exp.LT: exp.LTE,
        exp.LTE: exp.LT,
        exp.And: exp.Or,
        exp.Or: exp.And,
        exp.Max: exp.Min,
        exp.Min: exp.Max,
        exp.Sum: exp.Avg,
        exp.Avg: exp.Sum,
        exp.Intersect: exp.Union,
        exp.Except: exp.Union,
    }
    kind = type(node)
    if kind in swaps:
        yield swaps[kind](**node.copy().args)
    if isinstance(node, exp.And | exp.Intersect | exp.Except):
        yield node.left.copy()
        yield node.right.copy()
    elif isinstance(node, exp.Union) and not isinstance(node.parent, exp.In):
        yield _with(node, distinct=not node.args.get("distinct"))
    elif isinstance(node, exp.EQ) and isinstance(node.expression, exp.Literal):
        yield (exp.Like if node.expression.is_string else exp.GTE)(this=node.this.copy(), expression=node.expression)
    elif isinstance(node, exp.Literal):
        yield from _literals(node)
    elif isinstance(node, exp.Count):
        inner = node.this
        if isinstance(inner, exp.Distinct):
            yield exp.Count(this=inner.expressions[0].copy())
        else:
            named = exp.column(_name(rng.choice(others))) if isinstance(inner, exp.Star) and others else inner.copy()
            yield exp.Count(this=exp.Distinct(expressions=[named]))
    elif isinstance(node, exp.Not):
        yield node.this.copy()
    elif isinstance(node, exp.In):
        yield exp.Not(this=node.copy())
    elif isinstance(node, exp.Ordered):
        yield _with(node, desc=not node.args.get("desc"))
    elif isinstance(node, exp.Join) and (node.side or not _needed(node)):
        yield _with(node, side="" if node.side else "LEFT")
    elif isinstance(node, exp.Group) and len(node.expressions) > 1:
        yield _with(node, expressions=[expression.copy() for expression in node.expressions[:-1]])
    elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        fitting = [name for name in others if fold(name) != fold(node.name)]
        for name in rng.sample(fitting, min(2, len(fitting))):
            yield _with(node, this=_name(name))
    elif isinstance(node, exp.Select):
        yield from _selects(node)


def _literals(node: "exp.Expr") -> Iterator["exp.Expr"]:
    from sqlglot import exp

    text = node.name
    if node.is_string:
        yield exp.Literal.string(text.swapcase())
        if text.strip("%") != text:
            yield exp.Literal.string(text.strip("%"))
    elif node.is_int:
        yield exp.Literal.number(int(text) + 1)
        if int(text):
            yield exp.Literal.number(int(text) - 1)


def _selects(node: "exp.Expr") -> Iterator["exp.Expr"]:
    from sqlglot import exp

    if node.args.get("distinct"):
        yield _with(node, distinct=None)
    elif not _single(node):
        yield _with(node, distinct=exp.Distinct())
    for clause in ("where", "having", "order", "limit", "group"):
        if node.args.get(clause):
            yield _with(node, **{clause: None})
    order, limit, where = (node.args.get(name) for name in ("order", "limit", "where"))
    if order is None or limit is None or node.args.get("group") or node.args.get("joins"):
        return
    if limit.expression.name == "1" and len(order.expressions) == 1:
        # all rows that tie for the first place in place of one of them
        by = order.expressions[0]
        best = (exp.Max if by.args.get("desc") else exp.Min)(this=by.this.copy())
        source = node.find(exp.Table)
        if source is not None:
            inner = exp.select(best).from_(source.copy())
            if where:
                inner = inner.where(where.this.copy())
            same = exp.EQ(this=by.this.copy(), expression=exp.Subquery(this=inner))
            bare = _with(node, order=None, limit=None)
            assert isinstance(bare, exp.Select)
            yield bare.where(same)


def _single(node: "exp.Expr") -> bool:
    """Whether DISTINCT would change nothing: groups, one row of aggregates, or a part of a set."""
    from sqlglot import exp

    if node.args.get("group") or isinstance(node.parent, exp.SetOperation | exp.In):
        return True
    return all(expression.find(exp.AggFunc) for expression in node.expressions)


def _needed(join: "exp.Expr") -> bool:
    """Whether the query has conditions on the joined table, so that rows without a partner fall out anyway."""
    from sqlglot import exp

    select, name = join.parent, fold(join.this.alias_or_name)
    if select is None:
        return False
    others = [other_join for other_join in select.args.get("joins") or () if other_join is not join]
    places = [part for part in (select.args.get("where"), *others) if part is not None]
    return any(fold(column.table) == name for part in places for column in part.find_all(exp.Column))


def _with(node: "exp.Expr", **changed: object) -> "exp.Expr":
    copy = node.copy()
    for name, value in changed.items():
        copy.set(name, value)
    return copy


def _name(name: str) -> "exp.Identifier":
    from sqlglot import exp

    return exp.to_identifier(name, quoted=not is_plain(name))

"""Queries that are nearly a given one: what a model writes that almost understood the question.

Each differs in one place: an operator, a literal, a column, an aggregate, a DISTINCT, a kind of join, a clause left
out. Fuzzed databases (evals/fuzz.py) are kept for telling them from the query. The idea is Zhong et al.'s (2020).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

MOST = 32  # neighbours of one query


def neighbours(sql: str, columns: Mapping[str, Sequence[str]], most: int = MOST) -> tuple[str, ...]:
    """Queries one small change away, in SQLite's dialect; none when the query cannot be parsed.

    `columns` maps lower-case table names to their columns. The same query gives the same neighbours.

    >>> neighbours("SELECT a FROM t WHERE b > 3", {"t": ["a", "b"]})[:3]
    ('SELECT DISTINCT a FROM t WHERE b > 3', 'SELECT a FROM t', 'SELECT b FROM t WHERE b > 3')
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
        if not isinstance(tree, exp.Query):
            return ()
        names = {table.name.lower() for table in tree.find_all(exp.Table)}
        others = sorted({column for name in names for column in columns.get(name, ())})
        made: dict[str, None] = {}
        for place, node in enumerate(tree.walk()):
            for change in range(len(list(_changes(node, others, random.Random(f"{sql} {place}"))))):
                copy = tree.copy()
                other = next(node for at, node in enumerate(copy.walk()) if at == place)
                new = list(_changes(other, others, random.Random(f"{sql} {place}")))[change]
                if other is copy:
                    copy = new
                else:
                    other.replace(new)
                made[copy.sql(dialect="sqlite")] = None
        made.pop(tree.sql(dialect="sqlite"), None)
    except (SqlglotError, RecursionError, ValueError, TypeError):
        return ()
    if len(made) > most:
        kept = set(random.Random(sql).sample(list(made), most))
        return tuple(one for one in made if one in kept)
    return tuple(made)


def _changes(node: "exp.Expression", others: Sequence[str], rng: random.Random) -> Iterator["exp.Expression"]:
    """What may stand in a node's place; always as many for the same node."""
    from sqlglot import exp

    swaps: dict[type[exp.Expression], type[exp.Expression]] = {
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
    elif isinstance(node, exp.Union):
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
            named = exp.column(rng.choice(others)) if isinstance(inner, exp.Star) and others else inner.copy()
            yield exp.Count(this=exp.Distinct(expressions=[named]))
    elif isinstance(node, exp.Not):
        yield node.this.copy()
    elif isinstance(node, exp.In):
        yield exp.Not(this=node.copy())
    elif isinstance(node, exp.Ordered):
        yield _with(node, desc=not node.args.get("desc"))
    elif isinstance(node, exp.Join):
        yield _with(node, side="" if node.side else "LEFT")
    elif isinstance(node, exp.Group) and len(node.expressions) > 1:
        yield _with(node, expressions=[one.copy() for one in node.expressions[:-1]])
    elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        fitting = [name for name in others if name.lower() != node.name.lower()]
        for name in rng.sample(fitting, min(2, len(fitting))):
            yield _with(node, this=exp.to_identifier(name))
    elif isinstance(node, exp.Select):
        yield from _selects(node)


def _literals(node: "exp.Expression") -> Iterator["exp.Expression"]:
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


def _selects(node: "exp.Expression") -> Iterator["exp.Expression"]:
    from sqlglot import exp

    yield _with(node, distinct=None if node.args.get("distinct") else exp.Distinct())
    for clause in ("where", "having", "order", "limit", "group"):
        if node.args.get(clause):
            yield _with(node, **{clause: None})
    order, limit, where = (node.args.get(name) for name in ("order", "limit", "where"))
    simple = order and limit and not node.args.get("group") and not node.args.get("joins")
    if simple and limit.expression.name == "1" and len(order.expressions) == 1:
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


def _with(node: "exp.Expression", **changed: object) -> "exp.Expression":
    copy = node.copy()
    for name, value in changed.items():
        copy.set(name, value)
    return copy

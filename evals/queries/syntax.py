"""Parse a query once, within bounds, for every measure that looks at its tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

LONGEST = 10_000  # characters; the longest gold of Spider has 577
DEEPEST = 40  # nested brackets; Spider's golds have 3
QUERY = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with)\b", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=64)
def syntax(sql: str, dialect: str = "sqlite") -> "exp.Query | None":
    """Return the tree of one query; None for what cannot be parsed, is no query, or is too long or too deep to look at.

    Trees are shared: whoever changes one copies it first.

    >>> type(syntax("select 1 ;")).__name__, syntax("select from where"), syntax("DROP TABLE t")
    ('Select', None, None)
    """
    import sqlglot
    from sqlglot import exp

    text = sql.strip().rstrip("; \n\t")
    if len(text) > LONGEST or not QUERY.match(text) or _depth(text) > DEEPEST:
        return None
    try:
        tree = sqlglot.parse_one(text, read=dialect)
    except Exception:  # a model writes anything, and the parser was not made for it
        return None
    return tree if isinstance(tree, exp.Query) else None


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in re.findall(r"[()]", re.sub(r"'[^']*'|\"[^\"]*\"", "", text)):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    return deepest


@dataclass(frozen=True)
class Block:
    """One SELECT of a query. `joined`: what joins it to the one before, "" for the first, else union, except ...

    An ORDER BY and LIMIT after the last SELECT of several are its own, as Spider has it, a WITH before them is the
    first one's.
    """

    joined: str
    select: "exp.Select"
    order: "exp.Order | None"
    limited: bool
    named: "exp.With | None"


def blocks(tree: "exp.Expr") -> tuple[Block, ...]:
    """Return the SELECTs of a query from left to right, without those nested in them; none when it holds VALUES.

    >>> [block.joined for block in blocks(syntax("select a from t union select b from u except select c from v"))]
    ['', 'union', 'except']
    """
    from sqlglot import exp

    collected: list[Block] = []
    # what joins a part, the part, the order and limit that stand after it, and the WITH before it
    waiting: list[tuple[str, exp.Expr, exp.Order | None, bool, exp.With | None]] = [("", tree, None, False, None)]
    while waiting:
        joined, node, order, limited, named = waiting.pop()
        named = node.args.get("with_") or node.args.get("with") or named
        order = node.args.get("order") or order
        limited = node.args.get("limit") is not None or limited
        if isinstance(node, exp.SetOperation):
            name = type(node).__name__.lower() + ("" if node.args.get("distinct", True) else " all")
            waiting.append((name, node.expression, order, limited, None))
            waiting.append((joined, node.this, None, False, named))
        elif isinstance(node, exp.Subquery):
            waiting.append((joined, node.this, order, limited, named))
        elif isinstance(node, exp.Select):
            collected.append(Block(joined, node, order, limited, named))
        else:
            return ()
    return tuple(collected)


def sources(select: "exp.Select") -> "Iterator[tuple[exp.Expr, exp.Join | None]]":
    """Yield tables and sub-queries of a FROM in the order written, each with the JOIN that brings it in."""
    from sqlglot import exp

    first = select.args.get("from_") or select.args.get("from")
    waiting: list[tuple[exp.Expr, exp.Join | None]] = [(join.this, join) for join in select.args.get("joins") or ()]
    waiting.reverse()
    if first is not None:
        waiting.append((first.this, None))
    while waiting:
        node, join = waiting.pop()
        inner = [(nested.this, nested) for nested in node.args.get("joins") or ()]
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            waiting += [*reversed(inner), (node.this, join)]  # FROM (t JOIN u)
            continue
        waiting += reversed(inner)
        yield node, join


def conditions(node: "exp.Expr | None") -> "tuple[list[exp.Expr], list[str]]":
    """Return the single conditions under AND and OR, left to right, and the words between them, without brackets."""
    from sqlglot import exp

    collected: list[exp.Expr] = []
    words: list[str] = []
    waiting: list[exp.Expr | str] = [] if node is None else [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            words.append(item)
        elif isinstance(item, exp.Paren):
            waiting.append(item.this)
        elif isinstance(item, exp.And | exp.Or):
            waiting += [item.expression, "or" if isinstance(item, exp.Or) else "and", item.this]
        elif not (isinstance(item, exp.Boolean) and isinstance(item.parent, exp.Join)):
            collected.append(item)  # but for the ON TRUE that sqlglot gives a JOIN without a condition
    return collected, words


def stripped(node: "exp.Expr") -> "tuple[exp.Expr, bool]":
    """Return a condition without NOT and brackets, and whether it is negated."""
    from sqlglot import exp

    negated = False
    while isinstance(node, exp.Not | exp.Paren):
        negated ^= isinstance(node, exp.Not)
        node = node.this
    return node, negated ^ bool(node.args.get("negate"))

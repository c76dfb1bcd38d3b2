"""How hard is a question, by Spider's published rules, and which features does its gold query have?"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .syntax import blocks, conditions, sources, stripped, syntax

if TYPE_CHECKING:
    from sqlglot import exp

HARDNESS = ("easy", "medium", "hard", "extra", "unknown")


@lru_cache(maxsize=4096)
def hardness(gold: str) -> str:
    """Return one of HARDNESS; "unknown" for a query that cannot be parsed.

    The rules are those of Spider's evaluator (Yu et al. 2018): counts of clauses, of nested queries and of the rest.
    As there, only the first SELECT of several counts, and a condition with NOT and a word that joins two conditions of
    HAVING count as aggregates.

    >>> hardness("SELECT count(*) FROM t"), hardness("SELECT a FROM t WHERE b IN (SELECT b FROM u)")
    ('easy', 'hard')
    """
    tree = syntax(gold)
    parts = blocks(tree) if tree is not None else ()
    if not parts:
        return "unknown"
    try:
        clauses, nested, others = _counts(parts[0].select, parts[0].order is not None, parts[0].limited)
    except RecursionError:
        return "unknown"
    nested += len(parts) > 1
    if nested == 0 and clauses <= 1 and others == 0:
        return "easy"
    if nested == 0 and ((clauses <= 1 and others <= 2) or (clauses <= 2 and others < 2)):
        return "medium"
    if nested == 0 and ((clauses <= 2 and others > 2) or (clauses == 3 and others <= 2)):
        return "hard"
    return "hard" if nested <= 1 and clauses <= 1 and others == 0 else "extra"


def _counts(select: "exp.Select", ordered: bool, limited: bool) -> tuple[int, int, int]:
    """Clauses, nested queries in conditions, and the rest: several aggregates, columns, conditions, group columns."""
    from sqlglot import exp

    joined = list(sources(select))
    on = [conditions(join.args.get("on")) for _, join in joined if join is not None]
    where = conditions(_inside(select, "where"))
    having = conditions(_inside(select, "having"))
    all_conditions = [stripped(leaf) for part in (*on, where, having) for leaf in part[0]]
    group = select.args.get("group")
    order = select.args.get("order")
    grouped = group.expressions if group else []
    clauses = bool(where[0]) + bool(grouped) + ordered + limited + max(0, len(joined) - 1)
    clauses += sum(word == "or" for part in (*on, where, having) for word in part[1])
    clauses += sum(isinstance(leaf, exp.Like) for leaf, _ in all_conditions)
    nested = sum(_queries(leaf) for leaf, _ in all_conditions)
    aggregates = sum(map(_aggregates, (*select.expressions, *grouped, *(order.expressions if order else ()))))
    aggregates += sum(stripped(leaf)[1] for leaf in (*where[0], *having[0])) + len(having[1])
    others = (aggregates > 1) + (len(select.expressions) > 1) + (len(where[0]) > 1) + (len(grouped) > 1)
    return clauses, nested, others


def _inside(select: "exp.Select", name: str) -> "exp.Expr | None":
    clause = select.args.get(name)
    return clause.this if clause is not None else None


def _outer(node: "exp.Expr", wanted: "type[exp.Expr]") -> int:
    """How many nodes of a kind stand in an expression, without looking into sub-queries or into what is found."""
    from sqlglot import exp

    count, waiting = 0, [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, wanted):
            count += 1
        elif not isinstance(item, exp.Query):
            waiting += item.iter_expressions()
    return count


def _queries(node: "exp.Expr") -> int:
    from sqlglot import exp

    return _outer(node, exp.Query)


def _aggregates(node: "exp.Expr") -> int:
    from sqlglot import exp

    return _outer(node, exp.AggFunc)


FEATURES = {
    "join": "two tables or more in one FROM",
    "self-join": "a table stands twice in one FROM",
    "outer join": "LEFT, RIGHT or FULL JOIN",
    "filter": "WHERE",
    "group": "GROUP BY",
    "having": "HAVING",
    "order": "ORDER BY",
    "limit": "LIMIT",
    "union": "UNION",
    "intersect": "INTERSECT",
    "except": "EXCEPT",
    "subquery": "a SELECT inside another, anywhere",
    "nested from": "a SELECT inside FROM",
    "with": "WITH",
    "distinct": "DISTINCT, also in an aggregate",
    "aggregate": "COUNT, SUM, AVG, MIN, MAX, ...",
    "window": "OVER",
    "date": "a date function, or a text like 2014-01-31",
    "like": "LIKE or GLOB",
    "between": "BETWEEN",
    "in": "IN",
    "exists": "EXISTS",
    "not": "NOT (also in NOT IN, IS NOT NULL), but not <>",
    "null": "IS NULL or IS NOT NULL",
    "or": "OR",
    "case": "CASE or IIF",
    "arithmetic": "+, -, *, / or %",
}
"""Every feature and what gives it, in the order in which `features` lists them."""


@lru_cache(maxsize=4096)
def features(gold: str) -> tuple[str, ...]:
    """Return the FEATURES of a query, in their order; () when it cannot be parsed.

    >>> features("SELECT count(*) FROM t JOIN u ON t.a = u.a WHERE t.b NOT LIKE 'x%'")
    ('join', 'filter', 'aggregate', 'like', 'not')
    """
    tree = syntax(gold)
    if tree is None:
        return ()
    present: set[str] = set()
    names = _by_node()
    for node in tree.walk():
        present.update(names.get(type(node), ()))
        if node.args.get("negate"):
            present.add("not")
        _more(node, node is tree, present)
    return tuple(name for name in FEATURES if name in present)


@lru_cache(maxsize=1)
def _by_node() -> "dict[type[exp.Expr], tuple[str, ...]]":
    from sqlglot import exp

    names: dict[str, tuple[type[exp.Expr], ...]] = {
        "filter": (exp.Where,),
        "group": (exp.Group,),
        "having": (exp.Having,),
        "limit": (exp.Limit,),
        "union": (exp.Union,),
        "intersect": (exp.Intersect,),
        "except": (exp.Except,),
        "with": (exp.With,),
        "distinct": (exp.Distinct,),
        "window": (exp.Window,),
        "like": (exp.Like, exp.Glob),
        "between": (exp.Between,),
        "in": (exp.In,),
        "exists": (exp.Exists,),
        "not": (exp.Not,),
        "or": (exp.Or,),
        "case": (exp.Case, exp.If),
        "arithmetic": (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod),
    }
    out: dict[type[exp.Expr], tuple[str, ...]] = {}
    for name, kinds in names.items():
        for kind in kinds:
            out[kind] = (*out.get(kind, ()), name)
    return out


DATES = frozenset("date time datetime julianday strftime unixepoch timediff".split())


def _more(node: "exp.Expr", root: bool, present: set[str]) -> None:
    """The features that need a look around the node."""
    from sqlglot import exp

    if isinstance(node, exp.Select):
        joined = list(sources(node))
        if len(joined) > 1:
            present.add("join")
            tables = [item.name.lower() for item, _ in joined if isinstance(item, exp.Table)]
            if len(set(tables)) < len(tables):
                present.add("self-join")
            if any(join.side for _, join in joined if join is not None):
                present.add("outer join")
        if any(isinstance(item, exp.Subquery) for item, _ in joined):
            present.add("nested from")
        if not root and not isinstance(node.parent, exp.SetOperation | exp.CTE):
            present.add("subquery")
    elif isinstance(node, exp.Order):
        if not isinstance(node.parent, exp.Window):
            present.add("order")
    elif isinstance(node, exp.Literal):
        if node.is_string and re.match(r"\d{4}-\d\d(-\d\d)?\b", node.this):
            present.add("date")
    elif isinstance(node, exp.Is):
        if isinstance(node.expression, exp.Null):
            present.add("null")
    elif isinstance(node, exp.Func):
        if isinstance(node, exp.AggFunc):
            present.add("aggregate")
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        if name.lower() in DATES or isinstance(node, exp.TimeToStr | exp.CurrentDate | exp.CurrentTimestamp):
            present.add("date")

"""A query in plain words, from its syntax tree: a sentence that a person could have asked it with.

Names are spelled as words; tables are spoken of in the plural, as they are called. Not covered: window functions and
recursion, which are described by their SQL.
"""

from typing import TYPE_CHECKING

from .name_words import singular, words

if TYPE_CHECKING:
    from sqlglot import exp

DIALECTS = ("sqlite", "postgres", "mysql", "tsql", "bigquery", "snowflake")
AGGREGATES = {"Avg": "average", "Sum": "total", "Min": "lowest", "Max": "highest"}
COMPARED = {
    "EQ": "is", "NEQ": "is not", "GT": "is over", "GTE": "is at least", "LT": "is under", "LTE": "is at most",
    "Like": "is like", "ILike": "is like", "Glob": "is like",
}  # fmt: skip
SETS = {"Union": "and also", "Intersect": "that are also among:", "Except": "that are not among:"}


def explain(sql: str) -> str:
    """Return a query as a question or a request; empty for what is no query or cannot be parsed.

    >>> explain("SELECT COUNT(*) FROM customers WHERE country = 'Brazil'")
    "How many customers are there whose country is 'Brazil'?"
    >>> explain("SELECT name, price FROM products ORDER BY price DESC LIMIT 3")
    'Show the name and price of the 3 products with the highest price.'
    >>> explain("SELECT city, AVG(age) FROM pets GROUP BY city HAVING COUNT(*) > 2")
    'For each city, show the average age of the pets where the number of rows is over 2.'
    """
    import logging

    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    for dialect in DIALECTS:
        try:
            tree = sqlglot.parse_one(sql, read=dialect)
        except (SqlglotError, RecursionError):
            continue
        if isinstance(tree, exp.Query):
            return " ".join(_query(tree).split())
    return ""


def _query(tree: "exp.Expr") -> str:
    from sqlglot import exp

    if isinstance(tree, exp.SetOperation):
        first, second = _query(tree.this).rstrip(".?"), _query(tree.expression).rstrip(".?")
        return f"{first}, {SETS[type(tree).__name__]} {second[:1].lower()}{second[1:]}."
    if isinstance(tree, exp.Subquery):
        return _query(tree.this)
    assert isinstance(tree, exp.Select)
    group = tree.args.get("group")
    keys = [_value(item) for item in group.expressions] if group else []
    shown = [item for item in tree.expressions if _value(item) not in keys]
    tables, conditions = _tables(tree), _conditions(tree)
    only = shown[0].unalias() if len(shown) == 1 else None
    if isinstance(only, exp.Count) and isinstance(only.this, exp.Star):
        if not keys:
            return f"How many {tables} are there{conditions}?"
        return f"How many {tables} are there for each {_listed(keys)}{conditions}{_order(tree)}?"
    what = _listed([_value(item) for item in shown]) or _listed(keys)
    distinct = "different " if tree.args.get("distinct") else ""
    limit, order = tree.args.get("limit"), tree.args.get("order")
    top = _top(tree, tables) if limit is not None and order is not None and not keys else ""
    of_what = top or f"the {tables}"
    article = "" if what.startswith(("every", "all ", "the ")) else "the "
    request = f"show {article}{distinct}{what} of {of_what}{conditions}{'' if top else _order(tree)}"
    return f"For each {_listed(keys)}, {request}." if keys and shown else f"{request[:1].upper()}{request[1:]}."


def _top(tree: "exp.Select", tables: str) -> str:
    """The 3 products with the highest price."""
    limit, (first, *_) = tree.args["limit"].expression, tree.args["order"].expressions
    many = "" if limit.name == "1" else f"{limit.name} "
    noun = " ".join([*tables.split()[:-1], singular(tables.split()[-1])]) if not many else tables
    return f"the {many}{noun} with the {'highest' if first.args.get('desc') else 'lowest'} {_value(first.this)}"


def _order(tree: "exp.Select") -> str:
    order, limit = tree.args.get("order"), tree.args.get("limit")
    said = ""
    if order is not None:
        keys = [
            f"{_value(item.this)}{', largest first' if item.args.get('desc') else ''}" for item in order.expressions
        ]
        said = f", sorted by {_listed(keys)}"
    return f"{said}, only the first {limit.expression.name}" if limit is not None else said


def _tables(tree: "exp.Select") -> str:
    from sqlglot import exp

    source = tree.args.get("from_") or tree.args.get("from")
    places = [source.this] if source is not None else []
    places += [join.this for join in tree.args.get("joins") or []]
    names = [_name(place.name) if isinstance(place, exp.Table) else "rows of another query" for place in places]
    return _listed(list(dict.fromkeys(names)), "and their") or "rows"


def _conditions(tree: "exp.Select") -> str:
    from sqlglot import exp

    where, having = tree.args.get("where"), tree.args.get("having")
    said = f" whose {_condition(where.this)}" if where is not None else ""
    if where is not None and isinstance(where.this, exp.Exists | exp.Not) and where.this.find(exp.Exists):
        said = f" where {_condition(where.this)}"
    return said + (f" where the {_condition(having.this)}" if having is not None else "")


def _condition(node: "exp.Expr") -> str:
    from sqlglot import exp

    kind = type(node).__name__
    if isinstance(node, exp.And | exp.Or):
        return f"{_condition(node.this)} {kind.lower()} {_condition(node.expression)}"
    if isinstance(node, exp.Paren):
        return _condition(node.this)
    if kind in COMPARED:
        return f"{_value(node.this)} {COMPARED[kind]} {_value(node.expression)}"
    if isinstance(node, exp.Between):
        return f"{_value(node.this)} is between {_value(node.args['low'])} and {_value(node.args['high'])}"
    if isinstance(node, exp.Is):
        return f"{_value(node.this)} is missing"
    if isinstance(node, exp.In):
        query = node.args.get("query")
        among = _inner(query) if query is not None else _listed([_value(item) for item in node.expressions], "or")
        return f"{_value(node.this)} is {'among ' if query is not None else ''}{among}"
    if isinstance(node, exp.Exists):
        return f"there is {_inner(node.this)}"
    if isinstance(node, exp.Not):
        inner = _condition(node.this)
        return inner.replace(" is ", " is not ", 1) if " is " in inner else f"not {inner}"
    return _value(node)


def _inner(node: "exp.Expr") -> str:
    said = _query(node.this if type(node).__name__ == "Subquery" else node).rstrip(".?")
    return said.removeprefix("Show ").replace("How many", "the number of", 1).replace(" are there", "", 1)


def _value(node: "exp.Expr") -> str:
    from sqlglot import exp

    node = node.unalias()
    kind = type(node).__name__
    if isinstance(node, exp.Star):
        return "all columns"
    if isinstance(node, exp.Column):
        return "all columns" if isinstance(node.this, exp.Star) else _name(node.name)
    if isinstance(node, exp.Count):
        counted = node.this
        if isinstance(counted, exp.Distinct):
            return f"number of different {_listed([_value(item) for item in counted.expressions])}"
        return "number of rows" if isinstance(counted, exp.Star) else f"number of {_value(counted)}"
    if kind in AGGREGATES:
        return f"{AGGREGATES[kind]} {_value(node.this)}"
    if isinstance(node, exp.Subquery | exp.Select):
        return _inner(node)
    if isinstance(node, exp.Literal):
        return f"'{node.name}'" if node.is_string else node.name
    return node.sql("sqlite")


def _name(name: str) -> str:
    return " ".join(words(name)) or name


def _listed(items: list[str], word: str = "and") -> str:
    return items[0] if len(items) == 1 else f" {word} ".join([", ".join(items[:-1]), items[-1]]) if items else ""

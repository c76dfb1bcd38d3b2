"""One text for all spellings of a query: names resolved, columns qualified, what may stand in any order sorted."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.records import Schema
from ...sql.names import columns_of
from .level import Level, level
from .reader import Reader
from .syntax import sources

if TYPE_CHECKING:
    from sqlglot import exp


def canonical(tree: "exp.Expr", schema: Schema) -> str:
    """Write a query in the one way that all its spellings share; may raise RecursionError for a hostile one.

    Alike are: aliases and names, upper and lower case, quotes, `<>` and `!=`, ASC and nothing, the order of AND, OR,
    +, *, inner joins, GROUP BY, IN (...), UNION and INTERSECT, the sides of a comparison, a condition in ON or in
    WHERE where all joins are inner, BETWEEN and two comparisons, COUNT(*) and COUNT(1), a result's place or alias in
    ORDER BY. Not alike: the roles of a table that stands twice, when they are swapped; a join and a sub-query.
    """
    return _query(Reader(_query), tree, Level(columns_of(schema), True))


def _query(reader: Reader, tree: "exp.Expr", outer: Level) -> str:
    from sqlglot import exp

    parts = []
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None:
        known, renamed = dict(outer.known), dict(outer.renamed)
        outer = replace(outer, known=known, renamed=renamed)
        for item in with_.expressions:
            name = f"with{len(renamed)}"
            named = item.args["alias"].columns or item.this.named_selects
            known[name] = [str(column.name if isinstance(column, exp.Expr) else column).lower() for column in named]
            renamed[item.alias.lower()] = name
            parts.append(f"{name}={_query(reader, item.this, outer)} ")
    if isinstance(tree, exp.Select):
        return "".join([*parts, _select(reader, tree, outer)])
    if isinstance(tree, exp.SetOperation):
        parts.append(_set_operation(reader, tree, outer))
    elif isinstance(tree, exp.Subquery):
        parts.append(_query(reader, tree.this, outer))
    else:
        parts.append(reader.other(tree, outer))
    order = [f"{text} {way}" if way == "desc" else text for text, way in _order(reader, tree, outer)]
    parts += [f" order {','.join(order)}"] if order else []
    parts += [f" {name} {reader.text(tree.args[name], outer)}" for name in ("limit", "offset") if tree.args.get(name)]
    return f"({''.join(parts)})" if len(parts) > 1 else parts[0]


def _order(reader: Reader, tree: "exp.Expr", outer: Level) -> list[tuple[str, str]]:
    """The ORDER BY after several SELECTs speaks of the first one's columns."""
    from sqlglot import exp

    if tree.args.get("order") is None:
        return []
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    if not isinstance(first, exp.Select):
        return reader.ordered(tree.args["order"], None, outer)
    return reader.ordered(tree.args["order"], first, level(first, outer.known, outer, True))


def _set_operation(reader: Reader, tree: "exp.SetOperation", outer: Level) -> str:
    from sqlglot import exp

    def same(node: exp.Expr) -> bool:
        plain = not any(node.args.get(name) for name in ("order", "limit", "offset", "with_", "with"))
        return plain and type(node) is type(tree) and node.args.get("distinct") == tree.args.get("distinct")

    name = tree.key + ("" if tree.args.get("distinct", True) else " all")
    if isinstance(tree, exp.Except):
        return f"{name}({_query(reader, tree.this, outer)};{_query(reader, tree.expression, outer)})"
    parts, waiting = [], [tree.this, tree.expression]
    while waiting:
        item = waiting.pop()
        if isinstance(item, exp.SetOperation) and same(item):
            waiting += [item.this, item.expression]
        else:
            parts.append(_query(reader, item, outer))
    return f"{name}({';'.join(sorted(parts))})"


TAKEN_APART = frozenset(
    "expressions distinct from_ from joins where group having order limit offset with_ with".split()
)


def _select(reader: Reader, select: "exp.Select", outer: Level) -> str:
    from sqlglot import exp

    at = level(select, outer.known, outer, True)
    plain = replace(at, results={})
    items = ",".join(reader.text(item, plain) for item in select.expressions)
    joined = list(sources(select))
    inner = all(
        join is None or not (join.side or join.args.get("using") or join.args.get("method")) for _, join in joined
    )
    tables, conditions = [], []
    for (node, join), key in zip(joined, at.columns, strict=False):
        text = key if isinstance(node, exp.Table) else f"{key}={reader.text(node, outer)}"
        on = join.args.get("on") if join is not None else None
        if join is not None and not inner:
            using = ",".join(item.name.lower() for item in join.args.get("using") or ())
            text = f"{join.args.get('method') or ''} {join.side} join {text} using({using}) "
            text += reader.all_of([on], "and", at) if on is not None else ""
        elif on is not None and not isinstance(on, exp.Boolean):
            conditions.append(on)
        tables.append(text)
    where = select.args.get("where")
    conditions += [where.this] if where is not None else []
    group, having = select.args.get("group"), select.args.get("having")
    parts = ["select distinct " if select.args.get("distinct") else "select ", items]
    parts.append(f" from {','.join(sorted(tables) if inner else tables)}")
    parts += [f" where {reader.all_of(conditions, 'and', at)}"] if conditions else []
    if group is not None:
        parts.append(f" group {','.join(sorted({reader.result(item, select, at) for item in group.expressions}))}")
    parts += [f" having {reader.all_of([having.this], 'and', at)}"] if having is not None else []
    terms = reader.ordered(select.args.get("order"), select, at)
    order = [f"{text} {way}" if way == "desc" else text for text, way in terms]
    parts += [f" order {','.join(order)}"] if order else []
    for name in ("limit", "offset"):
        if select.args.get(name) is not None:
            parts.append(f" {name} {reader.text(select.args[name].expression, at)}")
    for name, value in select.args.items():
        if value and name not in TAKEN_APART:
            many = value if isinstance(value, list) else [value]
            parts += [f" {name} {reader.text(item, at) if isinstance(item, exp.Expr) else item}" for item in many]
    return f"({''.join(parts)})"

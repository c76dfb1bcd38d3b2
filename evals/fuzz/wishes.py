"""What the reference queries ask of a database's rows, read from their text."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...sql.names import fold
from ...sql.normalise import unknown_names_as_texts
from .original import Place

if TYPE_CHECKING:
    from sqlglot import exp

MOST_ROWS = 300  # of a table in a copy
Wish = dict[Place, list[Any]]


def wishes_of(
    golds: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> tuple[list[Wish], set[tuple[Place, Place]], dict[str, list[int]]]:
    """Read what reference queries ask for: literals, joins and sizes of groups.

    For each query the literals that its columns are compared with; the pairs of columns that any query joins; for each
    table the numbers that a HAVING compares a count with.
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
            tree = unknown_names_as_texts(sqlglot.parse_one(gold, read="sqlite"), columns)
        except (SqlglotError, RecursionError):
            continue
        called: dict[str, set[str]] = {}
        for table in tree.find_all(exp.Table):
            called.setdefault(fold(table.alias_or_name), set()).add(fold(table.name))

        def places(column: "exp.Expr", called: Mapping[str, set[str]] = called) -> list[Place]:
            named = called.get(fold(column.text("table"))) or {name for names in called.values() for name in names}
            return [(name, fold(column.name)) for name in sorted(named) if fold(column.name) in columns.get(name, ())]

        for having in tree.find_all(exp.Having):
            for literal in having.find_all(exp.Literal):
                if literal.is_int and 0 < int(literal.name) < MOST_ROWS // 6 and having.find(exp.Count):
                    for name in {name for names in called.values() for name in names}:
                        sizes.setdefault(name, []).append(int(literal.name))
        for node in tree.find_all(exp.EQ):
            if isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column):
                links |= {(a, b) for a in places(node.left) for b in places(node.right) if a != b}
        for column in tree.find_all(exp.Column):
            parent = column.parent
            if isinstance(parent, exp.In) and isinstance(parent.args.get("query"), exp.Subquery):
                inner = parent.args["query"].find(exp.Select)
                selected = inner.expressions[0] if inner is not None and inner.expressions else None
                if isinstance(selected, exp.Column):
                    links |= {(a, b) for a in places(column) for b in places(selected) if a != b}
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

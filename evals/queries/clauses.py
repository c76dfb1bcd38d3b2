"""A query as comparable clauses: what it reads, joins, selects, filters, groups, sorts and cuts, whatever its style.

Columns are told apart by evals/queries/columns.py. `BETWEEN` and lists of values are taken apart, `COUNT(x)` counts as
`COUNT(*)`, `GROUP BY` all that is selected counts as DISTINCT, IN as a join. So two ways to write one thing come out
alike, at the price of differences that NULLs and repeated rows make. Not read: what a window function is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...core.records import Schema
from ...sql.names import columns_of
from .columns import MOST_COLUMNS, Columns, Item, TooMuch, first_select
from .syntax import LONGEST, syntax

if TYPE_CHECKING:
    from sqlglot import exp

FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
NEGATED = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Filter:
    """One condition: `item` `op` `value`."""

    item: Item
    op: str
    value: str


@dataclass(frozen=True)
class Clauses:
    """All SELECTs of one query together. `items` are the first SELECT's, `inner` those of others that matter."""

    tables: tuple[str, ...]
    joins: tuple[tuple[str, ...], ...]
    """Columns that are made equal, each set of them as often as it stands there."""
    sides: tuple[str, ...]
    items: tuple[Item, ...]
    inner: tuple[Item, ...]
    filters: tuple[Filter, ...]
    ors: int
    groups: tuple[tuple[str, ...], ...]
    distinct: int
    orders: tuple[tuple[tuple[str, bool], ...], ...]
    limits: tuple[str, ...]
    sets: tuple[str, ...]
    nested: int
    """Sub-queries that give a value or a table; those that only pick or drop rows are counted by the next two."""
    within: int
    """IN, EXISTS and INTERSECT."""
    without: int
    """NOT IN, NOT EXISTS and EXCEPT."""


def clauses(sql: str, schema: Schema, dialect: str = "sqlite") -> Clauses | None:
    """Return the clauses of a query, None when it cannot be read. Never raises; the last 4,096 are remembered.

    >>> from ...core.records import Column, Table
    >>> pets = Schema((Table("Pets", (Column("Name", "text"), Column("Age", "int"))),))
    >>> clauses("select P.name from pets P where 3 < age", pets) == clauses("SELECT NAME FROM Pets WHERE Age>3", pets)
    True
    """
    return None if len(sql) > LONGEST else _clauses(sql, schema, dialect)


@lru_cache(maxsize=4096)
def _clauses(sql: str, schema: Schema, dialect: str) -> Clauses | None:
    tree = syntax(sql, dialect)
    try:
        return _Reader(tree, _tables(schema)).clauses() if tree is not None else None
    except Exception:  # hostile text finds every weak place of a reader, and no answer is worth a lost evaluation
        return None


@lru_cache(maxsize=64)
def _tables(schema: Schema) -> dict[str, list[str]]:
    return columns_of(schema)


class _Reader:
    """One tree while it is read: its conditions first, since they say which columns are the same."""

    def __init__(self, tree: "exp.Query", tables: dict[str, list[str]]) -> None:
        self.tree = tree
        self.columns = Columns(tree, tables)
        self.conditions: list[tuple[exp.Select, exp.Expr, bool]] = []
        self.ors = 0
        for select in self.columns.selects:
            self._read_using(select)
            self._read_conditions(select)
        self._read_sets()
        self.columns.settle()

    def _read_using(self, select: "exp.Select") -> None:
        """Equal names of USING and NATURAL joins."""
        sources = self.columns.sources[id(select)]
        for join in self.columns.joins[id(select)]:
            joined = sources.get(join.this.alias_or_name.lower())
            if joined is None:
                continue
            names = [name.name.lower() for name in join.args.get("using") or []]
            if join.args.get("method") == "NATURAL":
                names = list(joined.columns)
            for name in names:
                owner = next(
                    (source for source in sources.values() if source is not joined and name in source.columns), None
                )
                if owner is not None:
                    self.columns.equate(self.columns.base(owner, name), self.columns.base(joined, name))

    def _read_conditions(self, select: "exp.Select") -> None:
        from sqlglot import exp

        places = [join.args.get("on") for join in self.columns.joins[id(select)]]
        places += [select.args[part].this for part in ("where", "having") if select.args.get(part)]
        waiting: list[tuple[Any, bool]] = [(place, False) for place in reversed(places) if place is not None]
        while waiting:
            node, negated = waiting.pop()
            if isinstance(node, exp.And | exp.Or):
                self.ors += isinstance(node, exp.And if negated else exp.Or)
                waiting += [(node.expression, negated), (node.this, negated)]
            elif isinstance(node, exp.Paren):
                waiting.append((node.this, negated))
            elif isinstance(node, exp.Not):
                waiting.append((node.this, not negated))
            elif not isinstance(node, exp.Boolean | exp.Exists):  # ON TRUE; what EXISTS holds is read by itself
                negated ^= bool(node.args.get("negate"))
                if not self._is_join(select, node, negated):
                    self.conditions.append((select, node, negated))

    def _is_join(self, select: "exp.Select", node: "exp.Expr", negated: bool) -> bool:
        """Whether a condition says that two columns are the same, which is then noted."""
        from sqlglot import exp

        if isinstance(node, exp.EQ) and not negated:
            left, right = self.columns.place(node.this, select), self.columns.place(node.expression, select)
        elif isinstance(node, exp.In) and node.args.get("query") is not None:
            inner = first_select(node.args["query"])
            left = self.columns.place(node.this, select)
            right = self.columns.place(inner.selects[0], inner) if inner is not None and inner.selects else None
        else:
            return False
        if left is None or right is None or left[0] is right[0]:
            return False
        self.columns.equate(left, right)
        return True

    def _read_sets(self) -> None:
        """`SELECT a ... EXCEPT SELECT b ...` says of a and b what NOT IN says."""
        from sqlglot import exp

        for node in self.tree.find_all(exp.Except, exp.Intersect):
            left, right = first_select(node.left), first_select(node.right)
            if left is None or right is None:
                continue
            for left_item, right_item in zip(left.selects, right.selects, strict=False):
                first, second = self.columns.place(left_item, left), self.columns.place(right_item, right)
                # two columns of one table are no keys of each other: one of them is the wrong one
                if first is not None and second is not None and first[0].table != second[0].table:
                    self.columns.equate(first, second)

    def clauses(self) -> Clauses:
        from sqlglot import exp

        items: list[Item] = []
        inner: list[Item] = []
        groups: list[tuple[str, ...]] = []
        distinct = 0
        roles = []
        for select in self.columns.selects:
            role = _role(select)
            roles.append(role)
            here = list(islice(self._items(select), MOST_COLUMNS + 1))
            if len(here) > MOST_COLUMNS:
                raise TooMuch
            if select is first_select(self.tree):
                items = here
            elif role in ("value", "table", "arm") or (role in ("in", "not in") and not self._handed_on(select)):
                inner += here
            group = select.args.get("group")
            keys = {self._sorted_by(node, select) for node in group.expressions} if group else set()
            every = bool(keys) and not select.args.get("having") and keys == {str(item) for item in here}
            if keys and not every:
                groups.append(tuple(sorted(keys)))
            if role in ("top", "value", "table", "plain"):
                distinct += every or bool(select.args.get("distinct"))
        sets = [self._set_name(node) for node in self.tree.find_all(exp.SetOperation)]
        orders, limits = self._orders()
        return Clauses(
            tables=tuple(
                source.table
                for by_alias in self.columns.sources.values()
                for source in by_alias.values()
                if source.table
            ),
            joins=tuple(sorted(self.columns.joined())),
            sides=tuple(sorted(join.side for joins in self.columns.joins.values() for join in joins if join.side)),
            items=tuple(items),
            inner=tuple(inner),
            filters=tuple(item for condition in self.conditions for item in self._filters(*condition)),
            ors=self.ors,
            groups=tuple(sorted(groups)),
            distinct=distinct,
            orders=tuple(orders),
            limits=tuple(limits),
            sets=tuple(sets),
            nested=roles.count("value") + roles.count("table"),
            within=roles.count("in") + roles.count("exists") + sets.count("intersect"),
            without=roles.count("not in") + roles.count("not exists") + sets.count("except"),
        )

    def _items(self, select: "exp.Select") -> Iterator[Item]:
        for node in select.selects:
            if node.is_star:
                yield from (Item("", name) for name in self.columns.all_of(node, select))
            else:
                yield self.columns.item(node, select)

    def _handed_on(self, select: "exp.Select") -> bool:
        """Whether what an IN looks through is noted as equal to what it looks for."""
        return bool(select.selects) and self.columns.is_joined(self.columns.place(select.selects[0], select))

    def _orders(self) -> tuple[list[tuple[tuple[str, bool], ...]], list[str]]:
        """Sort keys with their direction, where they matter: at the top, or where rows are cut; and the cuts."""
        from sqlglot import exp

        orders, limits = [], []
        for query in self.tree.find_all(exp.Query, bfs=False):
            select = first_select(query)
            if select is None:
                continue
            cuts = [query.args[part].expression for part in ("limit", "offset") if query.args.get(part)]
            limits += [self.columns.key(node, select) for node in cuts]
            order = query.args.get("order")
            if order and (cuts or query is self.tree):
                by = ((self._sorted_by(node.this, select), bool(node.args.get("desc"))) for node in order.expressions)
                orders.append(tuple(by))
        return orders, limits

    def _sorted_by(self, node: Any, select: "exp.Select") -> str:
        """What is grouped or sorted by: an expression, a name given in SELECT, or its number there."""
        from sqlglot import exp

        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
            place = int(node.name)
            if 1 <= place <= len(select.selects):
                return self.columns.key(select.selects[place - 1].unalias(), select)
        return self.columns.key(node, select, aliases=True)

    @staticmethod
    def _set_name(node: "exp.SetOperation") -> str:
        return "union all" if node.key == "union" and node.args.get("distinct") is False else node.key

    def _filters(self, select: "exp.Select", node: "exp.Expr", negated: bool) -> Iterator[Filter]:
        from sqlglot import exp

        def text(value: Any) -> str:
            return self.columns.key(value, select, True)

        signs: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<"}
        signs |= {exp.LTE: "<=", exp.Is: "is", exp.Like: "like", exp.Glob: "glob"}
        values = exp.Literal | exp.Subquery | exp.Neg
        left, right = node.this, node.args.get("expression")
        if isinstance(node, exp.Between):
            self.ors += negated
            item = self.columns.item(left, select, True)
            yield Filter(item, "<" if negated else ">=", text(node.args["low"]))
            yield Filter(item, ">" if negated else "<=", text(node.args["high"]))
        elif isinstance(node, exp.In):
            item = self.columns.item(left, select, True)
            if node.args.get("query") is not None:
                yield Filter(item, "not in" if negated else "in", "(query)")
            self.ors += 0 if negated else max(0, len(node.expressions) - 1)
            yield from (Filter(item, "!=" if negated else "=", text(value)) for value in node.expressions)
        elif type(node) in signs:
            op = signs[type(node)]
            if op in FLIPPED and isinstance(left, values) and not isinstance(right, values):
                left, right, op = right, left, FLIPPED[op]
            op = NEGATED.get(op, f"not {op}") if negated else op
            yield Filter(self.columns.item(left, select, True), op, text(right))
        else:
            yield Filter(Item("", text(node)), "false" if negated else "true", "")


def _role(select: "exp.Select") -> str:
    """What a SELECT is there for: top, arm (of a UNION), in, not in, exists, not exists, value, table, plain.

    `table` is a sub-query in FROM that groups, counts or cuts; `plain` one that could as well be left away.
    """
    from sqlglot import exp

    node: exp.Expr = select
    parent = node.parent
    united = False
    while isinstance(parent, exp.SetOperation | exp.Subquery):
        if isinstance(parent, exp.SetOperation):
            if parent.expression is node:
                return "arm"
            united = True
        node, parent = parent, parent.parent
    if parent is None:
        return "top"
    if isinstance(parent, exp.In | exp.Exists):
        outside = parent.parent
        while isinstance(outside, exp.Paren):
            outside = outside.parent
        negative = isinstance(outside, exp.Not) ^ bool(parent.args.get("negate"))
        return ("not " if negative else "") + ("in" if isinstance(parent, exp.In) else "exists")
    if not isinstance(parent, exp.From | exp.Join | exp.CTE):
        return "value"
    changes = united or any(select.args.get(part) for part in ("group", "distinct", "limit"))
    return "table" if changes or any(item.find(exp.AggFunc) for item in select.selects) else "plain"

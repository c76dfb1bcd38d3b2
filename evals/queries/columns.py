"""What each column of a query is, whatever it is called there: aliases, sub-queries and joins seen through.

A column is written `table.column` in lower case. Columns that the query itself makes equal (`ON a.id = b.a_id`) are
one, under the first of their names; so are x and y in `x IN (SELECT y ...)` and in `SELECT x ... EXCEPT SELECT y ...`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

MOST_SOURCES = 40  # tables in one query
MOST_COLUMNS = 2_000  # of one SELECT, as in SQLite: `*, *` in each other double at each step
LONGEST_KEY = 400  # characters of one expression: a chain of sub-queries can double it at each step


class TooMuch(Exception):
    """More tables or columns than are worth reading."""


@dataclass(frozen=True)
class Item:
    """One thing selected or compared: an aggregate `function` or '', its `column` as `table.column` or an expression.

    `exact` is what COUNT was really given; it takes no part in comparing.
    """

    function: str
    column: str
    distinct: bool = False
    exact: str = field(default="", compare=False)

    def __str__(self) -> str:
        inner = f"{'distinct ' * self.distinct}{self.column}"
        return f"{self.function}({inner})" if self.function else inner


@dataclass(frozen=True, eq=False)
class Source:
    """One place in a FROM: a `table`, or the `query` of a sub-query or CTE with what it selects for each column."""

    table: str
    columns: tuple[str, ...]
    query: "exp.Select | None" = None
    selected: "tuple[exp.Expr | Place, ...]" = ()


Place = tuple[Source, str]
"""One column of one source; a table that stands twice is two sources."""


class Columns:
    """The columns of one tree: first its sources; then what is made equal is noted; then everything has one name."""

    def __init__(self, tree: "exp.Query", tables: Mapping[str, list[str]]) -> None:
        from sqlglot import exp

        self.tables = tables
        self.selects = list(tree.find_all(exp.Select, bfs=False))
        self.ctes = {cte.alias.lower(): cte for cte in tree.find_all(exp.CTE)}
        self.sources: dict[int, dict[str, Source]] = {}
        self.joins: dict[int, list[exp.Join]] = {}
        self._equal: dict[Place, Place] = {}
        self._classes: dict[Place, list[Place]] = {}
        self._tags: dict[Source, str] = {}
        self._handed: dict[Place, str] = {}
        for select in reversed(self.selects):  # inner ones first: what they select are the outer one's columns
            self._read_from(select)
        if sum(map(len, self.sources.values())) > MOST_SOURCES:
            raise TooMuch

    def _read_from(self, select: "exp.Select") -> None:
        from sqlglot import exp

        sources: dict[str, Source] = {}
        joins: list[exp.Join] = []
        waiting: list[Any] = [*reversed(select.args.get("joins") or []), select.args.get("from_")]
        while waiting:
            node = waiting.pop()
            if node is None:
                continue
            waiting.extend(reversed(node.args.get("joins") or []))
            source = None
            if isinstance(node, exp.Table):
                low = node.name.lower()
                cte = self.ctes.get(low)
                source = self._derived(cte) if cte else Source(low, tuple(self.tables.get(low, ())))
            elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
                source = self._derived(node)
            elif isinstance(node, exp.From | exp.Join | exp.Subquery | exp.Paren):
                waiting.append(node.this)
            if isinstance(node, exp.Join):
                joins.append(node)
            if source is not None:
                sources[node.alias_or_name.lower() or str(len(sources))] = source
        self.sources[id(select)] = sources
        self.joins[id(select)] = joins

    def _derived(self, node: "exp.Subquery | exp.CTE") -> Source:
        query = first_select(node.this)
        alias = node.args.get("alias")
        if query is None:
            return Source("", ())
        names: list[str] = []
        selected: list[exp.Expr | Place] = []
        for item in query.selects:
            if item.is_star:
                inner = [(source, name) for source in self.sources[id(query)].values() for name in source.columns]
                names += [name for _, name in inner]
                selected += inner
                if len(names) > MOST_COLUMNS:
                    raise TooMuch
            else:
                names.append(item.alias_or_name.lower())
                selected.append(item.unalias())
        given = [column.name.lower() for column in alias.columns] if alias else []
        return Source("", tuple(given + names[len(given) :]), query, tuple(selected))

    def place(self, node: "exp.Expr", select: "exp.Select") -> Place | None:
        """Return the column that an expression is, None when it is anything else or not known."""
        from sqlglot import exp

        node = node.unalias().unnest()
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return None
        source = self._owner(node, select)
        return self.base(source, node.name.lower()) if source else None

    def _owner(self, column: "exp.Column", select: "exp.Select") -> Source | None:
        """The source that a column belongs to, in this SELECT or in one around it."""
        from sqlglot import exp

        scope: exp.Select | None = select
        name, table = column.name.lower(), column.table.lower()
        while scope is not None:
            sources = self.sources[id(scope)]
            if table in sources:
                return sources[table]
            for source in () if table else sources.values():
                if name in source.columns:
                    return source
            scope = scope.find_ancestor(exp.Select)
        return None

    def base(self, source: Source, name: str) -> Place:
        """Return the column itself where a sub-query only hands it on."""
        from sqlglot import exp

        for _ in range(MOST_SOURCES):
            item = _selected(source, name)
            if isinstance(item, exp.Column) and source.query is not None:
                owner = self._owner(item, source.query)
                item = (owner, item.name.lower()) if owner else None
            if not isinstance(item, tuple):
                break
            source, name = item
        return source, name

    def equate(self, left: Place, right: Place) -> None:
        """Note that two columns are equal, by a join or a condition."""
        self._equal[self._root(left)] = self._root(right)

    def _root(self, place: Place) -> Place:
        while self._equal.get(place, place) != place:
            place = self._equal[place]
        return place

    def settle(self) -> None:
        """Give equal columns one name; to be called once all of them are noted."""
        classes: dict[Place, list[Place]] = {}
        for place in dict.fromkeys([*self._equal, *self._equal.values()]):
            classes.setdefault(self._root(place), []).append(place)
        self._classes = {place: members for members in classes.values() for place in members}
        for sources in self.sources.values():
            names = [source.table for source in sources.values()]
            for source in sources.values():
                if names.count(source.table) > 1:
                    # which of two airports is meant is told by what it is joined by
                    links = [_name(m) for p, ms in self._classes.items() if p[0] is source for m in ms]
                    others = [link for link in links if not link.startswith(f"{source.table}.")]
                    self._tags[source] = f"[{min(others)}]" if others else ""

    def joined(self) -> Iterator[tuple[str, ...]]:
        """Yield each set of columns that are made equal, but for a column and itself in another SELECT."""
        homes = {source: home for home, sources in self.sources.items() for source in sources.values()}
        for place, members in self._classes.items():
            names = {_name(member) for member in members}
            if place is members[0] and (len(names) > 1 or len({homes[source] for source, _ in members}) < len(members)):
                yield tuple(sorted(names))

    def is_joined(self, place: Place | None) -> bool:
        """Return whether the column is equal to another one; False for None."""
        return place in self._classes

    def all_of(self, star: "exp.Expr", select: "exp.Select") -> Iterator[str]:
        """Yield the columns that `*` or `t.*` stands for."""
        from sqlglot import exp

        wanted = star.table.lower() if isinstance(star, exp.Column) else ""
        for alias, source in self.sources[id(select)].items():
            if not wanted or alias == wanted:
                for name in source.columns:
                    yield self._named(*self.base(source, name))

    def item(self, node: Any, select: "exp.Select", aliases: bool = False) -> Item:
        """Return what is selected or compared. `aliases`: names that SELECT gives may be meant, as in ORDER BY."""
        from sqlglot import exp

        node = self._aliased(node.unalias().unnest(), select) if aliases else node.unalias().unnest()
        if not isinstance(node, exp.AggFunc):
            return Item("", self.key(node, select, aliases))
        distinct = isinstance(node.this, exp.Distinct)
        given: list[Any] = node.this.expressions if distinct else [node.this, *node.expressions]
        column = ",".join(self.key(argument, select, aliases) for argument in given if argument is not None)
        counted = isinstance(node, exp.Count) and not distinct
        return Item(node.key, "*" if counted else column, distinct, column)

    def _aliased(self, node: "exp.Expr", select: "exp.Select") -> "exp.Expr":
        from sqlglot import exp

        if isinstance(node, exp.Column) and not node.table and self._owner(node, select) is None:
            for item in select.selects:
                if item.alias.lower() == node.name.lower():
                    return item.unalias().unnest()
        return node

    def key(self, node: Any, select: "exp.Select", aliases: bool = False) -> str:
        """Return an expression as text, the same for the same expression."""
        from sqlglot import exp

        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            meant = self._aliased(node, select) if aliases else node
            return self._column(node, select) if meant is node else self.key(meant, select)
        if isinstance(node, exp.Literal):
            return value_text(node.name)
        if isinstance(node, exp.Paren | exp.Alias):
            return self.key(node.this, select, aliases)
        if isinstance(node, exp.Neg):
            return "-" + self.key(node.this, select, aliases)
        if isinstance(node, exp.Query):
            return "(query)"
        if isinstance(node, exp.Star):
            return "*"
        if isinstance(node, exp.AggFunc):
            return str(self.item(node, select, aliases))
        if not isinstance(node, exp.Expr):
            return str(node).lower()
        parts = []
        for value in node.args.values():
            for child in value if isinstance(value, list) else [value]:
                if child is not None and child is not False:
                    parts.append(self.key(child, select, aliases))
        if isinstance(node, exp.Add | exp.Mul | exp.EQ | exp.NEQ | exp.And | exp.Or):
            parts.sort()
        return f"{node.key}({','.join(parts)})"[:LONGEST_KEY]

    def _column(self, column: "exp.Column", select: "exp.Select") -> str:
        source = self._owner(column, select)
        if source is not None:
            return self._named(*self.base(source, column.name.lower()))
        if column.this.args.get("quoted") and not column.table:
            return value_text(column.name)  # SQLite reads "x" as a text where no column has that name
        return f"{column.table}.{column.name}".lower().lstrip(".")

    def _named(self, source: Source, name: str) -> str:
        place = (source, name)
        if place in self._classes:
            return min(map(_name, self._classes[place]))
        item = _selected(source, name)
        if source.query is None or item is None or isinstance(item, tuple):
            return f"{source.table}{self._tags.get(source, '')}.{name}"
        if place not in self._handed:
            self._handed[place] = ""  # a query that is made of itself ends here
            self._handed[place] = self.key(item, source.query)
        return self._handed[place]


def first_select(node: Any) -> "exp.Select | None":
    """Return the first SELECT of a query, whose columns are those of the result."""
    from sqlglot import exp

    while isinstance(node, exp.SetOperation | exp.Subquery):
        node = node.this
    return node if isinstance(node, exp.Select) else None


def _selected(source: Source, name: str) -> "exp.Expr | Place | None":
    """What a sub-query selects under a name; None where there is no sub-query."""
    place = source.columns.index(name) if source.selected and name in source.columns else len(source.selected)
    return source.selected[place] if place < len(source.selected) else None


def _name(place: Place) -> str:
    return f"{place[0].table}.{place[1]}"


def value_text(value: str) -> str:
    """Return a value as text: numbers alike however they are written, since a column's type decides what '3' means.

    >>> value_text("3.0"), value_text("03"), value_text("Three"), value_text("nan")
    ('3', '3', 'Three', 'nan')
    """
    try:
        number = float(value)
    except ValueError:
        return value
    return f"{number:.15g}" if value[-1:].isdigit() and abs(number) < float("inf") else value

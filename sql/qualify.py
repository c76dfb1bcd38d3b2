"""The names of columns in plain style: each with its table, and tables without aliases where these are not needed.

An alias is needed where a table stands twice in one FROM, and where a query inside another one speaks of the outer
query's table but has a table of that name itself: `emp.pay > (SELECT AVG(e.pay) FROM emp AS e WHERE e.job = emp.job)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .names import fold

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass
class _Select:
    """One SELECT with its tables, the aliases of its sub-queries, and whether its tables keep their aliases."""

    select: "exp.Select"
    tables: "list[exp.Table]"
    others: set[str]
    keeps: bool
    named: "list[tuple[exp.Column, exp.Table]]" = field(default_factory=list)
    """Columns, of this SELECT or inside it, that are written with the name of one of its tables."""

    def shown(self, table: "exp.Table") -> str:
        """What a table is called in the end."""
        return fold(table.alias_or_name if self.keeps else table.name)


def qualify(scopes: Sequence[object], columns: Mapping[str, Sequence[str]]) -> None:
    """Write the columns of each SELECT with their tables' names, and drop the aliases that are not needed.

    `scopes` are those of a parsed query, inner ones first; `columns` are those of each table, folded. Changes the tree.
    """
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

    selects: dict[int, _Select] = {}
    for scope in scopes:
        if isinstance(scope, Scope) and isinstance(scope.expression, exp.Select):
            selects[id(scope.expression)] = _opened(scope.expression, scope.tables)
    _keep_needed_aliases(selects)
    for item in selects.values():
        if not item.keeps:
            for column, table in item.named:
                column.set("table", exp.to_identifier(fold(table.name)))
            _name_bare_columns(item, columns)
            for table in item.tables:
                table.set("alias", None)
            _place_conditions(item.select)


def _opened(select: "exp.Select", tables: "Sequence[exp.Table]") -> _Select:
    from sqlglot import exp

    own = [table for table in tables if table.find_ancestor(exp.Select) is select]
    joined = [join.this for join in select.args.get("joins") or []]
    begin = select.args.get("from_") or select.args.get("from")
    sources = [*([begin.this] if begin else []), *joined]
    others = {fold(source.alias) for source in sources if isinstance(source, exp.Subquery)}
    names = [fold(table.name) for table in own]
    return _Select(select, own, others, len(set(names)) != len(names) or bool(others & set(names)))


def _keep_needed_aliases(selects: dict[int, _Select]) -> None:
    """Let those keep their aliases whose tables would else be taken for others."""
    crossing = []
    for item in selects.values():
        for column in _columns_of(item.select, qualified=True):
            between: list[_Select] = []
            owner: _Select | None = item
            while owner is not None:
                table = next((t for t in owner.tables if fold(t.alias_or_name) == fold(column.table)), None)
                if table is not None:
                    owner.named.append((column, table))
                    if between:
                        crossing.append((owner, table, between))
                    break
                if fold(column.table) in owner.others:
                    break
                between.append(owner)
                owner = _around(owner.select, selects)
    changed = True
    while changed:
        changed = False
        for owner, table, between in crossing:
            for inner in between:
                name = owner.shown(table)
                taken = [other for other in inner.tables if inner.shown(other) == name]
                if taken or name in inner.others:
                    loser = inner if any(fold(other.alias_or_name) != name for other in taken) else owner
                    changed = changed or not loser.keeps
                    loser.keeps = True


def _around(select: "exp.Select", selects: dict[int, _Select]) -> _Select | None:
    from sqlglot import exp

    outer = select.find_ancestor(exp.Select)
    return None if outer is None else selects.get(id(outer))


def _columns_of(select: "exp.Select", *, qualified: bool) -> "list[exp.Column]":
    """The columns that stand in a SELECT itself. In the ORDER BY of a UNION stand names of what it returns."""
    from sqlglot import exp

    return [
        column
        for column in select.find_all(exp.Column)
        if bool(column.table) == qualified and column.find_ancestor(exp.Select, exp.SetOperation) is select
    ]


def _name_bare_columns(item: _Select, columns: Mapping[str, Sequence[str]]) -> None:
    """Give columns without a table the name of the one table that has them."""
    from sqlglot import exp

    names = [fold(table.name) for table in item.tables]
    aliases = {fold(shown.alias) for shown in item.select.selects if isinstance(shown, exp.Alias)}
    for column in _columns_of(item.select, qualified=False):
        low = fold(column.name)
        owners = [name for name in names if low in columns.get(name, ())]
        if len(owners) == 1 and low not in aliases and not isinstance(column.this, exp.Star):
            column.set("table", exp.to_identifier(owners[0]))


def _place_conditions(select: "exp.Select") -> None:
    """`a JOIN b JOIN c ON x AND y` becomes `a JOIN b ON x JOIN c ON y`: each where its tables are first known."""
    from sqlglot import exp

    joins = select.args.get("joins") or []
    source = select.args.get("from_") or select.args.get("from")
    inner = [
        join for join in joins if isinstance(join.this, exp.Table) and not join.side and join.kind in ("", "INNER")
    ]
    # sqlglot reads a join without a condition as ON TRUE
    bare = [join for join in joins if isinstance(join.args.get("on"), exp.Boolean)]
    if source is None or not bare or len(inner) != len(joins):
        return
    waiting: list[exp.Expr] = []
    for join in joins:
        on = join.args.get("on")
        if on is None:
            return
        if not isinstance(on, exp.Boolean):
            waiting.extend(on.flatten() if isinstance(on, exp.And) else [on])
    seen = {source.this.alias_or_name}
    placed: list[list[exp.Expr]] = []
    for join in joins:
        seen.add(join.this.alias_or_name)
        placed.append([part for part in waiting if {column.table for column in part.find_all(exp.Column)} <= seen])
        waiting = [part for part in waiting if part not in placed[-1]]
    if not waiting and all(placed):
        for join, parts in zip(joins, placed, strict=True):
            join.set("on", exp.and_(*parts))

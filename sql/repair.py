"""Mend a query that the database does not understand, without a model: names and missing joins.

Unknown tables and columns become the closest known ones. A column is given to a table that has it, and a table that is
named and not read is joined along the schema's keys. No cell is looked at. The result may still be wrong, and users are
told what was changed. A query that is understood is given to `rejoin` only.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.errors import QueryError
from ..core.records import Schema
from .closest import closest, likeness
from .guard import check
from .join_by_keys import equal, identifier_of, join_by_keys, new_table
from .key_graph import KeyGraph
from .names import columns_of, fold

if TYPE_CHECKING:
    from sqlglot import exp

SHARED_COLUMNS = 0.3  # how much a column that a query uses and a table has speaks for that table


@dataclass(frozen=True)
class Repaired:
    """A mended query and what was changed, in words."""

    sql: str
    changes: tuple[str, ...]


@dataclass
class _Scope:
    """One SELECT while it is mended: its tables by the name that they have in it, and those still to be joined."""

    select: "exp.Select"
    tables: dict[str, str]
    outer: set[str]
    wanted: list[str] = field(default_factory=list)
    bare: "list[tuple[exp.Column, str]]" = field(default_factory=list)
    """Columns without a table and the one that has them: they need it where another table is joined."""


def repair(sql: str, schema: Schema, dialect: str = "sqlite") -> Repaired | None:
    """Return the mended query; None where nothing is to be changed, or where the text cannot be parsed."""
    return _changed(sql, schema, dialect, _Mender.mend)


def rejoin(sql: str, schema: Schema, dialect: str = "sqlite") -> Repaired | None:
    """Return a query that is understood with joins along keys where it compares columns that are no key of each other.

    Columns of the same name of several words (`course_id`) may belong together without a key, and tables further apart
    than one link table are left. None where nothing is to be changed.
    """
    return _changed(sql, schema, dialect, _Mender.rejoin)


def _changed(sql: str, schema: Schema, dialect: str, change: "Callable[[_Mender, exp.Query], None]") -> Repaired | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    mender = _Mender(schema)
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
        if not isinstance(tree, exp.Query):
            return None
        change(mender, tree)
    except (SqlglotError, RecursionError):
        return None
    if not mender.changes:
        return None
    changed = tree.sql(dialect=dialect)
    with contextlib.suppress(QueryError):  # SELECT INTO is a query to the parser
        check(changed, dialect)
        return Repaired(changed, tuple(dict.fromkeys(mender.changes)))
    return None


class _Mender:
    """Mends a tree in place and notes what it does."""

    def __init__(self, schema: Schema) -> None:
        self.columns = columns_of(schema)
        self.graph = KeyGraph(schema)
        self.changes: list[str] = []

    def mend(self, tree: "exp.Query") -> None:
        """Mend every SELECT of a query, outer ones first."""
        from sqlglot import exp

        made = {fold(cte.alias) for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if fold(table.name) not in self.columns and fold(table.name) not in made and table.name:
                self._rename_table(tree, table)
        for select in list(tree.find_all(exp.Select)):
            scope = self._opened(select, made)
            if scope is not None:
                self.changes += join_by_keys(select, scope.tables, self.columns, self.graph)
                for column in list(select.find_all(exp.Column)):
                    if column.find_ancestor(exp.Select, exp.SetOperation) is select:
                        self._mend_column(scope, column)
                self._join_wanted(scope)

    def rejoin(self, tree: "exp.Query") -> None:
        """Join by keys where a query compares other columns."""
        from sqlglot import exp

        made = {fold(cte.alias) for cte in tree.find_all(exp.CTE)}
        for select in list(tree.find_all(exp.Select)):
            scope = self._opened(select, made)
            if scope is not None:
                self.changes += join_by_keys(select, scope.tables, self.columns, self.graph, keys_only=True)

    def _rename_table(self, tree: "exp.Query", table: "exp.Table") -> None:
        from sqlglot import exp

        name = fold(table.name)
        used = {fold(column.name) for column in tree.find_all(exp.Column)}
        scores = {
            known: likeness(name, known) + SHARED_COLUMNS * len(used & set(columns))
            for known, columns in self.columns.items()
        }
        best = max(scores, key=lambda known: scores[known], default="")
        if not best or scores[best] < SHARED_COLUMNS:
            return
        for column in tree.find_all(exp.Column):
            if fold(column.table) == name:
                column.set("table", identifier_of(best))
        table.set("this", identifier_of(best))
        self.changes.append(f"table {name} is {best}")

    def _opened(self, select: "exp.Select", made: set[str]) -> _Scope | None:
        """The scope of a SELECT over tables of the schema; None for one over anything else."""
        from sqlglot import exp

        begin = select.args.get("from_") or select.args.get("from")
        if begin is None:
            return None
        joins = select.args.get("joins") or []
        sources = [begin.this, *(join.this for join in joins)]
        if not all(isinstance(source, exp.Table) and fold(source.name) not in made for source in sources):
            return None
        tables = {fold(begin.this.alias_or_name): fold(begin.this.name)}
        for join in list(joins):
            known = fold(join.this.alias_or_name)
            if known in tables:  # joined a second time under the same name, which no database takes
                joins.remove(join)
                self.changes.append(f"{known} is read once")
            else:
                tables[known] = fold(join.this.name)
        outer: set[str] = set()
        around = select.find_ancestor(exp.Select)
        while around is not None:
            outer |= {
                fold(table.alias_or_name) for table in around.find_all(exp.Table) if table.parent_select is around
            }
            around = around.find_ancestor(exp.Select)
        return _Scope(select, tables, outer)

    def _mend_column(self, scope: _Scope, column: "exp.Column") -> None:
        """Let a column be one that a table has."""
        from sqlglot import exp

        if isinstance(column.this, exp.Star):
            return
        named, name = fold(column.table), fold(column.name)
        if named in scope.outer and named not in scope.tables:
            return
        meant = scope.tables.get(named, named if named in self.columns else "")
        if meant and name in self.columns.get(meant, ()):
            if named not in scope.tables:
                self._want(scope, column, meant)
            return
        here = self._owner(scope, name)
        if not named and (here or self._is_alias(scope, name)):
            if here:
                scope.bare.append((column, here))
            return
        elsewhere = [table for table, columns in self.columns.items() if name in columns]
        if here:
            self._set(column, here, name, f"{name} is a column of {scope.tables[here]}")
        elif elsewhere:
            self._want(scope, column, self._nearest(scope, elsewhere))
        else:
            self._rename_column(scope, column, meant)

    def _rename_column(self, scope: _Scope, column: "exp.Column", meant: str) -> None:
        """An unknown column becomes the closest one: of its table, of those that are read, of any."""
        name = fold(column.name)
        for pool in ([meant] if meant else [], list(scope.tables.values()), list(self.columns)):
            known = {other: table for table in reversed(pool) for other in self.columns.get(table, ())}
            best = closest(name, known)
            if not best:
                continue
            table = known[best]
            alias = next((shown for shown, real in scope.tables.items() if real == table), "")
            self._set(column, alias or table, best, f"column {name} is {table}.{best}")
            if not alias:
                scope.wanted.append(table)
            return

    def _want(self, scope: _Scope, column: "exp.Column", table: str) -> None:
        """Let a column's table be read, under the name that it has already where it is."""
        alias = next((shown for shown, real in scope.tables.items() if real == table), "")
        self._set(column, alias or table, fold(column.name), f"{fold(column.name)} is a column of {table}")
        if not alias:
            scope.wanted.append(table)

    def _join_wanted(self, scope: _Scope) -> None:
        """Join the tables that are named and not read, along the keys."""
        for wanted in dict.fromkeys(scope.wanted):
            if wanted in scope.tables.values():
                continue
            for edge in self.graph.way(scope.tables.values(), wanted) or ():
                if edge.right in scope.tables.values():
                    continue
                left = next(shown for shown, real in scope.tables.items() if real == edge.left)
                condition = equal(left, edge.left_column, edge.right, edge.right_column)
                scope.select.join(new_table(edge.right), on=condition, copy=False)
                scope.tables[edge.right] = edge.right
                self.changes.append(f"{edge.right} is joined by its key")
                for column, table in scope.bare:
                    column.set("table", identifier_of(table))

    def _owner(self, scope: _Scope, name: str) -> str:
        """The first table of a SELECT that has a column of that name."""
        return next((shown for shown, real in scope.tables.items() if name in self.columns.get(real, ())), "")

    def _nearest(self, scope: _Scope, tables: list[str]) -> str:
        ways = {table: self.graph.way(scope.tables.values(), table) for table in tables}
        known = {table: way for table, way in ways.items() if way is not None}
        return min(known, key=lambda table: len(known[table])) if known else tables[0]

    def _is_alias(self, scope: _Scope, name: str) -> bool:
        from sqlglot import exp

        return any(isinstance(shown, exp.Alias) and fold(shown.alias) == name for shown in scope.select.selects)

    def _set(self, column: "exp.Column", table: str, name: str, change: str) -> None:
        if (fold(column.table), fold(column.name)) != (table, name):
            self.changes.append(change)
            column.set("table", identifier_of(table))
            column.set("this", identifier_of(name))

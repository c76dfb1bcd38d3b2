"""The schema of a SQLite database, with the few sample cells and keys that help a model most."""

import contextlib
import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..core.progress import Advance, progress
from ..core.records import Column, ForeignKey, Schema, Table
from ..sql.names import fold, quoted
from ..sql.types import simple_type
from .forgotten_keys import forgotten_keys
from .sqlite import LONGEST_COMPUTED, SCHEMA_TIME, as_query, spending
from .sqlite_errors import error_kind

SAMPLES = 2  # sample cells a text column shows
SAMPLE_LENGTH = 20  # characters; longer cells tell little for what they cost
SCANNED = 20_000  # rows of a table that its samples are taken from
TABLE_TIME, VIEW_TIME = 10.0, 1.0  # seconds that the samples of one table, or of one view, may take
SEARCH_TIME = 10.0  # seconds of the search for keys that were not declared
MANY_TABLES = 100  # a schema of fewer is read at once, without a word


def sqlite_schema(connection: sqlite3.Connection, name: str = "") -> Schema:
    """Read the tables, columns, keys and samples of a SQLite database.

    A table that cannot be read is skipped. Raises sqlite3.Error; also when a damaged file leaves no table.
    """
    tables: list[Table] = []
    primary: dict[str, list[str]] = {}  # columns of a table's primary key, in its order
    declared: dict[tuple[str, int], list[tuple[str, str, str | None]]] = {}
    listed = _listed(connection)
    until = time.monotonic() + SCHEMA_TIME
    with _progress(len(listed)) as advance:
        for table, is_view in listed:
            advance()
            # hidden: 1 is for a virtual table's own use, 2 and 3 are generated columns
            described = _described(connection, table)
            shown = [row[1:6] for row in described if row[6] != 1]
            longest = LONGEST_COMPUTED if is_view or any(row[6] > 1 for row in described) else None
            shown = _readable(connection, table, shown)
            if not shown:
                continue
            columns = []
            # whoever made a view may have made it slow, or endless
            end = min(until, time.monotonic() + (VIEW_TIME if is_view else TABLE_TIME))
            for column, kind, _, _, key in shown:
                simple = simple_type(kind or "")
                samples: tuple[str, ...] = ()
                if simple in ("text", "bool", "date"):
                    with spending(connection, end - time.monotonic(), longest=longest):
                        samples = _samples(connection, table, column, simple)
                columns.append(Column(column, simple, key > 0, samples))
            tables.append(Table(table, tuple(columns)))
            primary[fold(table)] = [row[0] for row in sorted(shown, key=lambda row: row[4]) if row[4]]
            for row in connection.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall():
                declared.setdefault((table, row[0]), []).append((row[3], row[2], row[4]))
        if not tables:
            _raise_if_damaged(connection, [table for table, _ in listed])
        keys = _keys(declared, primary, tables)
        contained = partial(_contained, connection)
        views = {table for table, is_view in listed if is_view}
        with spending(connection, SEARCH_TIME):
            own = [table for table in tables if table.name not in views]
            keys += forgotten_keys(own, tables, keys, contained)
        with spending(connection, VIEW_TIME, longest=LONGEST_COMPUTED):
            made = [table for table in tables if table.name in views]
            keys += forgotten_keys(made, tables, keys, contained)
    return Schema(tuple(tables), tuple(keys), name)


def _raise_if_damaged(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Raise the sqlite3.Error of the first table whose pages are damaged."""
    for table in tables:
        try:
            with as_query(connection), spending(connection, VIEW_TIME, longest=LONGEST_COMPUTED):
                connection.execute(f"SELECT * FROM {quoted(table)} LIMIT 1").fetchone()
        except (sqlite3.Error, sqlite3.Warning) as error:
            if error_kind(error)[0] == "unreadable":
                raise


def _described(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    except sqlite3.Error:  # a view whose tables are gone can be asked nothing
        return []


def _readable(connection: sqlite3.Connection, table: str, shown: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Columns that a query may read: not those of a view over PRAGMAs, or made by a function that is not here."""

    def reads(columns: Sequence[tuple[Any, ...]]) -> bool:
        names = ", ".join(quoted(row[0]) for row in columns)
        try:
            with as_query(connection), spending(connection, VIEW_TIME, longest=LONGEST_COMPUTED):
                connection.execute(f"SELECT {names} FROM {quoted(table)} LIMIT 1").fetchone()
        except (sqlite3.Error, sqlite3.Warning) as error:
            return error_kind(error)[0] in ("timeout", "too_large")
        return True

    return shown if not shown or reads(shown) else [row for row in shown if reads([row])]


def _progress(count: int) -> contextlib.AbstractContextManager[Advance]:
    if count < MANY_TABLES:
        return contextlib.nullcontext(lambda steps=1, note="": None)
    return progress("reading the schema", count, "tables")


def _listed(connection: sqlite3.Connection) -> list[tuple[str, bool]]:
    """Tables and views (True) in the order in which the database lists them, without those that virtual tables keep."""
    names = connection.execute(
        "SELECT name, type = 'view', type = 'table' AND rootpage = 0 FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    hidden = {row[1] for row in connection.execute("PRAGMA table_list").fetchall() if row[2] == "shadow"}
    for virtual, _, is_virtual in names:
        if is_virtual and not _described(connection, virtual):  # its module is not here, and SQLite cannot tell
            hidden |= {name for name, _, _ in names if name.startswith(f"{virtual}_")}
    return [(name, bool(is_view)) for name, is_view, _ in names if name not in hidden]


def _keys(
    declared: Mapping[tuple[str, int], Sequence[tuple[str, str, str | None]]],
    primary: Mapping[str, Sequence[str]],
    tables: Sequence[Table],
) -> list[ForeignKey]:
    """Declared keys between columns that are there; one that names no columns refers to the primary key, in order."""
    by_name = {fold(table.name): table for table in tables}
    keys: dict[ForeignKey, None] = {}
    for (table, _), parts in declared.items():
        target = by_name.get(fold(parts[0][1]))
        if target is None:
            continue
        own = primary[fold(target.name)]
        named = [name or (own[place] if len(own) == len(parts) else "") for place, (_, _, name) in enumerate(parts)]
        if {fold(name) for name in named} <= {fold(column.name) for column in target.columns}:
            keys |= {
                ForeignKey(table, part[0], target.name, name): None for part, name in zip(parts, named, strict=True)
            }
    return list(keys)


def _samples(connection: sqlite3.Connection, table: str, column: str, kind: str) -> tuple[str, ...]:
    """The most frequent short texts of a column."""
    query = (
        f"SELECT value FROM (SELECT {quoted(column)} AS value FROM {quoted(table)} LIMIT {SCANNED}) "
        f"WHERE typeof(value) = 'text' AND trim(value) <> '' AND length(value) <= {SAMPLE_LENGTH} "
        f"GROUP BY value ORDER BY count(*) DESC, value LIMIT {1 if kind == 'date' else SAMPLES}"
    )
    try:
        return tuple(" ".join(str(row[0]).split()) for row in connection.execute(query).fetchall())
    except sqlite3.Error:  # a view whose tables are gone, a cell that is too large, a view that takes too long
        return ()


def _contained(connection: sqlite3.Connection, table: str, column: str, other: str, key: str) -> bool:
    """Whether the column has values and all of them are among the other table's keys."""
    t, c, o, k = quoted(table), quoted(column), quoted(other), quoted(key)
    query = (
        f"SELECT EXISTS (SELECT 1 FROM {t} WHERE {c} IS NOT NULL) AND NOT EXISTS "
        f"(SELECT 1 FROM {t} WHERE {c} IS NOT NULL AND {c} NOT IN (SELECT {k} FROM {o} WHERE {k} IS NOT NULL))"
    )
    try:
        return bool(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return False

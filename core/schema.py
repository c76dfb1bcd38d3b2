"""The schema of a live database, with the few sample cells and keys that help a model most."""

import re
import sqlite3
from collections.abc import Sequence

from .database import connect
from .errors import DataError
from .records import Column, ForeignKey, Schema, Table

SAMPLES = 2  # sample cells a text column shows
SAMPLE_LENGTH = 20  # characters; longer cells tell little for what they cost
SCANNED = 20_000  # distinct cells read of one column


def simple_type(declared: str) -> str:
    """One of int, real, date, bool, text for any declared type.

    >>> [simple_type(t) for t in ("VARCHAR(20)", "bigint", "decimal(9,2)", "TIMESTAMP", "BIT", "")]
    ['text', 'int', 'real', 'date', 'bool', 'text']
    """
    kind = declared.lower().split("(")[0].strip()
    if any(word in kind for word in ("date", "time")):
        return "date"
    if ("int" in kind and "interval" not in kind and "point" not in kind) or kind in (
        "number",
        "year",
        "serial",
        "bigserial",
    ):
        return "int"
    if any(word in kind for word in ("real", "doub", "float", "decimal", "numeric", "money")):
        return "real"
    if "bool" in kind or kind == "bit":
        return "bool"
    return "text"


def introspect(url: str, name: str = "") -> Schema:
    """The schema of a database, with samples and with the keys it forgot to declare.

    Raises DataError when the file is missing or no database.
    """
    connection = connect(url)
    try:
        return _introspect_sqlite(connection, name)
    except sqlite3.DatabaseError as error:
        raise DataError(f"{url}: cannot be read ({error})", fix="give a SQLite file with --db") from None
    finally:
        connection.close()


def _introspect_sqlite(connection: sqlite3.Connection, name: str) -> Schema:
    listed = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    tables: list[Table] = []
    keys: list[ForeignKey] = []
    for (table,) in connection.execute(listed).fetchall():
        columns = []
        try:
            described = connection.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
        except sqlite3.OperationalError as error:
            if str(error) == "interrupted":
                raise
            continue  # a view whose tables are gone can be asked nothing
        for _, column, declared, _, _, key in described:
            kind = simple_type(declared or "")
            samples = _samples(connection, table, column, kind) if kind in ("text", "bool", "date") else ()
            columns.append(Column(column, kind, key > 0, samples))
        tables.append(Table(table, tuple(columns)))
        for row in connection.execute(f"PRAGMA foreign_key_list({_quoted(table)})").fetchall():
            keys.append(ForeignKey(table, row[3], row[2], row[4] or ""))
    keys = complete_keys(keys, tables)
    keys += _forgotten_keys(connection, tables, keys)
    return Schema(tuple(tables), tuple(keys), name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _samples(connection: sqlite3.Connection, table: str, column: str, kind: str) -> tuple[str, ...]:
    """The most frequent short texts of a column."""
    query = (
        f"SELECT value FROM (SELECT {_quoted(column)} AS value FROM {_quoted(table)} LIMIT {SCANNED}) "
        f"WHERE typeof(value) = 'text' AND trim(value) <> '' AND length(value) <= {SAMPLE_LENGTH} "
        f"GROUP BY value ORDER BY count(*) DESC, value LIMIT {1 if kind == 'date' else SAMPLES}"
    )
    try:
        return tuple(" ".join(str(row[0]).split()) for row in connection.execute(query).fetchall())
    except sqlite3.OperationalError:  # a view whose tables are gone
        return ()


def complete_keys(keys: Sequence[ForeignKey], tables: Sequence[Table]) -> list[ForeignKey]:
    """Keys between tables that exist; a key that names no column refers to the primary key."""
    found = {table.name.lower(): table for table in tables}
    out = []
    for key in keys:
        target = found.get(key.ref_table.lower())
        if target is None:
            continue
        primary = [column.name for column in target.columns if column.primary_key]
        column = key.ref_column or (primary[0] if primary else "")
        if column:
            out.append(ForeignKey(key.table, key.column, target.name, column))
    return out


def words(name: str) -> list[str]:
    """The words of an identifier, lower case.

    >>> words("stuID"), words("home_town2")
    (['stu', 'id'], ['home', 'town2'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def singular(word: str) -> str:
    """A plain English noun's singular, by rule.

    >>> [singular(word) for word in ("cities", "boxes", "dogs", "class", "status")]
    ['city', 'box', 'dog', 'class', 'status']
    """
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(ending) and len(word) >= len(ending) + 2 and not word.endswith(("ss", "us")):
            return word[: -len(ending)] + instead
    return word


def _forgotten_keys(
    connection: sqlite3.Connection, tables: Sequence[Table], declared: Sequence[ForeignKey]
) -> list[ForeignKey]:
    """Undeclared joins: a column named after another table or its key, whose every value is there."""
    known = {(key.table.lower(), key.column.lower()) for key in declared}
    primary = {}
    for table in tables:
        keys = [column for column in table.columns if column.primary_key]
        if len(keys) == 1:
            primary[table.name] = keys[0].name
    out: list[ForeignKey] = []
    for table in tables:
        for column in table.columns:
            if (table.name.lower(), column.name.lower()) in known or column.name == primary.get(table.name):
                continue
            for other, key in primary.items():
                if other == table.name or not _named_after(column.name, other, key):
                    continue
                reverse = ForeignKey(other, key, table.name, column.name)
                if (
                    reverse not in out
                    and reverse not in declared
                    and _contained(connection, table.name, column.name, other, key)
                ):
                    out.append(ForeignKey(table.name, column.name, other, key))
                    break
    return out


def _named_after(column: str, table: str, key: str) -> bool:
    own = [singular(word) for word in words(column)]
    target = [singular(word) for word in words(table)]
    same = column.lower() == key.lower() and column.lower() not in ("id", "name", "code", "year")
    return bool(own) and (own in (target, [*target, "id"], [*target, "code"]) or same)


def _contained(connection: sqlite3.Connection, table: str, column: str, other: str, key: str) -> bool:
    """Whether the column has values and all of them are among the other table's keys."""
    t, c, o, k = _quoted(table), _quoted(column), _quoted(other), _quoted(key)
    query = (
        f"SELECT EXISTS (SELECT 1 FROM {t} WHERE {c} IS NOT NULL) AND NOT EXISTS "
        f"(SELECT 1 FROM {t} WHERE {c} IS NOT NULL AND {c} NOT IN (SELECT {k} FROM {o} WHERE {k} IS NOT NULL))"
    )
    try:
        return bool(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return False

"""The rows that a schema's text inserts: public sets give CREATE TABLE and INSERT statements in one text."""

import re
import sqlite3
import time

from ...core.records import Schema
from ...databases.sqlite import FORBIDDEN_FUNCTIONS
from ...sql.guard import PIECE
from ...sql.names import fold, quoted

SECONDS = 2.0  # for all rows of a text
INSERT = re.compile(
    r"""\s*insert\s+(?:or\s+\w+\s+)?into\s+(?:[\w$"`\[\]]+\s*\.\s*)*["`\[]?(?P<table>[\w$ ]+?)["`\]]?\s*"""
    r"""(?P<rest>\(|values\b|select\b)""",
    re.IGNORECASE,
)
ALLOWED = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION)


def has_inserts(ddl: str) -> bool:
    """Tell whether a text may insert rows."""
    return re.search(r"\binsert\b", ddl, re.IGNORECASE) is not None


def insert_rows(connection: sqlite3.Connection, ddl: str, schema: Schema) -> frozenset[str]:
    """Insert the rows that the INSERT statements of a text give; returns the tables, folded, that have some now.

    Statements that SQLite does not take are passed over, those of other dialects for instance.
    """
    if not has_inserts(ddl):
        return frozenset()
    until = time.monotonic() + SECONDS
    connection.set_authorizer(_only_insert)
    connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        for statement in _statements(ddl):
            match = INSERT.match(statement)
            if match is None or time.monotonic() > until:
                continue
            plain = f"INSERT OR IGNORE INTO {quoted(fold(match['table']))} {statement[match.start('rest') :]}"
            try:
                connection.execute(plain)
            except (sqlite3.Error, sqlite3.Warning, ValueError):
                continue
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)
    names = [fold(table.name) for table in schema.tables]
    return frozenset(
        name for name in names if connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchone() is not None
    )


def _statements(ddl: str) -> list[str]:
    """The statements of a text, cut at semicolons outside of texts, without comments."""
    found, statement = [], ""
    for piece in [*PIECE.findall(ddl), ";"]:
        if piece == ";":
            found.append(statement)
            statement = ""
        elif not piece.startswith(("--", "/*")):
            statement += piece
    return found


def _only_insert(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY

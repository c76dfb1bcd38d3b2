"""Why SQLite did not run a query: its result codes, and its wording where one code stands for everything."""

import re
import sqlite3

from ..core.errors import QueryError, QueryErrorKind

OF_CODE: dict[int, QueryErrorKind] = {
    sqlite3.SQLITE_AUTH: "refused",
    sqlite3.SQLITE_INTERRUPT: "timeout",
    sqlite3.SQLITE_NOMEM: "memory",
    sqlite3.SQLITE_TOOBIG: "too_large",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "unreadable",
    sqlite3.SQLITE_NOTADB: "unreadable",
    sqlite3.SQLITE_IOERR: "unreadable",
    sqlite3.SQLITE_CANTOPEN: "unreadable",
    sqlite3.SQLITE_READONLY: "unreadable",
    sqlite3.SQLITE_PROTOCOL: "unreadable",
}
"""By primary result code, see https://sqlite.org/rescode.html."""

MISSING = re.compile(r"no such (table|column): (.+)", re.DOTALL)
SYNTAX = re.compile(r"syntax error|unrecognized token|incomplete input|parser stack overflow")
REFUSED = re.compile(r"not authorized|prohibited|one statement at a time")
"""SQLite gives SQLITE_ERROR for all of these, and Python no code at all for a second statement."""


def error_kind(error: BaseException) -> tuple[QueryErrorKind, str]:
    """Return why SQLite did not run a query, and the table or column that is missing, else "".

    `error` is what Python's sqlite3 raised.

    >>> error_kind(sqlite3.OperationalError("no such column: T1.nick"))
    ('missing_column', 'T1.nick')
    """
    if isinstance(error, MemoryError):
        return "memory", ""
    if isinstance(error, ValueError):  # no UTF-8, or a NUL
        return "syntax", ""
    kind = OF_CODE.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF)
    if kind is not None:
        return kind, ""
    message = str(error)
    missing = MISSING.search(message)
    if missing:
        return ("missing_table" if missing[1] == "table" else "missing_column"), missing[2]
    if REFUSED.search(message):
        return "refused", ""
    return ("syntax" if SYNTAX.search(message) else "other"), ""


def query_error(error: BaseException, timeout: float) -> QueryError:
    """Return the error to raise for a query that SQLite did not run; `timeout` are the seconds that it had."""
    kind, name = error_kind(error)
    message = str(error)
    if isinstance(error, MemoryError):
        message = "stopped: the query needs too much memory"
    elif isinstance(error, ValueError):  # text of the query, or a column's name, that is no UTF-8
        message = f"SQLite cannot read this text: {error}"
    elif kind == "timeout":
        message = f"stopped after {timeout:g} s"
    elif kind == "refused":
        many = "one statement at a time" in message
        message = "refused: more than one statement" if many else "refused: only queries that read are run"
    elif kind == "locked":
        message = "the database is locked by another program that is writing to it"
    return QueryError(message, kind=kind, name=name)

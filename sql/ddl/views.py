"""The columns of the views in a DDL text, as SQLite itself sees them."""

import contextlib
import sqlite3
from collections.abc import Sequence

from ...core.records import Column, Table
from ..names import fold, quoted
from ..types import simple_type
from .tokens import MARK, Token

MOST_VIEWS = 500
MAKES = {
    sqlite3.SQLITE_CREATE_TABLE,
    sqlite3.SQLITE_CREATE_VIEW,
    sqlite3.SQLITE_INSERT,  # into the table of tables
    sqlite3.SQLITE_UPDATE,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_TRANSACTION,
}


def view_tables(tables: str, views: Sequence[Sequence[Token]], known: set[str]) -> list[Table]:
    """Return the views as tables.

    `tables` is DDL that SQLite runs, `known` its folded names, `views` the texts after CREATE VIEW.

    A view that SQLite cannot make or read is passed over. Nothing is run but CREATE.
    """
    tables_of_views = []
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.executescript(tables)
        except (sqlite3.Error, ValueError):
            return []
        for view in views[:MOST_VIEWS]:
            with contextlib.suppress(sqlite3.Error, sqlite3.Warning, ValueError):
                connection.set_authorizer(_only_make)
                before = _views(connection)
                connection.execute(f"CREATE VIEW {_text(view, known)}")
                connection.set_authorizer(None)
                (name,) = _views(connection) - before
                known.add(fold(name))
                described = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
                columns = tuple(Column(row[1], simple_type(row[2] or "")) for row in described)
                tables_of_views.append(Table(name, columns, derived=True))
            connection.set_authorizer(None)
    return tables_of_views


def _views(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}


def _only_make(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    allowed = action in MAKES and (second or "").lower() != "load_extension"
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _text(view: Sequence[Token], known: set[str]) -> str:
    """The statement again, in SQLite's spelling and without what qualifies the view and known tables."""
    out: list[str] = []
    at, named = 0, False
    while at < len(view):
        token = view[at]
        named = named or token.word == "AS"
        qualifies = token.kind in ("word", "name") and fold(token.text) not in known
        dotted = at + 2 < len(view) and view[at + 1] == (MARK, ".")
        if qualifies and dotted and (not named or fold(view[at + 2].text) in known):
            at += 2
            continue
        out.append(quoted(token.text) if token.kind in ("name", "square") else token.text)
        at += 1
    return " ".join(out)

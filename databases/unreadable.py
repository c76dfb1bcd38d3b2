"""Why a database that is there cannot be read, so that its questions are counted and not judged wrong."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError, QueryErrorKind
from .sqlite import connect

POINTER = b"version https://git-lfs.github.com/spec/"
FAULTS: tuple[QueryErrorKind | None, ...] = ("unreadable", "locked")
"""Kinds of errors that are the database's fault, and hardly ever a query's."""


@dataclass(frozen=True)
class Unreadable:
    """A database that cannot be read: how many questions are asked about it, and why."""

    questions: int
    reason: str


def unreadable(database: Path, *, whole: bool = False) -> str:
    """Return why a file cannot be read as a database, in a few words; empty when it can.

    Only its list of tables is read, or, when `whole`, every page.
    """
    try:
        with contextlib.closing(connect(str(database))) as connection:
            if not database.stat().st_size:
                return "an empty file"
            connection.set_authorizer(None)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            check = connection.execute("PRAGMA quick_check(1)").fetchall() if whole else [("ok",)]
            return "" if check[0][0] == "ok" else " ".join(str(check[0][0]).split())
    except (DataError, sqlite3.Error, OSError) as error:
        return reason(error, database)


def reason(error: Exception, database: Path) -> str:
    """Return an error's message about a database, without the path."""
    with contextlib.suppress(OSError):
        if database.is_file() and _head(database) == POINTER:
            return "not a SQLite database but a pointer of Git LFS: `git lfs pull` fetches the file"
    if isinstance(error, DataError):
        message = error.message.removeprefix(f"{database}: ").replace(str(database), database.name)
        return f"{message}, or encrypted" if message == "not a SQLite database" else message
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return " ".join(str(error).split())


def _head(database: Path) -> bytes:
    with database.open("rb") as file:
        return file.read(len(POINTER))


def is_fault(kind: QueryErrorKind | None) -> bool:
    """Tell whether a query may have failed because of its database; `kind` of its error, None where it ran."""
    return kind in FAULTS


def with_more(known: Mapping[str, Unreadable], more: Iterator[tuple[str, str]]) -> dict[str, Unreadable]:
    """Return the databases by name, with one more question for each (name, reason) of `more`."""
    databases = dict(known)
    for name, why in more:
        before = databases.get(name)
        databases[name] = Unreadable(before.questions + 1, before.reason) if before else Unreadable(1, why)
    return databases

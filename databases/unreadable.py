"""Why a database that is there cannot be read, so that its questions are counted and not judged wrong."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import DataError
from .sqlite import connect

UNREADABLE = (DataError, sqlite3.Error, OSError)
"""What reading a database's schema fails with."""
POINTER = b"version https://git-lfs.github.com/spec/"
FAULTS = (
    "image is malformed",
    "malformed database schema",
    "not a database",
    "disk i/o error",
    "is locked",
    "locking protocol",
    "unable to open database file",
    "readonly database",
    "encrypted",
)
"""Parts of what SQLite says of a database and hardly ever of a query."""


@dataclass(frozen=True)
class Unreadable:
    """A database that cannot be read: how many questions are asked about it, and why."""

    questions: int
    reason: str


def unreadable(database: Path, *, whole: bool = False) -> str:
    """Why a file cannot be read as a database, in a few words; empty when it can.

    Only its list of tables is read, or, when `whole`, every page.
    """
    try:
        with contextlib.closing(connect(str(database))) as connection:
            if not database.stat().st_size:
                return "an empty file"
            connection.set_authorizer(None)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            found = connection.execute("PRAGMA quick_check(1)").fetchall() if whole else [("ok",)]
            return "" if found[0][0] == "ok" else " ".join(str(found[0][0]).split())
    except (DataError, sqlite3.Error, OSError) as error:
        return reason(error, database)


def reason(error: Exception, database: Path) -> str:
    """What an error says of a database, without its path."""
    with contextlib.suppress(OSError):
        if database.is_file() and _head(database) == POINTER:
            return "not a SQLite database but a pointer of Git LFS: `git lfs pull` fetches the file"
    if isinstance(error, DataError):
        said = error.message.removeprefix(f"{database}: ").replace(str(database), database.name)
        return f"{said}, or an encrypted one" if said == "not a SQLite database" else said
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return " ".join(str(error).split())


def _head(database: Path) -> bytes:
    with database.open("rb") as file:
        return file.read(len(POINTER))


def is_fault(error: str) -> bool:
    """Whether what a query failed with may be the database's fault."""
    low = error.lower()
    return any(fault in low for fault in FAULTS)


def with_more(known: Mapping[str, Unreadable], more: Iterator[tuple[str, str]]) -> dict[str, Unreadable]:
    """Databases by name, after one more question each of those whose name and reason come."""
    found = dict(known)
    for name, why in more:
        before = found.get(name)
        found[name] = Unreadable(before.questions + 1, before.reason) if before else Unreadable(1, why)
    return found

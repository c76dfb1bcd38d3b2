"""Read a database, and be unable to do anything else.

The database itself holds the connection read-only; the check in core/sqlcheck.py comes before it and only makes the
message clearer. First cut: SQLite files. Not covered: a query that needs more memory than SQLite's own limits allow for.
"""

import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from .errors import DataError, QueryError
from .records import ResultSet

READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
LONGEST_VALUE = 10_000_000  # bytes of one cell: zeroblob(1e9) is refused
FORBIDDEN_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL (`sqlite:///file`) or plain path. Raises DataError when it is missing or no SQLite database."""
    path = Path(url.removeprefix("sqlite:///")).expanduser()
    if not path.exists():
        raise DataError(f"{path}: no such database", fix="check the path given with --db")
    if path.is_dir():
        raise DataError(f"{path}: is a folder, not a database", fix="give a SQLite file with --db")
    with path.open("rb") as file:
        head = file.read(16)
    if head not in (b"SQLite format 3\0", b""):
        raise DataError(f"{path}: not a SQLite database", fix="give a SQLite file with --db")
    return path


def connect(url: str) -> sqlite3.Connection:
    """A connection that can only read: opened mode=ro, query_only, and an authorizer that refuses all but SELECT."""
    path = sqlite_path(url)
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
    )
    connection.text_factory = lambda data: data.decode(errors="replace")
    connection.execute("PRAGMA query_only = 1")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def _authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY


def run(url: str, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
    """Run one query read-only. `timeout` in seconds; at most `max_rows` rows are returned and the rest is not read.

    Raises QueryError when the database refuses it, it fails, or the time is over; DataError when there is no database.
    """
    connection = connect(url)
    started = time.monotonic()
    connection.set_authorizer(_authorize)
    connection.set_progress_handler(lambda: int(time.monotonic() - started > timeout), 10_000)
    try:
        cursor = connection.execute(sql)
        rows = cursor.fetchmany(max_rows + 1)
        columns = tuple(item[0] for item in cursor.description or ())
    except sqlite3.Error as error:
        said = str(error)
        if said == "interrupted":
            said = f"stopped after {timeout:g} s"
        elif said == "not authorized":
            said = "refused: only queries that read are run"
        raise QueryError(said) from None
    finally:
        connection.close()
    return ResultSet(columns, tuple(rows[:max_rows]), len(rows) > max_rows, time.monotonic() - started)

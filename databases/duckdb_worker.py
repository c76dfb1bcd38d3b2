"""The process in which DuckDB runs: it has one database, opened read-only, and nothing else.

Started by duckdb.py as `python -m sql_llama.databases.duckdb_worker FILE`. SQL is code in DuckDB, so the wall is around
it: no file but this one (`enable_external_access = false`), settings locked, no extensions, memory bounded, files of
zero bytes only (RLIMIT_FSIZE), an empty environment. Requests and replies are pickled, one after the other.
"""

import contextlib
import pickle
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO

from ..core.errors import QueryError
from .values import Rows

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
SETTINGS = (
    "SET temp_directory = ''",
    f"SET memory_limit = '{MEMORY}'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
KINDS = {
    "InterruptException": "timeout",
    "OutOfMemoryException": "memory",
    "PermissionException": "refused",
    "ParserException": "syntax",
}
Reply = tuple[Any, ...]
"""("rows", columns, rows, truncated) or ("error", kind, message, name)."""


def main() -> None:
    """Serve until standard input ends."""
    import duckdb

    _limit_files()
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    try:
        connection = duckdb.connect(sys.argv[1], read_only=True)
        for setting in SETTINGS:
            connection.execute(setting)
    except Exception as error:  # the database's: its owner has to read them
        _send(replies, ("error", "unreadable", " ".join(str(error).split())[:300], ""))
        return
    _send(replies, ("rows", (), (), False))
    while True:
        try:
            sql, seconds, max_rows = pickle.load(requests)
        except EOFError:
            return
        _send(replies, _answer(connection, sql, seconds, max_rows))


def _limit_files() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _send(replies: BinaryIO, reply: Reply) -> None:
    pickle.dump(reply, replies)
    replies.flush()


def _answer(connection: "duckdb.DuckDBPyConnection", sql: str, seconds: float, max_rows: int) -> Reply:
    import duckdb

    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    rows = Rows(max_rows)
    until = time.monotonic() + seconds
    try:
        connection.execute(sql)
        columns = tuple(item[0] for item in connection.description or ())
        while True:
            some = connection.fetchmany(256)
            if not some or not all(rows.add(row) for row in some):
                break
            if time.monotonic() > until:
                return ("error", "timeout", "", "")
    except duckdb.Error as error:
        return _error(error)
    except QueryError as error:
        return ("error", error.kind, error.message, "")
    except (MemoryError, ValueError, RuntimeError, OverflowError, UnicodeError) as error:
        return ("error", "other", " ".join(str(error).split()), "")
    finally:
        timer.cancel()
    return ("rows", columns, tuple(rows.rows), rows.truncated)


def _error(error: "duckdb.Error") -> Reply:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    kind = KINDS.get(type(error).__name__, "other")
    name = ""
    if "Table with name" in message:
        kind, name = "missing_table", message.partition("Table with name ")[2].split(" does")[0]
    elif "Referenced column" in message:
        kind, name = "missing_column", message.partition('column "')[2].partition('"')[0]
    return ("error", kind, message, name)


if __name__ == "__main__":
    main()

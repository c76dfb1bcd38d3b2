"""Read a database, and be unable to do anything else.

The database itself holds the connection read-only; the check in sql/guard.py comes before it and only makes the
message clearer. First cut: SQLite files. Not covered: one row of very many very long values, a single call of a
function that takes long (time is looked at between steps of SQLite's machine).
"""

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ..core.errors import DataError, QueryError
from ..core.records import ResultSet
from ..sql.guard import one_statement
from ..sql.names import quoted
from .sqlite_errors import query_error

READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
LONGEST_VALUE = 10_000_000  # bytes of a cell that a query returns
LONGEST_READ = 2**28  # bytes of a cell that a query may look at: zeroblob(1e9) is refused
LONGEST_RESULT = 64 * 2**20  # bytes of text and blobs of one result
LONGEST_SQL = 100_000  # bytes
MOST_MEMORY = 2**30  # bytes that SQLite may take in this process, all connections together
SCHEMA_TIME = 60.0  # seconds that reading a schema and its cells may take: a view can be made to run for ever
VIRTUAL_TIME = 2.0  # seconds that opening one virtual table may take
LOCK_TIME = 5.0  # seconds to wait for a program that is writing
# of a value in a view or a generated column while a schema is read: no clock stops a single call of a function
LONGEST_COMPUTED = 100_000  # bytes
STEPS = 10_000  # of SQLite's machine between two looks at the clock: a few milliseconds
FORBIDDEN_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}
TABLE_FUNCTIONS = ("json_each", "json_tree")
"""Table-valued functions that queries may use."""
INNER_PRAGMAS = {"data_version", "page_size"}
"""What full-text search asks its own database; without a value they change nothing."""
SCHEMA_PRAGMAS = INNER_PRAGMAS | {
    *("table_list", "table_info", "table_xinfo", "foreign_key_list", "index_list", "index_info"),
    "reverse_unordered_selects",
}
FIX = "give a SQLite file with --db"


def sqlite_path(url: str) -> Path:
    """Return the file of a SQLite URL (`sqlite:///file`) or plain path.

    Raises DataError when it is missing or no SQLite database.
    """
    if "://" in url and not url.startswith("sqlite:///"):
        raise DataError(f"{url.partition('://')[0]}: databases of this kind are not supported yet", fix=FIX)
    path = Path(url.removeprefix("sqlite:///"))
    with contextlib.suppress(RuntimeError):  # a ~ that is nobody's home
        path = path.expanduser()
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise DataError(f"{path}: is a folder, not a database", fix=FIX)
        if not stat.S_ISREG(mode):
            raise DataError(f"{path}: not a file", fix=FIX)
        with path.open("rb") as file:
            head = file.read(16)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise DataError(f"{url}: no such database", fix="check the path given with --db") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened ({error.strerror})", fix="check the path given with --db") from None
    if head not in (b"SQLite format 3\0", b""):
        raise DataError(f"{path}: not a SQLite database", fix=FIX)
    return path


def connect(url: str) -> sqlite3.Connection:
    """Return a connection that can only read: opened mode=ro, query_only, behind an authorizer, its memory bounded.

    Virtual tables (full-text search, R*Tree) are opened here, before the authorizer is set: to declare its columns,
    each goes through CREATE TABLE inside SQLite, which the authorizer could not tell from a query that does so.

    Raises DataError when the file is no database that can be read.
    """
    path = sqlite_path(url)
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path.resolve()))}?{_mode(path)}",
        uri=True,
        timeout=LOCK_TIME,
        check_same_thread=False,
        isolation_level=None,
    )
    connection.text_factory = lambda data: data.decode(errors="replace")
    try:
        connection.execute("PRAGMA query_only = 1")
        # generated columns and views may call json_extract or read a virtual table; what no schema may call, SQLite
        # and the authorizer refuse all the same
        connection.execute("PRAGMA trusted_schema = 1")
        connection.execute("PRAGMA temp_store = 2")  # a large sort fails at the memory limit; it does not fill the disk
        connection.execute(f"PRAGMA hard_heap_limit = {MOST_MEMORY}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_READ)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_SQL)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        _stop_after(connection, SCHEMA_TIME)
        virtual = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage = 0"
        names = [name for (name,) in connection.execute(virtual).fetchall()]
    except (sqlite3.Error, MemoryError) as error:
        connection.close()
        raise unreadable_error(path, error) from None
    for name in names:
        # of a module that is not here, or broken: queries of it will fail
        with contextlib.suppress(sqlite3.Error), spending(connection, VIRTUAL_TIME):
            connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 0")
    open_table_functions(connection)
    allow_schema(connection)
    return connection


def open_table_functions(connection: sqlite3.Connection) -> None:
    """Make json_each and json_tree known to a connection that has no authorizer yet; behind one they cannot be."""
    for name in TABLE_FUNCTIONS:
        with contextlib.suppress(sqlite3.Error):  # an SQLite built without JSON
            connection.execute(f"SELECT 1 FROM {name}('[]')")


@contextlib.contextmanager
def spending(connection: sqlite3.Connection, seconds: float, *, longest: int | None = None) -> Iterator[None]:
    """Let what is run inside take that long, and look at values of at most `longest` bytes; after that it fails."""
    _stop_after(connection, seconds)
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest) if longest else None
    try:
        yield
    finally:
        if before is not None:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
        _stop_after(connection, SCHEMA_TIME)


@contextlib.contextmanager
def as_query(connection: sqlite3.Connection) -> Iterator[None]:
    """Let what is run inside do what a query of anybody's may, and no more."""
    allow_queries(connection)
    try:
        yield
    finally:
        allow_schema(connection)


def allow_queries(connection: sqlite3.Connection) -> None:
    """Let a connection do what a query of anybody's may, and no more."""
    connection.set_authorizer(_authorize)


def allow_schema(connection: sqlite3.Connection) -> None:
    """Let a connection of `connect` be asked about its schema again, after `query` has closed that."""
    connection.set_authorizer(_allow_schema)


def unreadable_error(path: Path, error: BaseException) -> DataError:
    """Make the error for a database that cannot be read: the reason and the fix, from what sqlite3 raised."""
    code = getattr(error, "sqlite_errorname", "")
    beside = path.resolve()
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DataError(
            f"{path}: locked by another program that is writing to it",
            fix="wait until that program has finished, or close it",
        )
    if code in ("SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY", "SQLITE_READONLY"):
        journal = beside.with_name(f"{beside.name}-journal")
        return DataError(
            f"{path}: a program stopped in the middle of a change, which SQLite has to undo first with {journal.name}; "
            "sql-llama never writes to a database",
            fix=f'open it once in the program that it belongs to, or run: sqlite3 "{path}" .tables',
        )
    log = beside.with_name(f"{beside.name}-wal")
    if code == "SQLITE_CANTOPEN" and log.exists():
        return DataError(
            f"{path}: its newest rows are in the write-ahead log {log.name}, which SQLite can read only in a folder "
            "that it may write to",
            fix="copy both files to a folder that you may write to, and give the copy with --db: "
            f'cp "{path}" "{path}-wal" FOLDER',
        )
    if code.startswith("SQLITE_CORRUPT"):
        return DataError(
            f"{path}: cannot be read: damaged ({error})",
            fix=f'use a backup, or save what is left: sqlite3 "{path}" .recover',
        )
    if code == "SQLITE_NOTADB":
        return DataError(f"{path}: cannot be read: encrypted, or not a SQLite database", fix=FIX)
    return DataError(f"{path}: cannot be read ({error})", fix=FIX)


def _mode(path: Path) -> str:
    """How to open the file: a write-ahead database with an empty log is opened as one that does not change.

    Else SQLite makes a log and an index beside it, which is writing, and fails in a folder that is read-only.
    """
    with path.open("rb") as file:
        write_ahead = file.read(20)[18:20] == b"\x02\x02"
    log = path.resolve().with_name(path.resolve().name + "-wal")
    logged = log.exists() and log.stat().st_size > 0
    return "mode=ro&immutable=1" if write_ahead and not logged else "mode=ro"


def _stop_after(connection: sqlite3.Connection, seconds: float) -> None:
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > end), STEPS)


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """For a query of anybody's."""
    return _allow(action, first, second, INNER_PRAGMAS)


def _allow_schema(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """For what this project itself asks about a schema; views of the database run under it too."""
    return _allow(action, first, second, SCHEMA_PRAGMAS)


def _allow(action: int, first: str | None, second: str | None, pragmas: set[str]) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:  # one of a schema takes a table's name as its value
        harmless = first in pragmas and (second is None or first not in INNER_PRAGMAS)
        return sqlite3.SQLITE_OK if harmless else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY


def run(url: str, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
    """Run one query read-only. `timeout` in seconds; at most `max_rows` rows are returned and the rest is not read.

    Raises QueryError when the database refuses it, it fails, or the time is over; DataError when there is no database.
    """
    connection = connect(url)
    try:
        return query(connection, sql, timeout=timeout, max_rows=max_rows)
    finally:
        connection.close()


def query(connection: sqlite3.Connection, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
    """Run a query like `run`, on a connection of `connect`, which can be used again whatever the query did."""
    started = time.perf_counter()
    allow_queries(connection)
    _stop_after(connection, timeout)
    cursor = connection.cursor()
    try:
        cursor.execute(one_statement(sql))
        if cursor.description is None:
            raise QueryError("refused: no query", kind="no_query")
        columns = tuple(item[0] for item in cursor.description)
        rows, truncated = _read(cursor, max_rows)
    # ValueError: no UTF-8, or a NUL; Python 3.11 warns of a second statement, 3.12 fails
    except (MemoryError, ValueError, sqlite3.Error, sqlite3.Warning) as error:
        raise query_error(error, timeout) from None
    finally:
        cursor.close()  # ends the query where not all of it was read
    return ResultSet(columns, rows, truncated, time.perf_counter() - started)


def _read(cursor: sqlite3.Cursor, max_rows: int) -> tuple[tuple[tuple[object, ...], ...], bool]:
    """The first rows, by number and by size, and whether there are more."""
    rows: list[tuple[object, ...]] = []
    size = 0
    for row in cursor:
        if len(rows) == max_rows or size > LONGEST_RESULT:
            return tuple(rows), True
        lengths = [len(value) for value in row if isinstance(value, str | bytes)]
        if lengths and max(lengths) > LONGEST_VALUE:
            size_in_mb = max(lengths) / 1e6
            raise QueryError(f"a cell of {size_in_mb:.0f} MB is too large to be returned", kind="too_large")
        rows.append(row)
        size += sum(lengths)
    return tuple(rows), False

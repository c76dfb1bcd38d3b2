"""DuckDB files, and CSV, Parquet and JSON files as tables: queries run in a process of their own (duckdb_worker.py).

Table files are read once into a DuckDB file in the cache folder, and again when one of them has changed. So a query
reads no other file, and the second start is quick.
"""

import atexit
import contextlib
import hashlib
import os
import pickle
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import DataError, QueryError
from ..core.progress import progress
from ..core.records import Hint, ResultSet, Schema
from ..core.settings import settings
from ..sql.guard_servers import checked
from ..sql.names import fold, quoted
from .catalog import Reference, Relation, build_schema, guessed_keys, read_cells, relations_of, short_names
from .url import DatabaseUrl

KEPT = 16  # databases made of table files that stay in the cache folder
GRACE = 2.0  # seconds that a query may take to end after its time before its process is stopped
READERS = {
    **dict.fromkeys((".csv", ".tsv"), "read_csv"),
    **dict.fromkeys((".parquet", ".pq"), "read_parquet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "read_json"),
}


class DuckDatabase:
    """An open DuckDB database, see `Database` in database.py. Raises DataError when it cannot be read."""

    dialect = "duckdb"
    text_type = "varchar"

    def __init__(self, url: DatabaseUrl) -> None:
        self.url = url.text
        self._made_of_files = bool(url.files)
        self._worker = _worker(loaded(url) if url.files else url.path, url)
        self.names: dict[str, tuple[str, str]] = {}

    def quote(self, name: str) -> str:
        """Return a name in double quotes."""
        return quoted(name)

    def schema(self, name: str = "") -> Schema:
        """Read tables, columns, keys and a few sample cells. Raises DataError."""
        try:
            found = self.rows(
                "SELECT c.schema_name, c.table_name, v.view_name IS NOT NULL, c.column_name, c.data_type "
                "FROM duckdb_columns() c LEFT JOIN duckdb_views() v ON v.schema_name = c.schema_name "
                "AND v.view_name = c.table_name AND v.database_oid = c.database_oid WHERE NOT c.internal "
                "AND c.database_name = current_database() ORDER BY c.schema_name, c.table_oid, c.column_index",
                30,
            )
            constraints = self.rows(
                "SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table, "
                "referenced_column_names FROM duckdb_constraints() WHERE constraint_type IN ('PRIMARY KEY', "
                "'FOREIGN KEY') AND database_name = current_database()",
                30,
            )
        except QueryError as error:
            raise DataError(f"{self.url}: its tables cannot be listed ({error.message})") from None
        keys, references = _constraints(constraints)
        relations = relations_of((*row, (row[0], row[1], row[3]) in keys) for row in found)
        if self._made_of_files:
            relations = [self._with_key(relation) for relation in relations]
        self.names = short_names(relations, ["main"])
        return build_schema(self, relations, references, self.names, name)

    def _with_key(self, relation: Relation) -> Relation:
        """The table of a file with the column that looks like its key: files declare none."""
        counted = [c for c, kind, _ in relation.columns if kind in ("BIGINT", "INTEGER", "VARCHAR", "UUID")][:20]
        counts = ", ".join(f"count(DISTINCT {quoted(column)})" for column in counted)
        if not counted:
            return relation
        try:
            (row,) = self.rows(f"SELECT count(*), {counts} FROM {quoted(relation.name)}", 2)
        except QueryError:
            return relation
        key = guessed_keys({column: (row[0], n) for column, n in zip(counted, row[1:], strict=True)}, relation.name)
        columns = tuple((column, kind, column == key) for column, kind, _ in relation.columns)
        return Relation(relation.schema, relation.name, relation.view, columns)

    def text_cells(self, schema: Schema) -> Iterator[Hint]:
        """Read short texts of its first rows, each once a column."""
        yield from read_cells(self, schema, self.names)

    def rows(self, sql: str, seconds: float) -> list[tuple[Any, ...]]:
        """Run a query of ours. Raises QueryError."""
        return list(self._worker.ask(sql, seconds, 1_000_000)[1])

    def query(self, sql: str, *, timeout: float = 10.0, max_rows: int = 1000) -> ResultSet:
        """Run one query of anybody's. Raises QueryError."""
        text = checked(sql, self.dialect)
        started = time.perf_counter()
        columns, rows, truncated = self._worker.ask(text, timeout, max_rows)
        return ResultSet(columns, rows, truncated, time.perf_counter() - started)

    def close(self) -> None:
        """Do nothing: the process serves the next one who opens this database, until the program ends."""


def _constraints(rows: Sequence[tuple[Any, ...]]) -> tuple[set[tuple[str, str, str]], list[Reference]]:
    """Columns of primary keys, and references."""
    import json

    keys: set[tuple[str, str, str]] = set()
    references: list[Reference] = []
    for schema, table, kind, own, other, theirs in rows:
        names = json.loads(own)
        if kind == "PRIMARY KEY":
            keys |= {(schema, table, name) for name in names}
        else:
            pairs = zip(names, json.loads(theirs), strict=False)
            references += [(schema, table, name, schema, other, ref) for name, ref in pairs]
    return keys, references


class Worker:
    """A process with one open database; started again when it was stopped. Raises DataError when it cannot open it."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self.shown = shown
        self._lock = threading.Lock()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "sql_llama.databases.duckdb_worker", str(self.path.resolve())]
        kept = ("PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        reply = self._reply(process, 60.0)
        if reply is None or reply[0] == "error":
            _end(process)
            why = _why(reply[2]) if reply else "its process ended"
            raise DataError(f"{self.shown}: cannot be read as a DuckDB database ({why})", fix="check the file")
        return process

    def ask(self, sql: str, seconds: float, max_rows: int) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...], bool]:
        """Return columns, rows and whether there were more. Raises QueryError."""
        with self._lock:
            if self._process.poll() is not None:
                self._process = self._start()
            process = self._process
            assert process.stdin is not None
            try:
                pickle.dump((sql, seconds, max_rows), process.stdin)
                process.stdin.flush()
                reply = self._reply(process, seconds + GRACE)
            except BaseException:  # Ctrl-C as well: what is still being written would be read as the next answer
                self.stop()
                raise
            if reply is None:
                ended = process.poll() is not None
                self.stop()
                if ended:
                    raise QueryError("stopped: the query needs too much memory", kind="memory")
        if reply is None or (reply[0] == "error" and reply[1] == "timeout"):
            raise QueryError(f"stopped after {seconds:g} s", kind="timeout")
        if reply[0] == "error":
            message = "stopped: the query needs too much memory" if reply[1] == "memory" else reply[2]
            raise QueryError(message, kind=reply[1], name=reply[3])
        return reply[1], reply[2], reply[3]

    def _reply(self, process: "subprocess.Popen[bytes]", seconds: float) -> Any:
        """The next reply; None when there is none in that time, or the process has ended."""
        assert process.stdout is not None
        ready = select.select([process.stdout], [], [], seconds)[0]
        if not ready:
            return None
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            return pickle.load(process.stdout)
        process.wait(timeout=GRACE)
        return None

    def stop(self) -> None:
        """End the process."""
        _end(self._process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


_workers: dict[tuple[Path, int, int], Worker] = {}


def _worker(path: Path, url: DatabaseUrl) -> Worker:
    stat = path.stat()
    key = (path.resolve(), stat.st_mtime_ns, stat.st_size)
    if key not in _workers:
        for other in [old for old in _workers if old[0] == key[0]]:
            _workers.pop(other).stop()
        _workers[key] = Worker(path, url.shown)
    return _workers[key]


@atexit.register
def stop_workers() -> None:
    """End the processes of all databases."""
    while _workers:
        _workers.popitem()[1].stop()


def loaded(url: DatabaseUrl) -> Path:
    """Return the DuckDB file with the tables of some files, made when one of them has changed. Raises DataError."""
    marks = [f"{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}" for file in url.files for stat in [file.stat()]]
    folder = settings().cache / "table-files"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = folder / f"{hashlib.sha256(chr(10).join(marks).encode()).hexdigest()[:24]}.duckdb"
    if not made.exists():
        _load(url, made)
    os.utime(made)
    for old in sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return made


def _load(url: DatabaseUrl, made: Path) -> None:
    import duckdb

    part = made.with_suffix(f".{os.getpid()}.part")
    taken: set[str] = set()
    try:
        with contextlib.closing(duckdb.connect(str(part))) as connection, _progress(url) as advance:
            for file in url.files:
                table = _table_name(file, taken)
                reader = READERS[Path(file.name.lower().removesuffix(".gz")).suffix]
                try:
                    connection.execute(
                        f"CREATE TABLE {quoted(table)} AS SELECT * FROM {reader}({_text(_literal(file))})"
                    )
                except duckdb.Error as error:
                    if file.stat().st_size and len(url.files) > 1 and "no columns" in str(error).lower():
                        continue
                    raise DataError(
                        f"{file}: cannot be read as a table ({_why(str(error))})", fix="check the file, or leave it out"
                    ) from None
                advance(1, file.name)
        part.replace(made)
        made.chmod(0o600)
    finally:
        for left in (part, part.with_name(part.name + ".wal")):
            left.unlink(missing_ok=True)


def _progress(url: DatabaseUrl) -> Any:
    if sum(file.stat().st_size for file in url.files) < 20_000_000:
        return contextlib.nullcontext(lambda steps=1, note="": None)
    return progress("reading the files", len(url.files), "files")


def _table_name(file: Path, taken: set[str]) -> str:
    """The file's name as a table's; with its ending where two would be called the same."""
    parts = file.name.split(".")
    for name in (parts[0] or file.name, "_".join(parts)):
        if fold(name) not in taken:
            taken.add(fold(name))
            return name
    raise DataError(f"{file}: another file gives a table of the same name", fix="rename one of them")


def _literal(file: Path) -> str:
    """A path in which DuckDB finds no pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(file.resolve()))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _why(message: str) -> str:
    line = message.splitlines()[0] if message else "no reason given"
    return " ".join(line.split())[:200]

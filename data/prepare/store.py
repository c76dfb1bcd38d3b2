"""The work file of a preparation: SQLite, so that memory stays flat and a killed preparation goes on where it was.

Rows go through it in this order: `row` as read, `ddl` parsed once for each text, `pair` checked. Every step commits in
batches and notes how far it came.
"""

import contextlib
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...core.files import write_json

TABLES = """
CREATE TABLE IF NOT EXISTS done (step TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ddl (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, text TEXT, shape TEXT, schema TEXT,
    reason TEXT);
CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, source INTEGER, number INTEGER, question TEXT, sql TEXT,
    ddl INTEGER, db TEXT, name TEXT, evidence TEXT, key TEXT, chunk INTEGER, reason TEXT);
CREATE TABLE IF NOT EXISTS schema (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, json TEXT, tables TEXT);
CREATE TABLE IF NOT EXISTS database (id INTEGER PRIMARY KEY, name TEXT UNIQUE, root INTEGER, held INTEGER);
CREATE TABLE IF NOT EXISTS pair (id INTEGER PRIMARY KEY, source INTEGER, question TEXT, sql TEXT, schema INTEGER,
    hints TEXT, database INTEGER, marks TEXT, folded TEXT, skeleton TEXT, class TEXT, gone TEXT,
    times INTEGER DEFAULT 1);
"""
"""`reason` and `gone` say why a row or a pair is not used; NULL where it is. `times`: how often a pair is trained."""


class KeptPair(NamedTuple):
    """A checked pair: hints and schema as JSON, `tables` a hash of each table of the schema, `kind` its classes."""

    question: str
    sql: str
    schema: str
    hints: str
    database: str
    marks: str
    folded: str
    skeleton: str
    kind: str
    tables: str = ""


def open_store(folder: Path, inputs: Mapping[str, str]) -> sqlite3.Connection:
    """Open the work file in a folder; one that belongs to other inputs, or is broken, is begun anew."""
    marker, path = folder / "inputs.json", folder / "prepare.sqlite"
    inputs = {**inputs, "tables": hashlib.sha256(TABLES.encode()).hexdigest()}
    with contextlib.suppress(OSError, ValueError, sqlite3.Error):
        if json.loads(marker.read_text(encoding="utf-8")) == inputs:
            return _opened(path)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    connection = _opened(path)
    write_json(marker, inputs)
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # outlives a killed process; after a power cut it is begun anew
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA temp_store = FILE")
        connection.executescript(TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def note(store: sqlite3.Connection, step: str, value: Any = True) -> None:
    """Note how far a step came; committed with the rows that belong to it."""
    store.execute("INSERT OR REPLACE INTO done VALUES (?, ?)", (step, json.dumps(value)))


def noted(store: sqlite3.Connection, step: str) -> Any:
    """Return what `note` noted of a step, None for nothing."""
    found = store.execute("SELECT value FROM done WHERE step = ?", (step,)).fetchone()
    return json.loads(found[0]) if found else None


def many(store: sqlite3.Connection, sql: str, values: tuple[Any, ...] = (), size: int = 2000) -> Iterator[list[Any]]:
    """Yield the rows of a query in lists of `size`, so that not all of them are in memory."""
    cursor = store.execute(sql, values)
    while rows := cursor.fetchmany(size):
        yield rows


def keep_pair(store: sqlite3.Connection, number: int | None, source: int, pair: KeptPair) -> None:
    """Put a checked pair into the store, with its schema and database where they are new."""
    hashed = hashlib.sha256(pair.schema.encode()).digest()[:16]
    store.execute(
        "INSERT OR IGNORE INTO schema (hash, json, tables) VALUES (?, ?, ?)", (hashed, pair.schema, pair.tables)
    )
    store.execute("INSERT OR IGNORE INTO database (name) VALUES (?)", (pair.database,))
    store.execute(
        "INSERT INTO pair (id, source, question, sql, schema, hints, database, marks, folded, skeleton, class) "
        "SELECT ?, ?, ?, ?, (SELECT id FROM schema WHERE hash = ?), ?, (SELECT id FROM database WHERE name = ?), "
        "?, ?, ?, ?",
        (number, source, pair.question, pair.sql, hashed, pair.hints, pair.database, *pair[5:9]),
    )

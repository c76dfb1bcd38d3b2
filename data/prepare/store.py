"""The work file of a preparation: SQLite, so that memory stays flat and a killed preparation goes on where it was.

Rows go through it in this order: `row` as read, `ddl` parsed once for each text, `pair` checked. Every step commits in
batches and notes how far it came.
"""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.files import write_json

TABLES = """
CREATE TABLE IF NOT EXISTS done (step TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ddl (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, text TEXT, shape TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, source INTEGER, number INTEGER, question TEXT, sql TEXT,
    ddl INTEGER, db TEXT, name TEXT, evidence TEXT, key TEXT, chunk INTEGER, reason TEXT);
CREATE TABLE IF NOT EXISTS schema (id INTEGER PRIMARY KEY, hash BLOB UNIQUE, json TEXT);
CREATE TABLE IF NOT EXISTS pair (id INTEGER PRIMARY KEY, source INTEGER, question TEXT, sql TEXT, schema INTEGER,
    hints TEXT, database TEXT, marks TEXT, folded TEXT, skeleton TEXT, class TEXT, gone TEXT);
"""
"""`reason` and `gone` say why a row or a pair is not used; NULL where it is."""


def open_store(folder: Path, inputs: Mapping[str, str]) -> sqlite3.Connection:
    """Open the work file in a folder; one that belongs to other inputs, or is broken, is begun anew."""
    marker, path = folder / "inputs.json", folder / "prepare.sqlite"
    with contextlib.suppress(OSError, ValueError, sqlite3.Error):
        if json.loads(marker.read_text(encoding="utf-8")) == dict(inputs):
            return _opened(path)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    connection = _opened(path)
    write_json(marker, dict(inputs))
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

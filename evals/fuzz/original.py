"""The tables of the original database, with some of their rows."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from ...sql.names import fold, quoted

SAMPLED = 600  # rows of a table that are looked at
Place = tuple[str, str]
"""Lower-case table and column."""


@dataclass
class Table:
    """One table of the original: its columns with declared types, keys, references and some rows."""

    name: str
    columns: list[str]
    types: list[str]
    needed: list[bool]
    key: list[int]
    alone: set[int]
    """Columns of which each value stands in one row only."""
    references: dict[int, Place]
    rows: list[list[Any]] = field(default_factory=list)

    def values(self, column: int) -> list[Any]:
        """Return the cells of a column that are not NULL."""
        return [row[column] for row in self.rows if row[column] is not None]


def read_tables(original: sqlite3.Connection) -> list[Table]:
    """Read the tables of a database, but virtual ones, with at most SAMPLED rows of each."""
    tables = []
    names = original.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY rowid"
    ).fetchall()
    for (name,) in names:
        about = [row for row in original.execute(f"PRAGMA table_xinfo({quoted(name)})") if row[6] == 0]
        columns = [row[1] for row in about]
        key = [place for place, row in enumerate(about) if row[5]]
        alone = set(key) if len(key) == 1 else set()
        for index in original.execute(f"PRAGMA index_list({quoted(name)})").fetchall():
            within = [row[2] for row in original.execute(f"PRAGMA index_info({quoted(index[1])})")]
            if index[2] and len(within) == 1 and within[0] in columns:
                alone.add(columns.index(within[0]))
        lower = [fold(column) for column in columns]
        references = {}
        for row in original.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall():
            keys = [info for info in original.execute(f"PRAGMA table_info({quoted(row[2])})") if info[5]]
            target = row[4] or (keys[0][1] if len(keys) == 1 else "")
            if target and fold(row[3]) in lower:
                references[lower.index(fold(row[3]))] = (fold(row[2]), fold(target))
        table = Table(name, columns, [row[2] for row in about], [bool(row[3]) for row in about], key, alone, references)
        table.rows = _sample(original, table) if columns else []
        tables.append(table)
    return [table for table in tables if table.columns]


def _sample(original: sqlite3.Connection, table: Table) -> list[list[Any]]:
    """Rows from all over the table, the same ones each time."""
    quoted_name, columns = quoted(table.name), ", ".join(map(quoted, table.columns))
    taken = {fold(column) for column in table.columns}
    number = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "NULL")
    try:
        (last,) = original.execute(f"SELECT max({number}) FROM {quoted_name}").fetchone()
        step = max(1, (last or 0) // SAMPLED)
        rows = original.execute(
            f"SELECT {columns} FROM {quoted_name} WHERE {number} % {step} = 0 LIMIT {SAMPLED}"
        ).fetchall()
        if len(rows) >= 20 or step == 1:
            return [list(row) for row in rows]
    except sqlite3.Error:
        pass  # a table without row ids
    try:
        return [
            list(row) for row in original.execute(f"SELECT {columns} FROM {quoted_name} LIMIT {SAMPLED}").fetchall()
        ]
    except sqlite3.Error:
        return []

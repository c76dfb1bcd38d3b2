"""WikiSQL's own layout as questions: lines of table_id, question and sql (sel, agg, conds), tables in a file beside it.

`FILE.tables.jsonl` next to `FILE.jsonl` holds id, header, types and rows. Each table becomes a SQLite database of one
table, with its headers as names. Layout and order of the operators: Zhong, Xiong, Socher 2017, WikiSQL's lib/query.py.
Two things differ from its own database, whose columns are called col0, col1 and whose text is in lower case: names are
made from the headers, and texts are kept as they are; a condition's text is spelled as the cell that it means.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.files import atomic
from ...core.settings import settings
from ...data.sources.wikisql import column_names, number_of, query, table_name, tables_beside
from ...sql.names import quoted


class Tables:
    """The tables beside a question file, made into databases when they are asked for."""

    def __init__(self, questions: Path) -> None:
        """Raises DataError when there is no file of tables, or a broken one."""
        self.tables = tables_beside(questions)

    def question(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return question and gold SQL of a line; the gold is SELECT NULL where the table is unknown or has no rows.

        Raises LookupError, TypeError or ValueError for a line that is broken.
        """
        table = self.tables.get(row["table_id"])
        if table is None or not table.get("rows"):
            return row["question"], "SELECT NULL"
        return row["question"], query(table, row["sql"])

    def database(self, table_id: str) -> Path | None:
        """Return the database of a table, made when it is first asked for; None where it is unknown or has no rows.

        Raises LookupError, TypeError, ValueError or sqlite3.Error for a table that is broken.
        """
        table = self.tables.get(table_id)
        return _made(table) if table is not None and table.get("rows") else None


def _made(table: Mapping[str, Any]) -> Path:
    """The database of a table, made once and kept in the cache."""
    known = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:16]
    path = settings().cache / "wikisql" / f"{table_name(table)}-{known}.sqlite"
    if path.is_file():
        return path
    names = column_names(table["header"])
    width = len(names)
    if len(table["types"]) != width:
        raise ValueError(f"it has {width} headers and {len(table['types'])} types")
    for place, row in enumerate(table["rows"], 1):
        if len(row) != width:
            raise ValueError(f"its row {place} has {len(row)} cells, and the header {width}")
    kinds = ["REAL" if kind == "real" else "TEXT" for kind in table["types"]]
    rows = [
        [number_of(cell) if kind == "REAL" else str(cell) for cell, kind in zip(row, kinds, strict=True)]
        for row in table["rows"]
    ]
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        made = ", ".join(f"{quoted(name)} {kind}" for name, kind in zip(names, kinds, strict=True))
        connection.execute(f"CREATE TABLE {quoted(table_name(table))} ({made})")
        connection.executemany(f"INSERT INTO {quoted(table_name(table))} VALUES ({', '.join('?' * len(names))})", rows)
        connection.commit()
        data = connection.serialize()
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path

"""WikiSQL's own layout as questions: lines of table_id, question and sql (sel, agg, conds), tables in a file beside it.

`FILE.tables.jsonl` next to `FILE.jsonl` holds id, header, types and rows. Each table becomes a SQLite database of one
table, with its headers as names. Layout and order of the operators: Zhong, Xiong, Socher 2017, WikiSQL's lib/query.py.
Two things differ from its own database, whose columns are called col0, col1 and whose text is in lower case: names are
made from the headers, and texts are kept as they are; a condition's text is spelled as the cell that it means.
"""

import contextlib
import hashlib
import json
import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.files import atomic
from ...core.settings import settings
from ...sql.names import identifier, quoted

AGGREGATES = ("", "MAX", "MIN", "COUNT", "SUM", "AVG")
OPERATORS = ("=", ">", "<")


def is_wikisql(row: Any) -> bool:
    """Return whether a line of a question file is in this layout."""
    return isinstance(row, dict) and "table_id" in row and isinstance(row.get("sql"), dict)


class Tables:
    """The tables beside a question file, made into databases when they are asked for."""

    def __init__(self, questions: Path) -> None:
        """Raises DataError when there is no file of tables, or a broken one."""
        path = questions.with_name(f"{questions.stem}.tables.jsonl")
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")  # a text may hold other breaks of lines
            tables = [json.loads(line) for line in lines if line.strip()]
            self.tables: dict[str, Mapping[str, Any]] = {table["id"]: table for table in tables}
        except OSError:
            raise DataError(f"{path}: not there", fix="put WikiSQL's tables beside its questions") from None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: broken ({error})", fix="get WikiSQL's tables again") from None

    def question(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return question and gold SQL of a line; the gold is SELECT NULL where the table is unknown or has no rows.

        Raises LookupError, TypeError or ValueError for a line that is broken.
        """
        table = self.tables.get(row["table_id"])
        if table is None or not table.get("rows"):
            return row["question"], "SELECT NULL"
        names, sql = columns(table["header"]), row["sql"]
        places = [
            sql["sel"],
            sql["agg"],
            *(number for place, operator, _ in sql["conds"] for number in (place, operator)),
        ]
        if any(number < 0 for number in places):  # which Python counts from the end
            raise ValueError("a column or an operator below 0")
        column = identifier(names[sql["sel"]])
        aggregate = AGGREGATES[sql["agg"]]
        query = f"SELECT {f'{aggregate}({column})' if aggregate else column} FROM {identifier(_name(table))}"
        conditions = [
            f"{identifier(names[place])} {OPERATORS[operator]} {_value(table, place, value)}"
            for place, operator, value in sql["conds"]
        ]
        return row["question"], query + (" WHERE " + " AND ".join(conditions) if conditions else "")

    def database(self, table_id: str) -> Path | None:
        """Return the database of a table, made when it is first asked for; None where it is unknown or has no rows.

        Raises LookupError, TypeError, ValueError or sqlite3.Error for a table that is broken.
        """
        table = self.tables.get(table_id)
        return _made(table) if table is not None and table.get("rows") else None


def columns(header: Sequence[str]) -> list[str]:
    """Return a plain name for each header, each once.

    >>> columns(["Player name", "Area (km 2 )", "#", "No.", "no"])
    ['player_name', 'area_km_2', 'column_3', 'no', 'no_2']
    >>> columns(["Order", "ORDER", "", "Größe", "Город"])
    ['order', 'order_2', 'column_3', 'gr_e', 'column_5']
    """
    names: list[str] = []
    for place, text in enumerate(header, 1):
        stem = re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_") or f"column_{place}"
        stem = f"column_{stem}" if stem[0].isdigit() else stem
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}_{number}", number + 1
        names.append(name)
    return names


def _name(table: Mapping[str, Any]) -> str:
    return "table_" + re.sub(r"\W", "_", str(table["id"]))


def _value(table: Mapping[str, Any], place: int, value: Any) -> str:
    """A condition's value: a number where the column holds numbers, else the cell that it spells in another case."""
    if table["types"][place] == "real":
        number = _number(value)
        return _quoted(number) if isinstance(number, str) else repr(number).removesuffix(".0")
    cells: dict[str, str] = {}
    for row in table["rows"]:
        cell = str(row[place])
        if cell == str(value):
            return _quoted(cell)
        cells.setdefault(cell.lower(), cell)
    return _quoted(cells.get(str(value).lower(), str(value)))


def _quoted(text: str) -> str:
    """As it is, blanks and all: the gold has to find its cell."""
    return "'" + text.replace("'", "''") + "'"


def _number(value: Any) -> float | str:
    """A number where the text is one, thousands apart by commas; else the text."""
    text = str(value)
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text  # Python reads nan, inf and 1_000 too


def _made(table: Mapping[str, Any]) -> Path:
    """The database of a table, made once and kept in the cache."""
    known = hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:16]
    path = settings().cache / "wikisql" / f"{_name(table)}-{known}.sqlite"
    if path.is_file():
        return path
    names = columns(table["header"])
    width = len(names)
    if len(table["types"]) != width:
        raise ValueError(f"it has {width} headers and {len(table['types'])} types")
    for place, row in enumerate(table["rows"], 1):
        if len(row) != width:
            raise ValueError(f"its row {place} has {len(row)} cells, and the header {width}")
    kinds = ["REAL" if kind == "real" else "TEXT" for kind in table["types"]]
    rows = [
        [_number(cell) if kind == "REAL" else str(cell) for cell, kind in zip(row, kinds, strict=True)]
        for row in table["rows"]
    ]
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        made = ", ".join(f"{quoted(name)} {kind}" for name, kind in zip(names, kinds, strict=True))
        connection.execute(f"CREATE TABLE {quoted(_name(table))} ({made})")
        connection.executemany(f"INSERT INTO {quoted(_name(table))} VALUES ({', '.join('?' * len(names))})", rows)
        connection.commit()
        data = connection.serialize()
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path

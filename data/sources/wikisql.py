"""WikiSQL's own layout: lines of table_id, question and sql (sel, agg, conds), and the tables in a file beside it.

`FILE.tables.jsonl` next to `FILE.jsonl` holds id, header, types and rows. Layout and order of the operators: Zhong,
Xiong, Socher 2017, WikiSQL's lib/query.py. Names are made from the headers; a condition's text is spelled as the cell
that it means.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...sql.names import identifier, quoted
from .file_rows import file_rows
from .pair_rows import PairRow, some_whole
from .unread import Unread

AGGREGATES = ("", "MAX", "MIN", "COUNT", "SUM", "AVG")
OPERATORS = ("=", ">", "<")
MOST_ROWS = 100  # of a table that its schema inserts
BROKEN = "get WikiSQL's questions again"


def is_wikisql(row: Any) -> bool:
    """Return whether a line of a question file is in this layout."""
    return isinstance(row, dict) and "table_id" in row and isinstance(row.get("sql"), dict)


def holds_table(row: Any) -> bool:
    """Return whether a row is one of WikiSQL with its table inside, as the Hub has them."""
    return isinstance(row, dict) and isinstance(row.get("sql"), dict) and isinstance(row.get("table"), dict)


def tables_beside(questions: Path) -> dict[str, Mapping[str, Any]]:
    """Read the tables beside a question file, by id. Raises DataError when there is no such file, or a broken one."""
    path = questions.with_name(f"{questions.stem}.tables.jsonl")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # a text may hold other breaks of lines
        tables = [json.loads(line) for line in lines if line.strip()]
        return {table["id"]: table for table in tables}
    except OSError:
        raise DataError(f"{path}: not there", fix="put WikiSQL's tables beside its questions") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: broken ({error})", fix="get WikiSQL's tables again") from None


def wikisql_rows(path: Path) -> Iterator[PairRow]:
    """Yield the rows of a question file; each schema is its table, with its first rows where it has some.

    Raises DataError for a file without tables, or without one row that can be read.
    """
    yield from some_whole(path, _rows(path))


def _rows(path: Path) -> Iterator[PairRow]:
    tables: Mapping[str, Mapping[str, Any]] | None = None
    made: dict[str, str] = {}
    for number, item in file_rows(path, lambda names: "", BROKEN):
        if tables is None and isinstance(item, dict) and "table" not in item:
            tables = tables_beside(path)
        yield wikisql_row(number, item, tables or {}, made)


def wikisql_row(
    number: int, item: Any, tables: Mapping[str, Mapping[str, Any]], made: dict[str, str] | None = None
) -> PairRow:
    """Make a row; its table stands in it, or among the tables. `made` is the schema of the row before."""
    if isinstance(item, Unread):
        return PairRow(number, "", "", "", fault=item)
    made = {} if made is None else made
    try:
        table = item["table"] if "table" in item else tables.get(item["table_id"])
        question = str(item["question"])
        if table is None:
            return PairRow(number, question, "", "", fault="no such table in the file of tables")
        name = str(table["id"])
        if name not in made:  # rows of one table stand together
            made.clear()
            made[name] = table_ddl(table)
        return PairRow(number, question, made[name], query(table, item["sql"]), name)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return PairRow(number, "", "", "", fault=f"broken ({type(error).__name__}: {error})", fix=BROKEN)


def query(table: Mapping[str, Any], sql: Mapping[str, Any]) -> str:
    """Write a line's `sql` as a query. Raises LookupError, TypeError or ValueError for a line that is broken."""
    names = column_names(table["header"])
    conditions = sql["conds"]
    if isinstance(conditions, Mapping):  # as the Hub has them: a list of each part
        parts = ("column_index", "operator_index", "condition")
        conditions = list(zip(*(conditions[part] for part in parts), strict=True))
    places = [sql["sel"], sql["agg"], *(number for place, operator, _ in conditions for number in (place, operator))]
    if any(number < 0 for number in places):  # which Python counts from the end
        raise ValueError("a column or an operator below 0")
    column = identifier(names[sql["sel"]])
    aggregate = AGGREGATES[sql["agg"]]
    shown = f"{aggregate}({column})" if aggregate else column
    where = [
        f"{identifier(names[place])} {OPERATORS[operator]} {_value(table, place, value)}"
        for place, operator, value in conditions
    ]
    return f"SELECT {shown} FROM {identifier(table_name(table))}" + (" WHERE " + " AND ".join(where) if where else "")


def table_ddl(table: Mapping[str, Any]) -> str:
    """Write a table as a CREATE TABLE statement, and its first rows as an INSERT."""
    name = quoted(table_name(table))
    kinds = ["REAL" if kind == "real" else "TEXT" for kind in table["types"]]
    names = column_names(table["header"])
    made = ", ".join(f"{quoted(column)} {kind}" for column, kind in zip(names, kinds, strict=True))
    rows = [
        "(" + ", ".join(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)) + ")"
        for row in (table.get("rows") or [])[:MOST_ROWS]
    ]
    return f"CREATE TABLE {name} ({made});" + (f" INSERT INTO {name} VALUES {', '.join(rows)};" if rows else "")


def column_names(header: Sequence[str]) -> list[str]:
    """Return a plain name for each header, each once.

    >>> column_names(["Player name", "Area (km 2 )", "#", "No.", "no"])
    ['player_name', 'area_km_2', 'column_3', 'no', 'no_2']
    >>> column_names(["Order", "ORDER", "", "Größe", "Город"])
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


def table_name(table: Mapping[str, Any]) -> str:
    """Return what a table is called in its database."""
    return "table_" + re.sub(r"\W", "_", str(table["id"]))


def number_of(value: Any) -> float | str:
    """Return a number where the text is one, thousands apart by commas; else the text."""
    text = str(value)
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text  # Python reads nan, inf and 1_000 too


def _value(table: Mapping[str, Any], place: int, value: Any) -> str:
    """A condition's value: a number where the column holds numbers, else the cell that it spells in another case."""
    if table["types"][place] == "real":
        return _cell(value, "REAL")
    cells: dict[str, str] = {}
    for row in table.get("rows") or ():
        cell = str(row[place])
        if cell == str(value):
            return _text(cell)
        cells.setdefault(cell.lower(), cell)
    return _text(cells.get(str(value).lower(), str(value)))


def _cell(value: Any, kind: str) -> str:
    number = number_of(value) if kind == "REAL" else str(value)
    return _text(number) if isinstance(number, str) else repr(number).removesuffix(".0")


def _text(text: str) -> str:
    """As it is, blanks and all: the query has to find its cell."""
    return "'" + text.replace("'", "''") + "'"

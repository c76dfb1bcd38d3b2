"""The user's own pairs, checked line by line before any training: each query is run, read-only."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...core.errors import DataError, QueryError
from ...core.recipe import Source
from ...core.records import Schema
from ...core.settings import settings
from ...databases.cells import flat
from ...databases.introspect import introspect
from ...databases.sqlite import run
from ...sql.ddl.parse import parse_ddl
from ...sql.guard import check
from ...sql.names import quoted
from ..clean.left_out import LeftOut
from ..clean.trial_database import failure, trial_database
from ..sources.file_rows import PLACE
from ..sources.open_source import open_source
from ..sources.pair_rows import PairRow

SECONDS = 10.0  # that a query may take
UNKNOWN = re.compile(r"no such (table|column): (?:\w+\.)?(.+)")
TEXT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
COMPARED = re.compile(
    rf"""(\w+|"[^"]+"|`[^`]+`|\[[^\]]+\])\s*(?:==?|\bIN\s*\()\s*((?:{TEXT.pattern})(?:\s*,\s*(?:{TEXT.pattern}))*)""",
    re.IGNORECASE,
)
MOST_CELLS = 5000  # cells of a column that the nearest is looked for in
FEW_CELLS = 5  # that are all named


@dataclass(frozen=True)
class Finding:
    """What is wrong with a row (`wrong`: it cannot be used), or suspicious about it."""

    file: str
    line: int
    wrong: bool
    problem: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.file}:{self.line}: {'' if self.wrong else 'look at this: '}{self.problem}"


@dataclass(frozen=True)
class Report:
    """The rows that were read, and all findings in their order."""

    rows: int
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> int:
        """Return how many rows cannot be used."""
        return len({(found.file, found.line) for found in self.findings if found.wrong})

    def as_json(self) -> dict[str, Any]:
        """Return what `sql-llama data check --json` prints."""
        return {"rows": self.rows, "wrong": self.wrong, "findings": [asdict(found) for found in self.findings]}


def check_pairs(files: Sequence[Path], db: str = "", layout: Any = "auto") -> Report:
    """Run every query of files of pairs; `db` is the database that rows without one of their own ask.

    Raises DataError for a file that cannot be read as pairs, with its line, and for a database that cannot be read.
    """
    if db:
        introspect(db)
    findings: list[Finding] = []
    count = 0
    seen: dict[str, tuple[str, str]] = {}
    for file in files:
        source = open_source(Source(path=str(file), db=db, layout=layout), settings().cache)
        for row in source.rows():
            count += 1
            for wrong, problem in _problems(row, seen):
                findings.append(Finding(row.file or str(file), row.number, wrong, problem))
    return Report(count, tuple(findings))


def _problems(row: PairRow, seen: dict[str, tuple[str, str]]) -> Iterator[tuple[bool, str]]:
    """What is wrong with one row, then what is suspicious."""
    if row.fault or not row.question.strip() or not row.sql.strip():
        fault = f"{row.fault}; {row.fix}" if row.fix == PLACE else row.fault
        yield True, fault or ("the question is empty" if not row.question.strip() else "the query is empty")
        return
    if row.db and not Path(row.db).is_file():
        yield True, f"no database {row.named or row.db}" + (f" (looked for {row.db})" if row.named else "")
        return
    try:
        check(row.sql)
        schema = parse_ddl(row.schema) if row.schema else introspect(row.db)
    except (QueryError, DataError) as error:
        yield True, error.message
        return
    if row.review:
        yield False, f"a program wrote the question: {row.question}"
    error_text, rows = _run(row, schema)
    if error_text:
        yield True, error_text + _nearest(error_text, schema)
        return
    nothing = rows is not None and all(not cell for cells in rows for cell in cells)  # none, or a count of 0
    unknown = _unknown_value(row) if nothing else ""
    if rows is not None and (not rows or unknown):
        yield False, f"the query returns {'only 0 or NULL' if rows else 'no rows'}{unknown}"
    place = f"{row.file}:{row.number}" if row.file else f"line {row.number}"
    known = seen.setdefault(f"{flat(row.question)} {row.db or row.schema}", (place, row.sql.strip()))
    if known[0] != place:
        same = known[1] == row.sql.strip()
        yield False, f"the question of {known[0]} again" + ("" if same else ", with another query")


def _run(row: PairRow, schema: Schema) -> tuple[str, Sequence[Sequence[object]] | None]:
    """The error of a query, and its rows; no rows are known where there is only a schema."""
    if row.db:
        try:
            return "", run(row.db, row.sql, timeout=SECONDS, max_rows=5).rows
        except (QueryError, DataError) as error:
            return error.message, None
    try:
        with trial_database(schema, row.schema) as trial:
            return failure(row.sql.strip().rstrip(";"), trial), None
    except LeftOut as reason:
        return str(reason), None
    except DataError as error:
        return error.message, None


def _nearest(error: str, schema: Schema) -> str:
    """The known name that an unknown one is nearest to."""
    match = UNKNOWN.search(error)
    if match is None:
        return ""
    tables = [table.name for table in schema.tables]
    names = tables if match[1] == "table" else [column.name for table in schema.tables for column in table.columns]
    low = {name.lower(): name for name in names}
    near = difflib.get_close_matches(match[2].strip().lower(), list(low), 1)
    return f" (did you mean {low[near[0]]}?)" if near else ""


def _unknown_value(row: PairRow) -> str:
    """Values that the query compares a column with and that no row holds, with the nearest that there are."""
    tables = [table for table in introspect(row.db).tables if table.name.lower() in row.sql.lower()]
    known = {column.name.lower() for table in tables for column in table.columns}
    for column, listed in COMPARED.findall(row.sql):
        texts = [text[1:-1].replace(text[0] * 2, text[0]) for text in TEXT.findall(listed)]
        values = [text for text in texts if text.lower() not in known]  # "name" may be a column
        bare = column.strip('"`[]').lower()
        places = [(table.name, one.name) for table in tables for one in table.columns if one.name.lower() == bare]
        if not places or len(values) < len(texts):
            continue
        try:
            if any(_cells(row.db, *place, values) for place in places):
                continue
            cells = [cell for place in places for cell in _cells(row.db, *place)]
        except (QueryError, DataError):
            continue
        return f": {places[0][1]} has no {' or '.join(map(_literal, values))}{_nearest_cells(values, cells)}"
    return ""


def _cells(db: str, table: str, column: str, values: Sequence[str] = ()) -> list[str]:
    """The first different cells of a column; with values, those of them that it holds. Raises QueryError, DataError."""
    listed = ", ".join(_literal(value) for value in values)
    where = f" WHERE {quoted(column)} IN ({listed})" if values else ""
    query = f"SELECT DISTINCT {quoted(column)} FROM {quoted(table)}{where}"
    return [str(cell) for (cell,) in run(db, query, timeout=SECONDS, max_rows=MOST_CELLS).rows if cell is not None]


def _nearest_cells(values: Sequence[str], cells: Sequence[str]) -> str:
    """The cells that the values are nearest to; all of them where they are few."""
    low = {cell.lower(): cell for cell in cells}
    near = [low[name] for value in values for name in difflib.get_close_matches(value.lower(), list(low), 1)]
    if near:
        return f" (did you mean {' or '.join(map(_literal, dict.fromkeys(near)))}?)"
    return f" (it has {', '.join(map(_literal, cells))})" if 0 < len(cells) <= FEW_CELLS else ""


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

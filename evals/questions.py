"""Question files: Spider's dev.json, JSONL with question, sql and either `db` or `schema`, and two public layouts.

These are sql-create-context's (question, answer, context) and WikiSQL's (evals/wikisql.py).
"""

import contextlib
import hashlib
import json
import random
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.database import LONGEST_VALUE, connect
from ..core.errors import DataError
from ..core.files import atomic
from ..core.progress import progress
from ..core.prompt import identifier
from ..core.settings import settings
from .fuzz import fuzz, variants
from .wikisql import Tables, is_wikisql

EXPECTED = "a JSON list of question, query, db_id, or JSON lines of question, sql and db or schema"
DDL_SECONDS = 5.0  # that a schema may take to be made
DDL_PAGES = 2**14  # of 4 KiB, that it may fill


@dataclass(frozen=True)
class Question:
    """One question with its gold query and the SQLite file it is asked about."""

    question: str
    gold: str
    database: Path
    name: str = ""

    @property
    def database_name(self) -> str:
        """What the database is called, for counts by database."""
        return self.name or self.database.stem


@dataclass(frozen=True)
class Questions:
    """What can be asked, and `missing`: the databases that are not there, each with how many questions it has."""

    items: tuple[Question, ...]
    missing: Mapping[str, int]
    places: tuple[int, ...]
    """Place of each item in the file, from 0: lines of a predictions file go by it."""
    total: int
    sha256: str = ""
    """Of the file."""


def questions(path: Path, databases: Path | None, limit: int = 0, *, sample: int = 0, seed: int = 1) -> Questions:
    """Read a question file. `databases` holds `<db_id>/<db_id>.sqlite`, or what `db` names.

    `limit` takes the first questions only, `sample` that many picked at random. A question that comes with a schema
    is asked about a database that is made from it and filled with rows (evals/fuzz.py): over empty tables every query
    would be right.

    Raises DataError for a file of another layout, with its line, and when no question has a database.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such question file", fix="check the path given with --questions") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix=f"give {EXPECTED}") from None
    rows, tables = (_spider(path, text), None) if text.lstrip().startswith("[") else _lines(path, text)
    if not rows:
        raise DataError(f"{path}: no questions", fix=f"give {EXPECTED}")
    total = len(rows)
    chosen = list(enumerate(rows))[: limit or None]
    if sample:
        chosen = sorted(random.Random(seed).sample(chosen, min(sample, total)))
    if databases is not None and not databases.is_dir():
        raise DataError(f"{databases}: no such folder", fix="check the path given with --databases")
    items, places = [], []
    missing: dict[str, int] = {}
    golds: dict[str, list[str]] = {}
    for _, (_, row) in chosen:
        golds.setdefault(row.get("schema", ""), []).append(row["sql"])
    for place, (line, row) in chosen:
        try:
            database, name = _database(path, line, row, databases, tables, golds)
        except _Unmade as error:
            database, name = None, str(error)
        if database is not None and database.is_file():
            items.append(Question(row["question"], row["sql"], database))
            places.append(place)
        else:
            missing[name] = missing.get(name, 0) + 1
    if not items:
        raise _none_there(path, databases, missing, "schema" in chosen[0][1][1])
    found = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return Questions(tuple(items), missing, tuple(places), total if sample else len(chosen), found)


class _Unmade(Exception):
    """Why no database with rows can be made from a schema, in one line."""


def _none_there(path: Path, databases: Path | None, missing: Mapping[str, int], schemas: bool) -> DataError:
    """No question can be asked: the first reasons why."""
    names = ", ".join(sorted(missing)[:3])
    if schemas:
        return DataError(f"{path}:{next(iter(missing)).removeprefix('line ')}", fix="give CREATE TABLE of SQLite")
    if databases is None:
        return DataError(f"{path}: none of its tables has rows ({names})", fix="put WikiSQL's tables beside it")
    return DataError(
        f"{databases}: none of the databases of {path.name} is there ({names})",
        fix="give the folder that holds <db_id>/<db_id>.sqlite with --databases",
    )


def _filled(database: Path, golds: Sequence[str], gold: str) -> Path:
    """A copy with rows that tell these queries from others; the empty database where the gold fails anyway.

    Raises _Unmade where no rows can be made for which the golds return any: over none, every query would be right.
    """
    made = fuzz(database, golds, 1)
    if not made.paths and gold not in made.failed:  # count(*) has no neighbours that rows tell it from
        with contextlib.closing(connect(str(database))) as connection:
            connection.set_authorizer(None)
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        made = fuzz(database, [*golds, *(f"SELECT * FROM {identifier(name)}" for (name,) in names)], 1)
        if not made.paths:
            raise _Unmade("no rows can be made that the gold returns")
    return next(iter(made.paths), database)


def fuzzed(found: Questions, count: int, seed: int = 0) -> dict[Path, tuple[Path, ...]]:
    """`count` fuzzed copies of every database of these questions, made once and kept in the cache folder."""
    golds: dict[Path, list[str]] = {}
    for item in found.items:
        golds.setdefault(item.database, []).append(item.gold)
    copies = {}
    with progress("making databases with other rows", len(golds), "databases") as advance:
        for database, asked in golds.items():
            copies[database] = variants(database, asked, count, seed)
            advance(1)
    return copies


Row = tuple[int, dict[str, str]]
"""Line or place in the file, from 1, and the texts question, sql and db_id, db, schema or (WikiSQL's) table."""


def _spider(path: Path, text: str) -> list[Row]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: broken JSON ({error})", fix=f"give {EXPECTED}") from None
    return [_checked(path, f"question {place}", place, row) for place, row in enumerate(tree, 1)]


def _lines(path: Path, text: str) -> tuple[list[Row], Tables | None]:
    rows = []
    tables: Tables | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: broken JSON ({error})", fix=f"give {EXPECTED}") from None
        if is_wikisql(row):
            tables = tables or Tables(path)
            rows.append(_wikisql(path, tables, number, row))
        else:
            rows.append(_checked(path, f"line {number}", number, row))
    return rows, tables


def _checked(path: Path, where: str, number: int, row: Any) -> Row:
    if not isinstance(row, dict):
        raise DataError(f"{path}: {where}: not an object", fix=f"give {EXPECTED}")
    # Spider's own `sql` is the parsed query; sql-create-context says answer and context
    sql = next((row[key] for key in ("query", "sql", "answer") if isinstance(row.get(key), str)), None)
    row = {**row, "sql": sql, "schema": row.get("schema", row.get("context"))}
    place = next((key for key in ("db_id", "db", "schema") if isinstance(row.get(key), str) and row[key]), None)
    absent = [key for key in ("question", "sql") if not isinstance(row.get(key), str) or not row[key].strip()]
    if absent or place is None:
        absent += [] if place else ["db_id, db or schema"]
        raise DataError(f"{path}: {where}: has no {' and no '.join(absent)}", fix=f"give {EXPECTED}")
    return number, {"question": text_of(row["question"]), "sql": text_of(row["sql"]), place: text_of(row[place])}


def text_of(said: str) -> str:
    """Text that can be written: JSON may hold halves of characters."""
    return said.encode(errors="replace").decode()


def _wikisql(path: Path, tables: Tables, number: int, row: Mapping[str, Any]) -> Row:
    try:
        question, sql = tables.question(row)
        return number, {"question": text_of(question), "sql": text_of(sql), "table": str(row["table_id"])}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}:{number}: broken ({error})", fix="get WikiSQL's questions again") from None


def _database(
    path: Path,
    line: int,
    row: Mapping[str, str],
    folder: Path | None,
    tables: Tables | None,
    golds: Mapping[str, Sequence[str]],
) -> tuple[Path | None, str]:
    """The SQLite file of a question, and the name to call it by when it is missing; raises _Unmade."""
    if "schema" in row:
        try:
            return _filled(_from_ddl(row["schema"]), golds[row["schema"]], row["sql"]), ""
        except _Unmade as error:
            raise _Unmade(f"line {line}: the schema cannot be made ({error})") from None
    if tables is not None and "table" in row:
        try:
            return tables.database(row["table"]), row["table"]
        except (LookupError, TypeError, ValueError, AttributeError, sqlite3.Error) as error:
            raise _Unmade(f"{row['table']}: the table cannot be made ({error})") from None
    if folder is None:
        raise DataError(f"{path}: its questions name databases", fix="give their folder with --databases")
    name = row.get("db_id") or row["db"]
    database = folder / name / f"{name}.sqlite" if "db_id" in row else folder / name
    if "\0" in name or not database.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{path}:{line}: {name} leads out of {folder}", fix="name databases inside the folder")
    return database, name


def _from_ddl(ddl: str) -> Path:
    """A database with this schema, made once and kept in the cache; raises _Unmade."""
    path = settings().cache / "schemas" / f"{hashlib.sha256(ddl.encode()).hexdigest()[:24]}.sqlite"
    if path.is_file():
        return path
    until = time.monotonic() + DDL_SECONDS
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(f"PRAGMA max_page_count = {DDL_PAGES}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            connection.set_authorizer(_only_create)
            connection.executescript(ddl)
            connection.set_authorizer(None)
            connection.set_progress_handler(None, 0)
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
            if not tables:
                raise _Unmade("it makes no table")
            made = connection.serialize()
        except (sqlite3.Error, ValueError) as error:
            raise _Unmade(" ".join(str(error).split())) from None
    with atomic(path) as temporary:
        temporary.write_bytes(made)
    return path


def _only_create(action: int, first: str | None, *_: str | None) -> int:
    """The schema comes from a data file: it must not attach, load or run anything."""
    refused = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_PRAGMA)
    bad_function = action == sqlite3.SQLITE_FUNCTION and (_[0] or "").lower() in ("load_extension", "writefile")
    return sqlite3.SQLITE_DENY if action in refused or bad_function else sqlite3.SQLITE_OK

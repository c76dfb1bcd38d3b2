"""Question files: Spider's dev.json, JSONL with question, sql and either `db` or `schema`, and public layouts.

These are sql-create-context's (question, answer, context) and WikiSQL's (wikisql.py). BIRD's dev.json is Spider's
layout with other keys.
"""

import hashlib
import json
import os
import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.progress import progress
from ...data.sources.wikisql import is_wikisql
from ...databases.unreadable import Unreadable, unreadable, with_more
from ..fuzz.fuzz import variants
from .from_schema import Qualified, Unmade, from_schema, qualified, unqualified
from .wikisql import Tables

EXPECTED = "a JSON list of question, query, db_id, or JSON lines of question, sql and db or schema"


@dataclass(frozen=True)
class Question:
    """One question with its gold query and the SQLite file it is asked about.

    `evidence` is what BIRD gives along with a question. `schemas` are those of its DDL, which SQLite does not have.
    """

    question: str
    gold: str
    database: Path
    name: str = ""
    evidence: str = ""
    schemas: Qualified = frozenset()

    @property
    def full_question(self) -> str:
        """Return question and evidence in one line, as the model gets them."""
        return f"{self.question} {self.evidence}" if self.evidence else self.question

    @property
    def database_name(self) -> str:
        """Return the name of the database, for counts by database."""
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
    unreadable: Mapping[str, Unreadable] = field(default_factory=dict)
    """Databases that are there and cannot be read."""


def questions(path: Path, databases: Path | None, limit: int = 0, *, sample: int = 0, seed: int = 1) -> Questions:
    """Read a question file. `databases` holds `<db_id>/<db_id>.sqlite`, or what `db` names.

    `limit` takes the first questions only, `sample` that many picked at random. A question that comes with a schema
    is asked about a database that is made from it and filled with rows (fuzz.py): over empty tables every query
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
    chosen_rows = [(place, line, _unqualified(row)) for place, (line, row) in chosen]
    golds: dict[str, list[str]] = {}
    for _, _, row in chosen_rows:
        golds.setdefault(row.get("schema", ""), []).append(row["sql"])
    items, places = [], []
    missing: dict[str, int] = {}
    why: dict[Path, str] = {}
    broken: list[tuple[str, str]] = []
    for place, line, row in chosen_rows:
        try:
            database, name = _database(path, line, row, databases, tables, golds)
        except Unmade as error:
            database, name = None, str(error)
        if database is None or not _is_there(database):
            missing[name] = missing.get(name, 0) + 1
            continue
        if "db" in row or "db_id" in row:
            why[database] = why[database] if database in why else unreadable(database)
            if why[database]:
                broken.append((name, why[database]))
                continue
        schemas = qualified(row.get("schema", ""))
        items.append(Question(row["question"], row["sql"], database, evidence=row.get("evidence", ""), schemas=schemas))
        places.append(place)
    lost = with_more({}, iter(broken))
    if not items:
        raise _none_there(path, databases, missing, lost, "schema" in chosen_rows[0][2])
    file_hash = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return Questions(tuple(items), missing, tuple(places), total if sample else len(chosen), file_hash, lost)


def _unqualified(row: Mapping[str, str]) -> dict[str, str]:
    """A row whose gold names tables as its database does."""
    return {**row, "sql": unqualified(row["sql"], qualified(row.get("schema", "")))}


def _is_there(database: Path) -> bool:
    """Whether there is anything of that name, be it a database or not."""
    try:
        database.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # a folder that may not be entered, links in a circle
        pass
    return True


def _none_there(
    path: Path, databases: Path | None, missing: Mapping[str, int], lost: Mapping[str, Unreadable], schemas: bool
) -> DataError:
    """No question can be asked: the first reasons why."""
    if lost:
        return none_readable(path, {**lost, **{name: Unreadable(n, "not there") for name, n in missing.items()}})
    names = ", ".join(sorted(missing)[:3])
    if schemas:
        return DataError(f"{path}:{next(iter(missing)).removeprefix('line ')}", fix="give CREATE TABLE statements")
    if databases is None:
        return DataError(f"{path}: none of its tables has rows ({names})", fix="put WikiSQL's tables beside it")
    return DataError(
        f"{databases}: none of the databases of {path.name} is in that folder ({names})",
        fix="give the folder that holds <db_id>/<db_id>.sqlite with --databases",
    )


def none_readable(path: Path | str, lost: Mapping[str, Unreadable]) -> DataError:
    """Return the error that no database of a question file can be read, with the first reasons."""
    reasons = "; ".join(f"{name}: {database.reason}" for name, database in list(lost.items())[:3])
    return DataError(f"{path}: none of its databases can be read ({reasons})", fix="get the databases again")


def fuzzed(questions: Questions, count: int, seed: int = 0) -> dict[Path, tuple[Path, ...]]:
    """Make `count` fuzzed copies of every database of these questions, once, and keep them in the cache folder.

    A database that cannot be read after all is left out: the judge reports it with its questions.
    """
    golds: dict[Path, list[str]] = {}
    for item in questions.items:
        golds.setdefault(item.database, []).append(item.gold)
    copies = {}
    with progress("making databases with other rows", len(golds), "databases") as advance:
        for database, queries in golds.items():
            try:
                copies[database] = variants(database, queries, count, seed)
            except (DataError, sqlite3.Error, OSError):
                if not unreadable(database, whole=True):
                    raise
            advance(1)
    return copies


Row = tuple[int, dict[str, str]]
"""Line or place in the file, from 1, and the texts question, sql, evidence if any, and db_id, db, schema or table."""


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
    # Spider's own `sql` is the parsed query, BIRD says SQL, sql-create-context answer and context, gretel sql_prompt
    # and sql_context
    texts = [row[key] for key in ("query", "sql", "SQL", "answer") if isinstance(row.get(key), str)]
    sql = next((text for text in texts if text.strip()), None)
    schema = next((row[key] for key in ("schema", "context", "sql_context") if key in row), None)
    row = {**row, "question": row.get("question", row.get("sql_prompt")), "sql": sql, "schema": schema}
    place = next((key for key in ("db_id", "db", "schema") if isinstance(row.get(key), str) and row[key]), None)
    absent = [key for key in ("question", "sql") if not isinstance(row.get(key), str) or not row[key].strip()]
    if absent or place is None:
        absent += [] if place else ["db_id, db or schema"]
        raise DataError(f"{path}: {where}: has no {' and no '.join(absent)}", fix=f"give {EXPECTED}")
    fields = {"question": text_of(row["question"]), "sql": text_of(row["sql"]), place: text_of(row[place])}
    if isinstance(row.get("evidence"), str) and row["evidence"].strip():
        fields["evidence"] = " ".join(text_of(row["evidence"]).split())
    return number, fields


def text_of(text: str) -> str:
    """Return the text without what cannot be written: JSON may hold half characters."""
    return text.encode(errors="replace").decode()


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
    """The SQLite file of a question, and the name to call it by when it is missing; raises Unmade."""
    if "schema" in row:
        try:
            return from_schema(row["schema"], golds[row["schema"]], row["sql"]), ""
        except Unmade as error:
            raise Unmade(f"line {line}: the schema cannot be made ({error})") from None
    if tables is not None and "table" in row:
        try:
            return tables.database(row["table"]), row["table"]
        except (LookupError, TypeError, ValueError, AttributeError, sqlite3.Error) as error:
            raise Unmade(f"{row['table']}: the table cannot be made ({error})") from None
    if folder is None:
        raise DataError(f"{path}: its questions name databases", fix="give their folder with --databases")
    name = row.get("db_id") or row["db"]
    database = folder / name / f"{name}.sqlite" if "db_id" in row else folder / name
    if "\0" in name or not _is_within(database, folder):
        raise DataError(f"{path}:{line}: {_shown(name)} leads out of {folder}", fix="name databases inside the folder")
    return database, name


def _is_within(database: Path, folder: Path) -> bool:
    """Whether a path stays in the folder, links followed; links in a circle count as files."""
    try:
        resolved = database.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, until Python 3.12
        resolved = Path(os.path.normpath(database.absolute()))
        return resolved.is_relative_to(folder.absolute()) or resolved.is_relative_to(folder.resolve())
    return resolved.is_relative_to(folder.resolve())


def _shown(name: str) -> str:
    """A name as a terminal may show it."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in name)

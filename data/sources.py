"""Read the public layouts into Examples: Spider's folder and JSONL of question, schema and SQL."""

import gzip
import json
import random
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.database import run
from ..core.errors import DataError, QueryError
from ..core.files import atomic_folder, need_space
from ..core.hints import CellIndex, find_hints, flat, index_cells
from ..core.progress import progress
from ..core.prompt import PLAIN_NAME
from ..core.records import Column, Example, Hint, Schema, Table
from ..core.ddl import parse_ddl
from ..core.schema import introspect, words
from .normalise import normalise


@dataclass
class Loaded:
    """Examples of one source and a count of what was left out, by reason."""

    examples: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Spider:
    """A folder in Spider's layout, checked: question file and where each database's file is."""

    questions: Path
    databases: Path

    def database(self, name: str) -> Path:
        return self.databases / name / f"{name}.sqlite"


def open_spider(folder: Path, cache: Path) -> Spider:
    """Find Spider's parts in a folder; a database.zip is unpacked once into the cache folder.

    Raises DataError when the folder, train_spider.json or the databases are missing.
    """
    spider = find_spider(folder)
    packed = folder / "database.zip"
    return Spider(spider.questions, _unpacked(packed, cache)) if not spider.databases.is_dir() else spider


def find_spider(folder: Path) -> Spider:
    """Like `open_spider`, but nothing is unpacked: `databases` may not be there yet."""
    questions = folder / "train_spider.json"
    if not folder.is_dir():
        raise DataError(f"{folder}: no such data folder", fix="--set data.spider=FOLDER")
    if not questions.is_file():
        raise DataError(f"{folder}: has no train_spider.json", fix="--set data.spider=FOLDER in Spider's layout")
    if not (folder / "database").is_dir() and not (folder / "database.zip").is_file():
        raise DataError(f"{folder}: has neither database/ nor database.zip", fix="unpack Spider's databases there")
    return Spider(questions, folder / "database")


def _unpacked(packed: Path, cache: Path) -> Path:
    stat = packed.stat()
    target = cache / "databases" / f"{packed.parent.name}-{stat.st_size:x}-{int(stat.st_mtime):x}"
    if not target.is_dir():
        try:
            with zipfile.ZipFile(packed) as archive:
                need_space(cache, sum(item.file_size for item in archive.infolist()), "unpacking the databases")
                with atomic_folder(target) as temporary:
                    archive.extractall(temporary)
        except zipfile.BadZipFile:
            raise DataError(f"{packed}: not a zip file", fix="fetch it again") from None
    inner = target / "database"
    return inner if inner.is_dir() else target


@dataclass(frozen=True)
class Database:
    """A database as prompts need it."""

    name: str
    path: Path
    schema: Schema
    cells: CellIndex

    def hints(self, question: str) -> tuple[Hint, ...]:
        return find_hints(question, self.cells)


def open_database(path: Path, name: str) -> Database:
    """Introspect a database and index its cells."""
    schema = introspect(str(path), name)
    return Database(name, path, schema, index_cells(str(path), schema))


def spider_rows(spider: Spider) -> list[tuple[str, str, str]]:
    """Question, query and name of the database of each training question. Raises DataError for another layout."""
    try:
        items = json.loads(spider.questions.read_text(encoding="utf-8"))
        return [(str(item["question"]), str(item["query"]), str(item["db_id"])) for item in items]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{spider.questions}: not in Spider's layout ({type(error).__name__}: {error})",
            fix="expected a JSON list of objects with question, query and db_id",
        ) from None


def load_spider(spider: Spider) -> tuple[Loaded, dict[str, Database]]:
    """Spider's training questions with SQL in plain style, and the databases that they ask."""
    rows = spider_rows(spider)
    loaded, databases = Loaded(), dict[str, Database]()
    with progress("reading Spider", len(rows), "questions") as advance:
        for question, query, name in rows:
            advance()
            path = spider.database(name)
            if not path.exists():
                loaded.left_out["database missing"] += 1
                continue
            if name not in databases:
                databases[name] = open_database(path, name)
            database = databases[name]
            try:
                sql = plain(query, database)
            except QueryError:
                loaded.left_out["gold SQL fails"] += 1
                continue
            if " ON TRUE" in sql:
                loaded.left_out["join without a condition"] += 1
                continue
            loaded.examples.append(
                Example(" ".join(question.split()), sql, database.schema, database.hints(question), name, "spider")
            )
    if not loaded.examples:
        raise DataError(
            f"{spider.questions}: no question has its database in {spider.databases}", fix="--set data.spider=FOLDER"
        )
    return loaded, databases


def plain(query: str, database: Database) -> str:
    """The gold query in plain style where that gives the same rows, else as it is. Raises QueryError when it fails."""
    url = str(database.path)
    wanted = run(url, query, timeout=5, max_rows=5000)
    try:
        sql = normalise(query, database.schema)
        got = run(url, sql, timeout=5, max_rows=5000)
        if sorted(map(repr, got.rows)) == sorted(map(repr, wanted.rows)):
            return sql
    except (DataError, QueryError):
        pass
    return " ".join(query.strip().rstrip(";").split())


def load_jsonl(path: Path, limit: int, rng: random.Random) -> Loaded:
    """Pairs of a JSONL file (also .gz, or a JSON list): question, schema or context (DDL), sql or answer.

    There is no database, so the hints are the strings that other questions over the same table compare its columns
    with; tables are the same where `table_id` is, and then their columns are put together.
    Raises DataError naming the line that is broken.
    """
    loaded = Loaded()
    tables: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    cells: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    rows: list[tuple[str, str, Schema, str]] = []
    for number, question, ddl, query, table_id in jsonl_rows(path):
        try:
            schema = parse_ddl(ddl)
            sql = normalise(query, schema)
        except DataError:
            loaded.left_out["cannot be parsed"] += 1
            continue
        key = f"{path.name}:{table_id or number}"
        for table in schema.tables:
            for column in table.columns:
                if tables[key, table.name].get(column.name) in (None, "text"):
                    tables[key, table.name][column.name] = column.type
        for name, column_name, cell in re.findall(r"(\w+)\.(\w+) = '((?:[^']|'')*)'", sql):
            cells[key, name, column_name].add(cell.replace("''", "'"))
        rows.append((question, sql, schema, key))
    if limit and len(rows) > limit:
        rows = rng.sample(rows, limit)
    for question, sql, schema, key in rows:
        known = tuple(
            Table(table.name, tuple(Column(name, kind) for name, kind in tables[key, table.name].items()))
            for table in schema.tables
        )
        said = f" {flat(question)} "
        hints = tuple(
            Hint(table.name, column.name, cell)
            for table in known
            for column in table.columns
            for cell in sorted(cells[key, table.name.lower(), column.name.lower()])
            if flat(cell) and f" {flat(cell)} " in said
        )
        example = Example(
            question, sql, Schema(known, schema.foreign_keys, key), hints[:6], key, path.name.split(".")[0]
        )
        loaded.examples.append(_speaking_name(example))
    return loaded


def jsonl_rows(path: Path) -> Iterator[tuple[int, str, str, str, str]]:
    """Line number, question, DDL, query and `table_id` (mostly empty) of each pair. Raises DataError with the line."""
    for number, item in _records(path):
        try:
            question = _text(item["question"])
            ddl = _text(item["schema"] if "schema" in item else item["context"])
            query = _text(item["sql"] if "sql" in item else item["answer"])
            yield number, question, ddl, query, str(item.get("table_id") or "")
        except (KeyError, TypeError):
            raise DataError(
                f"{path}:{number}: fields missing",
                fix="each line needs question, schema (or context) and sql (or answer)",
            ) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each record."""
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="--set data.jsonl=FILE")
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            if file.read(1) == "[":
                file.seek(0)
                yield from enumerate(json.load(file), 1)
                return
            file.seek(0)
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except ValueError as error:
                        raise DataError(
                            f"{path}:{number}: broken JSON ({error})", fix="mend or delete that line"
                        ) from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="fetch it again") from None


OPAQUE = re.compile(r"table_(name_)?[\d_]+\Z", re.IGNORECASE)
RESERVED = frozenset(
    [
        "value",
        "values",
        "group",
        "order",
        "table",
        "index",
        "to",
        "trigger",
        "view",
        "from",
        "where",
        "select",
        "set",
        "all",
        "by",
    ]
)


def _speaking_name(example: Example) -> Example:
    """Half of the tables called table_name_12 get a name that says something, taken from one of their columns."""
    schema = example.schema
    if len(schema.tables) != 1 or not OPAQUE.match(schema.tables[0].name):
        return example
    rng = random.Random(example.database)
    table = schema.tables[0]
    stem = min((column.name.lower() for column in table.columns[:3]), key=len)
    if rng.random() < 0.5 or len(stem) > 18 or not PLAIN_NAME.match(stem) or stem in RESERVED or len(words(stem)) == 0:
        return example
    name = stem + rng.choice(["s", "_list", "_records", "_table", "s", "_info"])
    if name in {column.name.lower() for column in table.columns}:
        return example
    old = re.escape(table.name.lower())
    pieces = re.split(r"('(?:[^']|'')*')", example.sql)
    pieces[::2] = [re.sub(rf"\b{old}\b", name, piece) for piece in pieces[::2]]
    return Example(
        example.question,
        "".join(pieces),
        Schema((Table(name, table.columns),), (), schema.name),
        tuple(Hint(name, hint.column, hint.value) for hint in example.hints),
        example.database,
        example.source,
    )

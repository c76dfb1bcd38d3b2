"""Read the public layouts into Examples: Spider's folder and files of question, schema and SQL."""

import contextlib
import json
import random
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import DataError, QueryError
from ...core.files import atomic_folder, need_space
from ...core.progress import progress
from ...core.records import Column, Example, Hint, Schema, Table
from ...databases.cells import CellIndex, flat, index_cells
from ...databases.introspect import introspect
from ...databases.sqlite import run
from ...prompts.hints import find_hints
from ...sql.compare import orders
from ...sql.ddl.parse import parse_ddl
from ...sql.guard import check
from ...sql.names import columns_of, fold
from ...sql.normalise import normalise
from ..clean.golds import NAME, LeftOut, bare, gold, ground, one_line, quiet_parser, refusal
from ..clean.opaque_names import speaking_name
from .pair_file import PairRow, pair_rows

MANY = 5000  # rows of a file; checking them takes long enough to be told of
MOST_REASONS = 5  # that one line names
EQUALS = re.compile(rf"{NAME}\.{NAME} = '((?:[^']|'')*)'")
REFUSED = {
    "creates no table": "no table in the schema",
    "two tables called": "two tables of one name in the schema",
    "takes columns from": "the schema takes columns from a table that it does not create",
    "which a query makes": "the schema changes a table that a query makes",
    "of columns and of a query": "the schema makes a table of columns and of a query",
}
"""What sql/ddl/parse.py says against a schema, and the reason to count."""
Shape = frozenset[tuple[str, frozenset[str]]]
"""The names of a schema's tables and columns: schemas that differ in nothing else are one for the split."""


def shape(schema: Schema) -> Shape:
    """The names in a schema, whatever their order, case and types."""
    return frozenset((table, frozenset(columns)) for table, columns in columns_of(schema).items())


@dataclass
class Loaded:
    """Examples of one source, the number of its rows, and a count of what was left out, by reason."""

    examples: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    rows: int = 0


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
    if not (folder / "database").is_dir() and not zipfile.is_zipfile(folder / "database.zip"):
        raise DataError(f"{folder / 'database.zip'}: not a zip file", fix="fetch it again")
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
        items = json.loads(spider.questions.read_text(encoding="utf-8-sig"))
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
    broken: set[str] = set()
    with quiet_parser(), progress("reading Spider", len(rows), "questions") as advance:
        for question, query, name in rows:
            advance()
            loaded.rows += 1
            path = spider.database(name)
            if not path.exists():
                loaded.left_out["database missing"] += 1
                continue
            if name not in databases and name not in broken:
                try:
                    databases[name] = open_database(path, name)
                except DataError:
                    broken.add(name)
            if name in broken:
                loaded.left_out["database cannot be read"] += 1
                continue
            database = databases[name]
            try:
                check(query)
            except QueryError as error:
                loaded.left_out[refusal(error)] += 1
                continue
            try:
                sql = plain(query, database)
            except (QueryError, LeftOut):
                loaded.left_out["gold SQL fails"] += 1
                continue
            if " ON TRUE" in sql:
                loaded.left_out["join without a condition"] += 1
                continue
            loaded.examples.append(
                Example(" ".join(question.split()), sql, database.schema, database.hints(question), name, "spider")
            )
    if not loaded.examples and set(loaded.left_out) - {"database missing"}:
        raise nothing_left(spider.questions, loaded)
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
        ranked = list if orders(query) else sorted
        if ranked(map(repr, got.rows)) == ranked(map(repr, wanted.rows)):
            return sql
    except (DataError, QueryError, RecursionError):
        pass
    return one_line(query.strip().rstrip(";"))


@dataclass(frozen=True)
class _Asked:
    """A row whose schema could be read. `key` names its database: rows of one key are of one schema."""

    row: PairRow
    schema: Schema
    key: str


def load_jsonl(path: Path, limit: int, rng: random.Random) -> Loaded:
    """Pairs of a file of rows (data/sources/pair_file.py) whose SQL reads what its schema has (data/clean/golds.py).

    Rows of one schema belong together, and so do those of one `table_id`, whose columns are put together. There is no
    database, so the hints are the strings that other questions over the same table compare its columns with.
    Raises DataError naming the line that is broken, and when nothing is left.
    """
    loaded = Loaded()
    asked: list[_Asked] = []
    with quiet_parser():
        schemas = _Schemas(path.name)
        for row in pair_rows(path):
            loaded.rows += 1
            try:
                asked.append(schemas.read(row))
            except LeftOut as reason:
                loaded.left_out[str(reason)] += 1
        taken = _golds([schemas.whole(one) for one in asked], loaded, path.name)
    if not taken:
        raise nothing_left(path, loaded)
    cells: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one, sql in taken:
        for table, column, cell in EQUALS.findall(sql):
            cells[one.key, bare(table), bare(column)].add(cell.replace("''", "'"))
    if limit and len(taken) > limit:
        taken = rng.sample(taken, limit)
    for one, sql in taken:
        hints = _hints(one, cells)
        example = Example(one.row.question, sql, one.schema, hints[:6], one.key, path.name.split(".")[0])
        loaded.examples.append(speaking_name(example))
    return loaded


class _Schemas:
    """The schemas of a file: each text is read once, and tables of one key get the columns of all its rows."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.read_before: dict[str, Schema | str] = {}
        self.keys: dict[Shape, str] = {}
        self.columns: dict[tuple[str, str], dict[str, Column]] = defaultdict(dict)
        self.names: dict[tuple[str, str], str] = {}
        self.made: dict[tuple[str, str], Schema] = {}

    def read(self, row: PairRow) -> _Asked:
        """The row with its schema and key. Raises LeftOut."""
        if not row.question.strip():
            raise LeftOut("empty question")
        if row.schema not in self.read_before:
            try:
                self.read_before[row.schema] = parse_ddl(row.schema)
            except DataError as error:
                said = (reason for part, reason in REFUSED.items() if part in error.message)
                self.read_before[row.schema] = next(said, "the schema cannot be parsed")
        schema = self.read_before[row.schema]
        if isinstance(schema, str):
            raise LeftOut(schema)
        key = self.keys.setdefault(shape(schema), f"{self.file}:{row.number}")
        if row.table_id:
            key = f"{self.file}:{row.table_id}"
        for table in schema.tables:
            self.names.setdefault((key, fold(table.name)), table.name)
            columns = self.columns[key, fold(table.name)]
            for column in table.columns:
                known = columns.get(fold(column.name), column)
                kind = column.type if known.type == "text" else known.type
                columns[fold(column.name)] = Column(known.name, kind, known.primary_key or column.primary_key)
        return _Asked(row, schema, key)

    def whole(self, asked: _Asked) -> _Asked:
        """The row with a schema that has the columns which other rows of its key say there are, once all are read."""
        place = asked.key, asked.row.schema
        if place not in self.made:
            known = (((asked.key, fold(table.name)), table.derived) for table in asked.schema.tables)
            tables = (Table(self.names[one], tuple(self.columns[one].values()), made) for one, made in known)
            self.made[place] = Schema(tuple(tables), asked.schema.foreign_keys, asked.key)
        return _Asked(asked.row, self.made[place], asked.key)


def _golds(asked: Sequence[_Asked], loaded: Loaded, name: str) -> list[tuple[_Asked, str]]:
    """The rows that can be learnt, in their order, each with its SQL."""
    groups: dict[int, list[int]] = {}
    for place, one in enumerate(asked):
        groups.setdefault(id(one.schema), []).append(place)
    taken: dict[int, str] = {}
    with contextlib.ExitStack() as stack:
        # a few rows take no time, and a line about them would only be in the way
        advance = stack.enter_context(progress(f"checking {name}", len(asked), "pairs")) if len(asked) > MANY else None
        for places in groups.values():
            try:
                with ground(asked[places[0]].schema) as on:
                    for place in places:
                        try:
                            taken[place] = gold(asked[place].row.sql, on, asked[place].row.schema)
                        except LeftOut as reason:
                            loaded.left_out[str(reason)] += 1
            except DataError:
                loaded.left_out["the schema cannot be made in SQLite"] += len(places)
            if advance is not None:
                advance(len(places))
    return [(one, taken[place]) for place, one in enumerate(asked) if place in taken]


def _hints(asked: _Asked, cells: Mapping[tuple[str, str, str], set[str]]) -> tuple[Hint, ...]:
    said = f" {flat(asked.row.question)} "
    return tuple(
        Hint(table.name, column.name, cell)
        for table in asked.schema.tables
        for column in table.columns
        for cell in sorted(cells.get((asked.key, fold(table.name), fold(column.name)), ()))
        if flat(cell) and f" {flat(cell)} " in said
    )


def reasons(loaded: Loaded) -> str:
    """The commonest reasons for which rows were left out, each with its count."""
    common = loaded.left_out.most_common(MOST_REASONS)
    rest = loaded.left_out.total() - sum(count for _, count in common)
    return ", ".join([f"{reason} ({count})" for reason, count in common] + [f"other reasons ({rest})"] * bool(rest))


def nothing_left(path: Path, loaded: Loaded) -> DataError:
    """The error for a source of which no row can be learnt: how many were left out, and the commonest reasons."""
    return DataError(
        f"{path}: nothing to learn, all {loaded.rows} rows are left out: {reasons(loaded)}",
        fix="give rows whose sql is one SELECT of SQLite over the tables of their schema",
    )

"""Spider's layout: train_spider.json beside a folder, or a zip, of databases."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError, QueryError
from ...core.files import atomic_folder, need_space
from ...core.progress import progress
from ...core.records import Example
from ...databases.sqlite import run
from ...sql.compare import orders
from ...sql.guard import check
from ...sql.normalise import normalise
from ..clean.learnable_sql import one_line, quiet_parser
from ..clean.left_out import LeftOut, refusal
from .database import Database, open_database
from .loaded import Loaded, nothing_left

SECONDS = 5  # that a gold query may take
ROWS = 5000  # of its result that are compared


@dataclass(frozen=True)
class Spider:
    """A folder in Spider's layout, checked: question file and where each database's file is."""

    questions: Path
    databases: Path

    def database(self, name: str) -> Path:
        """Return the file of a database; whether it is there is not checked."""
        return self.databases / name / f"{name}.sqlite"


def open_spider(folder: Path, cache: Path) -> Spider:
    """Find Spider's parts in a folder; a database.zip is unpacked once into the cache folder.

    Raises DataError when the folder, train_spider.json or the databases are missing.
    """
    spider = find_spider(folder)
    packed = folder / "database.zip"
    return Spider(spider.questions, unpacked(packed, cache)) if not spider.databases.is_dir() else spider


def find_spider(folder: Path) -> Spider:
    """Do what `open_spider` does, but unpack nothing: `databases` may not be there yet."""
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


def unpacked(packed: Path, cache: Path) -> Path:
    """Unpack a zip of databases once into the cache folder; returns the folder of the databases."""
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


def spider_rows(spider: Spider) -> list[tuple[str, str, str]]:
    """Read question, query and database name of each training question. Raises DataError for another layout."""
    try:
        items = json.loads(spider.questions.read_text(encoding="utf-8-sig"))
        return [(str(item["question"]), str(item["query"]), str(item["db_id"])) for item in items]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{spider.questions}: not in Spider's layout ({type(error).__name__}: {error})",
            fix="expected a JSON list of objects with question, query and db_id",
        ) from None


def load_spider(spider: Spider) -> tuple[Loaded, dict[str, Database]]:
    """Read Spider's training questions with SQL in plain style, and the databases that they ask.

    Raises DataError when no question is left.
    """
    rows = spider_rows(spider)
    loaded, databases = Loaded(), dict[str, Database]()
    broken: set[str] = set()
    with quiet_parser(), progress("reading Spider", len(rows), "questions") as advance:
        for question, query, name in rows:
            advance()
            loaded.rows += 1
            try:
                database = _database(spider, name, databases, broken)
                sql = gold(query, database)
            except LeftOut as reason:
                loaded.left_out[str(reason)] += 1
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


def _database(spider: Spider, name: str, databases: dict[str, Database], broken: set[str]) -> Database:
    """A database of Spider, opened at its first question. Raises LeftOut."""
    path = spider.database(name)
    if not path.exists():
        raise LeftOut("database missing")
    if name not in databases and name not in broken:
        try:
            databases[name] = open_database(path, name)
        except DataError:
            broken.add(name)
    if name in broken:
        raise LeftOut("database cannot be read")
    return databases[name]


def gold(query: str, database: Database) -> str:
    """Return the gold query in plain style. Raises LeftOut."""
    try:
        check(query)
    except QueryError as error:
        raise LeftOut(refusal(error)) from None
    try:
        sql = plain(query, database)
    except (QueryError, LeftOut):
        raise LeftOut("gold SQL fails") from None
    if " ON TRUE" in sql:
        raise LeftOut("join without a condition")
    return sql


def plain(query: str, database: Database) -> str:
    """Write a gold query in plain style where that gives the same rows, else on one line as it is.

    Raises QueryError when it fails, LeftOut when it cannot be written on one line.
    """
    url = str(database.path)
    expected = run(url, query, timeout=SECONDS, max_rows=ROWS)
    try:
        sql = normalise(query, database.schema)
        result = run(url, sql, timeout=SECONDS, max_rows=ROWS)
        ranked = list if orders(query) else sorted
        if ranked(map(repr, result.rows)) == ranked(map(repr, expected.rows)):
            return sql
    except (DataError, QueryError, RecursionError):
        pass
    return one_line(query.strip().rstrip(";"))

"""A source of a recipe, opened: its rows, whatever their layout, and what it is recognised by."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import DataError
from ...core.files import sha256
from ...core.recipe import Data, Source
from .chats import chat_columns, chat_row, chat_rows
from .hub import hub_rows
from .pair_rows import FIELDS, PairRow, named_fields, pair_row, pair_rows, row_files
from .question_files import database_file, looks_like, question_files
from .sql_files import COLUMNS, query_log_rows, sql_file_rows
from .wikisql import is_wikisql, wikisql_rows

LICENSES = {
    "spider": "CC BY-SA 4.0", "bird": "CC BY-SA 4.0", "wikisql": "BSD-3-Clause", "synsql": "Apache-2.0",
    "hub:b-mc2/sql-create-context": "CC BY 4.0", "hub:gretelai/synthetic_text_to_sql": "Apache-2.0",
    "hub:xlangai/spider": "CC BY-SA 4.0", "hub:Salesforce/wikisql": "BSD-3-Clause",
    "hub:seeklhy/SynSQL-2.5M": "Apache-2.0", "hub:birdsql/bird_sql_train": "CC BY-SA 4.0",
}  # fmt: skip
"""Licences of well-known sets, by layout or Hub name; a recipe's own `license` goes before them."""
COPIES = {"sql-create-context": "CC BY 4.0", "synthetic-text-to-sql": "Apache-2.0"}
"""Licences of sets that people keep as files of their names."""
NO_PLACE = "neither a schema nor a database"
WHOLE = 64 * 2**20  # bytes up to which a file is recognised by its hash; a larger one by its size and time


@dataclass(frozen=True)
class OpenSource:
    """A source with its layout found out. `files` maps what it is read from to what each file is recognised by."""

    source: Source
    name: str
    layout: str
    license: str
    files: Mapping[str, str]
    rows: Callable[[], Iterator[PairRow]]


def recipe_sources(data: Data) -> tuple[Source, ...]:
    """Return all sources of pairs that a recipe names, the older keys `spider` and `jsonl` as sources too."""
    older = [Source(path=name, layout="rows", limit=data.jsonl_limit) for name in data.jsonl]
    if data.spider:
        older.append(Source(path=data.spider, layout="spider", split="train_spider.json", name="spider"))
    return (*older, *data.source)


def open_source(source: Source, cache: Path, *, lenient: bool = False) -> OpenSource:
    """Find out a source's layout and what it consists of. Raises DataError for what is not there.

    `lenient`: rows without the fields that they need are rows with a fault; else the first one raises DataError.
    """
    if source.path.startswith("hub:"):
        named = source.path.removeprefix("hub:")
        layout: str = source.layout
        key = {"hub": "|".join((named, source.revision, source.subset, source.split))}
        if layout in ("spider", "bird", "wikisql", "synsql", "sql-files", "query-log"):
            raise DataError(
                f"{source.path}: the layout {layout} is read from a folder",
                fix="download it and give the folder as path",
            )
        license = _license(source, layout)
        return OpenSource(source, source.name or named, layout, license, key, lambda: _hub_rows(source, layout))
    if not source.path.strip():
        raise DataError("a source without a path", fix='write path = "..." below [[data.source]]')
    path = Path(source.path).expanduser()
    if not path.exists():
        kind = "data folder" if source.layout in ("spider", "bird", "synsql") else "file"
        raise DataError(f"{path}: no such {kind}", fix="correct the path of that source")
    layout = _layout(path, source) if source.layout == "auto" else source.layout
    name = source.name or path.name.split(".")[0] or path.name
    files, rows = _local(source, path, layout, cache, lenient)
    stamps = {str(file): _stamp(file) for file in files}
    return OpenSource(source, name, layout, _license(source, layout), stamps, rows)


def _local(
    source: Source, path: Path, layout: str, cache: Path, lenient: bool
) -> tuple[list[Path], Callable[[], Iterator[PairRow]]]:
    """The files that a local source is read from, and its rows."""
    if layout in ("spider", "bird", "synsql"):
        found = question_files(source, layout)
        return list(found.files), lambda: found.rows(cache)
    if layout == "wikisql":
        file = path / f"{source.split}.jsonl" if path.is_dir() else path
        if not file.is_file():
            tables = sorted(path.glob("*.tables.jsonl"))
            there = ", ".join(beside.name.removesuffix(".tables.jsonl") for beside in tables)
            raise DataError(f"{path}: has no {file.name} (splits there: {there})", fix="correct split of that source")
        return [file, file.with_name(f"{file.stem}.tables.jsonl")], lambda: wikisql_rows(file)
    if layout == "sql-files":
        return _sql(path), lambda: _over(sql_file_rows(path), source, path)
    if layout == "query-log":
        return _sql(path), lambda: _over(query_log_rows(path), source, path)
    if layout in ("llama2", "messages"):
        chats = row_files(path, source.split)
        return chats, lambda: _over(chat_rows(path, layout, source.columns, source.split), source, path)
    place = not source.db
    return row_files(path, source.split), lambda: _over(
        pair_rows(path, source.columns, needs_place=place, split=source.split, lenient=lenient), source, path
    )


def _sql(path: Path) -> list[Path]:
    return (sorted(path.rglob("*.sql")) or row_files(path)) if path.is_dir() else [path]


def _over(rows: Iterator[PairRow], source: Source, path: Path) -> Iterator[PairRow]:
    """Rows with the file of the database that each asks: the source's own, or the one that the row names."""
    own = str(Path(source.db).expanduser().absolute()) if source.db else ""
    beside = path if path.is_dir() else path.parent
    folder = Path(source.databases).expanduser() if source.databases else beside
    for row in rows:
        if row.fault or row.schema:
            yield row
        elif row.db:
            yield replace(row, db=str(_named(folder, row.db, local=True)))
        elif own:
            yield replace(row, db=own)
        else:
            yield replace(row, fault=NO_PLACE)


def _named(folder: Path, name: str, *, local: bool) -> Path:
    """The file that a row's `db` names: in the folder, or, for a file of one's own, anywhere."""
    path = Path(name)
    if local and path.is_absolute():
        return path
    inside = folder / name
    if inside.is_file() and inside.resolve().is_relative_to(folder.resolve()):
        return inside.absolute()
    return database_file(folder.absolute(), name)


def _hub_rows(source: Source, layout: str) -> Iterator[PairRow]:
    fields = named_fields(source.columns)
    own = str(Path(source.db).expanduser().absolute()) if source.db else ""
    folder = Path(source.databases).expanduser() if source.databases else None
    for number, item in hub_rows(source):
        if layout == "auto":
            layout = _layout_of_row(item, source)
        if layout == "query-log":
            raise DataError(f"{source.path}: its rows have no question", fix="set columns of that source")
        if layout in ("llama2", "messages"):
            names = chat_columns(layout, source.columns)
            row = chat_row(Path(source.path.removeprefix("hub:")), number, item, layout, names)
            yield row if row.schema or row.fault or not own else replace(row, db=own)
            continue
        row = pair_row(Path(source.path.removeprefix("hub:")), number, item, fields, not own)
        if row.schema or row.fault:
            yield row
        elif row.db and folder is not None:
            yield replace(row, db=str(_named(folder, row.db, local=False)))
        elif own:
            yield replace(row, db=own)
        else:
            yield replace(row, db="", fault="its database is not there (set databases of that source)")


def _layout(path: Path, source: Source) -> str:
    """Find out what a file or folder looks like."""
    known = looks_like(path)
    if known:
        return known
    if path.is_dir():
        if any(path.rglob("*.tables.jsonl")):
            return "wikisql"
        if any(path.rglob("*.sql")):
            return "sql-files"
    elif path.suffix == ".sql":
        return "sql-files"
    from .file_rows import file_rows

    files = row_files(path, source.split)
    first: object = next(file_rows(files[0], lambda names: "", "give a file of pairs"))[1]
    return _layout_of_row(first, source)


def _layout_of_row(first: object, source: Source) -> str:
    if is_wikisql(first):
        return "wikisql"
    if isinstance(first, Mapping):
        if any(isinstance(first.get(name), list) for name in ("messages", "conversations", "conversation", "chat")):
            return "messages"
        if isinstance(first.get("text"), str) and "[INST]" in first["text"]:
            return "llama2"
        if not set(FIELDS["question"]) & set(first) and set(COLUMNS) & set(first) and not source.columns:
            return "query-log"
    return "rows"


def _license(source: Source, layout: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", Path(source.path).name.lower())
    copied = next((license for known, license in COPIES.items() if known in name), "")
    return source.license or LICENSES.get(source.path) or copied or LICENSES.get(layout, "")


def _stamp(file: Path) -> str:
    """What a file is recognised by."""
    if not file.is_file():
        return "missing"
    stat = file.stat()
    if stat.st_size <= WHOLE:
        return sha256(file)
    return hashlib.sha256(f"{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()

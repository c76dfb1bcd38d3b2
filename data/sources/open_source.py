"""A source of a recipe, opened: its rows, whatever their layout, and what it is recognised by."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import DataError
from ...core.files import sha256
from ...core.recipe import Data, Source
from .chats import MESSAGE_COLUMNS, TEXT_COLUMNS, chat_columns, chat_row, chat_rows
from .file_rows import PLACE, file_rows
from .hub import hub_rows, hub_stamp
from .pair_rows import FIELDS, LAYOUT, PairRow, named_fields, pair_row, pair_rows, row_files, some_whole
from .question_files import database_file, looks_like, question_files
from .sql_files import COLUMNS, query_log_rows, sql_file_rows, sql_files
from .wikisql import holds_table, is_wikisql, wikisql_row, wikisql_rows

LICENSES = {
    "spider": "CC BY-SA 4.0", "bird": "CC BY-SA 4.0", "wikisql": "BSD-3-Clause", "synsql": "Apache-2.0",
    "hub:b-mc2/sql-create-context": "CC BY 4.0", "hub:gretelai/synthetic_text_to_sql": "Apache-2.0",
    "hub:xlangai/spider": "CC BY-SA 4.0", "hub:Salesforce/wikisql": "BSD-3-Clause",
    "hub:seeklhy/SynSQL-2.5M": "Apache-2.0", "hub:birdsql/bird_sql_train": "CC BY-SA 4.0",
}  # fmt: skip
"""Licences of well-known sets, by layout or Hub name; a recipe's own `license` goes before them."""
COPIES = {
    "sql_create_context": ("hub:b-mc2/sql-create-context", {"question", "context", "answer"}),
    "synthetic_text_to_sql": ("hub:gretelai/synthetic_text_to_sql", {"sql_prompt", "sql_context", "sql"}),
}
"""How the files of such a set are called on the Hub, and their columns: a local copy has both."""
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


def open_source(source: Source, cache: Path) -> OpenSource:
    """Find out a source's layout and what it consists of. Raises DataError for what is not there."""
    if source.path.startswith("hub:"):
        return _open_hub(source, cache)
    if not source.path.strip():
        raise DataError("a source without a path", fix='write path = "..." below [[data.source]]')
    path = Path(source.path).expanduser()
    if not path.exists():
        kind = "data folder" if source.layout in ("spider", "bird", "synsql") else "file"
        raise DataError(f"{path}: no such {kind}", fix="correct the path of that source")
    layout = _layout(path, source) if source.layout == "auto" else source.layout
    license = _license(source, layout) or (_license_of_copy(path, source) if layout == "rows" else "")
    name = source.name or path.name.split(".")[0] or path.name
    files, rows = _local(source, path, layout, cache)
    stamps = {str(file): _stamp(file) for file in files}
    return OpenSource(source, name, layout, license, stamps, rows)


def _open_hub(source: Source, cache: Path) -> OpenSource:
    """Open a data set of the Hub. Where the Hub cannot be asked, what it said last is taken."""
    named = source.path.removeprefix("hub:")
    if source.layout in ("spider", "bird", "synsql", "sql-files", "query-log"):
        raise DataError(
            f"{source.path}: the layout {source.layout} is read from a folder",
            fix="download it and give the folder as path",
        )
    commit, seen = hub_stamp(source, cache, _row_layout)
    layout: str = seen if source.layout == "auto" else source.layout
    key = {"hub": "|".join((named, source.revision, source.subset, source.split, commit))}
    license = _license(source, layout)
    return OpenSource(source, source.name or named, layout, license, key, lambda: _hub_rows(source, layout))


def _local(source: Source, path: Path, layout: str, cache: Path) -> tuple[list[Path], Callable[[], Iterator[PairRow]]]:
    """The files that a local source is read from, and its rows."""
    if layout in ("spider", "bird", "synsql"):
        found = question_files(source, layout)
        return list(found.files), lambda: found.rows(cache)
    if layout == "wikisql":
        file = _wikisql_file(path, source.split) if path.is_dir() else path
        return [file, file.with_name(f"{file.stem}.tables.jsonl")], lambda: wikisql_rows(file)
    if layout == "sql-files":
        return _sql(path), lambda: _over(sql_file_rows(path), source, path)
    if layout == "query-log":
        return _sql(path), lambda: _over(query_log_rows(path), source, path)
    if layout in ("llama2", "messages"):
        chats = row_files(path, source.split)
        return chats, lambda: _over(chat_rows(path, layout, source.columns, source.split), source, path)
    rows, place = pair_rows, not source.db
    return row_files(path, source.split), lambda: _over(
        rows(path, source.columns, needs_place=place, split=source.split), source, path
    )


def _wikisql_file(folder: Path, split: str) -> Path:
    """The question file of a split. Raises DataError with the splits that are there."""
    file = folder / f"{split}.jsonl"
    if not file.is_file():
        beside = [one.name.removesuffix(".tables.jsonl") for one in sorted(folder.glob("*.tables.jsonl"))]
        there = ", ".join(name for name in beside if (folder / f"{name}.jsonl").is_file()) or "none"
        raise DataError(f"{folder}: has no split {split} (there: {there})", fix="give the file, or correct split")
    return file


def _sql(path: Path) -> list[Path]:
    return sql_files(path) or row_files(path)


def _over(rows: Iterator[PairRow], source: Source, path: Path) -> Iterator[PairRow]:
    """Rows with the file of the database that each asks: the source's own, or the one that the row names.

    Raises DataError where no row has a schema or a database.
    """
    yield from some_whole(path, _placed(rows, source, path))


def _placed(rows: Iterator[PairRow], source: Source, path: Path) -> Iterator[PairRow]:
    own = str(Path(source.db).expanduser().absolute()) if source.db else ""
    beside = path if path.is_dir() else path.parent
    folder = Path(source.databases).expanduser() if source.databases else beside
    for row in rows:
        if row.fault or row.schema:
            yield row
        elif row.db:
            yield replace(row, db=str(_named(folder, row.db, local=True)), named=row.db)
        elif own:
            yield replace(row, db=own)
        else:
            yield replace(row, fault="neither a schema nor a database", fix=PLACE)


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
    yield from some_whole(source.path.removeprefix("hub:"), _hub_placed(source, layout))


def _hub_placed(source: Source, layout: str) -> Iterator[PairRow]:
    fields = named_fields(source.columns)
    own = str(Path(source.db).expanduser().absolute()) if source.db else ""
    folder = Path(source.databases).expanduser() if source.databases else None
    for number, item in hub_rows(source):
        if layout in ("llama2", "messages"):
            row = chat_row(number, item, layout, chat_columns(layout, source.columns))
        elif layout == "wikisql":
            row = wikisql_row(number, item, {})
        else:
            row = pair_row(number, item, fields, not own)
        if row.schema or row.fault:
            yield row
        elif row.db and folder is not None:
            yield replace(row, db=str(_named(folder, row.db, local=False)), named=row.db)
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
        if sql_files(path):
            return "sql-files"
    elif path.suffix == ".sql":
        return "sql-files"
    first = _first(row_files(path, source.split)[0])
    known = _row_layout(first)
    there = set(first) if known == "rows" and isinstance(first, Mapping) and not source.columns else set()
    return "query-log" if there & set(COLUMNS) and not there & set(FIELDS["question"]) else known


def _first(file: Path) -> object:
    """The first row of a file of pairs. Raises DataError."""
    return next(file_rows(file, lambda names: "", LAYOUT))[1]


def _row_layout(first: object) -> str:
    """Find out what rows look like by the first."""
    if is_wikisql(first) or holds_table(first):
        return "wikisql"
    if isinstance(first, Mapping):
        if any(isinstance(first.get(name), list) for name in MESSAGE_COLUMNS):
            return "messages"
        if any(isinstance(first.get(name), str) and "[INST]" in first[name] for name in TEXT_COLUMNS):
            return "llama2"
    return "rows"


def _license(source: Source, layout: str) -> str:
    return source.license or LICENSES.get(source.path, LICENSES.get(layout, ""))


def _license_of_copy(path: Path, source: Source) -> str:
    """The licence of a local copy of a well-known set: its files are called so, and have its columns."""
    file = row_files(path, source.split)[0]
    for name, (set_name, columns) in COPIES.items():
        if file.name.startswith(name):
            first = _first(file)
            return LICENSES[set_name] if isinstance(first, Mapping) and columns <= set(first) else ""
    return ""


def _stamp(file: Path) -> str:
    """What a file is recognised by."""
    if not file.is_file():
        return "missing"
    stat = file.stat()
    if stat.st_size <= WHOLE:
        return sha256(file)
    return hashlib.sha256(f"{stat.st_size}:{stat.st_mtime_ns}".encode()).hexdigest()

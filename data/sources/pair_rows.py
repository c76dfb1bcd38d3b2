"""Rows of question, SQL and the schema or database that they ask, out of a file or a folder of files."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from .file_rows import NO_PLACE, PLACE, file_rows, row_texts
from .unread import Unread

FIELDS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "sql_prompt"),
    "schema": ("schema", "context", "sql_context"),
    "sql": ("sql", "answer", "query", "SQL"),
    "db": ("db", "db_id", "database"),
    "evidence": ("evidence", "external_knowledge"),
}
"""What a row holds, and the names that public sets give it. Question, SQL, and schema or db are required."""
LAYOUT = (
    "give JSON lines, a JSON list, CSV, Parquet or Arrow with question, sql (or answer), and schema (or context) or db"
)
SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "validation": "validation",
    "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation", "evaluation": "validation",
}  # fmt: skip
"""Words of files and folders, and the split that each says."""
SHARDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".feather", ".ndjson")


@dataclass(frozen=True, slots=True)
class PairRow:
    """One row as it stands in its source.

    `number` is its line in `file`; in lists and Parquet its place, from 1. `schema` is DDL text, which may hold INSERT
    rows; `db` names a SQLite file instead. Rows of one `table_id` ask one database whatever their schemas show of it.
    `evidence` is knowledge that the question needs. `review` marks a question that a program wrote. `fault` says why
    the row cannot be used, in few words; details stand in brackets at its end. `fix` says what mends the file, where
    the row lacks what every row needs. `named` is the database as the row names it, where `db` is its file.
    """

    number: int
    question: str
    schema: str
    sql: str
    table_id: str = ""
    db: str = ""
    evidence: str = ""
    review: bool = False
    fault: str = ""
    fix: str = field(default="", compare=False)
    named: str = field(default="", compare=False)
    file: str = field(default="", compare=False)


def named_fields(columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return FIELDS with the names that a recipe's `columns` gives. Raises DataError for a field that is none."""
    unknown = next((name for name in columns if name not in FIELDS), None)
    if unknown is not None:
        raise DataError(f"data.source.columns: {unknown} is no field", fix=f"known: {', '.join(FIELDS)}")
    return {field: (columns[field],) if field in columns else names for field, names in FIELDS.items()}


def pair_rows(
    path: Path, columns: Mapping[str, str] | None = None, *, needs_place: bool = True, split: str = ""
) -> Iterator[PairRow]:
    """Yield the rows of a file, or of the files of a folder in the order of their names.

    `columns` are other names of columns. Without `needs_place` a row needs neither schema nor db. A row without its
    columns has a fault. Raises DataError for a file in which no row has them, and with the file's real kind.
    """
    fields = named_fields(columns or {})
    for file in row_files(path, split):
        rows = file_rows(file, lambda names: lacking(names, fields, needs_place), LAYOUT)
        made = (pair_row(number, item, fields, needs_place) for number, item in rows)
        yield from (replace(row, file=str(file)) for row in some_whole(file, made))


def some_whole(path: Path | str, rows: Iterable[PairRow]) -> Iterator[PairRow]:
    """Yield the rows. Raises DataError at their end where not one could be read, as the columns are not there."""
    first, whole = None, False
    for row in rows:
        first = first or (row if row.fix else None)
        whole = whole or not row.fault
        yield row
    if first and not whole:
        raise DataError(f"{first.file or path}:{first.number}: {first.fault}", fix=first.fix)


def row_files(path: Path, split: str = "") -> list[Path]:
    """Return a file, or the files of rows in a folder, as `datasets` and the Hub lay them out.

    Where files or their folders are called by splits (`train-00000-of-00001.parquet`, `test/`), those of one split are
    taken, so that no test is trained. Raises DataError where there are none, with the splits that there are.
    """
    if path.is_file():
        return [path]
    if not path.exists():
        raise DataError(f"{path}: no such file", fix="--set data.jsonl=FILE")
    if not path.is_dir():
        raise DataError(f"{path}: a pipe or a device, not a file", fix="write what it gives into a file first")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffixes and (file.suffix in SHARDS or (file.suffixes[-2:][:1] and file.suffixes[-2:][0] in SHARDS))
        if file.is_file() and file.name not in ("dataset_info.json", "dataset_dict.json", "state.json", "tables.json")
        if not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        kinds = f"{', '.join(SHARDS[:-1])} or {SHARDS[-1]}"
        raise DataError(
            f"{path}: a folder without files of pairs",
            fix=f"give files whose names end in {kinds} (each also with .gz), or in .sql",
        )
    named = {file: _split_of(file.relative_to(path)) for file in files}
    if not split or not any(named.values()):
        return files
    chosen = [file for file in files if named[file] == SPLITS.get(split, split)]
    if not chosen:
        there = ", ".join(sorted(set(named.values()) - {""}))
        raise DataError(f"{path}: has no split {split} (there: {there})", fix="correct split of that source")
    return chosen


def _split_of(file: Path) -> str:
    """The split that a file belongs to, by its own name or that of a folder; empty for none."""
    for part in (*file.parts[:-1], file.name):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return ""


def lacking(names: Iterable[str], fields: Mapping[str, Sequence[str]], needs_place: bool) -> str:
    """Say which of the required columns are not there; empty when all are."""
    there = set(names)
    missing = [field for field in ("question", "sql") if not there & set(fields[field])]
    if needs_place and not there & {*fields["schema"], *fields["db"]}:
        missing.append(NO_PLACE)
    return " and no ".join(missing)


def without_columns(number: int, missing: Sequence[str], item: Any, fix: str) -> PairRow:
    """Make the row of an item that lacks columns: its fault names them, and those that it has."""
    if not isinstance(item, Mapping):
        return PairRow(number, "", "", "", fault=f"not an object but {type(item).__name__}", fix=fix)
    there = ", ".join(str(name)[:40] for name in list(item)[:10]) or "nothing"
    return PairRow(number, "", "", "", fault=f"no {' and no '.join(missing)} (the row has: {there})", fix=fix)


def pair_row(number: int, item: Any, fields: Mapping[str, Sequence[str]], needs_place: bool) -> PairRow:
    """Make the row of an item of a file; its fault says what is missing."""
    if isinstance(item, Unread):
        return PairRow(number, "", "", "", fault=item)
    if not isinstance(item, Mapping):
        return without_columns(number, (), item, LAYOUT)
    texts = {field: row_texts(item, names) for field, names in fields.items()}
    missing = [field for field in ("question", "sql") if texts[field] is None]
    if needs_place and texts["schema"] is None and texts["db"] is None:
        missing.append(NO_PLACE)
    if missing:
        names = [name for field in missing for name in fields[field.split()[0]]]
        odd = next((name for name in names if item.get(name) is not None), None)
        if odd is not None:
            kind = type(item[odd]).__name__
            return PairRow(number, "", "", "", fault=f"its field {odd} is not text but {kind}", fix=LAYOUT)
        return without_columns(number, missing, item, PLACE if missing == [NO_PLACE] else LAYOUT)
    return PairRow(
        number,
        texts["question"] or "",
        texts["schema"] or "",
        texts["sql"] or "",
        str(item.get("table_id") or ""),
        texts["db"] or "" if not texts["schema"] else "",
        " ".join((texts["evidence"] or "").split()),
    )

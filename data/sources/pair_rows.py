"""Rows of question, schema and SQL out of one file: JSON lines, a JSON list, CSV or Parquet.

What a file is, its first bytes say and not its name: people call anything `data.jsonl`.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ...core.errors import DataError

FIELDS = {
    "question": ("question", "sql_prompt"),
    "schema": ("schema", "context", "sql_context"),
    "sql": ("sql", "answer", "query", "SQL"),
}
"""What a row must hold, and the names that public sets give it."""
LAYOUT = "give JSON lines, a JSON list, CSV or Parquet with question, schema (or context) and sql (or answer)"
LINES = "give each object on one line of its own (jq -c .), or all of them in one JSON list"
LONGEST_CELL = 10_000_000  # characters of a CSV cell
HEAD = 4096  # bytes that are looked at
KINDS = {
    b"PAR1": "Parquet",
    b"SQLite format 3\0": "a SQLite database",
    b"PK\x03\x04": "a zip file (also what Excel writes)",
    b"ARROW1": "an Arrow file",
    b"version https://git-lfs": "a pointer of Git LFS, not the file",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
}
FIXES = {
    "a SQLite database": "--set data.spider=FOLDER takes databases; data.jsonl takes pairs",
    "a pointer of Git LFS, not the file": "git lfs pull",
    "UTF-16": "save it as UTF-8",
    "packed with xz": "unpack it, or pack it with gzip",
    "packed with zstd": "unpack it, or pack it with gzip",
    "packed with bzip2": "unpack it, or pack it with gzip",
}


@dataclass(frozen=True)
class PairRow:
    """One row: its line (in lists, CSV and Parquet its place, from 1), what it asks, and `table_id`, mostly empty."""

    number: int
    question: str
    schema: str
    sql: str
    table_id: str = ""


def pair_rows(path: Path) -> Iterator[PairRow]:
    """Yield the rows of a file, packed with gzip or not. Raises DataError with the line, or the file's real kind."""
    if path.is_dir():
        raise DataError(f"{path}: is a folder", fix="--set data.jsonl=FILE, or --set data.spider=FOLDER")
    if not path.is_file():
        raise DataError(f"{path}: no such file", fix="--set data.jsonl=FILE")
    try:
        empty = True
        for row in _rows(path):
            empty = False
            yield row
        if empty:
            raise DataError(f"{path}: holds no rows", fix=LAYOUT)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="fetch it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read (not UTF-8: {error.reason})", fix="save it as UTF-8") from None


def _rows(path: Path) -> Iterator[PairRow]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if path.suffix == ".gz" and not packed:
        with path.open("rb") as file:
            kind = _kind(file.read(HEAD)) or "not packed with gzip"
        raise DataError(f"{path}: cannot be read ({kind})", fix=FIXES.get(kind, "take .gz off its name"))
    with gzip.open(path) if packed else path.open("rb") as raw:
        head = raw.read(HEAD)
        kind = _kind(head)
        raw.seek(0)
        if kind == "Parquet":
            yield from _parquet(path, io.BytesIO(raw.read()) if packed else path)
            return
        if kind:
            raise DataError(f"{path}: is {kind}", fix=FIXES.get(kind, LAYOUT))
        # utf-8-sig: Windows programs put a byte order mark before the text
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            yield from _text_rows(path, file)


def _kind(head: bytes) -> str:
    """What a file is that is no text in UTF-8; empty for text."""
    known = next((kind for start, kind in KINDS.items() if head.startswith(start)), "")
    return known or ("binary" if b"\0" in head else "")


def _text_rows(path: Path, file: TextIO) -> Iterator[PairRow]:
    blank = 0
    while (first := file.read(1)) and first.isspace():
        blank += first == "\n"
    if not first:
        raise DataError(f"{path}: is empty", fix=LAYOUT)
    if first == "[":
        yield from _json_list(path, first + file.read())
    elif first == "{":
        file.seek(0)
        yield from _json_lines(path, file)
    else:
        header = first + file.readline()
        yield from _csv(path, header, file)


def _json_list(path: Path, text: str) -> Iterator[PairRow]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: broken JSON ({error})", fix="correct it, or get the file again") from None
    for number, item in enumerate(tree, 1):
        yield _row(path, number, item)


def _json_lines(path: Path, file: TextIO) -> Iterator[PairRow]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                item = json.loads(line)
            except (ValueError, RecursionError) as error:
                if _goes_on(line + file.read()):
                    raise DataError(f"{path}:{number}: one JSON object over several lines", fix=LINES) from None
                raise DataError(
                    f"{path}:{number}: broken JSON ({error})", fix="correct that line; each line holds one object"
                ) from None
            yield _row(path, number, item)


def _goes_on(text: str) -> bool:
    """Tell whether a text that begins in a line holds a whole object: it was printed over several lines."""
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return True


def _csv(path: Path, header: str, file: TextIO) -> Iterator[PairRow]:
    """Rows below a header that names the fields, between commas, tabs or semicolons."""
    sign, columns = _columns(header)
    if not sign:
        table = path.suffixes[-1:] in ([".csv"], [".tsv"]) or path.suffixes[-2:-1] in ([".csv"], [".tsv"])
        problem = "its first line does not name the columns" if table else "neither JSON nor CSV"
        raise DataError(f"{path}: {problem} question, schema and sql" if table else f"{path}: {problem}", fix=LAYOUT)
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        # strict: else an unclosed quote swallows the rest of the file as one cell
        for number, cells in enumerate(csv.reader(file, delimiter=sign, strict=True), 1):
            if any(cells):
                yield _cells(path, number, dict(zip(columns, cells, strict=False)))
    except csv.Error as error:
        raise DataError(f"{path}: broken CSV ({error})", fix="write it again as CSV, in UTF-8") from None
    finally:
        csv.field_size_limit(limit)


def _columns(header: str) -> tuple[str, list[str]]:
    """The sign between the columns of a header, and their names; empty when it does not name all fields."""
    for sign in (",", "\t", ";"):
        columns = [name.strip() for name in next(csv.reader([header], delimiter=sign), [])]
        if all(set(names) & set(columns) for names in FIELDS.values()):
            return sign, columns
    return "", []


def _parquet(path: Path, source: Any) -> Iterator[PairRow]:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        file = parquet.ParquetFile(source)
        kinds = {column.name: column.type for column in file.schema_arrow}
        names = list(kinds)
        if not all(set(fields) & set(names) for fields in FIELDS.values()):
            raise DataError(f"{path}: its columns are {', '.join(names[:10])}", fix=LAYOUT)
        for name in names:
            if name in set().union(*FIELDS.values()) and not _holds_text(kinds[name]):
                raise DataError(f"{path}: its column {name} is of type {kinds[name]}, not text", fix=LAYOUT)
        columns = [name for name in names if name in {"table_id"}.union(*FIELDS.values())]
        number = 0
        for batch in file.iter_batches(columns=columns):
            for item in batch.to_pylist():
                number += 1
                yield _cells(path, number, item)
    except ArrowException as error:
        raise DataError(f"{path}: broken Parquet ({' '.join(str(error).split())})", fix="fetch it again") from None


def _holds_text(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(is_text(kind) for is_text in texts)


def _cells(path: Path, number: int, cells: Mapping[str, Any]) -> PairRow:
    """A row of a table: a cell that is empty is a text that is empty."""
    return _row(path, number, {name: "" if cell is None else cell for name, cell in cells.items()})


def _row(path: Path, number: int, item: Any) -> PairRow:
    texts: dict[str, str] = {}
    for field, names in FIELDS.items():
        present = (item[name] for name in names if isinstance(item.get(name), str)) if isinstance(item, dict) else ()
        text = next(iter(present), None)
        if text is None and isinstance(item, dict) and any(name in item and item[name] is None for name in names):
            text = ""  # as an empty cell of a table
        if text is None:
            raise DataError(
                f"{path}:{number}: fields missing",
                fix="each row needs question, schema (or context) and sql (or answer)",
            )
        texts[field] = text.encode(errors="replace").decode()  # JSON may hold halves of characters
    return PairRow(number, texts["question"], texts["schema"], texts["sql"], str(item.get("table_id") or ""))

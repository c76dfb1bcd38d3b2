"""The rows of one file as they stand there: JSON lines, a JSON list, CSV, Parquet or Arrow, packed with gzip or not.

What a file is, its first bytes say and not its name: people call anything `data.jsonl`. Rows are read one by one, so
that memory does not grow with the file.
"""

import csv
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TextIO

from ...core.errors import DataError
from .csv_rows import csv_rows
from .file_kind import FIXES, HEAD, cannot_read, kind_of, not_utf8
from .json_rows import json_lines, json_list
from .unread import LONGEST_ROW, TOO_LONG, FileRow

LONGEST_HEADER = 100_000  # characters
BATCH = 16 * 2**20  # bytes of a table that are read at once, where its rows are of one length
NO_PLACE = "schema (or db)"
PLACE = "name the database that all rows ask: --db FILE (in a recipe: db of that source); or give each row a schema"

Wanted = Callable[[Sequence[str]], str]
"""Says what a table with these columns lacks; empty when it has all that is needed."""


def file_rows(path: Path, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    """Yield the rows of a file. Raises DataError with the line, or the file's real kind; `layout` is its fix."""
    try:
        empty = True
        for row in _rows(path, wanted, layout):
            empty = False
            yield row
        if empty:
            raise DataError(f"{path}: holds no rows", fix=layout)
    except (OSError, EOFError, zlib.error) as error:
        raise cannot_read(path, error) from None
    except UnicodeDecodeError:
        raise not_utf8(path) from None


def _rows(path: Path, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if path.suffix == ".gz" and not packed:
        with path.open("rb") as file:
            kind = kind_of(file.read(HEAD)) or "not packed with gzip"
        raise DataError(f"{path}: cannot be read ({kind})", fix=FIXES.get(kind, "take .gz off its name"))
    with gzip.open(path) if packed else path.open("rb") as raw:
        kind = kind_of(raw.read(HEAD))
        raw.seek(0)
        if kind in ("Parquet", "Arrow"):
            read = _parquet if kind == "Parquet" else _arrow
            if not packed:
                yield from read(path, path, wanted, layout)
                return
            with tempfile.TemporaryFile() as whole:  # these are not read from front to back
                shutil.copyfileobj(raw, whole)
                yield from read(path, whole, wanted, layout)
            return
        if kind:
            raise DataError(f"{path}: is {kind}", fix=FIXES.get(kind, layout))
        # utf-8-sig: Windows programs put a byte order mark before the text
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield from _text_rows(path, text, wanted, layout)


def _text_rows(path: Path, file: TextIO, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    line = 1
    while (first := file.read(1)) and first.isspace():
        line += first == "\n"
    if not first:
        raise DataError(f"{path}: is empty", fix=layout)
    if first == "[":
        yield from json_list(path, file, line)
    elif first == "{":
        file.seek(0)
        yield from json_lines(path, file)
    else:
        header = first + file.readline(LONGEST_HEADER)
        columns, sign = _columns(path, header, wanted, layout)
        below = csv_rows(path, file, columns, sign, line + 1)
        if (row := next(below, None)) is None:
            there = ", ".join(name[:40] for name in columns[:10])
            raise DataError(f"{path}: holds no rows, only a line of names ({there})", fix=layout)
        yield row
        yield from below


def _columns(path: Path, header: str, wanted: Wanted, layout: str) -> tuple[list[str], str]:
    """The columns that a header names, and the comma, tab or semicolon between them."""
    tables = {
        sign: [name.strip() for name in next(csv.reader([header], delimiter=sign), [])] for sign in (",", "\t", ";")
    }
    sign = next((sign for sign, columns in tables.items() if not wanted(columns)), "")
    if not sign:
        is_table = path.suffixes[-1:] in ([".csv"], [".tsv"]) or path.suffixes[-2:-1] in ([".csv"], [".tsv"])
        if not is_table or len(header) > LONGEST_HEADER:
            raise DataError(f"{path}: neither JSON nor CSV", fix=layout)
        columns = max(tables.values(), key=len)
        lacking = wanted(columns)
        there = ", ".join(name[:40] for name in columns[:10])
        raise DataError(
            f"{path}: its first line names no column {lacking} (there: {there})",
            fix=PLACE if lacking == NO_PLACE else layout,
        )
    columns = tables[sign]
    while columns and not columns[-1]:
        columns.pop()
    twice = next(
        (name for name in columns if columns.count(name) > 1 and wanted([c for c in columns if c != name])), ""
    )
    if twice:
        raise DataError(f"{path}: its first line names {twice} twice", fix="give one of the columns another name")
    return columns, sign


def _parquet(path: Path, source: Path | IO[bytes], wanted: Wanted, layout: str) -> Iterator[FileRow]:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        file = parquet.ParquetFile(source, pre_buffer=False)
        _check_columns(path, file.schema_arrow.names, wanted, layout)
        yield from _batches(_row_groups(file))
    except ArrowException as error:
        raise DataError(f"{path}: broken Parquet ({' '.join(str(error).split())})", fix="fetch it again") from None


def _arrow(path: Path, source: Path | IO[bytes], wanted: Wanted, layout: str) -> Iterator[FileRow]:
    """Arrow's file format and its stream, which `datasets` keeps its shards in."""
    from pyarrow import ArrowException, ipc, memory_map

    try:
        with memory_map(str(source)) if isinstance(source, Path) else source as data:
            try:
                reader = ipc.open_file(data)
                batches: Any = (reader.get_batch(place) for place in range(reader.num_record_batches))
            except ArrowException:
                data.seek(0)
                reader = batches = ipc.open_stream(data)
            _check_columns(path, reader.schema.names, wanted, layout)
            yield from _batches(batches)
    except ArrowException as error:
        raise DataError(f"{path}: broken Arrow ({' '.join(str(error).split())})", fix="fetch it again") from None


def _row_groups(file: Any) -> Iterator[Any]:
    """The batches of a Parquet file, of fewer rows where rows are long."""
    for place in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(place)
        rows = max(1, min(1000, BATCH * group.num_rows // max(1, group.total_byte_size)))
        yield from file.iter_batches(batch_size=rows, row_groups=[place])


def _batches(batches: Any) -> Iterator[FileRow]:
    number = 0
    for batch in batches:
        for begin in range(0, batch.num_rows, 1000):
            part = batch.slice(begin, 1000)
            short = part.nbytes <= LONGEST_ROW
            for item in part.to_pylist() if short else _one_by_one(part):
                number += 1
                yield number, item


def _one_by_one(batch: Any) -> Iterator[Any]:
    """The rows of a batch in which one may be too long."""
    from pyarrow import types

    for place in range(batch.num_rows):
        row = batch.slice(place, 1)
        cells = [cell.dictionary_decode() if types.is_dictionary(cell.type) else cell for cell in row.columns]
        yield TOO_LONG if sum(cell.nbytes for cell in cells) > LONGEST_ROW else row.to_pylist()[0]


def _check_columns(path: Path, names: Sequence[str], wanted: Wanted, layout: str) -> None:
    lacking = wanted(names)
    if lacking:
        fix = PLACE if lacking == NO_PLACE else layout
        raise DataError(f"{path}: has no column {lacking}; its columns are {', '.join(names[:10])}", fix=fix)


def row_texts(item: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return the text of the first of these columns that has one; "" where one is empty, None where none is there."""
    text: str | None = next((item[name] for name in names if isinstance(item.get(name), str)), None)
    if text is None:
        return "" if any(name in item and item[name] is None for name in names) else None
    return text.encode(errors="replace").decode()  # JSON may hold halves of characters

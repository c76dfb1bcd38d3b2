"""The rows of one file as they stand there: JSON lines, a JSON list, CSV, Parquet or Arrow, packed with gzip or not.

What a file is, its first bytes say and not its name: people call anything `data.jsonl`. Rows are read one by one, so
that memory does not grow with the file.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TextIO

from ...core.errors import DataError

LINES = "give each object on one line of its own (jq -c .), or all of them in one JSON list"
LONGEST_CELL = 10_000_000  # characters of a CSV cell
LONGEST_ROW = 20_000_000  # characters of a row of JSON; a longer one is passed over
BLOCK = 1 << 16  # characters of a JSON list that are read at once
HEAD = 4096  # bytes that are looked at
KINDS = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",  # its stream
    b"SQLite format 3\0": "a SQLite database",
    b"PK\x03\x04": "a zip file (also what Excel writes)",
    b"version https://git-lfs": "a pointer of Git LFS, not the file",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
}
FIXES = {
    "a SQLite database": "--set data.db=FILE takes a database; data.jsonl takes pairs",
    "a pointer of Git LFS, not the file": "git lfs pull",
    "UTF-16": "save it as UTF-8",
    "packed with xz": "unpack it, or pack it with gzip",
    "packed with zstd": "unpack it, or pack it with gzip",
    "packed with bzip2": "unpack it, or pack it with gzip",
}
SIGN = re.compile(r'\\.|["{}]', re.DOTALL)
TOO_LONG = "longer than 20 million characters"
NO_PLACE = "schema (or db)"
PLACE = "name the database that all rows ask: --db FILE (in a recipe: db of that source); or give each row a schema"

FileRow = tuple[int, Any]
"""The line of a row (in lists and Parquet its place, from 1), and what stands there; TOO_LONG for a longer one."""

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
        raise DataError(f"{path}: cannot be read ({error})", fix="fetch it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read (not UTF-8: {error.reason})", fix="save it as UTF-8") from None


def _rows(path: Path, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if path.suffix == ".gz" and not packed:
        with path.open("rb") as file:
            kind = _kind(file.read(HEAD)) or "not packed with gzip"
        raise DataError(f"{path}: cannot be read ({kind})", fix=FIXES.get(kind, "take .gz off its name"))
    with gzip.open(path) if packed else path.open("rb") as raw:
        kind = _kind(raw.read(HEAD))
        raw.seek(0)
        if kind in ("Parquet", "Arrow"):
            read = _parquet if kind == "Parquet" else _arrow
            yield from read(path, io.BytesIO(raw.read()) if packed else path, wanted, layout)
            return
        if kind:
            raise DataError(f"{path}: is {kind}", fix=FIXES.get(kind, layout))
        # utf-8-sig: Windows programs put a byte order mark before the text
        with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            yield from _text_rows(path, text, wanted, layout)


def _kind(head: bytes) -> str:
    """What a file is that is no text in UTF-8; empty for text."""
    known = next((kind for start, kind in KINDS.items() if head.startswith(start)), "")
    return known or ("binary" if b"\0" in head else "")


def _text_rows(path: Path, file: TextIO, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    while (first := file.read(1)) and first.isspace():
        pass
    if not first:
        raise DataError(f"{path}: is empty", fix=layout)
    if first == "[":
        yield from _json_list(path, file)
    elif first == "{":
        file.seek(0)
        yield from _json_lines(path, file)
    else:
        yield from _csv(path, first + file.readline(), file, wanted, layout)


def _json_list(path: Path, file: TextIO) -> Iterator[FileRow]:
    """The items of a list, each decoded when all of it has been read."""
    decoder, text, number, more = json.JSONDecoder(), "", 1, True
    while True:
        text = text.lstrip(" \t\r\n,") if number > 1 else text.lstrip()
        if text.startswith("]"):
            return
        try:
            item, end = decoder.raw_decode(text)
            if end == len(text) and more:  # a number may go on
                raise ValueError("not all of it has been read")
        except (ValueError, RecursionError) as error:
            block = file.read(max(BLOCK, len(text))) if more else ""
            more = bool(block)
            if len(text) > LONGEST_ROW and text.startswith("{"):
                yield number, TOO_LONG
                number += 1
                text = _behind_object(text + block, file)
                continue
            if not more or len(text) > LONGEST_ROW:
                why = "it ends in the middle" if not text.strip() else error
                raise DataError(
                    f"{path}: broken JSON (item {number}: {why})", fix="correct it, or get the file again"
                ) from None
            text += block
            continue
        yield number, item
        number += 1
        text = text[end:]


def _behind_object(text: str, file: TextIO) -> str:
    """Pass over the object that a text begins with, and give what was read behind it; empty at the end of the file."""
    depth, in_text, skip = 0, False, 0
    while text:
        for match in SIGN.finditer(text, skip):
            sign = match.group()
            if sign == '"':
                in_text = not in_text
            elif not in_text and sign in "{}":
                depth += 1 if sign == "{" else -1
                if not depth:
                    return text[match.end() :]
        escapes = len(text) - len(text.rstrip("\\"))
        skip = escapes % 2  # the sign that is escaped stands in the next block
        text = file.read(BLOCK)
    return ""


def _json_lines(path: Path, file: TextIO) -> Iterator[FileRow]:
    number = 0
    while line := file.readline(LONGEST_ROW):
        number += 1
        if len(line) == LONGEST_ROW and not line.endswith("\n"):
            while (rest := file.readline(LONGEST_ROW)) and not rest.endswith("\n"):
                pass
            yield number, TOO_LONG
            continue
        if line.strip():
            try:
                item = json.loads(line)
            except (ValueError, RecursionError) as error:
                if _goes_on(line + file.read(LONGEST_ROW)):
                    raise DataError(f"{path}:{number}: one JSON object over several lines", fix=LINES) from None
                raise DataError(
                    f"{path}:{number}: broken JSON ({error})", fix="correct that line; each line holds one object"
                ) from None
            yield number, item


def _goes_on(text: str) -> bool:
    """Tell whether a text that begins in a line holds a whole object: it was printed over several lines."""
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return True


def _csv(path: Path, header: str, file: TextIO, wanted: Wanted, layout: str) -> Iterator[FileRow]:
    """Rows below a header that names the columns, between commas, tabs or semicolons."""
    tables = {
        sign: [name.strip() for name in next(csv.reader([header], delimiter=sign), [])] for sign in (",", "\t", ";")
    }
    sign = next((sign for sign, columns in tables.items() if not wanted(columns)), "")
    if not sign:
        is_table = path.suffixes[-1:] in ([".csv"], [".tsv"]) or path.suffixes[-2:-1] in ([".csv"], [".tsv"])
        if not is_table:
            raise DataError(f"{path}: neither JSON nor CSV", fix=layout)
        columns = max(tables.values(), key=len)
        lacking = wanted(columns)
        there = ", ".join(name[:40] for name in columns[:10])
        raise DataError(
            f"{path}: its first line names no column {lacking} (there: {there})",
            fix=PLACE if lacking == NO_PLACE else layout,
        )
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        # strict: else an unclosed quote swallows the rest of the file as one cell
        reader = csv.reader(file, delimiter=sign, strict=True)
        line = 2  # below the header; a cell may hold breaks of lines
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if "field limit" not in str(error):
                    raise DataError(
                        f"{path}:{line}: broken CSV ({error})", fix="write it again as CSV, in UTF-8"
                    ) from None
                yield line, TOO_LONG
                cells = []
            if cells is None:
                return
            if any(cells):
                yield line, dict(zip(tables[sign], cells, strict=False))
            line = reader.line_num + 2
    finally:
        csv.field_size_limit(limit)


def _parquet(path: Path, source: Path | IO[bytes], wanted: Wanted, layout: str) -> Iterator[FileRow]:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        file = parquet.ParquetFile(source)
        _check_columns(path, file.schema_arrow.names, wanted, layout)
        yield from _batches(file.iter_batches(batch_size=1000))
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


def _batches(batches: Any) -> Iterator[FileRow]:
    number = 0
    for batch in batches:
        for item in batch.to_pylist():
            number += 1
            long = any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in item.values())
            yield number, TOO_LONG if long else item


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

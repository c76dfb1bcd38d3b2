"""Rows of CSV, one by one: a record that is too long, or has more cells than columns, costs that row."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ...core.errors import DataError
from .unread import LONGEST_ROW, TOO_LONG, FileRow, Unread

FIX = "write it again as CSV, in UTF-8"


def csv_rows(path: Path, file: TextIO, columns: Sequence[str], sign: str, begin: int) -> Iterator[FileRow]:
    """Yield the rows below the header, from the line `begin` on. Raises DataError with the line that is broken."""
    for line, record, opened in _records(file, sign, begin):
        if opened:
            raise DataError(f"{path}:{line}: broken CSV (a quote is not closed)", fix=FIX)
        if record is None:
            yield line, TOO_LONG
            continue
        limit = csv.field_size_limit(LONGEST_ROW)
        try:
            cells = next(csv.reader([record], delimiter=sign, strict=True), [])
        except csv.Error as error:
            raise DataError(f"{path}:{line}: broken CSV ({error})", fix=FIX) from None
        finally:
            csv.field_size_limit(limit)
        if any(cells[len(columns) :]):
            yield line, Unread(f"more cells than columns (put a text with {sign!r} in quotes)")
        elif any(cells):
            yield line, dict(zip(columns, cells, strict=False))


def _records(file: TextIO, sign: str, line: int) -> Iterator[tuple[int, str | None, bool]]:
    """The line in which each record begins, its text (None for one too long), and whether a quote is open at its end.

    A cell in quotes may hold breaks of lines.
    """
    while True:
        pieces: list[str] = []
        size, begin, opened, before = 0, line, False, sign
        while piece := file.readline(LONGEST_ROW):
            size += len(piece)
            if size <= LONGEST_ROW:
                pieces.append(piece)
            else:
                pieces.clear()
            opened, before = _opened(piece, sign, before, opened), piece[-1]
            if before in "\r\n":
                line += 1
                if not opened:
                    break
        if not size:
            return
        yield begin, "".join(pieces) if size <= LONGEST_ROW else None, opened


def _opened(piece: str, sign: str, before: str, opened: bool) -> bool:
    """Whether a quote is open behind a piece of a record; `before` is the sign before it.

    A quote opens a cell at its beginning only; a second one directly behind a closing one belongs to the text.
    """
    closed = -1 if before == '"' and not opened else -2
    at = piece.find('"')
    while at >= 0:
        if opened:
            opened, closed = False, at
        elif closed == at - 1 or (piece[at - 1] if at else before) == sign:
            opened = True
        at = piece.find('"', at + 1)
    return opened

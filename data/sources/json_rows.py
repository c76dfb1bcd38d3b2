"""Rows of JSON lines and of JSON lists, one by one; a row that is too long is passed over without being held."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ...core.errors import DataError
from .unread import LONGEST_ROW, TOO_LONG, FileRow

LINES = "give each object on one line of its own (jq -c .), or all of them in one JSON list"
BLOCK = 1 << 16  # characters that are read at once
SLACK = 20  # characters at the end of what was read, which may be the half of a word or number
BETWEEN = re.compile(r"[ \t\r\n,]*")
MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def json_list(path: Path, file: TextIO, line: int) -> Iterator[FileRow]:
    """Yield the items of a list, whose `[` has been read in that line. Raises DataError with line and item."""
    decoder, text, at, number, more = json.JSONDecoder(), "", 0, 1, True
    while True:
        begin, at = at, BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
        line += text.count("\n", begin, at)
        if text.startswith("]", at):
            return
        why, place, broken = "", len(text), False
        try:
            item, end = decoder.raw_decode(text, at)
            if end < len(text) or not more:  # else a number may go on
                yield number, TOO_LONG if end - at > LONGEST_ROW else item
                line += text.count("\n", at, end)
                number, at = number + 1, end
                continue
        except RecursionError:
            why, place, broken = "nested too deep", at, True
        except ValueError as error:
            why, place = getattr(error, "msg", str(error)), getattr(error, "pos", at)
            if why.startswith("Unterminated string"):
                place = len(text)
            broken = place < len(text) - SLACK
        if more and not broken and len(text) - at > LONGEST_ROW:
            behind = _behind(file, text, at)
            if behind is not None:
                yield number, TOO_LONG
                text, at, number, line = behind[0], behind[1], number + 1, line + behind[2]
                continue
            more = False
        block = file.read(max(BLOCK, len(text) - at)) if more and not broken else ""
        if not block and (broken or not more or not text[at:].strip()):
            why = why if place < len(text.rstrip()) else "it ends in the middle"
            said = f"{path}:{line + text.count(chr(10), at, place)}: broken JSON (item {number}: {why})"
            raise DataError(said, fix="correct it, or get the file again")
        more = bool(block)
        text, at = text[at:] + block, 0


def _behind(file: TextIO, text: str, at: int) -> tuple[str, int, int] | None:
    """Pass over an item: what was read last, where the item ends in it, and the breaks of lines in the item.

    None where the file ends before.
    """
    depth, quoted, lines = 0, False, 0
    while True:
        last = at
        for mark in MARK.finditer(text, at):
            sign, last = mark.group(), mark.end()
            if sign == '"':
                quoted = not quoted
            elif not quoted:
                depth += (sign in "[{") - (sign in "]}")
            if not quoted and depth <= 0:
                return text, last - (depth < 0), lines + text.count("\n", at, last)
        lines += text.count("\n", at)
        rest = "\\" if text.endswith("\\") and last < len(text) else ""
        block = file.read(1 << 20)
        if not block:
            return None
        text, at = rest + block, 0


def json_lines(path: Path, file: TextIO) -> Iterator[FileRow]:
    """Yield the objects of lines. Raises DataError with the line that is broken."""
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

"""The words that people use for tables and columns: names.toml, written once for the user to correct, then read.

    [customer]
    name = "customer"
    columns.cust_nm = "customer name"
    columns.internal_flag = false

A text, or a list of texts, says what one row or one column is called, in the singular. `false` keeps a table or column
out of questions. What stands in the file already is never changed (write_names.py).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import DataError

FIX = 'write words = "customer", a list of such texts, or false'
LONGEST_COMMENT = 5  # words of a comment that can be what a column is called
COMMENT = re.compile(
    r"""^\s*["`\[]?(?P<column>\w[\w $]*?)["`\]]?\s+\w[^\n]*?"""
    r"""(?:--\s*(?P<line>[^\n]+)|/\*\s*(?P<block>.*?)\s*\*/)\s*,?\s*$""",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Names:
    """Words by table, and by table and column, in lower case; an empty tuple keeps it out of questions."""

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def read_names(path: Path) -> Names:
    """Read a names.toml. Raises DataError with the table and key that is wrong."""
    tables: dict[str, tuple[str, ...]] = {}
    columns: dict[tuple[str, str], tuple[str, ...]] = {}
    text, tree = _tree(path)
    for table, entry in tree.items():
        place = f"{path}:{_line_of(text, table)}: "
        if not isinstance(entry, dict) or set(entry) - {"name", "columns"}:
            raise DataError(f"{place}[{table}] may have the keys name and columns", fix=FIX)
        if not isinstance(entry.get("columns", {}), dict):
            raise DataError(f"{place}[{table}] columns is not a table", fix='write columns.COLUMN = "its name"')
        if "name" in entry:
            place = f"{path}:{_line_of(text, table, 'name')}: "
            tables[table.lower()] = _words(f"{place}{table}.name", entry["name"])
        for column, words in entry.get("columns", {}).items():
            place = f"{path}:{_line_of(text, table, column)}: "
            columns[table.lower(), column.lower()] = _words(f"{place}{table}.columns.{column}", words)
    return Names(tables, columns)


def column_comments(create_table: str) -> dict[str, str]:
    """Return the short comments behind the columns of a CREATE TABLE statement, by column in lower case.

    >>> column_comments("CREATE TABLE c (\\n  cust_nm TEXT, -- customer name\\n  n INT /* number of visits */\\n)")
    {'cust_nm': 'customer name', 'n': 'number of visits'}
    """
    found = {}
    for match in COMMENT.finditer(create_table):
        said = " ".join((match["line"] or match["block"] or "").split()).rstrip(".").lower()
        if said and len(said.split()) <= LONGEST_COMMENT and re.fullmatch(r"[^\W\d_][\w '-]*", said):
            found[match["column"].lower()] = said
    return found


def _tree(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="correct data.db_names") from None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8", fix="correct that line, or delete the file") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = int(place[1]) if place and place[1] else data.count(b"\n", 0, len(data.rstrip())) + 1
        said = str(error)[: place.start()].strip() if place else str(error)
        raise DataError(f"{path}:{line}: broken TOML: {said}", fix="correct that line, or delete the file") from None


def _line_of(text: str, table: str, key: str = "") -> int:
    """The line that names a table, or behind it the line that sets a key; as well as that can be seen in the text."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if re.match(rf'\s*\[?\s*"?{re.escape(table)}\b', line)), 0)
    setting = re.compile(rf'\s*(columns\s*\.\s*)?["\']?{re.escape(key)}["\']?\s*=')
    return 1 + next((n for n in range(first, len(lines)) if key and setting.match(lines[n])), first)


def _words(place: str, words: Any) -> tuple[str, ...]:
    listed = [words] if isinstance(words, str) else [] if words is False else words
    if not isinstance(listed, list) or not all(isinstance(word, str) and word.strip() for word in listed):
        raise DataError(f"{place} is not a text, a list of texts or false", fix=FIX)
    return tuple(" ".join(word.split()) for word in listed)

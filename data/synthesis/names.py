"""The words that people use for tables and columns: names.toml, written once for the user to correct, then read.

    [customer]
    name = "customer"
    columns.cust_nm = "customer name"
    columns.internal_flag = false

A text, or a list of texts, says what one row or one column is called, in the singular. `false` keeps a table or column
out of questions. What stands in the file already is never changed: new tables and columns are added below.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.files import write_text
from ...core.recipe import toml
from ...core.records import Schema
from .facts import Facts
from .language.naming import column_nouns, table_nouns

FIX = 'write words = "customer", a list of such texts, or false'
LONGEST_COMMENT = 5  # words of a comment that can be what a column is called
COMMENT = re.compile(
    r"""^\s*["`\[]?(?P<column>\w[\w $]*?)["`\]]?\s+\w[^\n]*?"""
    r"""(?:--\s*(?P<line>[^\n]+)|/\*\s*(?P<block>.*?)\s*\*/)\s*,?\s*$""",
    re.MULTILINE,
)
HEADER = """\
# What people call the tables and columns of {name}. Correct what sounds wrong: these words stand in the questions.
# A text, or a list of texts, in the singular; false keeps a table or column out of questions.
"""


@dataclass(frozen=True)
class Names:
    """Words by table, and by table and column, in lower case; an empty tuple keeps it out of questions."""

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def read_names(path: Path) -> Names:
    """Read a names.toml. Raises DataError with the table and key that is wrong."""
    tables: dict[str, tuple[str, ...]] = {}
    columns: dict[tuple[str, str], tuple[str, ...]] = {}
    for table, entry in _tree(path).items():
        if not isinstance(entry, dict) or set(entry) - {"name", "columns"}:
            raise DataError(f"{path}: [{table}] may have the keys name and columns", fix=FIX)
        if "name" in entry:
            tables[table.lower()] = _words(path, f"{table}.name", entry["name"])
        for column, words in entry.get("columns", {}).items():
            columns[table.lower(), column.lower()] = _words(path, f"{table}.columns.{column}", words)
    return Names(tables, columns)


def write_names(path: Path, schema: Schema, facts: Facts, comments: Mapping[tuple[str, str], str]) -> int:
    """Add to a names.toml the tables that it lacks, as they are called without it; returns how many."""
    spoken = {(f.table.lower(), f.name.lower()): f.nouns for entity in facts.entities for f in entity.fields}
    if path.is_file():
        read_names(path)
    known = _tree(path) if path.is_file() else {}
    text = path.read_text(encoding="utf-8") if path.is_file() else HEADER.format(name=schema.name or "the database")
    have = {name.lower(): {column.lower() for column in entry.get("columns", {})} for name, entry in known.items()}
    added = 0
    for table in schema.tables:
        if table.name.lower() in have:
            continue  # its columns of later date are spoken of as they are called
        lines = [f"\n[{_key(table.name)}]", f"name = {toml(table_nouns(table.name)[0])}"]
        for column in table.columns:
            place = table.name.lower(), column.name.lower()
            nouns = spoken.get(place) or column_nouns(column.name, table.name)
            said = tuple(dict.fromkeys((comments[place], *nouns) if place in comments else nouns))
            lines.append(f"columns.{_key(column.name)} = {toml(said[0] if len(said) == 1 else said)}")
        text += "\n".join(lines) + "\n"
        added += 1
    if added:
        write_text(path, text)
    return added


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


def _tree(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", fix="correct data.db_names") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: broken TOML ({error})", fix="correct that line, or delete the file") from None


def _words(path: Path, place: str, words: Any) -> tuple[str, ...]:
    listed = [words] if isinstance(words, str) else [] if words is False else words
    if not isinstance(listed, list) or not all(isinstance(word, str) and word.strip() for word in listed):
        raise DataError(f"{path}: {place} is not a text, a list of texts or false", fix=FIX)
    return tuple(" ".join(word.split()) for word in listed)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)

"""Write a names.toml, or add to one what it lacks: a correction and a comment of the user stay where they are."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.files import atomic
from ...core.records import Schema, Table
from ...core.render_recipe import toml
from .facts import Facts
from .language.naming import column_nouns, is_noun, table_nouns
from .names import read_names

HEADER = """\
# What people call the tables and columns of {name}. Correct what sounds wrong: these words stand in the questions.
# A text, or a list of texts, in the singular; false keeps a table or column out of questions.
"""
SECTION = re.compile(r"[ \t]*\[(?!\[).*\][ \t]*(?:#.*)?")

Words = Mapping[tuple[str, str], tuple[str, ...]]
"""What a column is called, by table and column in lower case."""


@dataclass(frozen=True)
class Written:
    """What was done, as `table` or `table.column`.

    `gone` is what the file names although the database does not have it; `closed` what could not be added, where the
    file says all columns on one line.
    """

    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def write_names(path: Path, schema: Schema, facts: Facts, comments: Mapping[tuple[str, str], str]) -> Written:
    """Add to a names.toml the tables and columns that it lacks, as they are called without it.

    Raises DataError with file and line for a file that cannot be read.
    """
    spoken = {(f.table.lower(), f.name.lower()): f.nouns for entity in facts.entities for f in entity.fields}
    words = {place: tuple(dict.fromkeys((said, *spoken.get(place, ())))) for place, said in comments.items()}
    if not path.is_file():
        text = HEADER.format(name=" ".join(schema.name.split()) or "the database")
        text += "".join(_section(table, {**spoken, **words}) for table in schema.tables)
        _write(path, text)
        return Written(tuple(table.name for table in schema.tables))
    read_names(path)
    text = path.read_bytes().decode("utf-8")
    known = _lower(tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n")))
    added: list[str] = []
    closed: list[str] = []
    for table in schema.tables:
        if table.name.lower() not in known:
            text = _with_end(text) + _section(table, {**spoken, **words}).replace("\n", _newline(text))
            added.append(table.name)
            continue
        lacking = [c.name for c in table.columns if c.name.lower() not in known[table.name.lower()]]
        if lacking:
            longer = _with_columns(text, table.name, [_line(table.name, c, {**spoken, **words}) for c in lacking])
            (closed if longer is None else added).extend(f"{table.name}.{column}" for column in lacking)
            text = longer or text
    if added:
        _write(path, text)
    return Written(tuple(added), tuple(_gone(known, schema)), tuple(closed))


def _lower(tree: Mapping[str, Any]) -> dict[str, set[str]]:
    """The columns that the file names, by table."""
    return {table.lower(): {column.lower() for column in entry.get("columns", {})} for table, entry in tree.items()}


def _gone(known: Mapping[str, set[str]], schema: Schema) -> Iterator[str]:
    have = {table.name.lower(): {column.name.lower() for column in table.columns} for table in schema.tables}
    for table, columns in known.items():
        if table not in have:
            yield table
        else:
            yield from (f"{table}.{column}" for column in sorted(columns - have[table]))


def _section(table: Table, words: Words) -> str:
    lines = [f"\n[{_key(table.name)}]", f"name = {_said(table_nouns(table.name))}"]
    lines += [f"columns.{_line(table.name, column.name, words)}" for column in table.columns]
    return "\n".join(lines) + "\n"


def _line(table: str, column: str, words: Words) -> str:
    nouns = words.get((table.lower(), column.lower())) or column_nouns(column, table)
    return f"{_key(column)} = {_said(nouns if is_noun(nouns[0]) else ())}"


def _said(nouns: Sequence[str]) -> str:
    said = tuple(noun for noun in nouns if noun.strip())
    return toml(False) if not said else toml(said[0] if len(said) == 1 else said)


def _with_columns(text: str, table: str, lines: Sequence[str]) -> str | None:
    """The text with lines at the end of the table's section; checked by reading it again.

    None where the file says the columns in a way that takes no further line, such as `columns = {...}`.
    """
    wanted = tomllib.loads("\n".join(lines))
    for place, prefix in _ends_of(text, table):
        newline = _newline(text)
        head = text[:place] + ("" if text[:place].endswith("\n") else newline)
        longer = head + "".join(f"{prefix}{line}{newline}" for line in lines) + text[place:]
        if _adds(text, longer, table, wanted):
            return longer
    return None


def _ends_of(text: str, table: str) -> Iterator[tuple[int, str]]:
    """Where sections of the table end, behind their last line, and what stands before the name of a column there."""
    section: tuple[str, ...] | None = None
    ends: dict[tuple[str, ...], int] = {}
    place = 0
    for line in text.splitlines(keepends=True):
        place += len(line)
        if SECTION.fullmatch(line.strip().removeprefix("\ufeff")):
            section = _path(line.strip().removeprefix("\ufeff"))
        if section is not None and line.strip() and not line.strip().startswith("#"):
            ends[section] = place
    for names, end in ends.items():
        if len(names) in (1, 2) and names[0].lower() == table.lower():
            yield end, "" if len(names) == 2 else "columns."


def _path(header: str) -> tuple[str, ...]:
    """The names of a header: `[cust.columns]` gives cust and columns."""
    try:
        tree: Any = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while tree:
        (name, tree), *_ = tree.items()
        names.append(name)
    return tuple(names)


def _adds(before: str, after: str, table: str, wanted: Mapping[str, Any]) -> bool:
    """Tell whether the longer text says all that the text said, and these columns of the table."""
    try:
        tree, longer = (tomllib.loads(t.removeprefix("\ufeff").replace("\r\n", "\n")) for t in (before, after))
    except tomllib.TOMLDecodeError:
        return False
    for name, entry in tree.items():
        if name.lower() == table.lower():
            entry["columns"] = {**entry.get("columns", {}), **wanted}
    return tree == longer


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_end(text: str) -> str:
    return text if text.endswith("\n") or not text else text + _newline(text)


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)

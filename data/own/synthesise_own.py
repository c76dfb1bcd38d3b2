"""Pairs about the user's own database, written as JSON lines."""

import contextlib
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...core.files import need_space
from ...core.progress import progress
from ...core.records import Example, Schema
from ...databases.introspect import introspect
from ...databases.sqlite import allow_schema, connect, sqlite_path
from ..pairs import write_lines
from ..sources.question_files import descriptions
from ..synthesis.names import Names, column_comments, read_names
from ..synthesis.read_facts import read_facts
from ..synthesis.synthesise import synthesise
from ..synthesis.told import skeletons, wording_entropy
from ..synthesis.write_names import Written, write_names

DISK_BYTES = 20 * 2**20


@dataclass(frozen=True)
class Made:
    """What was made: how many pairs, how varied they are, and the file of names."""

    pairs: int
    skeletons: int
    wording_entropy: float
    names: Path
    written: Written

    def as_json(self) -> dict[str, Any]:
        """Return what `sql-llama data synth --json` prints."""
        return {
            "pairs": self.pairs,
            "skeletons": self.skeletons,
            "wording_entropy": round(self.wording_entropy, 3),
            "names": str(self.names),
            "names_added": list(self.written.added),
        }


def synthesise_own(
    db: str, count: int, out: Path, seed: int, *, names: Path | None = None, values: bool = True
) -> Made:
    """Write up to `count` pairs about a database; what the file of names lacks is added to it.

    Raises DataError for a database that cannot be read or of which nothing can be asked.
    """
    path = sqlite_path(db)
    schema = introspect(db, path.stem)
    if not schema.tables:
        raise DataError(f"{db}: has no tables", fix="give a database with tables as --db")
    need_space(out, DISK_BYTES, "the pairs")
    file = names or out.with_suffix(".names.toml")
    if names is not None and not names.is_file() and names.exists():
        raise DataError(f"{names}: not a file", fix="correct --names")
    written = write_names(file, schema, read_facts(db, schema), comments_of(db, schema))
    examples: list[Example] = []
    with progress("synthesising pairs", count, "pairs") as advance:
        made = synthesise(db, schema, count, random.Random(seed), names=read_names(file), values=values)
        for example in made:
            examples.append(example)
            advance()
    if not examples:
        raise DataError(f"{db}: nothing can be asked about it", fix="its tables need rows; see also --names")
    named = path.name if path.absolute().parent == out.absolute().parent else os.fspath(path.absolute())
    lines = (
        json.dumps({"question": example.question, "sql": example.sql, "db": named}, ensure_ascii=False)
        for example in examples
    )
    write_lines(out, lines)
    return Made(len(examples), skeletons(examples), wording_entropy(examples), file, written)


def own_names(path: str) -> Names:
    """Read the names.toml of a recipe; none where it names none."""
    return read_names(Path(path).expanduser()) if path else Names()


def comments_of(db: str, schema: Schema) -> dict[tuple[str, str], str]:
    """Collect what the database says about its columns: comments in its CREATE TABLE texts, BIRD's descriptions."""
    found = dict(descriptions(sqlite_path(db)))
    with contextlib.closing(connect(db)) as connection:
        allow_schema(connection)
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql NOT NULL"
        ).fetchall()
    for name, text in rows:
        found |= {(str(name).lower(), column): said for column, said in column_comments(str(text)).items()}
    known = {(table.name.lower(), column.name.lower()) for table in schema.tables for column in table.columns}
    return {place: said for place, said in found.items() if place in known}

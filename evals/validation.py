"""Validation questions for a model in training: databases for their schemas, and the judgement of answers."""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..assistant.answer import query_in
from ..core.errors import DataError
from ..core.files import atomic, sha256
from ..core.progress import progress
from ..core.records import Example, Schema
from ..core.settings import settings
from ..sql.ddl.render import render_ddl
from ..sql.names import quoted
from .fuzz.fuzz import variants
from .judge.judge import judged
from .judge.verdict import Task
from .questions.from_schema import Unmade, from_schema

TIMEOUT = 5.0  # seconds of one query, over a few rows
WORKERS = 2  # processes that judge: more take longer to start than they save
FEWEST = 4  # rows of a made-up table
COPIES = 2  # with other rows, over which an answer that is right by luck is not right


@dataclass(frozen=True)
class Asked:
    """A pair, the database that its question is asked about, and copies with other rows."""

    example: Example
    database: Path
    copies: tuple[Path, ...]


@dataclass(frozen=True)
class ValidationExam:
    """Questions and the judgement of answers to them: a train.exam.Exam."""

    asked: tuple[Asked, ...]

    @property
    def examples(self) -> tuple[Example, ...]:
        """See train.exam.Exam."""
        return tuple(item.example for item in self.asked)

    def right(self, texts: Sequence[str]) -> tuple[bool, ...]:
        """See train.exam.Exam; judged as `eval` does, in processes that a query cannot take long or fill."""
        tasks = [
            Task(item.database, item.example.sql, query_in(text, item.example.schema)[0], item.copies)
            for item, text in zip(self.asked, texts, strict=True)
        ]
        verdicts = judged(tasks, WORKERS, TIMEOUT)
        return tuple(verdict.correct and verdict.suite is not False for verdict in verdicts)


def validation_exam(examples: Sequence[Example], count: int) -> ValidationExam:
    """Make the exam: train.exam.MakeExam. The first `count` pairs are taken over whose schema rows can be made.

    The rows are made up (evals/fuzz/fuzz.py), whatever the source of a pair, so that the reference query returns some
    and queries that differ from it a little return others. Databases are made once and kept in the cache folder.
    """
    kept: list[tuple[int, Asked]] = []
    left = list(range(len(examples)))
    with progress("making validation databases", min(count, len(examples)), "questions") as advance:
        while left and len(kept) < count:
            tried, left = left[: count - len(kept)], left[count - len(kept) :]
            golds: dict[Schema, list[str]] = {}
            for place in tried:
                golds.setdefault(examples[place].schema, []).append(examples[place].sql)
            made = [(place, _asked(examples[place], golds[examples[place].schema])) for place in tried]
            found = [(place, item) for place, item in made if item is not None]
            sane = ValidationExam(tuple(item for _, item in found))
            # a reference query that is not right itself is left out
            right = sane.right([example.sql for example in sane.examples])
            kept += [item for item, is_right in zip(found, right, strict=True) if is_right]
            advance(sum(right))
    return ValidationExam(tuple(item for _, item in sorted(kept, key=lambda item: item[0])))


def _asked(example: Example, golds: Sequence[str]) -> Asked | None:
    """The pair with its databases; `golds` are all queries asked about this schema. None where no rows can be made."""
    try:
        database = from_schema(render_ddl(example.schema), golds, example.sql)
        return Asked(example, database, (*variants(database, golds, COPIES), _uneven(database)))
    except (Unmade, DataError, sqlite3.Error):
        return None


def _uneven(database: Path) -> Path:
    """A copy without the last rows of some tables: made-up tables are of one size, so that counts tell none apart."""
    path = settings().cache / "validation" / f"{sha256(database)[:24]}.sqlite"
    if path.is_file():
        return path
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(database.read_bytes())
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        for place, (name,) in enumerate(tables):
            with contextlib.suppress(sqlite3.Error):  # a table that has no row ids
                last = f"SELECT rowid FROM {quoted(name)} ORDER BY rowid DESC LIMIT {place % FEWEST}"
                connection.execute(f"DELETE FROM {quoted(name)} WHERE rowid IN ({last})")
        with atomic(path) as temporary:
            temporary.write_bytes(connection.serialize())
    return path

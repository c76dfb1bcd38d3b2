"""Validation questions for a model in training: databases for their schemas, and the judgement of answers."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..assistant.answer import query_in
from ..core.errors import DataError
from ..core.progress import progress
from ..core.records import Example, Schema
from ..sql.ddl.render import render_ddl
from .judge.judge import judged
from .judge.verdict import Task
from .questions.from_schema import Unmade, from_schema

TIMEOUT = 5.0  # seconds of one query, over a few rows
WORKERS = 2  # processes that judge: more take longer to start than they save


@dataclass(frozen=True)
class ValidationExam:
    """Pairs and, for each, the database that its question is asked about: a train.exam.Exam."""

    examples: tuple[Example, ...]
    databases: tuple[Path, ...]

    def right(self, texts: Sequence[str]) -> tuple[bool, ...]:
        """See train.exam.Exam; judged as `eval` does, in processes that a query cannot take long or fill."""
        tasks = [
            Task(database, example.sql, query_in(text, example.schema)[0])
            for example, database, text in zip(self.examples, self.databases, texts, strict=True)
        ]
        return tuple(verdict.correct for verdict in judged(tasks, WORKERS, TIMEOUT))


def validation_exam(examples: Sequence[Example], count: int) -> ValidationExam:
    """Make the exam: train.exam.MakeExam. The first `count` pairs are taken over whose schema rows can be made.

    The rows are made up (evals/fuzz/fuzz.py), whatever the source of a pair, so that the reference query returns some
    and queries that differ from it a little return others. Databases are made once and kept in the cache folder.
    """
    kept: dict[int, Path] = {}
    left = list(range(len(examples)))
    with progress("making validation databases", min(count, len(examples)), "questions") as advance:
        while left and len(kept) < count:
            tried, left = left[: count - len(kept)], left[count - len(kept) :]
            golds: dict[Schema, list[str]] = {}
            for place in tried:
                golds.setdefault(examples[place].schema, []).append(examples[place].sql)
            for place in tried:
                example = examples[place]
                try:
                    kept[place] = from_schema(render_ddl(example.schema), golds[example.schema], example.sql)
                except (Unmade, DataError, sqlite3.Error):
                    continue
                advance()
    places = sorted(kept)
    return ValidationExam(tuple(examples[place] for place in places), tuple(kept[place] for place in places))

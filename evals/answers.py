"""A model's answers to the questions of a file, by the way that `ask` and `chat` take too."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..assistant.answer import Policy, answer_many
from ..assistant.prepare import PreparedDatabase, prepare
from ..core.errors import DataError
from ..core.records import Answer
from ..databases.unreadable import reason
from ..engines.engine import Engine
from .judge.judge import judge
from .questions.from_schema import unqualified
from .questions.questions import Question


def answers(
    items: Sequence[Question], engine: Engine, policy: Policy, lost: dict[Path, str]
) -> Iterator[tuple[Answer, str]]:
    """Yield for each question the model's text and the query in it; '' where the prompt does not fit the context.

    Databases that cannot be read go into `lost`, with the reason; nothing is asked about them. Queries of several
    candidates are run in a process of their own, which the evaluation survives.
    """
    with judge() as run:

        def returned(database: PreparedDatabase, sql: str) -> int | None:
            return run(Path(database.url), sql, sql).returned

        for reply in answer_many(engine, [_prepared(item, lost) for item in items], policy, returned):
            yield reply.candidates[reply.chosen].answer, reply.sql


def _prepared(item: Question, lost: dict[Path, str]) -> tuple[PreparedDatabase, str] | None:
    if item.database in lost:
        return None
    try:
        database = prepare(str(item.database))
    except (DataError, OSError) as error:
        lost[item.database] = reason(error, item.database)
        return None
    return replace(database, rewrite=partial(unqualified, names=item.schemas)), item.full_question

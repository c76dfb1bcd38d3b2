"""Which of several answers to take: the first whose query runs and returns rows."""

from collections.abc import Iterable, Iterator, Sequence

from ..assistant.ask import prepare, query_in
from ..core.errors import DataError
from ..core.records import Answer, Schema
from .judge.judge import judge
from .questions.from_schema import unqualified
from .questions.questions import Question


def choose(items: Sequence[Question], candidates: Iterable[Sequence[Answer]]) -> Iterator[tuple[Answer, str]]:
    """For each question the chosen answer and its SQL; where none returns rows the first that runs, else the first."""
    with judge() as ask:
        for item, answers in zip(items, candidates, strict=True):
            try:
                schema = prepare(str(item.database)).schema
            except (DataError, OSError):  # the judge will say why
                schema = Schema(())
            queries = [unqualified(query_in(answer.text, schema)[0], item.schemas) for answer in answers]
            best = 0
            if len(queries) > 1:
                returned = [ask(item.database, sql, sql).returned for sql in dict.fromkeys(queries)]
                returned_by = dict(zip(dict.fromkeys(queries), returned, strict=True))
                running = [place for place, sql in enumerate(queries) if returned_by[sql] is not None]
                giving = [place for place in running if returned_by[queries[place]]]
                best = (giving or running or [0])[0]
            yield answers[best], queries[best]

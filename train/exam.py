"""Who judges the answers of a model in training: functions of evals/, which this room cannot import."""

from collections.abc import Sequence
from typing import Protocol

from ..core.records import Example


class Exam(Protocol):
    """Questions over databases with rows, and the judgement of answers to them."""

    @property
    def examples(self) -> Sequence[Example]:
        """Return the pairs whose questions are asked."""
        ...

    def right(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell of each answer, in the order of `examples`, whether its query returns what the pair's own returns."""
        ...


class MakeExam(Protocol):
    """Makes an exam of at most `count` of these pairs: of those over whose schema a database with rows can be made."""

    def __call__(self, examples: Sequence[Example], count: int) -> Exam: ...

"""The metrics of judged answers: one number each, with its interval and over how many questions."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.wilson import wilson
from ..judge.verdict import efficiency
from ..judged_answer import GradedAnswer
from .statistics import LEVEL, bootstrap, mcnemar


@dataclass(frozen=True)
class Kind:
    """One metric: its `name` in JSON, `title` for people, its `meaning`, and its `value` for an answer.

    `value` is None where the metric has no value for that question, which is then left out. `share`: each value is 0
    or 1.
    """

    name: str
    title: str
    meaning: str
    value: Callable[[GradedAnswer], float | None]
    share: bool = True


@dataclass(frozen=True)
class Metric:
    """A mean in 0..1 over `n` questions (efficiency may pass 1), with its 95 % interval; None of a single question."""

    value: float
    low: float | None
    high: float | None
    n: int


def _suite(answer: GradedAnswer) -> float | None:
    return None if answer.verdict.suite is None else float(answer.verdict.suite)


def _component(answer: GradedAnswer) -> float | None:
    """None only where the reference query cannot be parsed: an answer that cannot be is wrong, not left out."""
    if answer.components is not None:
        return float(answer.components)
    return 0.0 if answer.hardness != "unknown" else None


def _efficiency(answer: GradedAnswer) -> float | None:
    """Zero when wrong; None for a right answer that was not timed."""
    timed = answer.verdict.gold_seconds is not None and answer.verdict.sql_seconds is not None
    return efficiency(answer.verdict) if timed or not answer.correct else None


KINDS = (
    Kind(
        "execution_accuracy",
        "Execution accuracy",
        "returns the reference query's rows, in its column order, and in its row order where it sorts",
        lambda answer: float(answer.correct),
    ),
    Kind(
        "lenient",
        "Lenient accuracy",
        "the same, but columns may stand in any order",
        lambda answer: float(answer.verdict.lenient),
    ),
    Kind(
        "test_suite",
        "Test-suite accuracy",
        "lenient on the database and on every copy of it with other rows; right by chance on one does not count",
        _suite,
    ),
    Kind("valid_sql", "Valid SQL", "runs without error", lambda answer: float(answer.verdict.valid)),
    Kind(
        "exact_match",
        "Exact match",
        "the reference query's text, apart from case, blanks and quotes",
        lambda answer: float(answer.verdict.exact),
    ),
    Kind(
        "normalised",
        "Normalised match",
        "the same query once names and order are made alike",
        lambda answer: float(answer.normalised),
    ),
    Kind("component", "Component match", "Spider's: the same clauses as sets, without values", _component),
    Kind(
        "tree",
        "Tree similarity",
        "how alike the two syntax trees are, 1 when the same",
        lambda answer: answer.tree,
        share=False,
    ),
    Kind(
        "embedding",
        "Embedding similarity",
        "cosine of the two queries' sentence embeddings",
        lambda answer: answer.embedding,
        share=False,
    ),
    Kind("overlap", "Result overlap", "F1 of the rows returned", lambda answer: answer.verdict.overlap, share=False),
    Kind(
        "columns_overlap",
        "Column overlap",
        "F1 of the columns returned",
        lambda answer: answer.verdict.columns_overlap,
        share=False,
    ),
    Kind(
        "efficiency",
        "Efficiency",
        "BIRD's: right answers, weighted by how fast they run beside the reference query (100 %: as fast)",
        _efficiency,
        share=False,
    ),
)


def metrics(answers: Sequence[GradedAnswer]) -> dict[str, Metric]:
    """Compute every metric that has a value for one of these answers, by name, in the order of KINDS."""
    out = {}
    for kind in KINDS:
        values = [value for value in map(kind.value, answers) if value is not None]
        if values:
            out[kind.name] = mean(values, kind.share)
    return out


def mean(values: Sequence[float], share: bool = True) -> Metric:
    """Compute a mean with its interval: Wilson's for a share, the bootstrap's for other values."""
    n = len(values)
    if share:
        return Metric(sum(values) / n, *wilson(round(sum(values)), n), n)
    estimate = bootstrap(values)
    return Metric(estimate.value, estimate.low, estimate.high, n)


@dataclass(frozen=True)
class Difference:
    """Tuned minus base on the same questions, with its 95 % interval; `p` where the values are shares.

    `beyond_luck`: too large for it.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    beyond_luck: bool


def difference(
    base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer], kind: Kind, level: float = LEVEL
) -> Difference | None:
    """Compare two models' answers to the same questions by one metric; None when no question has a value for both."""
    pairs = [
        (before, after)
        for before, after in zip(map(kind.value, base), map(kind.value, tuned), strict=True)
        if before is not None and after is not None
    ]
    if not pairs:
        return None
    if kind.share:
        paired = mcnemar([bool(before) for before, _ in pairs], [bool(after) for _, after in pairs])
        return Difference(paired.difference, paired.low, paired.high, paired.p, paired.p < level)
    apart = bootstrap([after - before for before, after in pairs])
    beyond = apart.low is not None and apart.high is not None and (apart.low > 0 or apart.high < 0)
    return Difference(apart.value, apart.low, apart.high, None, beyond)


def same_questions(first: Sequence[GradedAnswer], second: Sequence[GradedAnswer]) -> bool:
    """Tell whether two models were asked the same questions in the same order, so that answers can be paired."""
    return [_question_key(answer) for answer in first] == [_question_key(answer) for answer in second]


def hash_questions(answers: Sequence[GradedAnswer]) -> str:
    """Hash what was asked: the same for two evaluations whose answers can be paired."""
    return hashlib.sha256(json.dumps([_question_key(answer) for answer in answers]).encode()).hexdigest()


def _question_key(answer: GradedAnswer) -> tuple[str, ...]:
    evidence = (answer.evidence,) if answer.evidence else ()
    return answer.question, answer.gold, answer.database, *evidence

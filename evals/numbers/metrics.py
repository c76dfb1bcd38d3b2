"""The metrics of judged answers: one number each, with its interval and over how many questions."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..judge.bench import Verdict, efficiency
from .statistics import LEVEL, bootstrap, mcnemar, wilson

Row = Mapping[str, Any]
"""One judged answer as evaluate.py keeps it."""


@dataclass(frozen=True)
class Kind:
    """One metric: its `name` in JSON, `title` for people, what it `says`, and its `value` for a row.

    `value` is None where the metric says nothing of that question, which is then left out. `share`: each value is 0
    or 1.
    """

    name: str
    title: str
    says: str
    value: Callable[[Row], float | None]
    share: bool = True


@dataclass(frozen=True)
class Metric:
    """A mean in 0..1 over `n` questions (efficiency may pass 1), with its 95 % interval; None of a single question."""

    value: float
    low: float | None
    high: float | None
    n: int


def _flag(key: str) -> Callable[[Row], float | None]:
    return lambda row: None if row.get(key) is None else float(row[key])


def _component(row: Row) -> float | None:
    """None only where the gold itself cannot be parsed: an answer that cannot be is wrong, not left out."""
    if row.get("components") is not None:
        return float(row["components"])
    return 0.0 if "components" in row and row.get("hardness", "unknown") != "unknown" else None


def _efficiency(row: Row) -> float | None:
    """Zero when wrong; None for a right answer that was not timed."""
    times = row.get("gold_seconds"), row.get("sql_seconds")
    if row["correct"] and None in times:
        return None
    return efficiency(Verdict(row["valid"], row["correct"], False, gold_seconds=times[0], sql_seconds=times[1]))


KINDS = (
    Kind(
        "execution_accuracy",
        "Execution accuracy",
        "returns the gold query's rows, in its column order, and in its row order where it sorts",
        _flag("correct"),
    ),
    Kind("lenient", "Lenient accuracy", "the same, but columns may stand in any order", _flag("lenient")),
    Kind(
        "test_suite",
        "Test-suite accuracy",
        "lenient on the database and on every copy of it with other rows, so that luck does not count",
        _flag("suite"),
    ),
    Kind("valid_sql", "Valid SQL", "runs without error", _flag("valid")),
    Kind("exact_match", "Exact match", "the gold's text but for case, blanks and quotes", _flag("exact")),
    Kind("normalised", "Normalised match", "the same query once names and order are made alike", _flag("normalised")),
    Kind("component", "Component match", "Spider's: the same clauses as sets, without values", _component),
    Kind("tree", "Tree similarity", "how alike the two syntax trees are, 1 when the same", _flag("tree"), share=False),
    Kind(
        "embedding",
        "Embedding similarity",
        "cosine of the two queries' sentence embeddings",
        _flag("embedding"),
        share=False,
    ),
    Kind("overlap", "Result overlap", "F1 of the rows returned", _flag("overlap"), share=False),
    Kind("columns_overlap", "Column overlap", "F1 of the columns returned", _flag("columns_overlap"), share=False),
    Kind(
        "efficiency",
        "Efficiency",
        "BIRD's: right answers, weighted by how fast they run beside the gold (100 %: as fast)",
        _efficiency,
        share=False,
    ),
)


def metrics(rows: Sequence[Row]) -> dict[str, Metric]:
    """Every metric that these rows can tell of, by name, in the order of KINDS."""
    out = {}
    for kind in KINDS:
        found = [value for value in map(kind.value, rows) if value is not None]
        if found and not (kind.name == "efficiency" and not any("sql_seconds" in row for row in rows)):
            out[kind.name] = mean(found, kind.share)
    return out


def mean(values: Sequence[float], share: bool = True) -> Metric:
    """A mean with its interval: Wilson's for a share, the bootstrap's for other values."""
    n = len(values)
    if share:
        return Metric(sum(values) / n, *wilson(round(sum(values)), n), n)
    found = bootstrap(values)
    return Metric(found.value, found.low, found.high, n)


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


def difference(base: Sequence[Row], tuned: Sequence[Row], kind: Kind, level: float = LEVEL) -> Difference | None:
    """Compare two models' rows for the same questions by one metric; None when no question tells of both."""
    pairs = [
        (one, other)
        for one, other in zip(map(kind.value, base), map(kind.value, tuned), strict=True)
        if one is not None and other is not None
    ]
    if not pairs:
        return None
    if kind.share:
        found = mcnemar([bool(one) for one, _ in pairs], [bool(other) for _, other in pairs])
        return Difference(found.difference, found.low, found.high, found.p, found.p < level)
    apart = bootstrap([other - one for one, other in pairs])
    beyond = apart.low is not None and apart.high is not None and (apart.low > 0 or apart.high < 0)
    return Difference(apart.value, apart.low, apart.high, None, beyond)


def same_questions(one: Sequence[Row], other: Sequence[Row]) -> bool:
    """Whether two models were asked the same questions in the same order, so that answers can be paired."""
    return len(one) == len(other) and all(_asked(left) == _asked(right) for left, right in zip(one, other, strict=True))


def asked(rows: Sequence[Row]) -> str:
    """A hash of what was asked: the same for two evaluations whose answers can be paired."""
    return hashlib.sha256(json.dumps([_asked(row) for row in rows]).encode()).hexdigest()


def _asked(row: Row) -> tuple[str, ...]:
    evidence = (row["evidence"],) if row.get("evidence") else ()
    return row["question"], row["gold"], row.get("database", ""), *evidence

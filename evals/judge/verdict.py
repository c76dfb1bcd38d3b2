"""What the judge is given, and what it says: a task and a verdict."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import QueryError, QueryErrorKind

JUDGE_VERSION = 1
"""Raise it when the same two queries over the same rows may get another verdict: kept answers are then judged again,
and no model is asked. That is a change of what counts as the same result (sql/compare.py, ties.py), of the check or the
limits that queries run behind (sql/guard.py, databases/sqlite.py, bench.py, judge.py), or a new field of Verdict."""
FLOOR = 1e-3  # seconds: below it a clock measures the machine and not the query
LONGEST_ERROR = 300  # characters of an error's text that are kept


@dataclass(frozen=True)
class Task:
    """One prediction to judge; `variants` are fuzzed copies of the database, see evals/fuzz/fuzz.py."""

    database: Path
    gold: str
    predicted: str
    variants: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What running both queries says.

    valid: ran without error. correct: returned what the reference query returns. exact: the same text. error: why the
    prediction did not run, with its kind and the name that is missing. gold_error: why the reference query did not.
    lenient: correct with the columns in some order. suite: lenient here and on every variant, None without variants.
    overlap, columns_overlap: F1 of rows and of columns, 0..1. The seconds are those of running and reading one query,
    None when it failed; the least of several runs where the prediction is correct and either is long enough to be
    measured. returned: rows of the prediction. unreadable: why the database cannot be read; then the prediction is
    neither right nor wrong.
    """

    valid: bool
    correct: bool
    exact: bool
    error: str = ""
    gold_error: str = ""
    lenient: bool = False
    suite: bool | None = None
    overlap: float = 0.0
    columns_overlap: float = 0.0
    sql_seconds: float | None = None
    gold_seconds: float | None = None
    returned: int | None = None
    unreadable: str = ""
    error_kind: QueryErrorKind | None = None
    error_name: str = ""

    @property
    def failure(self) -> QueryError | None:
        """Return why the prediction did not run; None where it did."""
        return QueryError(self.error, kind=self.error_kind or "other", name=self.error_name) if self.error else None


def failed(verdict: Verdict, error: QueryError) -> Verdict:
    """Return the verdict of a prediction that did not run for this reason."""
    message, name = error.message[:LONGEST_ERROR], error.name[:LONGEST_ERROR]
    return replace(verdict, valid=False, error=message, error_kind=error.kind, error_name=name)


def efficiency(verdict: Verdict) -> float:
    """Return the answer's part in BIRD's valid efficiency score (VES).

    It is 0 when the answer is wrong, else the root of the reference query's time over its own. Both times count as
    FLOOR at least. The score of a model is the mean over all its answers (Li et al. 2023).

    >>> efficiency(Verdict(True, True, False, sql_seconds=0.4, gold_seconds=0.1))
    0.5
    >>> efficiency(Verdict(True, True, False, sql_seconds=0.0004, gold_seconds=0.0001))
    1.0
    """
    if not verdict.correct or verdict.sql_seconds is None or verdict.gold_seconds is None:
        return 0.0
    return math.sqrt(max(verdict.gold_seconds, FLOOR) / max(verdict.sql_seconds, FLOOR))

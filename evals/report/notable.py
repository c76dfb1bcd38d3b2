"""The wrong answers that show most about two models, chosen by rule; and how often each cause comes.

Three kinds, in this order: `worse` (base right, tuned wrong: what the training broke), `wrong` (tuned wrong as base
was), `better` (tuned right where base was wrong). Of ten places four, three and three; a kind with too few gives its
places to the others in the same order. Within a kind, each choice is the question
1. whose database and cause together, then whose cause, were shown least,
2. whose cause is the most frequent of its model's wrong answers,
3. of the hardest class,
4. that comes first in the question file.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import SqlLlamaError
from ...databases.sqlite import run
from ...sql.guard import check
from ..judged_answer import GradedAnswer
from ..queries.causes import CAUSES
from ..queries.hardness import HARDNESS

SHARES = {"worse": 4, "wrong": 3, "better": 3}
"""Of ten."""
MAX_ROWS = 10
TIMEOUT = 5.0  # seconds of one query
LONGEST = 200  # characters of a cell or an error


@dataclass(frozen=True)
class Shown:
    """What a query returned, cut to MAX_ROWS; each cell a number, a text or None. `error` says why there is nothing."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    truncated: bool = False
    error: str = ""


@dataclass(frozen=True)
class Notable:
    """One question worth reading: its `place` in the rows, its kind, and the cause of the tuned model's answer.

    Of kind `better` the cause is the base's. With one model alone `base_sql` is '' and the kind `wrong`.
    """

    place: int
    kind: str
    cause: str
    question: str
    database: str
    hardness: str
    gold: str
    base_sql: str
    sql: str
    base_error: str = ""
    error: str = ""
    gold_table: Shown | None = None
    base_table: Shown | None = None
    table: Shown | None = None


def notable(base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer] = (), *, most: int = 10) -> tuple[Notable, ...]:
    """Choose the questions that show most of base and tuned, which were asked the same ones, or of one model alone.

    The same rows give the same choice. With one model all places are for its wrong answers.
    """
    pairs = list(zip(base, tuned, strict=True)) if tuned else [(None, row) for row in base]
    of_kind: dict[str, list[Notable]] = {kind: [] for kind in SHARES}
    for place, (before, after) in enumerate(pairs):
        if not after.correct:
            kind = "worse" if before is not None and before.correct else "wrong"
            of_kind[kind].append(_notable(place, kind, before, after, after))
        elif before is not None and not before.correct:
            of_kind["better"].append(_notable(place, "better", before, after, before))
    frequent = {
        "worse": Counter(row.cause for _, row in pairs if not row.correct),
        "better": Counter(row.cause for row, _ in pairs if row is not None and not row.correct),
    }
    frequent["wrong"] = frequent["worse"]
    seats = _seats({kind: len(questions) for kind, questions in of_kind.items()}, most)
    out: list[Notable] = []
    for kind, questions in of_kind.items():
        for _ in range(seats[kind]):
            together = Counter((chosen.database, chosen.cause) for chosen in out)
            causes = Counter(chosen.cause for chosen in out)
            best = min(
                questions,
                key=lambda question: (
                    together[question.database, question.cause],
                    causes[question.cause],
                    -frequent[question.kind][question.cause],
                    -_hardness(question.hardness) if question.hardness in HARDNESS[:-1] else 0,
                    question.place,
                ),
            )
            questions.remove(best)
            out.append(best)
    return tuple(out)


def _seats(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """How many of each kind are shown.

    >>> _seats({"worse": 1, "wrong": 50, "better": 2}, 10)
    {'worse': 1, 'wrong': 7, 'better': 2}
    """
    seats = {kind: min(counts[kind], share * most // sum(SHARES.values())) for kind, share in SHARES.items()}
    for kind in SHARES:
        seats[kind] += min(counts[kind] - seats[kind], most - sum(seats.values()))
    return seats


def _notable(place: int, kind: str, before: GradedAnswer | None, after: GradedAnswer, wrong: GradedAnswer) -> Notable:
    return Notable(
        place,
        kind,
        wrong.cause,
        after.question,
        after.database,
        after.hardness,
        after.gold,
        before.sql if before is not None else "",
        after.sql,
        before.verdict.error if before is not None else "",
        after.verdict.error,
    )


def with_tables(examples: Iterable[Notable], databases: Mapping[str, Path]) -> tuple[Notable, ...]:
    """Add what reference query and answers return, run again read-only; an error's text where there is nothing.

    What failed when it was judged is not run again: it may have taken the time or the memory.
    """
    return tuple(
        replace(
            example,
            gold_table=_shown(databases.get(example.database), example.gold, ""),
            base_table=_shown(databases.get(example.database), example.base_sql, example.base_error)
            if example.base_sql
            else None,
            table=_shown(databases.get(example.database), example.sql, example.error),
        )
        for example in examples
    )


def _shown(database: Path | None, sql: str, error: str) -> Shown:
    if error or database is None:
        return Shown(error=_cut(error or "no such database"))
    try:
        check(sql)
        result = run(str(database), sql, timeout=TIMEOUT, max_rows=MAX_ROWS)
    except SqlLlamaError as problem:
        return Shown(error=_cut(problem.message))
    rows = tuple(tuple(map(_cell, row)) for row in result.rows)
    return Shown(tuple(map(_cut, result.columns)), rows, result.truncated)


def _cell(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _cut(value) if isinstance(value, str) else value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Count:
    """How many wrong answers of base and of tuned have a cause, among the `n` questions of one class."""

    cause: str
    base: int
    tuned: int
    n: int


@dataclass(frozen=True)
class Counts:
    """Wrong answers by cause, the most frequent of tuned first: over all, by database and by hardness."""

    causes: tuple[Count, ...]
    by_database: Mapping[str, tuple[Count, ...]]
    by_hardness: Mapping[str, tuple[Count, ...]]


def counts(base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer] = ()) -> Counts:
    """Count the causes of base and of tuned; with one model alone `tuned` counts are zero."""
    return Counts(_count(base, tuned), _by("database", base, tuned), _by("hardness", base, tuned))


def _by(key: str, base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer]) -> dict[str, tuple[Count, ...]]:
    names = sorted({getattr(row, key) for row in base}, key=lambda name: (_hardness(name), name))
    return {
        name: _count(*([row for row in rows if getattr(row, key) == name] for rows in (base, tuned))) for name in names
    }


def _hardness(name: str) -> int:
    return 1 + HARDNESS.index(name) if name in HARDNESS else len(HARDNESS) + 1


def _count(base: Sequence[GradedAnswer], tuned: Sequence[GradedAnswer]) -> tuple[Count, ...]:
    before, after = (Counter(row.cause for row in rows if row.cause) for rows in (base, tuned))
    order = {name: place for place, name in enumerate(CAUSES)}
    names = sorted({*before, *after}, key=lambda name: (-after[name], -before[name], order.get(name, len(order))))
    return tuple(Count(name, before[name], after[name], len(base)) for name in names)

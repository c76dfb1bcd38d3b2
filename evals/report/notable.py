"""The wrong answers that tell most about two models, chosen by rule; and how often each cause comes.

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
from ..numbers.metrics import Row
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
class Telling:
    """One telling question: its `place` in the rows, its kind, and the cause of the tuned model's answer.

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


def telling(base: Sequence[Row], tuned: Sequence[Row] = (), *, most: int = 10) -> tuple[Telling, ...]:
    """The most telling questions of base and tuned, which were asked the same ones, or of one model alone.

    The same rows give the same choice. With one model all places are for its wrong answers.
    """
    pairs = list(zip(base, tuned, strict=True)) if tuned else [(None, row) for row in base]
    found: dict[str, list[Telling]] = {kind: [] for kind in SHARES}
    for place, (before, after) in enumerate(pairs):
        if not after["correct"]:
            kind = "worse" if before is not None and before["correct"] else "wrong"
            found[kind].append(_telling(place, kind, before, after, after))
        elif before is not None and not before["correct"]:
            found["better"].append(_telling(place, "better", before, after, before))
    frequent = {
        "worse": Counter(row.get("cause", "") for _, row in pairs if not row["correct"]),
        "better": Counter(row.get("cause", "") for row, _ in pairs if row is not None and not row["correct"]),
    }
    frequent["wrong"] = frequent["worse"]
    seats = _seats({kind: len(ones) for kind, ones in found.items()}, most)
    out: list[Telling] = []
    for kind, ones in found.items():
        for _ in range(seats[kind]):
            together = Counter((one.database, one.cause) for one in out)
            causes = Counter(one.cause for one in out)
            best = min(
                ones,
                key=lambda one: (
                    together[one.database, one.cause],
                    causes[one.cause],
                    -frequent[one.kind][one.cause],
                    -_hardness(one.hardness) if one.hardness in HARDNESS[:-1] else 0,
                    one.place,
                ),
            )
            ones.remove(best)
            out.append(best)
    return tuple(out)


def _seats(found: Mapping[str, int], most: int) -> dict[str, int]:
    """How many of each kind are shown.

    >>> _seats({"worse": 1, "wrong": 50, "better": 2}, 10)
    {'worse': 1, 'wrong': 7, 'better': 2}
    """
    seats = {kind: min(found[kind], share * most // sum(SHARES.values())) for kind, share in SHARES.items()}
    for kind in SHARES:
        seats[kind] += min(found[kind] - seats[kind], most - sum(seats.values()))
    return seats


def _telling(place: int, kind: str, before: Row | None, after: Row, wrong: Row) -> Telling:
    return Telling(
        place,
        kind,
        wrong.get("cause", ""),
        after["question"],
        after.get("database", ""),
        after.get("hardness", "unknown"),
        after["gold"],
        before["sql"] if before is not None else "",
        after["sql"],
        before.get("error", "") if before is not None else "",
        after.get("error", ""),
    )


def with_tables(examples: Iterable[Telling], databases: Mapping[str, Path]) -> tuple[Telling, ...]:
    """The same with what gold and answers return, run again read-only; an error's text where there is nothing.

    What failed when it was judged is not run again: it may have taken the time or the memory.
    """
    return tuple(
        replace(
            one,
            gold_table=_shown(databases.get(one.database), one.gold, ""),
            base_table=_shown(databases.get(one.database), one.base_sql, one.base_error) if one.base_sql else None,
            table=_shown(databases.get(one.database), one.sql, one.error),
        )
        for one in examples
    )


def _shown(database: Path | None, sql: str, error: str) -> Shown:
    if error or database is None:
        return Shown(error=_cut(error or "no such database"))
    try:
        check(sql)
        found = run(str(database), sql, timeout=TIMEOUT, max_rows=MAX_ROWS)
    except SqlLlamaError as problem:
        return Shown(error=_cut(problem.message))
    rows = tuple(tuple(map(_cell, row)) for row in found.rows)
    return Shown(tuple(map(_cut, found.columns)), rows, found.truncated)


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


def counts(base: Sequence[Row], tuned: Sequence[Row] = ()) -> Counts:
    """Count the causes of base and of tuned; with one model alone `tuned` counts are zero.

    >>> row = {"correct": False, "cause": "wrong table", "database": "pets", "hardness": "easy"}
    >>> counts([row, row], [row, {**row, "correct": True, "cause": ""}]).causes
    (Count(cause='wrong table', base=2, tuned=1, n=2),)
    """
    return Counts(_count(base, tuned), _by("database", base, tuned), _by("hardness", base, tuned))


def _by(key: str, base: Sequence[Row], tuned: Sequence[Row]) -> dict[str, tuple[Count, ...]]:
    names = sorted({row.get(key, "") for row in base}, key=lambda name: (_hardness(name), name))
    return {
        name: _count(*([row for row in rows if row.get(key, "") == name] for rows in (base, tuned))) for name in names
    }


def _hardness(name: str) -> int:
    return 1 + HARDNESS.index(name) if name in HARDNESS else len(HARDNESS) + 1


def _count(base: Sequence[Row], tuned: Sequence[Row]) -> tuple[Count, ...]:
    before, after = (Counter(row["cause"] for row in rows if row.get("cause")) for rows in (base, tuned))
    order = {name: place for place, name in enumerate(CAUSES)}
    names = sorted({*before, *after}, key=lambda name: (-after[name], -before[name], order.get(name, len(order))))
    return tuple(Count(name, before[name], after[name], len(base)) for name in names)

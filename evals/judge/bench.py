"""Make verdicts: run gold and prediction behind the same check, on open connections, and compare what they return.

What queries return is kept within bounds: many questions share a gold. evals/judge/judge.py does this
in other processes.
"""

import math
import sqlite3
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ...assistant.answer import EVALUATION
from ...core.errors import DataError, QueryError
from ...core.records import ResultSet
from ...databases.sqlite import LONGEST_SQL, connect, query
from ...databases.unreadable import is_fault, reason, unreadable
from ...sql.compare import exact_match, orders, overlap, same_loosely, same_result
from ...sql.guard import check
from .ties import Ties, agrees, keyed_queries, settles, ties

MAX_ROWS = EVALUATION.max_rows
KEPT = 64 * 2**20  # bytes, roughly, of results that are kept
OPEN = 100  # connections that are kept
FLOOR = 1e-3  # seconds: below it a clock measures the machine and not the query
REPEATS = 2  # more runs of two queries whose times are compared


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

    valid: ran without error. correct: returned what the gold returns. exact: the same text. gold_error: the gold
    itself failed. lenient: correct with the columns in some order. suite: lenient here and on every variant, None
    without variants. overlap, columns_overlap: F1 of rows and of columns, 0..1. The seconds are those of running and
    reading one query, None when it failed; the least of several runs where the prediction is correct and either is
    long enough to be measured. returned: rows of the prediction. unreadable: why the database cannot be read; then
    the prediction is neither right nor wrong.
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


def efficiency(verdict: Verdict) -> float:
    """The answer's part in BIRD's valid efficiency score: 0 when wrong, else the root of gold's time over its own.

    Both times count as FLOOR at least. The score of a model is the mean over all its answers (Li et al. 2023, VES).

    >>> efficiency(Verdict(True, True, False, sql_seconds=0.4, gold_seconds=0.1))
    0.5
    >>> efficiency(Verdict(True, True, False, sql_seconds=0.0004, gold_seconds=0.0001))
    1.0
    """
    if not verdict.correct or verdict.sql_seconds is None or verdict.gold_seconds is None:
        return 0.0
    return math.sqrt(max(verdict.gold_seconds, FLOOR) / max(verdict.sql_seconds, FLOOR))


@dataclass(frozen=True)
class Ran:
    """What a query returned, or the error; `size` in bytes, roughly."""

    result: ResultSet | None
    error: str = ""

    @property
    def size(self) -> int:
        if self.result is None:
            return 500
        texts = sum(len(value) for row in self.result.rows for value in row if isinstance(value, str | bytes))
        return texts + 500 + 64 * len(self.result.rows) * (len(self.result.columns) + 1)


class Bench:
    """Where verdicts are made: open connections, and what queries returned."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.connections: OrderedDict[tuple[Path, bool], sqlite3.Connection] = OrderedDict()
        self.results: OrderedDict[tuple[Path, str, bool], tuple[Ran, int]] = OrderedDict()
        self.size = 0
        self.faults: dict[Path, str] = {}

    def verdict(self, task: Task) -> Verdict:
        """Run both queries and compare, see sql/compare.py; then the same on the variants."""
        exact = exact_match(task.gold, task.predicted)
        suite = False if task.variants else None
        same_text = task.predicted == task.gold
        try:
            gold = self.kept(task.database, task.gold)
            found = gold if same_text else self.kept(task.database, task.predicted)
        except DataError as error:
            return Verdict(False, False, exact, suite=suite, unreadable=reason(error, task.database))
        fault = self.fault(task.database, gold) or self.fault(task.database, found)
        if fault:
            return Verdict(False, False, exact, found.error, gold.error, suite=suite, unreadable=fault)
        gold_seconds = _rounded(gold.result.seconds) if gold.result else None
        if found.result is None:
            return Verdict(False, False, exact, found.error, gold.error, suite=suite, gold_seconds=gold_seconds)
        if gold.result is None:
            return Verdict(
                True, False, exact, gold_error=gold.error, suite=suite, sql_seconds=_rounded(found.result.seconds)
            )
        ordered = orders(task.gold)
        correct = same_text or same_result(gold.result, found.result, ordered)
        lenient = correct or same_loosely(gold.result, found.result, ordered)
        if ordered and not correct:
            known = self.ties(task.database, task.gold, gold.result, found.result, self.timeout)
            correct = known is not None and agrees(known, found.result)
            lenient = lenient or correct or (known is not None and agrees(known, found.result, loosely=True))
        rows, columns = (1.0, 1.0) if correct else overlap(gold.result, found.result)
        if task.variants:
            suite = lenient and (same_text or self.everywhere(task, ordered))
        times = gold.result.seconds, found.result.seconds
        if correct and not same_text and FLOOR < max(times) < self.timeout / 10:
            times = self.timed(task, times)
        return Verdict(
            valid=True,
            correct=correct,
            exact=exact,
            lenient=lenient,
            suite=suite,
            overlap=round(rows, 4),
            columns_overlap=round(columns, 4),
            sql_seconds=_rounded(times[1]),
            gold_seconds=_rounded(times[0]),
            returned=len(found.result.rows),
        )

    def fault(self, database: Path, ran: Ran) -> str:
        """Why the database cannot be read, where a query failed for that; an answer can make a sound one say so."""
        if not is_fault(ran.error):
            return ""
        if "locked" in ran.error:  # and may be free by now
            return ran.error
        if database not in self.faults:
            self.faults[database] = unreadable(database, whole=True)
        return self.faults[database]

    def everywhere(self, task: Task, ordered: bool) -> bool:
        """Whether both queries say the same on each variant, where the gold runs."""
        left = {True: self.timeout, False: self.timeout}  # seconds for golds, and for predictions
        for variant in task.variants:
            gold = self.within(left, variant, task, True)
            if gold is None:
                continue  # the gold does not run on this variant, which therefore says nothing
            found = self.within(left, variant, task, False)
            if found is None:
                return False
            if same_loosely(gold, found, ordered):
                continue
            if ordered:
                started = time.monotonic()
                known = self.ties(variant, task.gold, gold, found, left[True])
                left[True] -= time.monotonic() - started
                if known is not None and agrees(known, found, loosely=True):
                    continue
                if known is not None and settles(task.gold):
                    return False
            if not (ordered or "limit" in task.gold.lower()) or not self.backwards(left, variant, task, ordered):
                return False
        return True

    def backwards(self, left: dict[bool, float], variant: Path, task: Task, ordered: bool) -> bool:
        """Whether both queries say the same once rows are read backwards, for either or for both of them.

        So are ties found that stand further in, where what is tied cannot be asked.
        """
        golds = [self.within(left, variant, task, True, turned) for turned in (False, True)]
        for turned in (False, True):
            found = self.within(left, variant, task, False, turned)
            if found is None:
                return False
            if any(gold is not None and same_loosely(gold, found, ordered) for gold in golds):
                return True
        return False

    def within(
        self, left: dict[bool, float], variant: Path, task: Task, is_gold: bool, backwards: bool = False
    ) -> ResultSet | None:
        """What one of the two queries returns on a variant, in the time that is left for its kind."""
        started = time.monotonic()
        ran = self.kept(variant, task.gold if is_gold else task.predicted, backwards, left[is_gold])
        left[is_gold] -= time.monotonic() - started
        return ran.result

    def ties(self, database: Path, sql: str, gold: ResultSet, found: ResultSet, seconds: float) -> Ties | None:
        """Which rows the gold leaves tied; None where it is not known, or can make no difference to these results."""
        if len(gold.rows) != len(found.rows) or len(gold.columns) != len(found.columns) or found.truncated:
            return None
        if "limit" not in sql.lower() and not same_loosely(gold, found, False):
            return None
        until = time.monotonic() + seconds
        for keyed in keyed_queries(sql, gold.columns):
            said = self.kept(database, keyed.sql, timeout=until - time.monotonic()).result
            known = ties(gold, keyed, said) if said is not None else None
            if known is not None:
                return known
        return None

    def timed(self, task: Task, times: tuple[float, float]) -> tuple[float, float]:
        """The least times of the two queries when run a few times more, turn about."""
        gold_seconds, seconds = times
        for _ in range(REPEATS):
            one, other = self.run(task.database, task.gold), self.run(task.database, task.predicted)
            if one.result is None or other.result is None:
                break
            gold_seconds, seconds = min(gold_seconds, one.result.seconds), min(seconds, other.result.seconds)
        return gold_seconds, seconds

    def kept(self, database: Path, sql: str, backwards: bool = False, timeout: float | None = None) -> Ran:
        """What a query returns, from memory where it was asked before: golds, and answers to like questions."""
        key = (database, sql, backwards)
        if key in self.results:
            self.results.move_to_end(key)
            return self.results[key][0]
        ran = self.run(database, sql, backwards, timeout)
        size = ran.size
        if size <= KEPT // 4:
            self.results[key] = ran, size
            self.size += size
        while self.size > KEPT:
            self.size -= self.results.popitem(last=False)[1][1]
        return ran

    def run(self, database: Path, sql: str, backwards: bool = False, timeout: float | None = None) -> Ran:
        """Run one query behind the check, within the limits."""
        try:
            if len(sql) > LONGEST_SQL:
                raise QueryError(f"refused: longer than {LONGEST_SQL} characters")
            check(sql)
            seconds = self.timeout if timeout is None else max(0.0, timeout)
            return Ran(query(self.connection(database, backwards), sql, timeout=seconds, max_rows=MAX_ROWS))
        except QueryError as error:
            return Ran(None, error.message[:300])

    def connection(self, database: Path, backwards: bool = False) -> sqlite3.Connection:
        """An open connection; `backwards` reads rows in the other direction where a query asks for no order."""
        key = (database, backwards)
        if key in self.connections:
            self.connections.move_to_end(key)
            return self.connections[key]
        made = connect(str(database))
        if backwards:
            made.execute("PRAGMA reverse_unordered_selects = 1")
        self.connections[key] = made
        while len(self.connections) > OPEN:
            self.connections.popitem(last=False)[1].close()
        return made


def _rounded(seconds: float) -> float:
    return round(seconds, 6)

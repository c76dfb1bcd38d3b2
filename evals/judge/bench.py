"""Make verdicts: run reference query and prediction behind the same check, on open connections, and compare their rows.

Results are kept in memory within bounds, since many questions share a reference query. evals/judge/judge.py does this
in other processes.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from ...assistant.answer import EVALUATION
from ...core.errors import DataError, QueryError
from ...core.records import ResultSet
from ...databases.database import Database, open_database
from ...databases.sqlite import LONGEST_SQL
from ...databases.sqlite_database import SqliteDatabase
from ...databases.unreadable import is_fault, reason, unreadable
from ...sql.compare import exact_match, orders, overlap, same_loosely, same_result
from ...sql.guard import check
from .ties import Ties, agrees, keyed_queries, settles, ties
from .verdict import FLOOR, LONGEST_ERROR, Task, Verdict, failed

MAX_ROWS = EVALUATION.max_rows
KEPT = 64 * 2**20  # bytes, roughly, of results that are kept
OPEN = 100  # connections that are kept
REPEATS = 2  # more runs of two queries whose times are compared


@dataclass(frozen=True)
class Ran:
    """What a query returned, or why it did not; `size` in bytes, roughly."""

    result: ResultSet | None
    error: QueryError | None = None

    @property
    def size(self) -> int:
        """Return the bytes of memory, roughly."""
        if self.result is None:
            return 500
        texts = sum(len(value) for row in self.result.rows for value in row if isinstance(value, str | bytes))
        return texts + 500 + 64 * len(self.result.rows) * (len(self.result.columns) + 1)


class Bench:
    """Where verdicts are made: open connections, and what queries returned."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.connections: OrderedDict[tuple[Path, bool], Database] = OrderedDict()
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
            answer = gold if same_text else self.kept(task.database, task.predicted)
        except DataError as error:
            return Verdict(False, False, exact, suite=suite, unreadable=reason(error, task.database))
        fault = self.fault(task.database, gold) or self.fault(task.database, answer)
        if fault or gold.result is None or answer.result is None:
            return _not_compared(gold, answer, exact, suite, fault)
        ordered = orders(task.gold)
        correct = same_text or same_result(gold.result, answer.result, ordered)
        lenient = correct or same_loosely(gold.result, answer.result, ordered)
        if ordered and not correct:
            known = self.ties(task.database, task.gold, gold.result, answer.result, self.timeout)
            correct = known is not None and agrees(known, answer.result)
            lenient = lenient or correct or (known is not None and agrees(known, answer.result, loosely=True))
        rows, columns = (1.0, 1.0) if correct else overlap(gold.result, answer.result)
        if task.variants:
            suite = lenient and (same_text or self.everywhere(task, ordered))
        times = gold.result.seconds, answer.result.seconds
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
            returned=len(answer.result.rows),
        )

    def fault(self, database: Path, ran: Ran) -> str:
        """Say why the database cannot be read, where a query failed for that; '' where it can after all."""
        if ran.error is None or not is_fault(ran.error.kind):
            return ""
        if ran.error.kind == "locked":  # and may be free by now
            return ran.error.message[:LONGEST_ERROR]
        if database not in self.faults:
            self.faults[database] = unreadable(database, whole=True)
        return self.faults[database]

    def everywhere(self, task: Task, ordered: bool) -> bool:
        """Tell whether both queries return the same on each variant, where the reference query runs."""
        left = {True: self.timeout, False: self.timeout}  # seconds for reference queries, and for predictions
        for variant in task.variants:
            gold = self.within(left, variant, task, True)
            if gold is None:
                continue  # the reference query does not run on this variant, which then shows nothing
            answer = self.within(left, variant, task, False)
            if answer is None:
                return False
            if same_loosely(gold, answer, ordered):
                continue
            if ordered:
                started = time.monotonic()
                known = self.ties(variant, task.gold, gold, answer, left[True])
                left[True] -= time.monotonic() - started
                if known is not None and agrees(known, answer, loosely=True):
                    continue
                if known is not None and settles(task.gold):
                    return False
            if not (ordered or "limit" in task.gold.lower()) or not self.backwards(left, variant, task, ordered):
                return False
        return True

    def backwards(self, left: dict[bool, float], variant: Path, task: Task, ordered: bool) -> bool:
        """Tell whether both queries return the same once rows are read backwards, for either or for both of them.

        This finds ties inside sub-queries, where they cannot be asked for.
        """
        golds = [self.within(left, variant, task, True, turned) for turned in (False, True)]
        for turned in (False, True):
            answer = self.within(left, variant, task, False, turned)
            if answer is None:
                return False
            if any(gold is not None and same_loosely(gold, answer, ordered) for gold in golds):
                return True
        return False

    def within(
        self, left: dict[bool, float], variant: Path, task: Task, is_gold: bool, backwards: bool = False
    ) -> ResultSet | None:
        """Return what one of the two queries returns on a variant, in the time that is left for its kind."""
        started = time.monotonic()
        ran = self.kept(variant, task.gold if is_gold else task.predicted, backwards, left[is_gold])
        left[is_gold] -= time.monotonic() - started
        return ran.result

    def ties(self, database: Path, sql: str, gold: ResultSet, answer: ResultSet, seconds: float) -> Ties | None:
        """Find the rows that the reference query leaves tied; None where that is not known or makes no difference."""
        if len(gold.rows) != len(answer.rows) or len(gold.columns) != len(answer.columns) or answer.truncated:
            return None
        if "limit" not in sql.lower() and not same_loosely(gold, answer, False):
            return None
        until = time.monotonic() + seconds
        for keyed in keyed_queries(sql, gold.columns):
            result = self.kept(database, keyed.sql, timeout=until - time.monotonic()).result
            known = ties(gold, keyed, result) if result is not None else None
            if known is not None:
                return known
        return None

    def timed(self, task: Task, times: tuple[float, float]) -> tuple[float, float]:
        """Return the least times of the two queries when run a few times more, turn about."""
        gold_seconds, seconds = times
        for _ in range(REPEATS):
            gold, answer = self.run(task.database, task.gold), self.run(task.database, task.predicted)
            if gold.result is None or answer.result is None:
                break
            gold_seconds, seconds = min(gold_seconds, gold.result.seconds), min(seconds, answer.result.seconds)
        return gold_seconds, seconds

    def kept(self, database: Path, sql: str, backwards: bool = False, timeout: float | None = None) -> Ran:
        """Return what a query returns, from memory where it was run before, as most reference queries were."""
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
                raise QueryError(f"refused: longer than {LONGEST_SQL} characters", kind="refused")
            check(sql)
            seconds = self.timeout if timeout is None else max(0.0, timeout)
            return Ran(self.connection(database, backwards).query(sql, timeout=seconds, max_rows=MAX_ROWS))
        except QueryError as error:
            return Ran(None, QueryError(error.message, kind=error.kind, name=error.name))  # holds no frames

    def connection(self, database: Path, backwards: bool = False) -> Database:
        """Return an open connection; `backwards`: rows come in the other direction where a query asks for no order."""
        key = (database, backwards)
        if key in self.connections:
            self.connections.move_to_end(key)
            return self.connections[key]
        url = str(database)
        self.connections[key] = SqliteDatabase(url, backwards=True) if backwards else open_database(url)
        while len(self.connections) > OPEN:
            self.connections.popitem(last=False)[1].close()
        return self.connections[key]


def _not_compared(gold: Ran, answer: Ran, exact: bool, suite: bool | None, fault: str) -> Verdict:
    """The verdict where one of the two queries returned nothing; `fault` is why the database cannot be read, or ""."""
    verdict = Verdict(
        valid=answer.error is None and not fault,
        correct=False,
        exact=exact,
        gold_error=gold.error.message[:LONGEST_ERROR] if gold.error else "",
        suite=suite,
        unreadable=fault,
    )
    if answer.error is not None:
        verdict = failed(verdict, answer.error)
    if fault:
        return verdict
    sql_seconds, gold_seconds = (_rounded(ran.result.seconds) if ran.result else None for ran in (answer, gold))
    return replace(verdict, sql_seconds=sql_seconds, gold_seconds=gold_seconds)


def _rounded(seconds: float) -> float:
    return round(seconds, 6)

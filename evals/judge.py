"""Judge predicted SQL against gold SQL by running both, in processes of their own.

A query that takes the memory or hangs inside the database takes its process with it and counts as wrong; the
evaluation goes on. Gold and prediction pass the same check, the same read-only connection and the same limits. What
queries return is kept in the process, within bounds: many questions share a gold.
"""

import contextlib
import math
import multiprocessing
import os
import sqlite3
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from ..core.compare import exact_match, orders, overlap, same_loosely, same_result
from ..core.database import LONGEST_SQL, connect, query
from ..core.errors import DataError, QueryError, SqlLlamaError
from ..core.records import ResultSet
from ..core.sqlcheck import check
from .ties import Ties, agrees, keyed_queries, settles, ties
from .unreadable import is_fault, reason, unreadable

TIMEOUT = 30.0  # seconds of one query; of one query on all fuzzed databases together
MAX_ROWS = 100_000
GRACE = 10.0  # seconds more until the process is ended
START = 120.0  # seconds until a new process says that it is there; a second or so on an idle machine
MEMORY = 3 * 2**30  # bytes that a process may take
KEPT = 64 * 2**20  # bytes, roughly, of results that a process keeps
OPEN = 100  # connections that a process keeps
FLOOR = 1e-3  # seconds: below it a clock measures the machine and not the query
REPEATS = 2  # more runs of two queries whose times are compared
AHEAD = 64  # tasks drawn before their verdict is waited for, per process
CHUNK = 8  # tasks that are sent to a process at once
HELLO = "hello"  # what a process says when it is there


@dataclass(frozen=True)
class Task:
    """One prediction to judge; `variants` are fuzzed copies of the database, see evals/fuzz.py."""

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


class Judge(Protocol):
    def __call__(self, database: Path, gold: str, predicted: str, variants: tuple[Path, ...] = ()) -> Verdict: ...


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


def judged(tasks: Iterable[Task], workers: int = 0, timeout: float | None = None) -> Generator[Verdict, None, None]:
    """Verdicts in the order of `tasks`, from `workers` processes (0: one per core) that judge while tasks are drawn.

    After each drawn task, every verdict that is there and whose turn it is comes out. `timeout` in seconds, of one
    query. Raises SqlLlamaError when a copy with other rows cannot be read.
    """
    count = workers or os.cpu_count() or 1
    todo = _Todo()
    waiting: deque[_Asked] = deque()
    hands = [_Worker(timeout) for _ in range(count)]
    threads: list[threading.Thread] = []
    try:
        for task in tasks:
            waiting.append(todo.put(task))
            if len(threads) < count and len(todo.tasks) > len(threads) * CHUNK:  # a slow stream needs one process
                threads.append(threading.Thread(target=_work, args=(hands[len(threads)], todo), daemon=True))
                threads[-1].start()
            while waiting and (waiting[0].done.is_set() or len(waiting) > AHEAD * count):
                yield waiting.popleft().verdict()
        while waiting:
            yield waiting.popleft().verdict()
    finally:
        todo.close()
        for hand in hands:
            hand.close()
        for thread in threads:
            thread.join()


@dataclass(eq=False)
class _Asked:
    """A task on its way, and what came of it."""

    task: Task
    said: Verdict | BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def tell(self, said: "Verdict | BaseException") -> None:
        self.said = said
        self.done.set()

    def verdict(self) -> Verdict:
        self.done.wait()
        if isinstance(self.said, BaseException):
            raise self.said
        assert self.said is not None
        return self.said


class _Todo:
    """Tasks that wait for a process. One that was at a database goes on with it: its golds are known there."""

    def __init__(self) -> None:
        self.tasks: deque[_Asked] = deque()
        self.changed = threading.Condition()
        self.at: dict[int, Path] = {}
        self.closed = False

    def put(self, task: Task) -> _Asked:
        asked = _Asked(task)
        with self.changed:
            self.tasks.append(asked)
            self.changed.notify()
        return asked

    def take(self, hand: int) -> list[_Asked]:
        """Up to CHUNK tasks of one database, best one that no other process is at; none when all is over."""
        with self.changed:
            while not self.tasks and not self.closed:
                self.changed.wait()
            if self.closed:
                return []
            others = {database for one, database in self.at.items() if one != hand}
            places = list(dict.fromkeys(one.task.database for one in self.tasks))
            free = [database for database in places if database not in others]
            mine = self.at.get(hand)
            chosen = mine if mine in places else (free or places)[0]
            self.at[hand] = chosen
            chunk = [one for one in self.tasks if one.task.database == chosen][:CHUNK]
            for one in chunk:
                self.tasks.remove(one)
            return chunk

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def _work(hand: "_Worker", todo: _Todo) -> None:
    """Hand tasks to one process, several at once where several wait, until all is over."""
    while chunk := todo.take(id(hand)):
        try:
            for one, said in zip(chunk, hand.ask([one.task for one in chunk]), strict=True):
                one.tell(said)
        except BaseException as error:  # nobody may wait for ever
            for one in chunk:
                if not one.done.is_set():
                    one.tell(error)


@contextlib.contextmanager
def judge(timeout: float | None = None) -> Iterator[Judge]:
    """One process that judges one prediction at a time; it is replaced when it dies or does not answer in time."""
    worker = _Worker(timeout)

    def ask(database: Path, gold: str, predicted: str, variants: tuple[Path, ...] = ()) -> Verdict:
        (said,) = worker.ask([Task(database, gold, predicted, variants)])
        if isinstance(said, Verdict):
            return said
        raise said

    try:
        yield ask
    finally:
        worker.close()


class _Worker:
    """A process that judges, started when it is needed and replaced when it is lost."""

    lock = threading.Lock()  # multiprocessing keeps one list of children for all threads

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self.process: multiprocessing.process.BaseProcess | None = None
        self.line: Connection | None = None
        self.greeted = False
        self.closed = False

    def ask(self, tasks: Sequence[Task]) -> Iterator[Verdict | SqlLlamaError]:
        """Judge tasks in order. When the process is lost only the task it was at is wrong, and the rest goes on."""
        rest = list(tasks)
        while rest:
            error = ""
            try:
                line = self._line()
                self._greeted(line)
                line.send(rest)
                while rest and not error:
                    if line.poll(self._limit(rest[0])):
                        answer = line.recv()
                        rest.pop(0)
                        yield answer if isinstance(answer, Verdict) else SqlLlamaError(*answer)
                    else:
                        error = "did not stop in time"
            except (EOFError, OSError):
                error = "took too much memory, or crashed the database"
            if error:
                self._end()
                yield self._lost(rest.pop(0), error)

    def close(self) -> None:
        self.closed = True
        self._end()

    def _limit(self, task: Task) -> float:
        """Seconds until the process is given up: two queries, what is tied, and two more on all variants together."""
        one = TIMEOUT if self.timeout is None else self.timeout
        return (5 if task.variants else 3) * one + GRACE

    def _lost(self, task: Task, error: str) -> Verdict:
        suite = False if task.variants else None
        return Verdict(False, False, exact_match(task.gold, task.predicted), error, suite=suite)

    def _line(self) -> Connection:
        with self.lock:
            if self.closed:
                raise SqlLlamaError("the judge was closed")
            if self.line is None:
                context = multiprocessing.get_context("spawn")
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self.timeout), daemon=True)
                try:
                    process.start()
                except BaseException:
                    ours.close()
                    raise
                finally:
                    theirs.close()
                self.line, self.process = ours, process
            return self.line

    def _greeted(self, line: Connection) -> None:
        """Wait until a new process says that it is there: one that cannot start would make every answer wrong."""
        try:
            if not self.greeted and not (line.poll(START) and line.recv() == HELLO):
                raise EOFError
        except (EOFError, OSError):
            self._end()
            raise SqlLlamaError(
                "the process that runs the queries does not start",
                fix="call it from a script that is a file, below `if __name__ == '__main__':`",
            ) from None
        self.greeted = True

    def _end(self) -> None:
        with self.lock:
            if self.process is not None:
                self.process.kill()
                self.process.join()
            if self.line is not None:
                self.line.close()
            self.process = self.line = None
            self.greeted = False


def _serve(line: Connection, timeout: float | None) -> None:
    """Judge what comes down the line until it is closed."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    bench = Bench(TIMEOUT if timeout is None else timeout)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        line.send(HELLO)
        while True:
            for task in line.recv():
                try:
                    line.send(bench.verdict(task))
                except SqlLlamaError as error:
                    line.send((error.message,))


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
        """Run both queries and compare, see core/compare.py; then the same on the variants."""
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

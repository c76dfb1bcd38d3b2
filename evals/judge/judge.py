"""Judge predicted SQL against reference SQL by running both, in processes of their own.

A query that takes the memory or hangs inside the database takes its process with it and counts as wrong; the
evaluation goes on. Both pass the same check, the same read-only connection and the same limits.
"""

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from ...assistant.answer import EVALUATION
from ...core.errors import QueryError, SqlLlamaError
from ...sql.compare import exact_match
from .bench import Bench
from .verdict import Task, Verdict, failed

TIMEOUT = EVALUATION.query_seconds  # of one query; of one query on all fuzzed databases together
GRACE = 10.0  # seconds more until the process is ended
START = 120.0  # seconds until a new process says that it is there; a second or so on an idle machine
MEMORY = 3 * 2**30  # bytes that a process may take
AHEAD = 64  # tasks drawn before their verdict is waited for, per process
CHUNK = 8  # tasks that are sent to a process at once
HELLO = "hello"  # what a process says when it is there


class Judge(Protocol):
    """A function that judges one prediction."""

    def __call__(self, database: Path, gold: str, predicted: str, variants: tuple[Path, ...] = ()) -> Verdict: ...


def judged(tasks: Iterable[Task], workers: int = 0, timeout: float | None = None) -> Generator[Verdict, None, None]:
    """Judge tasks in `workers` processes (0: one per core) while more are drawn; verdicts come in the order of tasks.

    After each drawn task, every verdict that is there and whose turn it is comes out. `timeout` in seconds, of one
    query. Raises SqlLlamaError when a copy with other rows cannot be read.
    """
    count = workers or os.cpu_count() or 1
    queue = _Queue()
    waiting: deque[_Pending] = deque()
    workers_ = [_Worker(timeout) for _ in range(count)]
    threads: list[threading.Thread] = []
    try:
        for task in tasks:
            waiting.append(queue.put(task))
            if len(threads) < count and len(queue.tasks) > len(threads) * CHUNK:  # a slow stream needs one process
                threads.append(threading.Thread(target=_work, args=(workers_[len(threads)], queue), daemon=True))
                threads[-1].start()
            while waiting and (waiting[0].done.is_set() or len(waiting) > AHEAD * count):
                yield waiting.popleft().verdict()
        while waiting:
            yield waiting.popleft().verdict()
    finally:
        queue.close()
        for worker in workers_:
            worker.close()
        for thread in threads:
            thread.join()


@dataclass(eq=False)
class _Pending:
    """A task on its way, and what came of it."""

    task: Task
    outcome: Verdict | BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, outcome: "Verdict | BaseException") -> None:
        """Hand over what came of it."""
        self.outcome = outcome
        self.done.set()

    def verdict(self) -> Verdict:
        """Wait for the verdict; raises what came instead of one."""
        self.done.wait()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        assert self.outcome is not None
        return self.outcome


class _Queue:
    """Tasks that wait for a process. One that was at a database goes on with it: its results are kept there."""

    def __init__(self) -> None:
        self.tasks: deque[_Pending] = deque()
        self.changed = threading.Condition()
        self.at: dict[int, Path] = {}
        self.closed = False

    def put(self, task: Task) -> _Pending:
        """Add a task."""
        pending = _Pending(task)
        with self.changed:
            self.tasks.append(pending)
            self.changed.notify()
        return pending

    def take(self, worker: int) -> list[_Pending]:
        """Take up to CHUNK tasks of one database, best one that no other process uses; none when all are done."""
        with self.changed:
            while not self.tasks and not self.closed:
                self.changed.wait()
            if self.closed:
                return []
            others = {database for other, database in self.at.items() if other != worker}
            places = list(dict.fromkeys(pending.task.database for pending in self.tasks))
            free = [database for database in places if database not in others]
            mine = self.at.get(worker)
            chosen = mine if mine in places else (free or places)[0]
            self.at[worker] = chosen
            chunk = [pending for pending in self.tasks if pending.task.database == chosen][:CHUNK]
            for pending in chunk:
                self.tasks.remove(pending)
            return chunk

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def _work(worker: "_Worker", queue: _Queue) -> None:
    """Hand tasks to one process, several at once where several wait, until all is over."""
    while chunk := queue.take(id(worker)):
        try:
            outcomes = worker.ask([pending.task for pending in chunk])
            for pending, outcome in zip(chunk, outcomes, strict=True):
                pending.finish(outcome)
        except BaseException as error:  # nobody may wait for ever
            for pending in chunk:
                if not pending.done.is_set():
                    pending.finish(error)


@contextlib.contextmanager
def judge(timeout: float | None = None) -> Iterator[Judge]:
    """Open a process that judges one prediction at a time; it is replaced when it dies or does not answer."""
    worker = _Worker(timeout)

    def ask(database: Path, gold: str, predicted: str, variants: tuple[Path, ...] = ()) -> Verdict:
        (outcome,) = worker.ask([Task(database, gold, predicted, variants)])
        if isinstance(outcome, Verdict):
            return outcome
        raise outcome

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
            error: QueryError | None = None
            try:
                line = self._line()
                self._greeted(line)
                line.send(rest)
                while rest and not error:
                    if line.poll(self._limit(rest[0])):
                        outcome = line.recv()
                        rest.pop(0)
                        yield outcome if isinstance(outcome, Verdict) else SqlLlamaError(*outcome)
                    else:
                        error = QueryError("did not stop in time", kind="timeout")
            except (EOFError, OSError):
                error = QueryError("took too much memory, or crashed the database", kind="memory")
            if error:
                self._end()
                yield self._lost(rest.pop(0), error)

    def close(self) -> None:
        self.closed = True
        self._end()

    def _limit(self, task: Task) -> float:
        """Seconds until the process is given up: two queries, what is tied, and two more on all variants together."""
        seconds = TIMEOUT if self.timeout is None else self.timeout
        return (5 if task.variants else 3) * seconds + GRACE

    def _lost(self, task: Task, error: QueryError) -> Verdict:
        suite = False if task.variants else None
        return failed(Verdict(False, False, exact_match(task.gold, task.predicted), suite=suite), error)

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
                "the process that runs the queries did not start",
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

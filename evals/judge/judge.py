"""Judge predicted SQL against gold SQL by running both, in processes of their own.

A query that takes the memory or hangs inside the database takes its process with it and counts as wrong; the
evaluation goes on. Gold and prediction pass the same check, the same read-only connection and the same limits.
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
from ...core.errors import SqlLlamaError
from ...sql.compare import exact_match
from .bench import Bench, Task, Verdict

TIMEOUT = EVALUATION.query_seconds  # of one query; of one query on all fuzzed databases together
GRACE = 10.0  # seconds more until the process is ended
START = 120.0  # seconds until a new process says that it is there; a second or so on an idle machine
MEMORY = 3 * 2**30  # bytes that a process may take
AHEAD = 64  # tasks drawn before their verdict is waited for, per process
CHUNK = 8  # tasks that are sent to a process at once
HELLO = "hello"  # what a process says when it is there


class Judge(Protocol):
    def __call__(self, database: Path, gold: str, predicted: str, variants: tuple[Path, ...] = ()) -> Verdict: ...


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

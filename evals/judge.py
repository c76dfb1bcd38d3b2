"""Judge predicted SQL against gold SQL by running both, in a process of its own.

A query that takes the memory or hangs inside the database takes that process with it and counts as wrong; the
evaluation goes on. Gold and prediction pass the same check, the same read-only connection and the same limits.
"""

import contextlib
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from ..core.compare import exact_match, orders, same_result
from ..core.database import run
from ..core.errors import QueryError, SqlLlamaError
from ..core.sqlcheck import check

TIMEOUT = 30.0  # seconds of one query
MAX_ROWS = 100_000
GRACE = 10.0  # seconds more until the process is ended
MEMORY = 4 * 2**30  # bytes that the process may take


@dataclass(frozen=True)
class Verdict:
    """`valid`: ran without error. `correct`: returned what the gold returns. `gold_error`: the gold itself failed."""

    valid: bool
    correct: bool
    exact: bool
    error: str = ""
    gold_error: str = ""


class Judge(Protocol):
    def __call__(self, database: Path, gold: str, predicted: str) -> Verdict: ...


def verdict(database: Path, gold: str, predicted: str) -> Verdict:
    """Run both queries here and compare: strict execution match, see core/compare.py."""
    exact = exact_match(gold, predicted)
    try:
        check(predicted)
        found = run(str(database), predicted, timeout=TIMEOUT, max_rows=MAX_ROWS)
    except QueryError as error:
        return Verdict(False, False, exact, str(error))
    try:
        check(gold)
        wanted = run(str(database), gold, timeout=TIMEOUT, max_rows=MAX_ROWS)
    except QueryError as error:
        return Verdict(True, False, exact, gold_error=str(error))
    return Verdict(True, same_result(wanted, found, orders(gold)), exact)


@contextlib.contextmanager
def judge() -> Iterator[Judge]:
    """A `verdict` that runs in another process, which is replaced when it dies or does not answer in time."""
    context = multiprocessing.get_context("spawn")
    process: multiprocessing.process.BaseProcess | None = None
    line: Connection | None = None

    def end() -> None:
        nonlocal process, line
        if line is not None:
            line.close()
        if process is not None:
            process.kill()
            process.join()
        process = line = None

    def ask(database: Path, gold: str, predicted: str) -> Verdict:
        nonlocal process, line
        if process is None or line is None:
            line, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
        try:
            line.send((database, gold, predicted))
            if line.poll(2 * TIMEOUT + GRACE):
                answer = line.recv()
                if isinstance(answer, Verdict):
                    return answer
                raise SqlLlamaError(*answer)
            error = "did not stop in time"
        except (EOFError, OSError):
            error = "took too much memory, or crashed the database"
        end()
        return Verdict(False, False, exact_match(gold, predicted), error)

    try:
        yield ask
    finally:
        end()


def _serve(line: Connection) -> None:
    """Judge what comes down the line until it is closed."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            task = line.recv()
            try:
                line.send(verdict(*task))
            except SqlLlamaError as error:
                line.send((error.message,))

"""Work in processes of its own: a database library that hangs or dies takes one row with it and not the preparation.

A worker notes which row it is at before it begins it, in memory that both processes see. When it stays at one for long,
or the process ends, that row is given up, and the rest of its chunk goes to a new process.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from ...core.errors import DataError

SILENCE = 60.0  # seconds that one row may take
STARTS = 5  # times that processes may end before their first row
MOST = 8  # processes
MEMORY = 4 * 2**30  # bytes of address space of a worker, where the system can bound it

Work = Callable[[Any, Callable[[int], None], frozenset[int]], Any]
"""A module's function: does a chunk, calls `at` with each row's place in it, and skips the places given up."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    at: Any
    """The place of the row in hand, shared with the process."""
    place: int = -1
    chunk: Any = None
    seen: int = -1
    since: float = 0.0


@dataclass
class _Waiting:
    place: int
    chunk: Any
    lost: frozenset[int] = field(default_factory=frozenset)


def work_in_processes(
    work: Work, chunks: Iterable[Any], count: int = 0, *, few: bool = False
) -> Iterator[tuple[Any, Any, frozenset[int]]]:
    """Yield for each chunk, in order: the chunk, what `work` made of it, and the places of the rows given up.

    `count` processes, by default one a core, and one for `few` rows. At most a few chunks are under way at once, so
    that memory stays flat. Raises DataError when processes end again and again before they do anything.
    """
    count = count or few or max(1, min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
    source = enumerate(chunks)
    waiting: deque[_Waiting] = deque()
    finished: dict[int, tuple[Any, Any, frozenset[int]]] = {}
    lost: dict[int, frozenset[int]] = {}
    workers: list[_Worker] = []
    following = 0
    early = 0
    exhausted = False
    try:
        while True:
            while not exhausted and len(waiting) < count and len(finished) < 4 * count:
                try:
                    place, chunk = next(source)
                except StopIteration:
                    exhausted = True
                    break
                waiting.append(_Waiting(place, chunk))
            for worker in _idle(workers, count, len(waiting), work):
                if waiting:
                    _give(worker, waiting.popleft())
            while following in finished:
                yield finished.pop(following)
                following += 1
            busy = [worker for worker in workers if worker.chunk is not None]
            if not busy and not waiting and not finished and exhausted:
                break
            for worker in _heard(busy):
                kind, value = _listen(worker)
                if kind == "done":
                    finished[worker.place] = worker.chunk, value, lost.pop(worker.place, frozenset())
                    worker.chunk = None
                elif kind == "failed":
                    raise value
                else:
                    at = worker.at.value
                    early += at < 0
                    if early > STARTS:
                        raise DataError("worker processes end before their first row", fix="free some memory")
                    lost[worker.place] = lost.get(worker.place, frozenset()) | ({at} if at >= 0 else set())
                    waiting.appendleft(_Waiting(worker.place, worker.chunk, lost[worker.place]))
                    _end(worker)
                    workers.remove(worker)
    finally:
        for worker in workers:
            _end(worker)


def _idle(workers: list[_Worker], count: int, needed: int, work: Work) -> list[_Worker]:
    """The workers without a chunk; more are started where more are needed."""
    idle = [worker for worker in workers if worker.chunk is None]
    while len(idle) < needed and len(workers) < count:
        context = _context()
        ours, theirs = context.Pipe()
        at = context.RawValue("q", -1)
        process = context.Process(target=_serve, args=(theirs, at, work), daemon=True)
        with _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        workers.append(_Worker(process, ours, at))
        idle.append(workers[-1])
    return idle


def _context() -> Any:
    """How processes are begun: by a server that has imported the modules once, where the system has that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.checked"])
    return context


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is begun meanwhile never hears Ctrl-C: a terminal sends it to all, and we end the processes ourselves."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let Ctrl-C through again when it is begun
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _give(worker: _Worker, waiting: _Waiting) -> None:
    worker.place, worker.chunk = waiting.place, waiting.chunk
    worker.at.value = worker.seen = -1
    worker.since = time.monotonic()
    with contextlib.suppress(OSError):  # a process that ended: seen when it is listened to
        worker.pipe.send((waiting.chunk, waiting.lost))


def _heard(busy: list[_Worker]) -> list[_Worker]:
    """Wait a little for workers that are done, have ended, or are at one row for too long."""
    ready = wait([worker.pipe for worker in busy], timeout=1.0)
    now = time.monotonic()
    for worker in busy:
        if worker.at.value != worker.seen:
            worker.seen, worker.since = worker.at.value, now
    return [worker for worker in busy if worker.pipe in ready or now - worker.since > SILENCE]


def _listen(worker: _Worker) -> tuple[str, Any]:
    """What became of a worker's chunk: done, failed with an exception, or lost."""
    try:
        if worker.pipe.poll():
            said: tuple[str, Any] = worker.pipe.recv()
            return said
    except (EOFError, OSError):
        pass
    return "lost", None


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _serve(pipe: Connection, at: Any, work: Work) -> None:
    """The loop of a worker process."""

    def note(place: int) -> None:
        at.value = place

    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            chunk, lost = pipe.recv()
            try:
                outcome: tuple[str, Any] = "done", work(chunk, note, lost)
            except Exception as error:
                outcome = "failed", error
            pipe.send(outcome)

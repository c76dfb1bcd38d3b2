"""Let every model answer one question at the same time, each in a thread of its own."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...assistant.answer import Policy, Reply, Step, stream
from ...assistant.prepare import PreparedDatabase
from ...core.errors import SqlLlamaError
from ...engines.engine import Engine

State = Literal[Step, "done", "stopped", "failed"]


@dataclass
class Side:
    """One model's answer as it grows. Its thread writes, the screen reads.

    `state` is the step that it is at, then `done` (with the `reply`), `stopped` by the user, or `failed` (with the
    engine's `error`). `text` is what came so far; `started`, `first` and `last` piece are clock times in seconds.
    `ended` is set when its thread no longer uses the engine: up to Python 3.12 a Ctrl-C that comes while a thread is
    joined marks the thread as ended although it runs on.
    """

    title: str
    engine: Engine
    text: str = ""
    state: State = "reading"
    reply: Reply | None = None
    error: str = ""
    started: float = field(default_factory=time.monotonic)
    first: float = 0.0
    last: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def speed(self) -> float:
        """Return tokens per second from the first piece of text to the last, without the prompt; 0 if unknown.

        Several candidates are written at once, so their speed is not that of the text that was watched.
        """
        if self.reply is None or len(self.reply.candidates) > 1:
            return 0.0
        if self.reply.tokens < 2 or self.last <= self.first:
            return 0.0
        return (self.reply.tokens - 1) / (self.last - self.first)


def start_answers(
    sides: Sequence[Side], database: PreparedDatabase, question: str, policy: Policy, stop: threading.Event
) -> None:
    """Start all answers to a question; with an empty `database.url` nothing is run.

    Setting `stop` ends each within one decoding step. Raises KeyboardInterrupt on Ctrl-C, with all of them stopped.
    """
    threads = [
        threading.Thread(
            target=_answer, args=(side, database, question, policy, stop), name=f"answer-{side.title}", daemon=True
        )
        for side in sides
    ]
    try:
        for thread in threads:
            thread.start()
    except KeyboardInterrupt:
        stop.set()  # a thread that begins after this leaves its engine alone
        for side, thread in zip(sides, threads, strict=True):
            if thread.ident is None:
                side.ended.set()
        raise


def _answer(side: Side, database: PreparedDatabase, question: str, policy: Policy, stop: threading.Event) -> None:
    try:
        side.reply = _watch(side, database, question, policy, stop)
        side.state = "done" if side.reply else "stopped"
    except SqlLlamaError as error:
        side.error, side.state = str(error), "failed"
    except Exception as error:  # a thread's exception would be lost; the other model's answer must still be shown
        side.error, side.state = f"{type(error).__name__}: {error}", "failed"
    finally:
        side.ended.set()


def _watch(
    side: Side, database: PreparedDatabase, question: str, policy: Policy, stop: threading.Event
) -> Reply | None:
    """The reply, or None when it was stopped. An engine that reads a prompt yields empty pieces meanwhile."""

    def on_step(step: Step) -> None:
        side.state = step

    pieces = stream(side.engine, database, question, policy, on_step=on_step, stop=stop)
    with contextlib.closing(pieces):
        while not stop.is_set():
            try:
                piece = next(pieces)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            if piece:
                side.last = time.monotonic()
                side.first = side.first or side.last
                side.text += piece
    return None

"""Let every model answer one question at the same time, each in a thread of its own, and run what it says read-only."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...assistant.ask import Prepared, query_in, read
from ...core.errors import SqlLlamaError
from ...core.records import Answer, Message, ResultSet
from ...engines.engine import Engine

MAX_TOKENS = 256
QUERY_SECONDS = 5.0

State = Literal["reading", "writing", "querying", "done", "stopped", "failed"]


@dataclass
class Side:
    """One model's answer as it grows. Its thread writes, the screen reads.

    `reading` the prompt, `writing`, `querying` the database, then `done` (with `result` or the database's `error`),
    `stopped` by the user, or `failed` (with the engine's `error`). `started`, `first` and `last` piece are clock times.
    `ended` is set when its thread no longer uses the engine: up to Python 3.12 a Ctrl-C that comes while a thread is
    joined marks the thread as ended although it runs on.
    """

    title: str
    engine: Engine
    text: str = ""
    state: State = "reading"
    answer: Answer | None = None
    sql: str = ""
    requoted: bool = False
    result: ResultSet | None = None
    error: str = ""
    started: float = field(default_factory=time.monotonic)
    first: float = 0.0
    last: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def speed(self) -> float:
        """Tokens a second from the first piece of text to the last, without the reading of the prompt; 0 if unknown."""
        if self.answer is None or self.answer.tokens < 2 or self.last <= self.first:
            return 0.0
        return (self.answer.tokens - 1) / (self.last - self.first)


def chat_answers(
    sides: Sequence[Side], chats: Sequence[Sequence[Message]], prepared: Prepared, stop: threading.Event
) -> None:
    """Start all answers, a chat for each side; with `prepared.url` empty nothing is run.

    Setting `stop` ends each within one decoding step.
    """
    for side, chat in zip(sides, chats, strict=True):
        threading.Thread(
            target=_answer, args=(side, chat, prepared, stop), name=f"answer-{side.title}", daemon=True
        ).start()


def _answer(side: Side, chat: Sequence[Message], prepared: Prepared, stop: threading.Event) -> None:
    try:
        side.answer = _listen(side, chat, stop)
        if side.answer is None:
            side.state = "stopped"
            return
        side.sql, side.requoted = query_in(side.answer.text, prepared.schema)
        if prepared.url and side.sql:
            side.state = "querying"
            try:
                side.result = read(prepared.url, side.sql, timeout=QUERY_SECONDS)
            except SqlLlamaError as error:
                side.error = error.message
        side.state = "done"
    except SqlLlamaError as error:
        side.error, side.state = str(error), "failed"
    except Exception as error:  # a thread's exception would be lost; the other model's answer must still be shown
        side.error, side.state = f"{type(error).__name__}: {error}", "failed"
    finally:
        side.ended.set()


def _listen(side: Side, chat: Sequence[Message], stop: threading.Event) -> Answer | None:
    """The whole answer, or None when it was stopped. An engine that reads a prompt yields empty pieces meanwhile."""
    with contextlib.closing(side.engine.stream(chat, max_tokens=MAX_TOKENS)) as pieces:
        while not stop.is_set():
            try:
                piece = next(pieces)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            if piece:
                side.last = time.monotonic()
                side.first = side.first or side.last
                side.text += piece
                side.state = "writing"
    return None

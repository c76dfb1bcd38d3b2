"""Answers come at the same time, and Ctrl-C stops them."""

import io
import os
import signal
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from sql_llama.assistant.answer import FAST, Policy
from sql_llama.cli.chat.screen import Screen
from sql_llama.cli.chat.session import ChatSession, open_database
from sql_llama.core.records import Answer, Message
from sql_llama.engines.engine import Engine
from sql_llama.engines.llamacpp import load_llamacpp
from sql_llama.engines.scripted import ScriptedEngine, question_of
from sql_llama.export.convert.convert import convert
from sql_llama.modelfiles.templates import family

from .transcript import CATS


def terminal_session(
    tuned: Engine, base: Engine | None, pets: Path, policy: Policy = FAST
) -> tuple[ChatSession, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, height=40, highlight=False, _environ={})
    return ChatSession(Screen(console), tuned, base, open_database(str(pets)), policy), out


class Endless(ScriptedEngine):
    """Its answer to `Q` has no end, and Ctrl-C is pressed when the terminal shows the beginning of it."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(answers)
        self.terminal = io.StringIO()

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        if question_of(chat) != "Q":
            return (yield from super().stream(chat, max_tokens=max_tokens))
        yield "SELECT"
        while "SELECT" not in self.terminal.getvalue():
            yield ""
            time.sleep(0.01)  # leaves the processor to the thread that draws
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield " 1"
            time.sleep(0.01)


def test_control_c_stops_the_answer_and_keeps_the_session(pets: Path) -> None:
    """If it did not, the answer would not end before the test's timeout."""
    endless = Endless({"R": CATS})
    session, endless.terminal = terminal_session(endless, None, pets)
    assert session.handle("Q")
    assert "stopped" in endless.terminal.getvalue()
    assert session.handle("R")
    assert "1 row" in endless.terminal.getvalue()
    session.close()


def test_control_c_while_the_answers_start_keeps_the_session(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer has started, the second never does; the next question must not wait for it."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread.name == "answer-tuned":
            raise KeyboardInterrupt
        start(thread)

    session, out = terminal_session(ScriptedEngine({"Q": CATS}), ScriptedEngine({"Q": CATS}), pets)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        assert session.handle("Q")
    assert "stopped" in out.getvalue()
    assert session.handle("Q")
    assert "Both return the same." in out.getvalue()
    session.close()


class Meeting(ScriptedEngine):
    """Before its first piece it waits for the other engine to have come as far."""

    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__({"Q": CATS})
        self.meeting = meeting

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        self.meeting.wait()
        return (yield from super().stream(chat, max_tokens=max_tokens))


def test_both_models_answer_at_the_same_time(pets: Path) -> None:
    """One after the other, the first would wait for the second until the meeting is called off."""
    meeting = threading.Barrier(2, timeout=30)
    session, out = terminal_session(Meeting(meeting), Meeting(meeting), pets)
    session.handle("Q")
    assert not meeting.broken and "Both return the same." in out.getvalue()
    session.close()


def test_two_models_in_llama_cpp_each_choose_from_several_candidates(pets: Path, tiny_base: Path) -> None:
    """The first to be ready must not stop the other, nor itself."""
    tuned = load_llamacpp(convert(tiny_base, pets.parent / "tiny.gguf", family("chatml")), threads=1)
    session, out = terminal_session(tuned, tuned.beside(), pets, Policy(candidates=2, max_tokens=8))
    session.handle("Q")
    assert "base" in out.getvalue() and "stopped" not in out.getvalue()
    session.close()

"""Progress goes to standard error: plain lines in a pipe, a bar in a terminal."""

import io
import sys

import pytest
from sql_llama.core import progress as module
from sql_llama.core.progress import progress


def test_in_a_pipe_the_end_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", 4, "steps") as advance:
        for step in range(4):
            advance(note=f"loss {step}")
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("training: 4/4, ") and "steps/s" in line and line.endswith("0 s left loss 3")


def test_long_work_says_where_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLAIN_EVERY", 0.0)
    with progress("reading", 3) as advance:
        advance(2)
        advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["reading: 2/3", "reading: 3/3"]
    assert " /s" not in lines[0]


def test_no_work_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 0, "files"):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_with_note_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with progress("training", 2, "steps") as advance:
        advance(2, "loss 0.5")
    said = screen.getvalue()
    assert "training" in said and "2/2" in said and "steps/s" in said and "loss 0.5" in said

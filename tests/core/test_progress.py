"""Progress goes to standard error: plain lines in a pipe, a bar in a terminal."""

import io
import sys

import pytest
from sql_llama.core import progress as module
from sql_llama.core.progress import progress, rate


def test_in_a_pipe_the_end_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORT", 0.0)
    with progress("training", 4, "steps") as advance:
        for step in range(4):
            advance(note=f"loss {step}")
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("training: 4/4, ") and line.endswith("0 s left loss 3")


def test_long_work_says_where_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLAIN_EVERY", 0.0)
    with progress("reading", 3) as advance:
        advance(2)
        advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["reading: 2/3", "reading: 3/3"]


def test_work_of_unknown_size_says_how_much_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PLAIN_EVERY", 0.0)
    with progress("reading", 0, "rows") as advance:
        advance(2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reading: 2, ") and line.endswith(" s") and "left" not in line


def test_short_work_prints_nothing_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT", 3600.0)
    with progress("reading", 2, "files") as advance:
        advance(2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "done, seconds, unit, text",
    [
        (30, 10.0, "steps", "3.0 steps/s"),
        (2, 2.0, "steps", "1.0 steps/s"),
        (1, 24.0, "steps", "24.0 s/step"),
        (8, 2.0, "", "4.0/s"),
        (0, 5.0, "steps", "0.0 steps/s"),
    ],
)
def test_slow_work_is_given_in_seconds_for_each_unit(done: int, seconds: float, unit: str, text: str) -> None:
    assert rate(done, seconds, unit) == text


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
    shown = screen.getvalue()
    assert "training" in shown and "2/2" in shown and "loss 0.5" in shown


def test_in_a_notebook_the_bar_is_one_output_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a kernel; tests/notebooks runs real ones."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = type("ZMQInteractiveShell", (InteractiveShell,), {})()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(module, "CELL_EVERY", 0.0)
    said: list[tuple[str, bool]] = []

    def publish(data: dict[str, str], metadata: object = None, update: bool = False, **rest: object) -> None:
        said.append((data["text/html"], update))

    monkeypatch.setattr(shell.display_pub, "publish", publish)
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    with progress("training <b>", 2, "steps") as advance:
        advance(1, "loss 3")
        advance(1, "loss 2")
    assert [update for _, update in said] == [False, True, True]
    assert said[-1][0].startswith("<progress value=2 max=2></progress> training &lt;b&gt;: 2/2, ")
    assert said[-1][0].endswith("left loss 2")

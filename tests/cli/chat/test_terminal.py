"""The REPL in a real terminal, driven through tmux, with a real model on both sides."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_llama.models.package import packaged_gguf

pytestmark = [pytest.mark.terminal, pytest.mark.base]

QUESTION, SQL = "How many pets are there?", "SELECT COUNT(*) FROM pets"
PATIENCE = 2400  # looks at the screen, 0.05 s apart: two minutes until a test gives up
LONG = "Explain at great length, in one thousand words, what these tables are about"


class Terminal:
    """A tmux window with one program in it."""

    def __init__(self, command: str, width: int, height: int) -> None:
        self.socket = f"sql-llama-test-{os.getpid()}"
        # pytest-xdist sets COLUMNS, which would stand for the size of the window
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment = {**inherited, "LC_ALL": "C.UTF-8", "TERM": "screen-256color"}
        size = ["-x", str(width), "-y", str(height)]
        # the shell stays, so that the exit code can be read from the screen
        shell = f"{command}; echo left with $?; exec sleep 600"
        start = ["tmux", "-L", self.socket, "-f", "/dev/null", "-u", "new-session", "-d", *size, shell]
        subprocess.run(start, check=True, env=environment)

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self.socket, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def enter(self, text: str) -> None:
        last = "\\;" if text.endswith(";") else text[-1]  # a bare ; at the end would end tmux's own command
        self.tmux("send-keys", "-l", text[:-1] + last)
        self.press("Enter")

    def see(self, text: str, times: int = 1) -> str:
        """Wait until a text is on the screen so many times; the whole screen then."""
        screen = ""
        for _ in range(PATIENCE):
            if (screen := self.screen()).count(text) >= times:
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{text!r} is not on the screen {times} times:\n{screen}")

    def ask(self, question: str) -> list[str]:
        """Ask and wait until both answers are whole, which is when the status line is back; the screen's lines then."""
        self.clear()
        self.enter(question)
        self.see("tokens/s")
        return self.see("base and tuned | /help").splitlines()

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def clear_line(self) -> None:
        """Press Ctrl-C on a line that is being typed, and wait for the empty one below it."""
        self.press("C-c")
        for _ in range(PATIENCE):
            lines = [line.strip() for line in self.screen().splitlines() if line.startswith(">")]
            if lines and lines[-1] == ">":
                return
            time.sleep(0.05)
        raise AssertionError(f"the line stays:\n{self.screen()}")

    def clear(self) -> None:
        """Empty the screen as Ctrl-L does, so that what is seen next is new."""
        self.press("C-l")
        for _ in range(PATIENCE):
            if self.screen().partition("\n")[0].strip() == ">":
                return
            time.sleep(0.05)
        raise AssertionError(f"the screen is not empty:\n{self.screen()}")


@pytest.fixture
def chat(pets: Path, starter_run: Path) -> Iterator[Terminal]:
    """`sql-llama chat` on a small database in a terminal of 140 by 40: the base, and the starter as the tuned model."""
    assert shutil.which("tmux"), "tmux is not installed: apt-get install tmux"
    (model,) = (starter_run / "gguf").glob("*.gguf")
    command = f"{sys.executable} -m sql_llama.cli chat --db {pets} --model {model} --base {packaged_gguf()}"
    terminal = Terminal(command, 140, 40)
    try:
        terminal.see("/help lists the commands")
        yield terminal
    finally:
        terminal.tmux("kill-server")


def test_a_session(chat: Terminal) -> None:
    # side by side, the tuned one with the row that its SQL returns; the base says what it will, but not for ever
    screen = chat.ask(QUESTION)
    assert any("│ base " in line and "│ tuned " in line for line in screen)
    assert any(f"│ {SQL}" in line and line.count("│") > 2 for line in screen)
    assert any(line.count("tokens/s") == 2 and "1 row" in line for line in screen)

    # one above the other
    chat.resize(80, 40)
    screen = chat.ask(QUESTION)
    assert not any("│ base " in line and "│ tuned " in line for line in screen)
    assert any(line.startswith(f"│ {SQL}") for line in screen)

    # Ctrl-C stops the answer, and the session goes on
    chat.clear()
    chat.enter(LONG)
    chat.see("writing ...")
    chat.press("C-c")
    chat.see("stopped")
    chat.enter("/help")
    chat.see("/quit")

    # Ctrl-C on a line that is being typed clears it; Ctrl-D leaves
    chat.press("never sent")
    chat.see("never sent")
    chat.clear_line()
    chat.press("C-d")
    assert "Traceback" not in chat.see("left with 0")


def test_a_schema_typed_over_several_lines(chat: Terminal) -> None:
    for line in ("/schema", "CREATE TABLE trees (", "id INTEGER PRIMARY KEY, height REAL)", ";"):
        chat.enter(line)
    chat.see("schema: 1 table, 2 columns")
    chat.enter("/tables")
    chat.see("trees(id int, height real)")
    chat.press("Up", "Up", "Enter")  # history brings the whole schema back
    chat.see("schema: 1 table, 2 columns", times=2)
    chat.enter("/quit")
    chat.see("left with 0")

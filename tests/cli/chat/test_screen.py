"""Two answers in a terminal of any width."""

import io

import pytest
from rich.console import Console
from sql_llama.assistant.answer import Reply
from sql_llama.cli.chat.answers import Side
from sql_llama.cli.chat.screen import answers_table
from sql_llama.core.records import ResultSet

from .transcript import Scripted


def seen(sides: list[Side], width: int, height: int = 0) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        console.print(answers_table(sides, width, height))
    return capture.get()


def answered(title: str) -> Side:
    rows = ResultSet(("kind", "n"), (("cat", 2), ("dog", 1)))
    reply = Reply("SELECT kind, count(*) FROM pets GROUP BY kind", rows, "", seconds=0.6, tokens=21, text="")
    return Side(title, Scripted(f"{title}.gguf", {}), state="done", reply=reply, first=1.0, last=1.5)


def test_a_wide_terminal_shows_the_answers_side_by_side() -> None:
    assert seen([answered("base"), answered("tuned")], 104) == (
        "╭───────────────────────────────────────────────────┬──────────────────────────────────────────────────╮\n"
        "│ base  base.gguf                                   │ tuned  tuned.gguf                                │\n"
        "├───────────────────────────────────────────────────┼──────────────────────────────────────────────────┤\n"
        "│ SELECT kind, count(*) FROM pets GROUP BY kind     │ SELECT kind, count(*) FROM pets GROUP BY kind    │\n"
        "│                                                   │                                                  │\n"
        "│ kind  n                                           │ kind  n                                          │\n"
        "│ cat   2                                           │ cat   2                                          │\n"
        "│ dog   1                                           │ dog   1                                          │\n"
        "├───────────────────────────────────────────────────┼──────────────────────────────────────────────────┤\n"
        "│ 2 rows, 0.6 s, 40 tokens/s                        │ 2 rows, 0.6 s, 40 tokens/s                       │\n"
        "╰───────────────────────────────────────────────────┴──────────────────────────────────────────────────╯\n"
    )


def test_a_narrow_terminal_shows_them_one_above_the_other() -> None:
    lines = seen([answered("base"), answered("tuned")], 80).splitlines()
    assert [line[:9] for line in lines if "gguf" in line] == ["│ base  b", "│ tuned  "]
    assert not any("base" in line and "tuned" in line for line in lines)
    assert max(map(len, lines)) == 80


@pytest.mark.parametrize("width", [40, 80, 140])
def test_a_growing_answer_stays_within_the_terminal(width: int) -> None:
    growing = [Side(title, Scripted("x", {}), text="word " * 2000, state="writing") for title in ("base", "tuned")]
    assert len(seen(growing, width, 30).splitlines()) <= 30

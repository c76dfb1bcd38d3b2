"""How answers look: side by side, one above the other, or as plain text where nobody looks at a terminal."""

import contextlib
import sys
import textwrap
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.records import ResultSet
from ...sql.extract import START
from .answers import Side

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SIDE_BY_SIDE = 100  # columns of a terminal from which two answers stand next to each other
SHOWN_ROWS, SHOWN_CELL = 10, 40
PLAIN_WIDTH = 100
SHOWN_LINES = 12  # of an answer that is no query
COLUMN_WIDTH = 9  # characters that a column of rows needs to say anything
FRAME_LINES = 6  # of a framed answer that are not the answer
REFRESH = 10  # pictures a second
WAITS = {
    "reading": "reading the question",
    "writing": "writing",
    "choosing": "looking at other answers",
    "running": "running the query",
}


class Screen:
    """Where the REPL writes. `live` answers grow in place; otherwise each is printed once, when it is there."""

    def __init__(self, console: "Console") -> None:
        self.console = console
        self.live = console.is_terminal

    def say(self, text: str, style: str = "") -> None:
        """Print text as it is; a terminal breaks long lines between words, a pipe gets them whole."""
        self.console.print(clean(text, keep="\n"), style=style or None, markup=False, soft_wrap=not self.live)

    def complain(self, message: str, fix: str = "") -> None:
        """Print an error and its fix among the answers."""
        self.say(f"Error: {message}", "red" if self.live else "")
        if fix:
            self.say(f"Fix: {fix}")

    def follow(self, sides: Sequence[Side]) -> None:
        """Show the answers while they grow, until all are there. Raises KeyboardInterrupt on Ctrl-C."""
        if not self.live:
            _wait(sides)
            return
        from rich.live import Live

        def picture() -> "RenderableType":
            return answers_table(sides, self.console.width, self.console.height)

        with (
            _silent_keyboard(),
            Live(console=self.console, get_renderable=picture, refresh_per_second=REFRESH, transient=True),
        ):
            _wait(sides)

    def show(self, sides: Sequence[Side]) -> None:
        """Print the answers for good; one that has not ended by now was stopped."""
        sides = [replace(side, state="stopped") if side.state in WAITS else side for side in sides]
        if self.live:
            self.console.print(answers_table(sides, self.console.width))
        else:
            for side in sides:
                self.say(plain_answer(side))


def _wait(sides: Sequence[Side]) -> None:
    for side in sides:
        while not side.ended.wait(0.05):  # not forever: Python handles Ctrl-C between two waits
            pass


@contextlib.contextmanager
def _silent_keyboard() -> Iterator[None]:
    """Keep keys pressed during an answer from being echoed into the picture; they wait for the next prompt."""
    if not sys.stdin.isatty():
        yield
        return
    import termios

    before = termios.tcgetattr(sys.stdin)
    silent = termios.tcgetattr(sys.stdin)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def answers_table(sides: Sequence[Side], width: int, height: int = 0) -> "RenderableType":
    """Draw the answers as framed columns, in a narrow terminal below each other; `height` is the most lines."""
    from rich.console import Group

    if width >= SIDE_BY_SIDE:
        return _framed(sides, width // len(sides), max(3, height - FRAME_LINES) if height else 0)
    most = max(3, height // len(sides) - FRAME_LINES) if height else 0
    return Group(*(_framed([side], width, most) for side in sides))


def _framed(sides: Sequence[Side], width: int, most_lines: int) -> "Table":
    from rich.box import ROUNDED
    from rich.table import Table
    from rich.text import Text

    table = Table(box=ROUNDED, expand=True, border_style="bright_black", header_style="none")
    for side in sides:
        name = Text.assemble((side.title, "bold cyan"), "  ", (clean(side.engine.name), "bright_black"))
        name.truncate(width - 4, overflow="ellipsis")
        table.add_column(name, ratio=1, overflow="fold")
    table.add_row(*(_body(side, width - 4, most_lines) for side in sides), end_section=True)
    table.add_row(*(Text(_footer(side), style="bright_black") for side in sides))
    return table


def _body(side: Side, width: int, most_lines: int) -> "RenderableType":
    """The answer of one model, then rows or error, at most `most_lines` high; 0 is no limit."""
    from rich.console import Group
    from rich.syntax import Syntax
    from rich.text import Text

    text = clean(written(side), keep="\n").strip()
    most = min(SHOWN_LINES, most_lines or SHOWN_LINES)
    parts: list[RenderableType] = []
    if most_lines and side.state in WAITS:
        parts.append(Text("\n".join(_wrapped(text, width)[-most_lines:])))
    elif is_query(side):
        parts.append(Syntax(text, "sql", theme="ansi_dark", word_wrap=True, background_color="default"))
    elif text:
        lines = _wrapped(text, width)
        parts.append(Text("\n".join(lines[:most] if len(lines) <= most else [*lines[: most - 1], "..."])))
    if error := error_of(side):
        parts.append(Text(clean(error), style="red"))
    result = side.reply.result if side.reply else None
    if result is not None and result.rows:
        parts += [Text(""), _rows_table(result, width)]
    return Group(*parts)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of prose at most `width` long, without the empty ones."""
    return [line for part in text.split("\n") for line in textwrap.wrap(part, width)]


def written(side: Side) -> str:
    """Return what a model wrote: the query of a finished answer that has one, else the text so far."""
    return (side.reply.sql or side.reply.text) if side.reply else side.text


def error_of(side: Side) -> str:
    """Return why there are no rows: the message of the engine or of the database; empty when there are."""
    return side.error or (side.reply.error if side.reply else "")


def is_query(side: Side) -> bool:
    """Tell whether a finished answer holds a query at all: a base model may well answer in prose."""
    return bool(side.reply and START.search(side.reply.sql))


def _rows_table(result: ResultSet, width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    shown = max(1, min(len(result.columns), width // COLUMN_WIDTH))
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for index, column in enumerate(result.columns[:shown]):
        numbers = all(isinstance(row[index], int | float | None) for row in result.rows[:SHOWN_ROWS])
        table.add_column(Text(clean(column)), justify="right" if numbers else "left", no_wrap=True, overflow="ellipsis")
    for row in result.rows[:SHOWN_ROWS]:
        table.add_row(*(Text(cell(value), style="bright_black" if value is None else "") for value in row[:shown]))
    return table


def rows_line(result: ResultSet) -> str:
    """Say how many rows there are, and how many are shown.

    >>> [rows_line(ResultSet(("a",), ((1,),) * count)) for count in (0, 1, 12)]
    ['no rows', '1 row', '12 rows, 10 shown']
    """
    count = len(result.rows)
    if count == 0:
        return "no rows"
    text = "1 row" if count == 1 else f"{count} rows"
    if result.truncated:
        text = f"more than {count} rows"
    return text if count <= SHOWN_ROWS else f"{text}, {SHOWN_ROWS} shown"


def _footer(side: Side) -> str:
    """Rows, time and speed; while the answer grows, what it waits for."""
    if side.state in WAITS:
        return f"{WAITS[side.state]} ... {time.monotonic() - side.started:.0f} s"
    reply = side.reply
    if reply is None:
        return side.state
    parts = []
    if reply.result is not None:
        parts.append(rows_line(reply.result))
    parts.append(f"{reply.seconds:.1f} s")
    if side.speed():
        parts.append(f"{side.speed():.0f} tokens/s")
    if len(reply.candidates) > 1:
        parts.append(f"answer {reply.chosen + 1} of {len(reply.candidates)}")
    if reply.requoted:
        parts.append("names quoted")
    if reply.repaired:
        parts.append(f"mended: {clean('; '.join(reply.repaired))}")
    if any(note.startswith("Nothing was changed") for note in reply.notes):
        parts.append("nothing was changed")
    if reply.candidates and not reply.candidates[reply.chosen].answer.stopped:
        parts.append(f"cut after {reply.tokens} tokens")
    return ", ".join(parts)


def plain_answer(side: Side) -> str:
    """Write one answer for a pipe: a headline, the SQL on its own lines, the rows with two blanks between columns."""
    lines = [f"{side.title} ({clean(side.engine.name)}): {_footer(side)}"]
    text = clean(written(side), keep="\n").strip()
    if text:
        lines += text.split("\n") if is_query(side) else _wrapped(text, PLAIN_WIDTH)[:SHOWN_LINES]
    if error := error_of(side):
        lines.append(clean(error))
    result = side.reply.result if side.reply else None
    if result is not None and result.rows:
        table = [[clean(column) for column in result.columns]]
        table += [[cell(value) for value in row] for row in result.rows[:SHOWN_ROWS]]
        widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
    return "\n".join(lines) + "\n"


def cell(value: Any) -> str:
    """Write a value of a row on one short line.

    >>> [cell(value) for value in (None, 1, 2.5, 1 / 3, b"abc", "a\\nb", "x" * 50)][:6]
    ['NULL', '1', '2.5', '0.3333333333', '<3 bytes>', 'a b']
    """
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    text = clean(str(value))
    return text if len(text) <= SHOWN_CELL else text[: SHOWN_CELL - 3] + "..."


def clean(text: str, keep: str = "") -> str:
    """Replace control characters in a text: neither a model nor a cell may move the terminal's cursor.

    >>> clean("a\\x1b[2Jb\\nc"), clean("a\\nb", keep="\\n") == "a\\nb"
    ('a\ufffd[2Jb c', True)
    """
    text = text if keep else " ".join(text.split())
    return "".join(
        char if char in keep or unicodedata.category(char) not in ("Cc", "Cf") else "\ufffd"
        for char in text.expandtabs(4)
    )

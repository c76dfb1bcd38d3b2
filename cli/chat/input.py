"""What a person types into the REPL: when an input is complete, lines from a pipe, and the editor of a terminal."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

PROMPT = "> "
CONTINUED = ". "
DDL = re.compile(
    r"\s*(?:/schema[ \t]*(?:\n|\Z)|(?:/schema[ \t]+)?create\s+(?:temp(?:orary)?\s+)?table\b)", re.IGNORECASE
)


def takes_ddl(text: str) -> bool:
    """Tell whether an input is a schema in the making: `/schema` without a file, or CREATE TABLE as it is.

    >>> [takes_ddl(text) for text in ("/schema", "/schema\\nxyz", "create table t (", "/schema a.sql", "Create a list")]
    [True, True, True, False, False]
    >>> takes_ddl("/schema CREATE TABLE t (a int)")
    True
    """
    return DDL.match(text) is not None


def finished(text: str) -> bool:
    """Whether an input is complete: a schema at a line `;` or an empty line, anything else unless a backslash ends it.

    >>> [finished(text) for text in ("How many?", "How\\\\", "/schema", "/schema\\nCREATE TABLE t (a int)\\n;")]
    [True, False, False, True]
    """
    if takes_ddl(text):
        return "\n" in text and text.rpartition("\n")[2].strip() in ("", ";")
    return not text.endswith("\\")


def tidy(text: str) -> str:
    """Remove the marks of an input's lines: backslashes before line ends, the `;` alone on the last line."""
    text = text.replace("\\\n", "\n").rstrip()
    return text.removesuffix("\n;").strip()


def chat_input(stream: TextIO) -> Iterator[str]:
    """Yield the inputs of a pipe or file; a schema that the end of the file cuts off is taken as it is."""
    held: list[str] = []
    for line in stream:
        held.append(line.rstrip("\r\n"))
        text = "\n".join(held)
        if finished(text):
            held = []
            yield tidy(text)
    if held:
        yield tidy("\n".join(held).removesuffix("\\"))


def editor(history: Path, status: Callable[[], str]) -> "PromptSession[str]":
    """Make the line editor of a terminal: history in a file, Enter ends a complete input, Alt-Enter starts a line."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.styles import Style

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if finished(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    history.parent.mkdir(parents=True, exist_ok=True)
    return PromptSession(
        PROMPT,
        multiline=True,
        prompt_continuation=CONTINUED,
        history=FileHistory(str(history)),
        key_bindings=keys,
        bottom_toolbar=status,
        style=Style.from_dict({"bottom-toolbar": "noreverse fg:ansibrightblack"}),
    )

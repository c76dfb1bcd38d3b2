"""The REPL on scripted engines, as a whole transcript: what is typed and everything that is then on the screen."""

import io
import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from sql_llama.cli.chat.command import converse
from sql_llama.cli.chat.input import chat_input
from sql_llama.cli.chat.screen import Screen
from sql_llama.cli.chat.session import ChatSession, open_database
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.records import Answer, Message
from sql_llama.engines.engine import Engine
from sql_llama.engines.scripted import ScriptedEngine

CATS = "SELECT count(*) FROM pets WHERE pets.kind = 'cat'"


class Scripted(ScriptedEngine):
    """The scripted engine, half a second an answer, as the transcripts say; `FAIL` makes it fail."""

    def __init__(self, name: str, answers: dict[str, str]) -> None:
        super().__init__(answers, name=name)

    def stream(self, chat: Sequence[Message], *, max_tokens: int = 256) -> Generator[str, None, Answer]:
        answer = yield from super().stream(chat, max_tokens=max_tokens)
        if answer.text == "FAIL":
            raise SqlLlamaError(f"{self.name}: the prompt has 5000 tokens, the context holds 4096", fix="ask less")
        return replace(answer, seconds=0.5)


def transcript(typed: str, tuned: Engine, base: Engine | None = None, database: Path | None = None) -> str:
    """Everything a pipe would get for what is typed; speeds, which vary, as `many tokens/s`."""
    out = io.StringIO()
    session = ChatSession(
        Screen(Console(file=out, highlight=False)), tuned, base, open_database(str(database)) if database else None
    )
    converse(session, chat_input(io.StringIO(typed)))
    session.close()
    return re.sub(r"\d+ tokens/s", "many tokens/s", out.getvalue())

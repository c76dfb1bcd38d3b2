"""`sql-llama chat`: base and tuned model side by side."""

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..engines.engine import Engine
    from .chat_session import ChatSession


@click.command("chat")
@click.option("--db", "url", metavar="FILE|URL", help="Database to ask about; without it, /db and /schema inside.")
@click.option(
    "--model",
    type=click.Path(readable=False, path_type=Path),
    help="Tuned GGUF file; by default the latest exported run's.",
)
@click.option("--ollama", metavar="NAME", help="Use this model of the Ollama server as the tuned one.")
@click.option(
    "--base",
    type=click.Path(readable=False, path_type=Path),
    help="GGUF file to compare with; by default the tuned model's base in the same quantization, made once.",
)
@click.option("--no-base", is_flag=True, help="Ask the tuned model alone.")
def command(url: str | None, model: Path | None, ollama: str | None, base: Path | None, no_base: bool) -> None:
    """Ask base and tuned model side by side, and run what they say read-only.

    Reads questions from a pipe too: printf 'How many?\\n' | sql-llama chat --db FILE
    """
    from rich.console import Console

    from .chat_screen import Screen
    from .chat_session import ChatSession, open_database

    if model and ollama:
        raise click.UsageError("--model and --ollama each name the tuned model: give one of them.")
    if base and no_base:
        raise click.UsageError("--base and --no-base contradict each other.")
    source = open_database(url) if url else None  # before the models: a wrong path is told at once
    console = Console(highlight=False)
    tuned_engine, base_engine = load_engines(model, ollama, base, no_base)
    session = ChatSession(Screen(console), tuned_engine, base_engine, source)
    try:
        if sys.stdin.isatty() and console.is_terminal:
            converse_in_terminal(session)
        else:
            from .chat_input import chat_input

            if isinstance(sys.stdin, io.TextIOWrapper):
                sys.stdin.reconfigure(errors="replace")  # a stray byte in a pipe is no reason to stop
            converse(session, chat_input(sys.stdin))
    finally:
        session.close()


def load_engines(
    model: Path | None, ollama: str | None, base: Path | None, no_base: bool
) -> "tuple[Engine, Engine | None]":
    """The tuned and the base model, with half of the cores each when both run in this process."""
    from ..engines.llamacpp import cores, load_llamacpp

    in_process = (not ollama) + (not no_base)
    threads = max(1, cores() // max(in_process, 1))
    if (not ollama and not model) or not (base or no_base):
        model = model or _latest()
    tuned: Engine
    if ollama:
        from ..engines.ollama import OllamaEngine

        tuned = OllamaEngine(ollama)
    else:
        assert model is not None
        tuned = load_llamacpp(model, threads=threads)
    if no_base:
        return tuned, None
    if base is None:
        from ..export.base_twin import base_twin

        assert model is not None
        base = base_twin(model)
    return tuned, load_llamacpp(base, threads=threads)


def _latest() -> Path:
    """The latest exported run's model: the tuned one, and what tells the base even when Ollama has the tuned one."""
    from ..assistant.ask import default_model

    return default_model()


def converse(session: "ChatSession", inputs: Iterable[str]) -> None:
    """Answer inputs from a pipe, each repeated first so that the transcript can be read by itself."""
    session.welcome()
    for text in inputs:
        if text:
            session.screen.say("> " + text.replace("\n", "\n. "))
        if not session.handle(text):
            return


def converse_in_terminal(session: "ChatSession") -> None:
    """Answer what a person types, until Ctrl-D or /quit; Ctrl-C clears the line."""
    from ..core.settings import settings
    from .chat_input import editor, tidy

    session.welcome()
    prompt = editor(settings().cache / "chat-history", session.status)
    while True:
        try:
            text = tidy(prompt.prompt())
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        try:
            if not session.handle(text):
                return
        except KeyboardInterrupt:  # pressed again while a stopped answer still ends
            continue

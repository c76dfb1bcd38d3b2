"""`sql-llama chat`: base and tuned model side by side."""

import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.errors import DataError

if TYPE_CHECKING:
    from ...engines.engine import Engine
    from .session import ChatSession


@click.command("chat")
@click.option("--db", "url", metavar="FILE|URL", help="Database to ask about; without it, /db and /schema inside.")
@click.option(
    "--model",
    "models",
    metavar="FILE",
    multiple=True,
    type=click.Path(readable=False, path_type=Path),
    help="Tuned GGUF file, by default the newest exported run's; or BASE.gguf+LORA.gguf, as often as there are "
    "adapters of that base.",
)
@click.option("--ollama", metavar="NAME", help="Use this model of the Ollama server as the tuned one.")
@click.option(
    "--base",
    type=click.Path(readable=False, path_type=Path),
    help="GGUF file to compare with; by default what lies under the adapter, or else the tuned model's base in the "
    "same quantization, made once.",
)
@click.option("--no-base", is_flag=True, help="Ask the tuned model alone.")
@click.option(
    "--policy",
    type=click.Choice(["fast", "best"]),
    default="fast",
    show_default=True,
    help="fast: one answer, mended without the model where the database does not understand it. best: the first of "
    "eight such answers that returns rows.",
)
@click.option(
    "--candidates", type=click.IntRange(1, 32), help="Answers of each model; the first that returns rows is taken."
)
def command(
    url: str | None,
    models: tuple[Path, ...],
    ollama: str | None,
    base: Path | None,
    no_base: bool,
    policy: str,
    candidates: int | None,
) -> None:
    """Ask the base and the tuned model side by side, and run their queries read-only.

    Reads questions from a pipe too: printf 'How many?\\n' | sql-llama chat --db FILE
    """
    from rich.console import Console

    from ...assistant.answer import policy_for
    from .screen import Screen
    from .session import ChatSession, open_database

    if models and ollama:
        raise click.UsageError("give either --model or --ollama: each names the tuned model.")
    if base and no_base:
        raise click.UsageError("give either --base or --no-base.")
    source = open_database(url) if url else None  # before the models: an error in the path is shown at once
    console = Console(highlight=False)
    tuned_engine, base_engine = load_engines(models, ollama, base, no_base)
    wanted = policy_for(tuned_engine, policy, candidates)
    session = ChatSession(Screen(console), tuned_engine, base_engine, source, wanted)
    try:
        if sys.stdin.isatty() and console.is_terminal:
            converse_in_terminal(session)
        else:
            from .input import chat_input

            if isinstance(sys.stdin, io.TextIOWrapper):
                sys.stdin.reconfigure(errors="replace")  # a stray byte in a pipe is no reason to stop
            converse(session, chat_input(sys.stdin))
    finally:
        session.close()


def load_engines(
    models: Sequence[Path], ollama: str | None, base: Path | None, no_base: bool
) -> "tuple[Engine, Engine | None]":
    """Load the tuned and the base model, with half of the cores each when both run in this process.

    One file is loaded once: base and adapters share its weights.
    """
    from ...engines.llamacpp import cores, load_llamacpp
    from ...engines.load import parts

    in_process = (not ollama) + (not no_base)
    threads = max(1, cores() // max(in_process, 1))
    if (not ollama and not models) or not (base or no_base):
        models = models or [_latest()]
    named = [parts(str(model)) for model in models]
    files, adapters = {file for file, _ in named}, [Path(lora) for _, lora in named if lora]
    if len(named) > 1 and (len(files) > 1 or len(adapters) < len(named)):
        raise DataError(
            "several --model have to be one base under several adapters",
            fix="--model BASE.gguf+ONE.gguf --model BASE.gguf+OTHER.gguf",
        )
    if ollama:
        from ...engines.ollama import OllamaEngine

        tuned: Engine = OllamaEngine(ollama)
    else:
        file = Path(named[0][0])
        tuned = load_llamacpp(file, threads=threads)
        for lora in adapters:
            tuned.add_adapter(lora)
        if adapters:
            tuned.use(adapters[0].stem)
            base = base or file
        if base and base.exists() and base.samefile(file) and not no_base:
            return tuned, tuned.beside()
    if no_base:
        return tuned, None
    if base is None:
        from ...export.quantized_base import quantized_base

        base = quantized_base(models[0])
    return tuned, load_llamacpp(base, threads=threads)


def _latest() -> Path:
    """The newest exported run's model; it names the base even when Ollama has the tuned model."""
    from ...core.run import newest_exported_run

    return newest_exported_run().shipped()


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
    from ...core.settings import settings
    from .input import editor, tidy

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

"""The console entry: commands that are imported when they are called; errors become one line and an exit code."""

import io
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from .._version import __version__
from ..core.errors import RecipeError, SqlLlamaError
from ..core.progress import speaks
from .lazy_group import LazyGroup

# In the order of the pipeline. Each name is a module of this room whose `command` is the Click command; the help lines
# stand here so that `sql-llama --help` imports none of them.
COMMANDS = {
    "data": "Check, make and prepare pairs of question and SQL.",
    "plan": "Estimate memory, batch, disk and time of a recipe on a card.",
    "train": "Fine-tune a recipe's base: QLoRA on pairs of question and SQL.",
    "export": "Turn a trained run into a checked GGUF file, and tell Ollama.",
    "verify": "Check an exported run, a GGUF file or a model in Ollama.",
    "push": "Publish an exported run on the Hugging Face Hub or for Ollama.",
    "inspect": "Show what a GGUF file is and where it comes from.",
    "eval": "Score models on a file of questions by running their SQL.",
    "compare": "Show the scores of evaluations side by side.",
    "ask": "Answer one question about a database.",
    "run": "Run one query of your own on a database, read-only.",
    "chat": "Ask the tuned model and its base side by side.",
    "doctor": "Show what this machine has and what is missing.",
}

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
OTHERS_FIRST = 5.0  # seconds: the main process of several says most errors too, and then its launcher ends the others


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    package=__package__,
    modules={"chat": ".chat.command", "data": ".data.command"},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "--version", prog_name="sql-llama", message="%(prog)s %(version)s")
def cli() -> None:
    """Fine-tune a small Llama to turn questions into SQL, measure that it got better, and run it offline.

    To begin: sql-llama train laptop, then sql-llama export, then sql-llama chat.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Returns 0, 1 for a failure, 2 for wrong usage or a wrong recipe, 130 after Ctrl-C.

    Errors go to standard error as `Error: ...` and `Fix: ...`. The traceback of an unexpected exception is shown only
    with SQL_LLAMA_DEBUG=1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal cannot show becomes a question mark
            stream.reconfigure(errors="replace")
    try:
        if Path(".env").is_file():
            from ..core.settings import use_dotenv

            use_dotenv()
        result = cli.main(list(arguments), prog_name="sql-llama", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SqlLlamaError as error:
        show_error(error)
        return USAGE if isinstance(error, RecipeError) else FAILURE
    except BrokenPipeError:
        # the reader has gone: point standard output elsewhere, or the interpreter complains when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        if os.environ.get("SQL_LLAMA_DEBUG") == "1":
            raise
        show_error(_unexpected(error))
        return FAILURE


def show_error(error: SqlLlamaError) -> None:
    """Print an error and its fix on standard error; the labels coloured in a terminal unless NO_COLOR is set."""
    if not speaks():
        time.sleep(OTHERS_FIRST)
    print_labelled("Error", error.message, "red")
    if error.fix:
        print_labelled("Fix", error.fix, "green")


def print_labelled(label: str, text: str, colour: str) -> None:
    """Print one line `label: text` on standard error."""
    plain = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{click.style(f'{label}:', fg=colour, bold=True)} {text}", err=True, color=plain)


def _unexpected(error: Exception) -> SqlLlamaError:
    """The message for an exception that no code expects."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return SqlLlamaError(f"{where}{error.strerror}", fix="check the path, its permissions and the free disk space")
    message = " ".join(str(error).split()) or "no message"
    return SqlLlamaError(
        f"{type(error).__name__}: {message}",
        fix="this is a bug: run the same command with SQL_LLAMA_DEBUG=1 and report what it prints",
    )

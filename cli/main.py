"""The console entry: commands that are imported when they are called; errors become one line and an exit code."""

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from .._version import __version__
from ..core.errors import RecipeError, SqlLlamaError

# In the order of the pipeline. Each name is a module of this room whose `command` is the Click command; the help lines
# stand here so that `sql-llama --help` imports none of them.
COMMANDS = {
    "train": "Fine-tune a recipe's base: QLoRA on pairs of question and SQL.",
    "export": "Turn a trained run into a checked GGUF file, and tell Ollama.",
    "verify": "Check an exported run or a GGUF file again.",
    "inspect": "Show what a GGUF file is and where it comes from.",
    "eval": "Score models on a file of questions by running their SQL.",
    "compare": "Show the scores of evaluations side by side.",
    "ask": "Answer one question about a database.",
    "chat": "Ask the tuned model and its base side by side.",
    "doctor": "Show what this machine has and what is missing.",
}

MODULES = {"chat": ".chat.command"}
"""Where a command is that has a folder of its own."""

FAILURE, USAGE, INTERRUPTED = 1, 2, 130


class Pipeline(click.Group):
    """A group that lists its commands in the order of the pipeline and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the pipeline."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(MODULES.get(cmd_name, f".{cmd_name}"), __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the group without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Pipeline, context_settings={"help_option_names": ["-h", "--help"]})
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

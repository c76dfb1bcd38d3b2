"""The console entry: help without waiting, errors in one line, exit codes 0, 1, 2 and 130."""

import errno
import os
import pty
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from sql_llama import __version__
from sql_llama.cli.main import COMMANDS, run
from sql_llama.core.errors import DataError, RecipeError

HEAVY = {
    "torch",
    "transformers",
    "llama_cpp",
    "sqlglot",
    "sqlalchemy",
    "datasets",
    "rich",
    "prompt_toolkit",
    "pydantic",
}
TOOL = [sys.executable, "-m", "sql_llama.cli"]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make `sql-llama train` raise the given exception."""

    def install(error: BaseException) -> None:
        @click.command("train")
        def command() -> None:
            raise error

        monkeypatch.setitem(sys.modules, "sql_llama.cli.train", SimpleNamespace(command=command))

    return install


def test_help_lists_the_commands_in_the_order_of_the_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    lines = capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines if line[2:3].strip()] == [
        "data",
        "plan",
        "train",
        "export",
        "verify",
        "push",
        "inspect",
        "eval",
        "compare",
        "ask",
        "run",
        "chat",
        "doctor",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: sql-llama {name}")
    assert "--help" in said


def test_help_takes_less_than_half_a_second_of_computing() -> None:
    """Processor time, since a busy machine says nothing about the tool; the best of three."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*TOOL, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.5


def test_help_loads_no_heavy_library() -> None:
    code = "import sys\nfrom sql_llama.cli.main import run\nrun(['--help'])\nprint('loaded:', *sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not HEAVY & set(said.partition("loaded:")[2].split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"sql-llama {__version__}\n"


def test_the_package_runs_as_a_module_from_anywhere() -> None:
    result = subprocess.run([*TOOL, "--version"], cwd="/", capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"sql-llama {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["nosuch"], ["--nosuch"], ["train"], ["train", "laptop", "--nosuch"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("Error: ")


def test_an_unknown_recipe_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "nosuch"]) == 2
    assert capsys.readouterr().err == "Error: nosuch: no such recipe\nFix: use a .toml file or one of " + (
        ", ".join(sorted(path.stem for path in (Path(__file__).parents[2] / "recipes").glob("*.toml"))) + "\n"
    )


def test_a_failure_is_1_and_says_what_mends_it(
    failing: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(DataError("pets.sqlite: no such database", fix="check the path given with --db"))
    assert run(["train"]) == 1
    assert capsys.readouterr().err == "Error: pets.sqlite: no such database\nFix: check the path given with --db\n"


def test_a_wrong_recipe_is_2(failing: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    failing(RecipeError("a.toml:3: train.epochs: not a number"))
    assert run(["train"]) == 2
    assert capsys.readouterr().err == "Error: a.toml:3: train.epochs: not a number\n"


def test_control_c_is_130(failing: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    failing(KeyboardInterrupt())
    assert run(["train"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_full_disk_is_one_line(failing: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/adapter"))
    assert run(["train"]) == 1
    assert capsys.readouterr().err.splitlines()[0] == "Error: runs/x/adapter: No space left on device"


def test_an_unforeseen_error_is_one_line_that_says_what_to_report(
    failing: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(ZeroDivisionError("division by zero"))
    assert run(["train"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "Error: ZeroDivisionError: division by zero"
    assert "SQL_LLAMA_DEBUG=1" in second


def test_with_debug_an_unforeseen_error_keeps_its_traceback(
    failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQL_LLAMA_DEBUG", "1")
    failing(ZeroDivisionError("division by zero"))
    with pytest.raises(ZeroDivisionError):
        run(["train"])


def test_a_reader_that_leaves_is_no_error_worth_words() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run([*TOOL, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert result.stderr == ""


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_no_color_is_set(no_color: str, coloured: bool) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    subprocess.run([*TOOL, "train", "nosuch"], stderr=follower, env=environment)
    os.close(follower)
    said = os.read(leader, 4096)
    os.close(leader)
    assert b"Error:" in said
    assert (b"\x1b[" in said) is coloured

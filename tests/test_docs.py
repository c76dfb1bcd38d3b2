"""What the documentation tells a reader to type exists, its links lead somewhere, and generated pages are fresh."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from sql_llama.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
WANTED = {"help", "setup", "finetune", "export", "chat", "eval", "test", "check", "ollama", "bench", "dist", "clean"}


def code(page: Path) -> Iterator[str]:
    """The lines of code blocks and the pieces of inline code of a page."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```(?!mermaid)\w*\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (line.strip() for line in plain.splitlines() if line.startswith("    "))
    yield from (piece.replace("\n", " ") for piece in re.findall(r"`([^`]+)`", plain))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    for line in code(page):
        for words in re.findall(r"(?:^|\$ )make((?: [a-z-]+)+)", line.partition(" #")[0]):
            assert set(words.split()) <= TARGETS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    for line in code(page):
        for name, rest in re.findall(r"(?:^|\$ )sql-llama ([a-z]+)\b(.*)", line.partition(" #")[0]):
            assert name in COMMANDS, line
            command = import_module(f"sql_llama.cli.{name}").command
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_generated_pages_are_fresh() -> None:
    result = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_make_alone_lists_every_target() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  ([a-z-]+) ", said, re.MULTILINE))
    assert listed == TARGETS
    assert listed >= WANTED


def test_every_command_has_its_line_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in COMMANDS if f"sql-llama {name}" not in readme]


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        command: click.Command = import_module(f"sql_llama.cli.{name}").command
        assert command.help
        assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option)), name


def test_no_file_names_a_package_host_or_a_path_of_one_machine() -> None:
    # put together here, so that this file does not name them either
    hosts = ["py" + "pi.org", "python" + "hosted", "registry." + "npmjs", "proxy." + "golang", "find" + "-links"]
    paths = ["/wo" + "rk/", "/ro" + "ot/", "/home" + "/"]
    for name in filter(None, TRACKED.split("\0")):
        path = ROOT / name
        if path.is_symlink() or not path.is_file() or path.suffix in {".safetensors", ".png"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [found for found in hosts + paths if found in text], name

"""Commands, options, files and links in the documentation exist, every page is reachable, generated pages are fresh."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from sql_llama.cli.lazy_group import LazyGroup
from sql_llama.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
FOLDERS = {name.partition("/")[0] for name in TRACKED.split("\0") if "/" in name}
WANTED = {"help", "setup", "finetune", "export", "chat", "eval", "test", "check", "ollama", "bench", "dist", "clean"}


def command_of(name: str) -> click.Command:
    """The Click command of a name in COMMANDS."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    return command


def links(page: Path) -> list[Path]:
    """The files that a page links to, without anchors; links to other hosts are left out."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [page.parent / target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


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
            command = command_of(name)
            if isinstance(command, LazyGroup):
                part = (rest.split() or ["--help"])[0]
                if not part.startswith("-"):
                    inner = command.get_command(click.Context(command), part)
                    assert inner is not None, line
                    command = inner
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_there(page: Path) -> None:
    assert not [str(target) for target in links(page) if not target.exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_heading_leads_there(page: Path) -> None:
    for target, name in re.findall(r"\]\(([\w./-]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        text = (page.parent / target if target else page).read_text(encoding="utf-8")
        assert name in {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_and_folder_that_is_named_exists(page: Path) -> None:
    for line in code(page):
        for name in re.findall(r"(?<![\w./<>*-])[\w.]+/[\w./-]*", line):
            named = name.endswith(("/", ".py", ".toml", ".jinja", ".gotmpl")) and name.partition("/")[0] in FOLDERS
            assert not named or (ROOT / name).exists(), line


def test_every_page_is_reachable_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += links(page)
    assert {page for page in PAGES if page.name != "CHANGELOG.md"} <= reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_of_the_package_that_a_page_imports_exists(page: Path) -> None:
    for line in code(page):
        for module, names in re.findall(r"from (sql_llama[\w.]*) import ([\w, ]+)", line):
            imported = import_module(module)
            assert not [name for name in re.split(r",\s*", names.strip()) if not hasattr(imported, name)], line


def literals() -> set[str]:
    """The pieces of text in the code: string literals, and what stands between the values of an f-string."""
    sources = [ROOT / name for name in TRACKED.split("\0") if name.endswith(".py") and not name.startswith("tests/")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in [*sources, ROOT / ".ci/check-machine"]]
    nodes = (node for tree in trees for node in ast.walk(tree))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {piece for text in texts for part in re.split("%s|%.1f|%d", text) if len(piece := part.strip("; ")) > 6}


def test_the_messages_in_troubleshooting_are_those_of_the_program() -> None:
    """Of each line at least a third is text of the code; the rest are names and numbers of an example."""
    known = literals()
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```text\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) > 50
    for line in lines:
        message = re.sub(r"^(Error|Fix): |\b[A-Z_]{3,}\b|\d|\.\.\.", "", line)
        covered = {place for text in known for place in _places(line, text)}
        assert len(covered) >= len(message) / 3 or len(message) < 12, line


def _places(line: str, text: str) -> range:
    """The places of a text in a line."""
    at = line.find(text)
    return range(at, at + len(text)) if at >= 0 else range(0)


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
        command = command_of(name)
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

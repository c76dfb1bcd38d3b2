"""What the package imports is declared, and what is declared is imported."""

import ast
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INDIRECT = {"accelerate", "pydantic"}  # transformers places models with the one, pydantic-settings is made of the other

OPTIONAL = {"ipython"}  # imported in a notebook alone, which brings it


def imported() -> set[str]:
    """The top-level modules of other projects that the rooms import, anywhere in a file."""
    modules = set()
    for room in ROOMS:
        for path in room.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    return modules - set(sys.stdlib_module_names) - {"sql_llama"}


def test_every_import_is_a_declared_dependency_and_every_dependency_is_imported() -> None:
    distributions = metadata.packages_distributions()
    needed = {distributions[module][0].lower().replace("_", "-") for module in imported()}
    declared = {line.partition(">=")[0].partition("[")[0] for line in PROJECT["dependencies"]}
    assert needed - OPTIONAL <= declared
    assert declared - needed <= INDIRECT

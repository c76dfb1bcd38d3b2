"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    "sql_llama." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for room in sorted(path.parent for path in ROOT.glob("*/__init__.py"))
    for path in sorted(room.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed

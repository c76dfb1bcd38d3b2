"""Fixtures of tests that export."""

from typing import Any

import pytest
from sql_llama.export import export as stages
from sql_llama.export import gguf_files


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an export really did, stage by stage."""
    done: list[str] = []
    for module, name in ((gguf_files, "convert_all"), (gguf_files, "importance"), (stages, "certify")):
        original = getattr(module, name)

        def counted(*args: Any, _original: Any = original, _name: str = name, **options: Any) -> Any:
            done.append(_name)
            return _original(*args, **options)

        monkeypatch.setattr(module, name, counted)
    return done

"""What cannot be exported is an error before anything is made."""

from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError, RecipeError

from .exporting import exported


@pytest.mark.parametrize(
    ("pattern", "quant", "says"),
    [("ffn_sideways", "Q4_0", "matches no tensor"), ("(", "Q4_0", "not a pattern"), ("attn_v", "F16", "are floats")],
)
def test_a_pattern_that_would_change_nothing_is_refused(
    pattern: str, quant: str, says: str, tiny_stopping_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=says):
        exported(tiny_stopping_base, tiny_adapter, tmp_path / "out", quants=[quant], overrides={pattern: "Q8_0"})
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_no_gguf_holds_is_refused_before_the_work(
    tiny_stopping_base: Path, make_tiny_adapter: Any, tmp_path: Path, work: list[str]
) -> None:
    make_tiny_adapter(tiny_stopping_base, tmp_path / "dora", use_dora=True)
    with pytest.raises(DataError, match="DoRA"):
        exported(tiny_stopping_base, tmp_path / "dora", tmp_path / "out", quants=["Q8_0"], adapter_gguf=True)
    assert work == [] and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"quants": ["Q4_X"]}, "not a GGUF type"), ({"name": "Bad Name"}, "cannot be a name in Ollama")],
)
def test_a_mistake_is_told_before_anything_is_made(
    options: dict[str, Any], says: str, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=says):
        exported(tiny_base, tiny_adapter, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_an_adapter_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no adapter there"):
        exported(tiny_base, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""Training begins from an adapter, whatever the recipe's [lora] says."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError

from .training import fit


def test_it_goes_on_from_an_adapter(recipe_file: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    sets = ("train.max_steps=1", "train.learning_rate=1e-8")
    run = fit(recipe_file, tmp_path / "run", f"train.start={tiny_adapter}", *sets)
    start = load_file(tiny_adapter / "adapter_model.safetensors")
    end = load_file(run.adapter / "adapter_model.safetensors")
    assert all((end[name].float() - start[name].float()).abs().max() < 0.01 for name in start)
    with pytest.raises(DataError, match="no adapter there"):
        fit(recipe_file, tmp_path / "other", f"train.start={tmp_path / 'nosuch'}")


def test_an_adapter_of_another_rank_is_said(
    recipe_file: Path, tiny_adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(recipe_file, tmp_path / "run", f"train.start={tiny_adapter}", "lora.r=8", "train.max_steps=1")
    said = capsys.readouterr().err
    assert f"going on from {tiny_adapter} as it is: rank 4 and alpha 8, not the recipe's lora.r = 8" in said
    assert json.loads((run.adapter / "adapter_config.json").read_text())["r"] == 4

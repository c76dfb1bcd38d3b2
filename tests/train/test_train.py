"""Training for real: a tiny random Llama through the real trainer on the CPU; what a finished run holds."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import create_run
from sql_llama.train.train import train

from .training import fit, metrics


@pytest.mark.parametrize("quantization", ["none", "nf4", "nf4-unpacked"])
def test_a_few_steps_give_a_whole_run(quantization: str, recipe_file: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    run = fit(recipe_file, tmp_path / "run", f"train.quantization={quantization}", "train.epochs=2")
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert len(weights) == 2 * 2 * 7  # A and B of the seven linear layers of both blocks
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
    assert any(bool(tensor.any()) for name, tensor in weights.items() if "lora_B" in name)  # it has learned something
    config = json.loads((run.adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "smol" and config["r"] == 4  # no path of this machine
    lines = metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(0 < line["loss"] < 20 and line["grad_norm"] > 0 and line["learning_rate"] >= 0 for line in lines)
    assert (run.path / "plots" / "loss.svg").read_text().startswith("<?xml")
    assert not (run.path / "checkpoints").exists()
    stages = run.manifest()["stages"]
    assert list(stages) == ["data", "train"]
    assert stages["data"]["train"] + stages["data"]["valid"] == 24 and stages["data"]["valid"] == 4
    assert stages["train"]["steps"] == 6 and stages["train"]["rows"] == 24 and stages["train"]["device"] == "cpu"
    assert stages["train"]["valid_loss"] > 0 and stages["train"]["trainable"] > 0


def test_a_finished_run_is_not_run_again_and_a_lost_adapter_is_made_again(recipe_file: Path, tmp_path: Path) -> None:
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    weights = run.adapter / "adapter_model.safetensors"
    whole, manifest = weights.read_bytes(), run.manifest_path.read_bytes()
    pairs = (run.path / "data" / "train.jsonl").stat().st_mtime_ns
    fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    assert run.manifest_path.read_bytes() == manifest and len(metrics(run)) == 2

    shutil.rmtree(run.adapter)
    fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    assert weights.read_bytes() == whole
    assert [line["step"] for line in metrics(run)] == [1, 2]
    assert (run.path / "data" / "train.jsonl").stat().st_mtime_ns == pairs


def test_a_changed_file_of_pairs_is_read_again(recipe_file: Path, tmp_path: Path) -> None:
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=1")
    file = recipe_file.with_name("pairs.jsonl")
    file.write_text(file.read_text().replace("an age above 3?", "an age beyond 3?"))
    fit(recipe_file, tmp_path / "run", "train.max_steps=1")
    kept = "".join((run.path / "data" / name).read_text() for name in ("train.jsonl", "valid.jsonl"))
    assert "an age beyond 3?" in kept and "an age above 3?" not in kept


def test_a_finished_run_is_not_checked_again(recipe_file: Path, tmp_path: Path) -> None:
    asked: list[Path] = []

    def check(recipe: Any, base: Path, start: Path | None) -> None:
        asked.append(base)
        assert not (tmp_path / "run" / "data").exists()

    recipe, text = read_recipe(str(recipe_file), ["train.max_steps=1"])
    run = create_run(tmp_path / "run", recipe.name, text)
    for _ in range(2):
        train(recipe, run, check)
    assert len(asked) == 1

"""Estimates of recipes on cards, from shapes alone."""

import json
from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.read_recipe import read_recipe, recipe_names
from sql_llama.core.recipe import Recipe
from sql_llama.train.batches import batch_of
from sql_llama.train.estimate import base_config, estimate
from sql_llama.train.gpus import GPUS

SHAPE = """
[shape]
model_type = "llama"
hidden_size = 4096
intermediate_size = 14336
num_hidden_layers = 32
num_attention_heads = 32
num_key_value_heads = 8
vocab_size = 128256
"""


def recipe(folder: Path, *sets: str, shape: str = SHAPE, model: str = "someone/Llama-8B") -> Recipe:
    path = folder / "r.toml"
    path.write_text(f'name = "r"\n[base]\nmodel = "{model}"\n[data]\nsynthetic = 4000\n[train]\nbatch = 16\n{shape}')
    return read_recipe(str(path), sets)[0]


def test_a_larger_card_takes_larger_passes_and_less_time(tmp_path: Path) -> None:
    plans = [estimate(recipe(tmp_path, "train.max_tokens=2048"), gpu) for gpu in ("t4", "a100", "h200")]
    assert all(plan.fits for plan in plans)
    assert [plan.checkpointing for plan in plans] == [True, False, False]
    rows = [plan.micro_batch for plan in plans]
    assert rows[1] < rows[2] and all(16 % count == 0 for count in rows)
    seconds = [plan.seconds for plan in plans]
    assert seconds == sorted(seconds, reverse=True) and seconds[-1] > 0
    assert {plan.parameters for plan in plans} == {8_030_261_248}
    assert all(plan.memory.total < GPUS[gpu].bytes for plan, gpu in zip(plans, ("t4", "a100", "h200"), strict=True))


def test_what_does_not_fit_says_so(tmp_path: Path) -> None:
    plan = estimate(recipe(tmp_path, "train.quantization=none"), "t4")
    assert not plan.fits and plan.micro_batch == 1 and plan.checkpointing and plan.memory.total > plan.free


def test_the_shape_comes_from_the_folder_before_the_recipe(tiny_base: Path, tmp_path: Path) -> None:
    assert base_config(recipe(tmp_path, model=str(tiny_base)))["hidden_size"] == 64
    assert base_config(recipe(tmp_path))["hidden_size"] == 4096
    with pytest.raises(DataError, match="someone/Llama-8B: its shape is not known here"):
        estimate(recipe(tmp_path, shape=""), "t4")


def test_a_configuration_in_the_hubs_cache_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the Hub's own layout of a cache."""
    commit = "0" * 40
    folder = tmp_path / "hub" / "models--someone--Llama-8B"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps({"hidden_size": 128}))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert base_config(recipe(tmp_path, shape="")) == {"hidden_size": 128}


def test_an_unknown_card_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--gpu rtx9: not known") as info:
        estimate(recipe(tmp_path), "rtx9")
    assert "h100" in str(info.value.fix) and "cpu" in str(info.value.fix)


def test_pairs_that_nobody_knows_are_assumed_and_said(tmp_path: Path) -> None:
    source = '[[data.source]]\npath = "hub:someone/unknown"\nweight = 2\n'
    source += '[[data.source]]\npath = "hub:xlangai/spider"\nlimit = 500\n'
    plan = estimate(recipe(tmp_path, shape=SHAPE + source, model="a/b"), "t4")
    assert plan.pairs == round((4000 + 20_000 + 500) * 0.98)
    assert any("10,000 pairs in hub:someone/unknown" in text for text in plan.assumed)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_a_plan_without_network(name: str) -> None:
    plan = estimate(read_recipe(name)[0], "h200")
    assert plan.fits and plan.seconds > 0 and plan.trainable > 0


@pytest.mark.parametrize(("pairs", "batch"), [(1, 8), (420, 8), (1600, 16), (5000, 64), (80_000, 64)])
def test_the_batch_of_auto_depends_on_the_pairs_alone(pairs: int, batch: int) -> None:
    assert batch_of(0, pairs) == batch
    assert batch_of(12, pairs) == 12

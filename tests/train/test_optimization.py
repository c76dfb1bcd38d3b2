"""The recipe's keys of optimisation reach the trainer and change what is learnt."""

import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sql_llama.core.read_recipe import read_recipe
from sql_llama.train.memory import Passes
from sql_llama.train.plan import Plan
from sql_llama.train.tokens import Tokens
from sql_llama.train.trainer import build_trainer

from .training import fit, metrics


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.0, 0.01, 0.01, 0.01, 0.01]),
        ("linear", [0.0, 0.01, 0.0075, 0.005, 0.0025]),
        ("cosine", [0.0, 0.01, 0.0085355, 0.005, 0.0014645]),
    ],
)
def test_the_learning_rate_follows_the_schedule(
    schedule: str, rates: list[float], recipe_file: Path, tmp_path: Path
) -> None:
    sets = ["train.max_steps=5", "train.warmup=0.2", "train.learning_rate=0.01", f"train.schedule={schedule}"]
    run = fit(recipe_file, tmp_path / "run", *sets)
    assert [line["learning_rate"] for line in metrics(run)] == pytest.approx(rates, abs=1e-6)


def test_each_key_changes_the_adapter(recipe_file: Path, tmp_path: Path) -> None:
    """With a learning rate at which three steps show it."""
    sets = ["train.max_steps=3", "train.learning_rate=0.02", "train.warmup=0"]
    plain = load_file(fit(recipe_file, tmp_path / "plain", *sets).adapter / "adapter_model.safetensors")
    keys = ["lora.lr_ratio=16", "train.weight_decay=0.9", "train.max_grad_norm=0.001", "train.neftune=5"]
    for number, key in enumerate(keys):
        run = fit(recipe_file, tmp_path / str(number), *sets, key)
        changed = load_file(run.adapter / "adapter_model.safetensors")
        assert changed.keys() == plain.keys()
        assert any(not torch.equal(changed[name], plain[name]) for name in plain), key


def test_lora_plus_lets_b_learn_faster_and_decays_both(recipe_file: Path, tmp_path: Path, tiny_base: Path) -> None:
    sets = ["lora.lr_ratio=4", "train.learning_rate=0.01", "train.weight_decay=0.1"]
    recipe, _ = read_recipe(str(recipe_file), sets)
    rows = tuple(Tokens(torch.arange(4, 12).numpy(), 3) for _ in range(recipe.train.batch))
    plan = Plan(rows, (), {}, recipe.train.batch, Passes(2, 0, 0), 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)  # as train/train.py does
        trainer = build_trainer(recipe, plan, tiny_base, None, tmp_path / "checkpoints")
    groups = [group for group in trainer.create_optimizer().param_groups if group["params"]]
    names = {id(weight): name for name, weight in trainer.model.named_parameters()}
    kinds = [{"lora_B" in names[id(weight)] for weight in group["params"]} for group in groups]
    assert kinds == [{False}, {True}]
    assert [group["lr"] for group in groups] == [0.01, 0.04]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1]
    assert sum(len(group["params"]) for group in groups) == 2 * 2 * 7

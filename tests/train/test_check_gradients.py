"""The check before the first step: silent for a right training, and it stops each kind of wrong one."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.train.check_gradients import NOISE, check_gradients
from sql_llama.train.memory import Passes
from sql_llama.train.plan import Plan
from sql_llama.train.tokens import Tokens
from sql_llama.train.trainer import Collator, SqlTrainer, build_trainer

from .training import fit

ROWS = tuple(
    Tokens(np.arange(start, start + length, dtype=np.int32), length - 6) for start, length in ((5, 19), (40, 12))
)


def trainer_of(base: Path, folder: Path, *sets: str) -> tuple[Any, Plan]:
    path = folder / "r.toml"
    path.write_text(f'name = "r"\n[base]\nmodel = "{base}"\n[lora]\nr = 4\n[train]\nbatch = 2\n')
    recipe, _ = read_recipe(str(path), sets)
    plan = Plan(ROWS, (), {}, 2, Passes(2, 0, 0), 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*checkpointing.*", FutureWarning)  # as train/train.py does
        return build_trainer(recipe, plan, base, None, folder / "checkpoints"), plan


def check(trainer: Any, plan: Plan, dtype: torch.dtype) -> float:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*checkpointing.*", FutureWarning)
        return check_gradients(trainer, plan, dtype)


@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize("checkpointing", ["true", "false"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_right_training_passes_and_is_left_as_it_was(
    quantization: str, checkpointing: str, dtype: torch.dtype, tiny_base: Path, tmp_path: Path
) -> None:
    sets = [
        f"train.dtype={str(dtype).removeprefix('torch.')}",
        "lora.dropout=0.2" if quantization == "none" else "lora.r=4",
    ]
    sets += [f"train.quantization={quantization}", f"train.checkpointing={checkpointing}"]
    trainer, plan = trainer_of(tiny_base, tmp_path, *sets)
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters()}
    torch.manual_seed(11)
    state = torch.get_rng_state()
    assert 0 <= check(trainer, plan, dtype) < NOISE[dtype] / 2
    assert torch.equal(torch.get_rng_state(), state)
    for name, weight in trainer.model.named_parameters():
        assert torch.equal(weight, before[name]) and weight.grad is None
    layer = trainer.model.get_base_model().model.layers[0].self_attn.q_proj
    assert ("forward" in vars(layer)) == (quantization == "nf4")  # fused again, and not where there is dropout


class Joined(Collator):
    """All rows as one, as packing does it when a mask joins what it should part."""

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        parts = [super(Joined, self).__call__([row]) for row in rows]
        return {name: torch.cat([part[name] for part in parts], dim=1) for name in parts[0]}


def test_rows_that_see_each_other_are_noticed(tiny_base: Path, tmp_path: Path) -> None:
    trainer, plan = trainer_of(tiny_base, tmp_path, "train.dtype=float32", "train.quantization=none")
    trainer.data_collator = Joined(0, 1)
    with pytest.raises(SqlLlamaError, match=r"away from those of the rows one by one") as info:
        check(trainer, plan, torch.float32)
    assert "train.compile=false" in str(info.value.fix)


def test_a_part_that_learns_nothing_is_noticed(tiny_base: Path, tmp_path: Path) -> None:
    """A fused layer that forgets the gradient of its input."""
    trainer, plan = trainer_of(tiny_base, tmp_path, "train.dtype=float32", "train.quantization=none")
    layer = trainer.model.get_base_model().model.layers[1].mlp.up_proj
    fused = layer.forward
    layer.forward = lambda x: fused(x.detach())
    with pytest.raises(SqlLlamaError, match="gradients of the first rows are wrong"):
        check(trainer, plan, torch.float32)


def test_a_gradient_that_is_no_number_is_noticed(tiny_base: Path, tmp_path: Path) -> None:
    trainer, plan = trainer_of(tiny_base, tmp_path, "train.dtype=float32", "train.quantization=none")
    trainer.compute_loss = lambda model, inputs: (
        SqlTrainer.compute_loss(SimpleNamespace(), model, inputs) * float("inf")
    )
    with pytest.raises(SqlLlamaError, match="nan% away"):
        check(trainer, plan, torch.float32)


def test_a_run_keeps_the_distance(recipe_file: Path, tmp_path: Path) -> None:
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=1")
    assert 0 <= run.manifest()["stages"]["train"]["gradient_noise"] < 0.1

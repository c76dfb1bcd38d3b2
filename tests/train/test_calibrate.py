"""The fullest pass is tried before the first step. These tests have no GPU: the same pass runs on the CPU."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Recipe
from sql_llama.engines.huggingface import compute_dtype
from sql_llama.train.calibrate import calibrated, fullest, try_fullest
from sql_llama.train.memory import GIB, Passes
from sql_llama.train.plan import Plan
from sql_llama.train.tokens import Tokens
from sql_llama.train.trainer import SqlTrainer, build_trainer

Built = tuple[Recipe, Plan, Any]
# trl and peft use the old name, as train/train.py says
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")


@pytest.fixture
def planned(recipe_file: Path, tiny_base: Path, tmp_path: Path) -> Built:
    """A recipe, a plan of four rows a pass with rows of two lengths, and what builds its trainer."""
    recipe, _ = read_recipe(str(recipe_file), ["train.micro_batch=0", "lora.dropout=0.1"])
    lengths = [20, 21, 22, 23, 40, 24, 25, 26] * 2
    rows = tuple(Tokens(torch.arange(3, 3 + length).numpy(), length - 5) for length in lengths)
    plan = Plan(rows, (), {}, 4, Passes(4, GIB, 2 * GIB), 0)
    return recipe, plan, lambda fit: build_trainer(recipe, fit, tiny_base, None, tmp_path / "checkpoints")


def test_the_fullest_pass_is_the_longest(planned: Built) -> None:
    _, plan, _ = planned
    assert [len(row.ids) for row in fullest(plan)] == [40, 24, 25, 26]


def test_trying_leaves_no_trace(planned: Built) -> None:
    recipe, plan, build = planned
    trainer = build(plan)
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    state = torch.get_rng_state()
    assert try_fullest(trainer, plan, compute_dtype(recipe.train.dtype)) > 0
    assert torch.equal(torch.get_rng_state(), state)
    for name, weight in trainer.model.named_parameters():
        if weight.requires_grad:
            assert weight.grad is None and torch.equal(weight, before[name])


def test_fewer_rows_are_taken_where_a_pass_does_not_fit(
    planned: Built, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A GPU with memory for two rows."""
    recipe, plan, build = planned
    compute = SqlTrainer.compute_loss

    def limited(self: SqlTrainer, model: Any, inputs: dict[str, Any], *rest: Any, **named: Any) -> Any:
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(self, model, inputs, *rest, **named)

    monkeypatch.setattr(SqlTrainer, "compute_loss", limited)
    fitting, trainer = calibrated(recipe, plan, build, on_gpu=True)
    assert fitting.passes.rows == 2 and trainer.args.per_device_train_batch_size == 2
    assert trainer.args.gradient_accumulation_steps == 2
    said = capsys.readouterr().err
    assert "a pass of 4 rows does not fit into the GPU's memory: trying 2" in said
    assert "the fullest pass, of 2 rows, took" in said
    with pytest.raises(torch.OutOfMemoryError):
        monkeypatch.setattr(SqlTrainer, "compute_loss", lambda *rest: limited(*rest[:2], {"input_ids": "long"}))
        calibrated(recipe, replace(plan, passes=Passes(1, GIB, GIB)), build, on_gpu=True)


def test_what_the_recipe_sets_is_not_tried(planned: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, plan, build = planned
    monkeypatch.setattr("sql_llama.train.calibrate.try_fullest", lambda *rest: pytest.fail("tried"))
    set_by_hand = recipe.model_copy(update={"train": recipe.train.model_copy(update={"micro_batch": 4})})
    assert calibrated(set_by_hand, plan, build, on_gpu=True)[0] is plan
    assert calibrated(recipe, plan, build, on_gpu=False)[0] is plan

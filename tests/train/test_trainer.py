"""The trainer's shortcuts change the speed and not the loss."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sql_llama.train.trainer import Collator, SqlTrainer, mean_loss

ROWS: list[dict[str, Any]] = [
    {"input_ids": [5, 6, 7, 8, 9, 10, 11], "prompt": 4},
    {"input_ids": [12, 13, 14], "prompt": 2},
    {"input_ids": [20, 21, 22, 23, 24, 25, 26, 27, 28, 29], "prompt": 3},
]


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)


def plain_loss(model: Any, rows: list[dict[str, Any]]) -> Any:
    """Hugging Face's own loss over labels, with an attention mask."""
    batch = Collator(0)(rows)
    mask = torch.zeros_like(batch["input_ids"])
    for i, row in enumerate(rows):
        mask[i, : len(row["input_ids"])] = 1
    return model(input_ids=batch["input_ids"], attention_mask=mask, labels=batch["labels"]).loss


def test_rows_are_padded_on_the_right_and_the_prompt_has_no_label() -> None:
    batch = Collator(pad=0, multiple=4)(ROWS[:2])
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 10, 11, 0], [12, 13, 14, 0, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100] * 4 + [9, 10, 11, -100], [-100] * 2 + [14] + [-100] * 5]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:]])
def test_the_loss_and_its_gradient_are_hugging_faces(rows: list[dict[str, Any]], model: Any) -> None:
    weight = model.model.layers[0].mlp.up_proj.weight
    wanted = plain_loss(model, rows)
    (wanted_gradient,) = torch.autograd.grad(wanted, weight)
    got = SqlTrainer.compute_loss(SimpleNamespace(), model, Collator(0)(rows))
    (gradient,) = torch.autograd.grad(got, weight)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-4, atol=1e-6)


def test_passes_of_one_step_add_up_to_the_loss_of_the_whole_batch(model: Any) -> None:
    tokens = sum(len(row["input_ids"]) - row["prompt"] for row in ROWS)
    compute = SqlTrainer.compute_loss
    parts = [compute(SimpleNamespace(), model, Collator(0)([row]), num_items_in_batch=tokens) for row in ROWS]
    torch.testing.assert_close(sum(parts), plain_loss(model, ROWS), rtol=1e-5, atol=1e-6)


def test_the_loss_of_held_rows_is_over_all_their_tokens(model: Any) -> None:
    got = mean_loss(model, ROWS, Collator(0), 2, torch.float32)
    assert got == pytest.approx(float(plain_loss(model, ROWS).detach()), rel=1e-5)
    assert mean_loss(model, [], Collator(0), 2, torch.float32) == 0.0

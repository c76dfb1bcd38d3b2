"""The trainer's shortcuts change the speed and not the loss."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sql_llama.train.callbacks import Metrics, StopAfterStep
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


def at_step(step: int) -> SimpleNamespace:
    """A trainer's state in its only process."""
    return SimpleNamespace(global_step=step, is_world_process_zero=True)


def test_metrics_forget_what_came_after_the_checkpoint_and_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps({"step": step, "loss": 1.0}) + "\n" for step in (1, 2, 3)) + '{"step": 4, "lo')
    moved: list[tuple[int, str]] = []
    metrics = Metrics(path, lambda steps=1, note="": moved.append((steps, note)), [10, 20, 30, 40])
    metrics.on_train_begin(None, at_step(2), None)
    metrics.on_log(None, at_step(3), None, {"loss": 0.5, "learning_rate": 0.1, "grad_norm": 2.0})
    metrics.on_step_end(None, at_step(3), None)
    metrics.on_log(None, at_step(3), None, {"train_runtime": 1.0})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[2]["loss"] == 0.5 and lines[2]["grad_norm"] == 2.0 and lines[2]["tokens_per_second"] > 0
    assert moved[0] == (2, "resumed") and moved[1][1].startswith("loss 0.500, ")


def test_the_second_control_c_stops_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    stop = StopAfterStep()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop.on_interrupt():
        signal.raise_signal(signal.SIGINT)
        assert stop.requested and "Ctrl-C again" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before

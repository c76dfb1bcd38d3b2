"""TRL's SFTTrainer with logits only where the loss is, rows in the order given, and progress that is kept."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback
from trl import SFTTrainer

from ..core.files import write_text
from ..core.progress import Advance


class SqlTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for rows that are already batched by length and padded on the right.

    Padding on the right needs no attention mask in a causal model, which keeps attention on its fastest path, and a
    prompt needs no logits: the vocabulary's share of the work falls to a tenth.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean cross-entropy over the answer tokens of the optimizer step."""
        target = inputs["labels"][:, 1:]
        keep = (target != -100).any(dim=0).nonzero().flatten()
        output = model(input_ids=inputs["input_ids"], logits_to_keep=keep, use_cache=False)
        target = target[:, keep]
        here = target != -100
        loss = functional.cross_entropy(output.logits[here].float(), target[here], reduction="sum")
        loss = loss / (here.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, output) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)


class Collator:
    """Pad rows on the right and mask the prompt out of the loss."""

    def __init__(self, pad: int, multiple: int = 8) -> None:
        self.pad = pad
        self.multiple = multiple

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """`input_ids` and `labels`, both (rows, longest), int64; -100 where there is no loss."""
        longest = max(len(row["input_ids"]) for row in rows)
        longest += -longest % self.multiple
        ids = torch.full((len(rows), longest), self.pad)
        labels = torch.full((len(rows), longest), -100)
        for i, row in enumerate(rows):
            tokens = torch.as_tensor(row["input_ids"])
            ids[i, : len(tokens)] = tokens
            labels[i, row["prompt"] : len(tokens)] = tokens[row["prompt"] :]
        return {"input_ids": ids, "labels": labels}


class Metrics(TrainerCallback):  # type: ignore[misc]
    """Append a line to metrics.jsonl and move the progress bar."""

    def __init__(self, path: Path, advance: Advance, tokens_at: list[int]) -> None:
        self.path = path
        self.advance = advance
        self.tokens_at = tokens_at  # real tokens trained after each optimizer step
        self.started = time.monotonic()
        self.first = 0
        self.note = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget what a killed run wrote after the checkpoint that this one goes on from."""
        self.first = state.global_step
        self.started = time.monotonic()
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n") and json.loads(line).get("step", 0) <= self.first]
            write_text(self.path, "".join(whole))
        if self.first:
            self.advance(self.first, "resumed")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.advance(1, self.note)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs:
            return
        spent = time.monotonic() - self.started
        done = self.tokens_at[state.global_step - 1] - (self.tokens_at[self.first - 1] if self.first else 0)
        rate = done / spent if spent else 0.0
        self.note = f"loss {logs['loss']:.3f}, {rate:,.0f} tokens/s"
        line = {
            "step": state.global_step,
            "loss": round(float(logs["loss"]), 5),
            "learning_rate": logs.get("learning_rate"),
            "grad_norm": round(float(logs.get("grad_norm", 0.0)), 5),
            "tokens_per_second": round(rate, 1),
            "seconds": round(spent, 2),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@torch.no_grad()
def mean_loss(model: Any, rows: list[dict[str, Any]], collator: Collator, batch: int, dtype: torch.dtype) -> float:
    """Mean cross-entropy of the answer tokens of rows that are not trained on."""
    model.eval()
    device = next(model.parameters()).device
    total, count = 0.0, 0
    rows = sorted(rows, key=lambda row: len(row["input_ids"]))
    for start in range(0, len(rows), batch):
        inputs = {name: tensor.to(device) for name, tensor in collator(rows[start : start + batch]).items()}
        target = inputs["labels"][:, 1:]
        keep = (target != -100).any(dim=0).nonzero().flatten()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(input_ids=inputs["input_ids"], logits_to_keep=keep, use_cache=False).logits
        target = target[:, keep]
        here = target != -100
        total += float(functional.cross_entropy(logits[here].float(), target[here], reduction="sum"))
        count += int(here.sum())
    model.train()
    return total / max(count, 1)

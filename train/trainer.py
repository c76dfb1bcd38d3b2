"""TRL's SFTTrainer with logits only where the loss is, rows in the order given, and progress that is kept."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from ..core.files import write_text
from ..core.progress import Advance, say
from ..core.recipe import Recipe
from ..engines.huggingface import compute_dtype
from .fused_lora import fuse_lora
from .model import keep_float32, load_model, load_tokenizer
from .plan import Plan

# the trainer's names of the recipe's optimizers, on a GPU
OPTIMIZERS = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
}


def build_trainer(recipe: Recipe, plan: Plan, base: Path, start: Path | None, checkpoints: Path) -> "SqlTrainer":
    """Load the base with an adapter to train, and build the trainer of the plan's rows; sets the seed before both."""
    from datasets import Dataset

    set_seed(recipe.train.seed)
    model = load_model(base, recipe, start)
    trainer = SqlTrainer(
        model=model,
        args=trainer_config(recipe, plan, checkpoints),
        train_dataset=Dataset.from_dict(
            {"input_ids": [row.ids for row in plan.rows], "prompt": [row.prompt for row in plan.rows]}
        ),
        processing_class=load_tokenizer(base),
        data_collator=Collator(plan.pad),
    )
    trainer.lr_ratio = recipe.lora.lr_ratio
    trainer.remove_callback(PrinterCallback)
    keep_float32(trainer.model)
    if not recipe.train.compile:  # a compiler joins these steps itself
        fuse_lora(trainer.model)
    return trainer


def trainer_config(recipe: Recipe, plan: Plan, checkpoints: Path) -> SFTConfig:
    """Translate the recipe's optimisation for the trainer, on the device that is here."""
    train, dtype, on_gpu = recipe.train, compute_dtype(recipe.train.dtype), torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=plan.passes.rows,
        gradient_accumulation_steps=plan.batch // plan.passes.rows,
        num_train_epochs=1,  # the plan has the rows of all epochs
        learning_rate=train.learning_rate,
        lr_scheduler_type="constant_with_warmup" if train.schedule == "constant" else train.schedule,
        warmup_steps=round(train.warmup * plan.steps),
        adam_beta2=0.99,
        max_grad_norm=train.max_grad_norm,
        weight_decay=train.weight_decay,
        neftune_noise_alpha=train.neftune or None,
        optim=OPTIMIZERS[train.optimizer] if on_gpu else "adamw_torch",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not on_gpu,
        gradient_checkpointing=plan.passes.checkpointing,
        max_length=None,
        save_steps=train.save_steps,
        save_total_limit=2,
        logging_steps=min(train.log_steps, plan.steps),  # a short run leaves one line too
        report_to=[],
        disable_tqdm=True,
        seed=train.seed,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_num_workers=0,
        dataloader_pin_memory=on_gpu,
        average_tokens_across_devices=False,
    )


class SqlTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer for rows that are already batched by length and padded on the right.

    Padding on the right needs no attention mask in a causal model, which keeps attention on its fastest path, and a
    prompt needs no logits: the vocabulary's share of the work falls to a tenth.
    """

    lr_ratio = 1.0  # LoRA+: how much faster the B matrices learn

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the mean cross-entropy over the answer tokens of the optimizer step."""
        target = inputs["labels"][:, 1:]
        keep = (target != -100).any(dim=0).nonzero().flatten()
        output = model(input_ids=inputs["input_ids"], logits_to_keep=keep, use_cache=False)
        target = target[:, keep]
        learned = target != -100
        loss = functional.cross_entropy(output.logits[learned].float(), target[learned], reduction="sum")
        loss = loss / (learned.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> Any:
        """Build the optimizer: with two learning rates where the recipe asks for LoRA+, else the trainer's own."""
        if self.lr_ratio == 1 or self.optimizer is not None:
            return super().create_optimizer(model)
        from peft.optimizers import create_loraplus_optimizer

        kind, settings = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        settings["loraplus_weight_decay"] = self.args.weight_decay
        self.optimizer: Any = create_loraplus_optimizer(self.model, kind, loraplus_lr_ratio=self.lr_ratio, **settings)
        return self.optimizer

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
    """Append a line to metrics.jsonl and move the progress bar; in the main process of several alone."""

    def __init__(self, path: Path, advance: Advance, tokens_after_step: list[int]) -> None:
        self.path = path
        self.advance = advance
        self.tokens_after_step = tokens_after_step
        self.started = time.monotonic()
        self.first = 0
        self.note = ""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Drop the lines that a killed process wrote after the checkpoint that this one goes on from."""
        if not state.is_world_process_zero:
            return
        self.first = state.global_step
        self.started = time.monotonic()
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n") and json.loads(line).get("step", 0) <= self.first]
            write_text(self.path, "".join(whole))
        if self.first:
            self.advance(self.first, "resumed")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the progress bar."""
        if state.is_world_process_zero:
            self.advance(1, self.note)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Append a line: step, loss of the answer tokens, learning rate, gradient norm, tokens a second, seconds."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        spent = time.monotonic() - self.started
        before = self.tokens_after_step[self.first - 1] if self.first else 0
        done = self.tokens_after_step[state.global_step - 1] - before
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


class StopAfterStep(TrainerCallback):  # type: ignore[misc]
    """Ends a training after the current step, with a checkpoint, when a person presses Ctrl-C."""

    def __init__(self) -> None:
        self.requested = False

    @contextlib.contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Listen to Ctrl-C inside the block. The second Ctrl-C raises KeyboardInterrupt at once."""
        if threading.current_thread() is not threading.main_thread():  # a notebook's thread gets no signals
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        say("Stopping after this step. Ctrl-C again stops at once, and loses the steps since the last checkpoint.")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let the trainer save a checkpoint and stop."""
        if self.requested:
            control.should_save = control.should_training_stop = True


@torch.no_grad()
def mean_loss(model: Any, rows: list[dict[str, Any]], collator: Collator, batch: int, dtype: torch.dtype) -> float:
    """Compute the mean cross-entropy, per answer token, of rows that are not trained on."""
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
        learned = target != -100
        total += float(functional.cross_entropy(logits[learned].float(), target[learned], reduction="sum"))
        count += int(learned.sum())
    model.train()
    return total / max(count, 1)

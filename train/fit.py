"""Run a trainer from its last checkpoint to the end, with progress that is shown and kept."""

import contextlib
import json
import resource
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.progress import progress
from .plan import Plan

if TYPE_CHECKING:
    from .trainer import SqlTrainer


@dataclass(frozen=True)
class Fit:
    """How a training went: losses per answer token, seconds of the steps done now, bytes held at most.

    `valid_loss` is None without validation rows. `resumed` says that the first steps were done by an earlier process.
    """

    train_loss: float
    valid_loss: float | None
    seconds: float
    resumed: bool
    peak_bytes: int


def fit(trainer: "SqlTrainer", plan: Plan, checkpoints: Path, metrics: Path, title: str) -> Fit:
    """Train to the end and measure the validation loss. Raises KeyboardInterrupt after Ctrl-C."""
    import torch

    from .finite import Finite
    from .save_in_time import SaveInTime
    from .trainer import Metrics, StopAfterStep, mean_loss

    stop = StopAfterStep()
    checkpoint = last_checkpoint(checkpoints)
    with progress(title, plan.steps, "steps") as advance, stop.on_interrupt():
        trainer.add_callback(Metrics(metrics, advance, plan.tokens_after_step))
        trainer.add_callback(SaveInTime())
        trainer.add_callback(Finite())
        trainer.add_callback(stop)
        started = time.monotonic()
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = time.monotonic() - started
    if stop.requested and trainer.state.global_step < trainer.state.max_steps:
        raise KeyboardInterrupt
    valid = [{"input_ids": row.ids, "prompt": row.prompt} for row in plan.valid]
    dtype = torch.bfloat16 if trainer.args.bf16 else torch.float16 if trainer.args.fp16 else torch.float32
    valid_loss = mean_loss(trainer.model, valid, trainer.data_collator, plan.passes.rows, dtype) if valid else None
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else _peak_memory()
    return Fit(float(result.training_loss), valid_loss, seconds, checkpoint is not None, peak)


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written whole. Half a checkpoint, left by a killed process, is deleted."""
    paths = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]), reverse=True)
    for path in paths:
        state = path / "trainer_state.json"  # the trainer writes it last
        with contextlib.suppress(OSError, ValueError):
            json.loads(state.read_text(encoding="utf-8"))
            return path
        shutil.rmtree(path)
    return None


def _peak_memory() -> int:
    """Bytes that this process held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

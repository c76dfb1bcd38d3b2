"""Stop a training whose loss is not a number any more, before its weights reach a checkpoint."""

from pathlib import Path
from typing import Any

import torch

from ..core.errors import SqlLlamaError
from .checkpoints import last_checkpoint
from .shards import local


class FirstLost:
    """The first step whose loss was not finite; it is noted on the GPU, which nobody has to wait for."""

    def __init__(self) -> None:
        self.step: torch.Tensor | None = None

    def note(self, loss: torch.Tensor, step: int) -> None:
        """Look at the loss of a pass; `step` counts from 1."""
        before = torch.zeros((), dtype=torch.int64, device=loss.device) if self.step is None else self.step
        self.step = torch.where((before == 0) & ~loss.isfinite().all(), step, before)

    def check(self, args: Any) -> None:
        """Raise SqlLlamaError where a loss was not finite; `args` are the trainer's."""
        lost = 0 if self.step is None else int(self.step)
        if lost:
            raise not_finite(lost, args)


def all_finite(model: Any) -> bool:
    """Tell whether every trained weight is a finite number, of those that this process has."""
    trained = [
        local(parameter.detach()).isfinite().all() for parameter in model.parameters() if parameter.requires_grad
    ]
    return bool(torch.stack([item.to(trained[0].device) for item in trained]).all()) if trained else True


def not_finite(step: int, args: Any) -> SqlLlamaError:
    """Return the error for a training that broke down at a step: what to change, and what is kept."""
    checkpoint = last_checkpoint(Path(args.output_dir))
    kept = f"; {checkpoint} is kept" if checkpoint else ""
    ways = [f"train again with --set train.learning_rate={args.learning_rate / 10:g}"]
    if args.fp16:
        ways.append("with --set train.dtype=bfloat16 where the GPU has it")
    return SqlLlamaError(
        f"the loss is not a number since step {step}, with a learning rate of {args.learning_rate:g}{kept}",
        fix=", or ".join(ways),
    )

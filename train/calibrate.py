"""Try the fullest pass on a GPU before the first step, and take fewer rows where the memory is not enough after all.

The forecast knows shapes, and not what other programs, fragments and libraries take. A training that ends for want of
memory after an hour is worse than one pass more at the start.
"""

import contextlib
import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ..core.progress import say
from ..core.recipe import Recipe
from ..engines.huggingface import compute_dtype
from .plan import Plan
from .processes import everyones, here
from .tokens import Tokens

if TYPE_CHECKING:
    from .trainer import SqlTrainer

STATES = 8  # bytes of the optimizer's for each trained weight, which come with the first step


def calibrated(
    recipe: Recipe, plan: Plan, build: Callable[[Plan], "SqlTrainer"], on_gpu: bool | None = None
) -> tuple[Plan, "SqlTrainer"]:
    """Build the trainer of a plan whose fullest pass fits, with fewer rows a pass where that is required.

    Nothing is tried on a CPU, where the recipe sets train.micro_batch, and with FSDP, which spreads the weights later.
    Several processes agree. Raises torch.OutOfMemoryError where not even one row fits.
    """
    trainer = build(plan)
    on_gpu = torch.cuda.is_available() if on_gpu is None else on_gpu
    if not on_gpu or recipe.train.micro_batch or trainer.is_fsdp_enabled:
        return plan, trainer
    while True:
        peak = 0
        with contextlib.suppress(torch.OutOfMemoryError):
            peak = try_fullest(trainer, plan, compute_dtype(recipe.train.dtype))
        if all(everyones(peak)):
            say(plan.passes.compared(peak))
            return plan, trainer
        fewer = plan.passes.fewer(plan.batch // here().count)
        if fewer is None:
            raise torch.OutOfMemoryError("a pass of one row does not fit")
        say(f"a pass of {plan.passes.rows} rows does not fit into the GPU's memory: trying {fewer.rows}")
        del trainer
        _give_back()
        plan = replace(plan, passes=fewer)
        trainer = build(plan)


def try_fullest(trainer: "SqlTrainer", plan: Plan, dtype: torch.dtype) -> int:
    """Do the fullest pass of a plan, forwards and backwards, beside as much memory as the optimizer will take.

    Returns the bytes that torch held at most. The model, its gradients and the random numbers are as before. Raises
    torch.OutOfMemoryError.
    """
    model = trainer.model
    on_gpu = model.device.type == "cuda"
    rows = fullest(plan)
    batch = trainer.data_collator([{"input_ids": row.ids, "prompt": row.prompt} for row in rows])
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    was_training = model.training
    model.train()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    if trainer.args.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    try:
        states = torch.empty(STATES * trained, dtype=torch.uint8, device=model.device)
        with torch.random.fork_rng():
            inputs = {name: value.to(model.device) for name, value in batch.items()}
            with torch.autocast(model.device.type, dtype=dtype, enabled=dtype != torch.float32):
                loss = trainer.compute_loss(model, inputs)
            loss.backward()
        del loss, inputs, states
        return torch.cuda.max_memory_allocated() if on_gpu else 1
    finally:
        model.zero_grad(set_to_none=True)
        model.train(was_training)
        if trainer.args.gradient_checkpointing:
            model.gradient_checkpointing_disable()
        _give_back()


def fullest(plan: Plan) -> Sequence[Tokens]:
    """Return the rows of the pass with the most padded tokens."""
    passes = [plan.rows[start : start + plan.passes.rows] for start in range(0, len(plan.rows), plan.passes.rows)]
    return max(passes, key=lambda rows: (max(len(row.ids) for row in rows), sum(len(row.ids) for row in rows)))


def _give_back() -> None:
    """Free what no one holds any more; a model with hooks is a cycle."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

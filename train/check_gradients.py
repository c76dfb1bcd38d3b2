"""Compare the gradients of the first rows as they will be trained with those of the plain rows, one by one.

Padding, packing, fused layers, compiled layers, checkpointing and the loss at chosen positions are all shortcuts. A
wrong one shows in no error message: rows see each other, or a part of the adapter learns nothing. So before the first
step the same rows go through the model both ways.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from ..core.errors import SqlLlamaError
from .plan import Plan
from .tokens import Tokens

if TYPE_CHECKING:
    from .trainer import SqlTrainer

ROWS = 2
# The largest distance, as a share of the gradient's length, that rounding explains: the types have 24, 11 and 8 bits.
# Measured on SmolLM2-135M over NF4, two rows of 420 tokens: 2.3e-6 in float32 and 0.044 in bfloat16.
NOISE = {torch.float32: 0.001, torch.float16: 0.05, torch.bfloat16: 0.2}
SCALE = 1024.0  # of the loss, so that float16 holds small gradients; divided out again


def check_gradients(trainer: "SqlTrainer", plan: Plan, dtype: torch.dtype) -> float:
    """Return the distance of both gradients as a share of their length; leaves the model as it was.

    `dtype` is the type that is computed in. Raises SqlLlamaError where rounding does not explain the distance, or where
    the gradient is not a number or zero. Then training as planned would learn something else than the rows.
    """
    rows = sorted(plan.rows[: plan.passes.rows], key=lambda row: len(row.ids))[:ROWS]
    model = trainer.model
    with _small_b(model), _without_dropout(model):
        if trainer.args.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        trained = _gradient(model, dtype, lambda: _as_trained(trainer, rows))
        model.gradient_checkpointing_disable()
        with _plain_layers(model):
            plain = _gradient(model, dtype, lambda: _one_by_one(model, rows))
    length = float(plain.norm())
    distance = float((trained - plain).norm()) / length if length > 0 else float("nan")
    if not distance <= NOISE[dtype]:  # not a number is no distance either
        raise SqlLlamaError(
            f"the gradients of the first rows are wrong as planned: {distance:.1%} away from those of the rows one by"
            f" one, and rounding explains at most {NOISE[dtype]:.1%}",
            fix="--set train.compile=false --set train.checkpointing=false --set train.micro_batch=1, and report it",
        )
    return distance


def _gradient(model: Any, dtype: torch.dtype, loss: Any) -> torch.Tensor:
    """The gradient of all trained weights in one float32 vector."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    model.zero_grad(set_to_none=True)
    with torch.autocast(weights[0].device.type, dtype=dtype, enabled=dtype != torch.float32):
        value = loss()
    (value * SCALE).backward()
    parts = [torch.zeros_like(w).flatten() if w.grad is None else w.grad.float().flatten() / SCALE for w in weights]
    model.zero_grad(set_to_none=True)
    return torch.cat(parts)


def _as_trained(trainer: "SqlTrainer", rows: Sequence[Tokens]) -> torch.Tensor:
    batch = trainer.data_collator([{"input_ids": row.ids, "prompt": row.prompt} for row in rows])
    inputs = {name: value.to(trainer.model.device) for name, value in batch.items()}
    loss: torch.Tensor = trainer.compute_loss(trainer.model, inputs)
    return loss


def _one_by_one(model: Any, rows: Sequence[Tokens]) -> torch.Tensor:
    """The mean loss of the answers' tokens by all logits, as a textbook has it."""
    losses = []
    for row in rows:
        ids = torch.as_tensor(row.ids, dtype=torch.int64, device=model.device)[None]
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        answer = slice(row.prompt - 1, len(row.ids) - 1)
        losses.append(functional.cross_entropy(logits[0, answer].float(), ids[0, row.prompt :], reduction="sum"))
    return torch.stack(losses).sum() / sum(len(row.ids) - row.prompt for row in rows)


@contextlib.contextmanager
def _small_b(model: Any) -> Iterator[None]:
    """Give B some values for a moment: a new adapter has zeros, with which A has no gradient."""
    from peft.tuners.lora import LoraLayer

    generator = torch.Generator().manual_seed(0)
    kept = []
    for layer in model.modules():
        if not isinstance(layer, LoraLayer):
            continue
        for name, part in layer.lora_B.items():
            if not bool(part.weight.any()):
                kept.append(part.weight)
                # a fixed share of the layer's output, whatever the adapter's scale
                values = torch.randn(part.weight.shape, generator=generator) * 0.02 / layer.scaling[name]
                part.weight.data.copy_(values)
    try:
        yield
    finally:
        for weight in kept:
            weight.data.zero_()


@contextlib.contextmanager
def _without_dropout(model: Any) -> Iterator[None]:
    """Switch dropout off for a moment, and keep the random state, which a later row would miss."""
    dropouts = [part for part in model.modules() if isinstance(part, torch.nn.Dropout)]
    was_training = model.training
    model.train()
    for part in dropouts:
        part.eval()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            model.train(was_training)


@contextlib.contextmanager
def _plain_layers(model: Any) -> Iterator[None]:
    """Let each layer compute by its class's own forward: neither fused, nor compiled, nor Liger's."""
    from peft.tuners.lora import LoraLayer

    kept = []
    for part in model.modules():
        own = part.__dict__.get("forward")
        if own is not None and (isinstance(part, LoraLayer) or own.__module__.startswith("liger_kernel.")):
            del part.__dict__["forward"]
        else:
            own = None
        kept.append((part, own, part._compiled_call_impl))
        part._compiled_call_impl = None
    try:
        yield
    finally:
        for part, own, compiled in kept:
            part._compiled_call_impl = compiled
            if own is not None:
                part.forward = own

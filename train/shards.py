"""Weights and optimizer states that are spread over several GPUs (FSDP2), as whole tensors and back.

So a checkpoint has one layout, whoever wrote it: the adapter in one file, and the optimizer's states of every trained
weight in their order. One GPU, two with DDP and four with FSDP2 go on from each other's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor


def whole(tensor: Any) -> Any:
    """Return a tensor with all its parts, on the CPU; every process has to ask for it. Other values are returned."""
    if isinstance(tensor, DTensor):
        tensor = tensor.full_tensor()
    return tensor.detach().cpu() if isinstance(tensor, torch.Tensor) else tensor


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Return the part of a tensor that this process has."""
    part: torch.Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return part


def whole_weights(model: Any) -> dict[str, torch.Tensor]:
    """Return the trained weights by their names in the model; every process has to ask for them."""
    return {name: whole(weight) for name, weight in model.named_parameters() if weight.requires_grad}


def give_adapter(model: Any, saved: Mapping[str, torch.Tensor]) -> None:
    """Give a PeftModel the weights of an adapter's file; each process keeps its own part of them."""
    from peft import get_peft_model_state_dict

    # peft's names in the file, each with the weight itself
    weights = get_peft_model_state_dict(model, state_dict=dict(model.named_parameters()), save_embedding_layers=False)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(_like(saved[name], weight))


def save_optimizer(optimizer: Any, path: Path, writes: bool) -> None:
    """Save an optimizer's states as whole tensors; all processes call this, and the one that `writes` saves."""
    state = optimizer.state_dict()
    # one after the other, and each to the CPU, so that no GPU holds all of them at once
    state["state"] = {
        place: {key: whole(value) for key, value in values.items()} for place, values in state["state"].items()
    }
    if writes:
        torch.save(state, path)


def load_optimizer(optimizer: Any, path: Path) -> None:
    """Load the states that `save_optimizer`, or a training on one GPU, saved."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for place, values in state["state"].items():
        weight = weights[place]
        state["state"][place] = {
            key: _like(value, weight) if isinstance(value, torch.Tensor) and value.shape == weight.shape else value
            for key, value in values.items()
        }
    optimizer.load_state_dict(state)


def _like(tensor: torch.Tensor, weight: Any) -> torch.Tensor:
    """A whole tensor, spread as a weight is."""
    tensor = tensor.to(weight.device, weight.dtype)
    if isinstance(weight, DTensor):
        spread: torch.Tensor = distribute_tensor(tensor, weight.device_mesh, weight.placements)
        return spread
    return tensor

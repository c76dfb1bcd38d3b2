"""LoRA layers with one step of autograd for the frozen weight and the adapter together.

peft computes the adapter's part of a layer by itself: the input is cast to the adapter's float32 and back, and the
result is scaled and added in passes of their own over the whole output. Here both parts are one matrix product after
the other into the same memory, and only the input and its product with A are kept for the backward pass. The results
are those of peft but for the order of rounding.
"""

from typing import Any

import torch
from torch.nn import functional


def fuse_lora(model: Any) -> int:
    """Give the LoRA layers of a PeftModel the fused computation; returns how many have it.

    Layers with dropout, DoRA, several adapters or another kind of base layer keep peft's own. So does a fused layer
    while its adapter is switched off or merged.
    """
    from bitsandbytes.nn import Linear4bit
    from peft.tuners.lora import LoraLayer

    fused = 0
    for layer in model.modules():
        if not isinstance(layer, LoraLayer) or list(layer.lora_A) != ["default"]:
            continue
        if layer.lora_variant or layer.lora_bias.get("default"):
            continue
        base, dropout = layer.get_base_layer(), layer.lora_dropout["default"]
        if type(base) in (torch.nn.Linear, Linear4bit) and isinstance(dropout, torch.nn.Identity):
            layer.forward = _forward(layer, base, layer.forward)
            fused += 1
    return fused


def _forward(layer: Any, base: Any, plain: Any) -> Any:
    def forward(x: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        if layer.disable_adapters or layer.merged or arguments or named:
            result: torch.Tensor = plain(x, *arguments, **named)
            return result
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        fused: torch.Tensor = _LoraLinear.apply(x, base, a, b, layer.scaling["default"])
        return fused

    return forward


def _frozen(base: Any, dtype: torch.dtype) -> torch.Tensor:
    """The base layer's weight, (out, in), unpacked from NF4 where it is packed."""
    weight = base.weight
    if getattr(weight, "quant_state", None) is not None:
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(weight.data, weight.quant_state)
    unpacked: torch.Tensor = weight.to(dtype)
    return unpacked


class _LoraLinear(torch.autograd.Function):
    """y = x W^T + bias + scale (x A^T) B^T, with gradients for x, A (r, in) and B (out, r)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, base: Any, a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
        a, b = a.to(x.dtype), b.to(x.dtype)
        bias = None if base.bias is None else base.bias.to(x.dtype)
        y = functional.linear(x, _frozen(base, x.dtype), bias)
        inner = functional.linear(x, a)
        y.view(-1, y.shape[-1]).addmm_(inner.view(-1, inner.shape[-1]), b.t(), alpha=scale)
        ctx.save_for_backward(x, inner, a, b)
        ctx.base, ctx.scale = base, scale
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, inner, a, b = ctx.saved_tensors
        of_y = gradients[0].reshape(-1, gradients[0].shape[-1])
        of_inner = (of_y @ b).mul_(ctx.scale)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (of_y @ _frozen(ctx.base, x.dtype)).addmm_(of_inner, a).view(x.shape)
        of_a = of_inner.t() @ x.reshape(-1, x.shape[-1])
        of_b = (of_y.t() @ inner.view(-1, inner.shape[-1])).mul_(ctx.scale)
        return of_x, None, of_a.float(), of_b.float(), None

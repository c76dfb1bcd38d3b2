"""Weights rounded to NF4 and back, as QLoRA trains over them."""

import logging
import threading
from typing import TYPE_CHECKING

from .weight_files import Stored, blocks

if TYPE_CHECKING:
    import torch

NF4_BLOCK = 64  # values that share a scale


class NF4Rows:
    """The rows of a linear layer rounded to NF4 and back.

    Each block of 64 values is rounded by itself; only the scales of all blocks are rounded together. So only the scales
    are kept, 1/64 of the layer; they are read with the first rows.
    """

    def __init__(self, stored: Stored, dtype: str) -> None:
        self._stored, self._dtype = stored, dtype
        self._lock = threading.Lock()
        self._scales: torch.Tensor | None = None

    def rows(self, start: int, stop: int) -> "torch.Tensor":
        """Return rows [start, stop) in float32; may be called from several threads at once."""
        columns = self._stored.shape[1]
        if columns % NF4_BLOCK:  # blocks that begin in one row and end in another
            return through_nf4(self._in_dtype(0, self._stored.shape[0]))[start:stop].float()
        with self._lock:
            if self._scales is None:
                self._scales = self._read_scales()
        scales = self._scales[start * columns // NF4_BLOCK : stop * columns // NF4_BLOCK]
        return through_nf4(self._in_dtype(start, stop), scales).float()

    def _in_dtype(self, start: int, stop: int) -> "torch.Tensor":
        import torch

        return self._stored.rows(start, stop).to(getattr(torch, self._dtype))

    def _read_scales(self) -> "torch.Tensor":
        import torch
        from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise

        blocks_of_scales = []
        for start, stop in blocks(self._stored.shape):
            blocks_of_scales.append(self._in_dtype(start, stop).reshape(-1, NF4_BLOCK).abs().amax(1).float())
        scales = torch.cat(blocks_of_scales)
        offset = scales.mean()
        packed, state = quantize_blockwise(scales - offset, blocksize=256)
        rounded: torch.Tensor = dequantize_blockwise(packed, state) + offset
        return rounded


def load_bitsandbytes() -> None:
    """Import bitsandbytes in this thread: two threads that import it together could see it half imported."""
    # at import it recommends a package for fast matrix products, and none are made here
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    import bitsandbytes.functional  # noqa: F401


def through_nf4(weights: "torch.Tensor", scales: "torch.Tensor | None" = None) -> "torch.Tensor":
    """Return weights rounded to NF4 and back, as bitsandbytes does in QLoRA: blocks of 64, scales quantized too.

    `scales` are the quantized scales of the blocks, needed when `weights` are only a part of a layer.
    """
    load_bitsandbytes()
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    packed, state = quantize_4bit(weights, blocksize=NF4_BLOCK, compress_statistics=scales is None, quant_type="nf4")
    if scales is not None:
        state.absmax = scales
    result: torch.Tensor = dequantize_4bit(packed, state)
    return result

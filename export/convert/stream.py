"""Tensors into several open files at once: blocks of rows are read, merged, rounded and written by a few threads.

Memory holds one block for each thread, never a whole tensor or a whole file.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import DataError
from ...core.progress import Advance
from .ggml import quantize_rows, row_bytes

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

BLOCK = 2**20  # values in a block, about: 4 MiB of float32
LARGEST_FLOAT16 = 65504.0
WIDE = ("F32", "BF16")  # kinds that hold whatever float32 holds; the scales of all others are float16


@dataclass(frozen=True)
class Place:
    """Where a tensor goes in one file: from byte `offset` on, rounded to `kind`, columns weighed by `importance`."""

    file: int
    offset: int
    kind: str
    importance: "NDArray[np.float32] | None" = None


@dataclass(frozen=True)
class Stream:
    """A matrix or vector as the files hold it: `rows(start, stop)` are float32, asked for in multiples of `step` rows.

    `base` and `name` are for messages.
    """

    base: Path
    name: str
    shape: tuple[int, ...]
    rows: "Callable[[int, int], torch.Tensor]"
    places: tuple[Place, ...]
    step: int = 1

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield start and stop of each block of rows; a vector is one block."""
        if len(self.shape) < 2:
            yield 0, self.shape[0]
            return
        size = max(BLOCK // self.shape[1] // self.step, 1) * self.step
        for start in range(0, self.shape[0], size):
            yield start, min(start + size, self.shape[0])


def stream(tensors: Sequence[Stream], advance: Advance, *, threads: int = 0) -> None:
    """Write every tensor to its places; `advance` is called with each block. `threads` 0 is all cores.

    Blocks depend on shapes alone, and each is computed by one thread: the bytes do not depend on `threads`. Raises
    DataError for values that a file's type cannot hold, and what `rows` raises.
    """
    import torch

    before = torch.get_num_threads()
    count = threads or cores()
    done: deque[Future[str]] = deque()
    with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for block in _blocks(tensors, count):
                if len(done) > count:
                    advance(1, done.popleft().result())
                done.append(pool.submit(_write, *block))
            while done:
                advance(1, done.popleft().result())
        finally:
            for waiting in done:
                waiting.cancel()
            torch.set_num_threads(before)


def _blocks(tensors: Sequence[Stream], abreast: int) -> Iterator[tuple[Stream, int, int]]:
    """Blocks of `abreast` tensors in turn: while one thread prepares a whole tensor, the others have work."""
    for first in range(0, len(tensors), abreast):
        group = tensors[first : first + abreast]
        for turn in itertools.zip_longest(*(tensor.blocks() for tensor in group)):
            for tensor, block in zip(group, turn, strict=True):
                if block is not None:
                    yield (tensor, *block)


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write(tensor: Stream, start: int, stop: int) -> str:
    """One block of rows to each place of its tensor; returns the tensor's name."""
    import numpy as np
    import torch

    rows = tensor.rows(start, stop).contiguous()
    if any(place.kind not in WIDE for place in tensor.places):
        flat = rows.view(-1)
        # a sum of squares is cheaper than the largest value, and not smaller; a NaN fails both comparisons
        if not float(torch.dot(flat, flat)) < LARGEST_FLOAT16**2 and not float(flat.abs().max()) <= LARGEST_FLOAT16:
            raise _beyond(tensor)
    columns = tensor.shape[-1]
    for place in tensor.places:
        size = row_bytes(place.kind, columns)
        out = np.empty(rows.numel() // columns * size, dtype=np.uint8)
        if not quantize_rows(place.kind, rows, out, place.importance):
            raise _beyond(tensor)
        _put(place.file, out, place.offset + start * size)
    return tensor.name


def _beyond(tensor: Stream) -> DataError:
    return DataError(f"{tensor.base}: {tensor.name} has values beyond float16", fix="train again, with a lower rate")


def _put(file: int, data: "NDArray[np.uint8]", offset: int) -> None:
    """Write all of `data`; the system may take it in parts."""
    left = data.data
    while left:
        written = os.pwrite(file, left, offset)
        left, offset = left[written:], offset + written

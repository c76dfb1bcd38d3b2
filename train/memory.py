"""How many rows go through the model at once, so that training fits into the memory that is free.

Between forward and backward pass every layer keeps what it computed of every token: that is most of what training
takes, and grows with the rows of a pass. The numbers below were measured on a CPU, with bfloat16 and with float32, over
models of other shapes too, and are upper ends: too few rows cost some speed, too many the whole run.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..core.errors import DataError, SqlLlamaError
from ..core.recipe import Recipe
from .forecast import LIBRARIES as CUDA_LIBRARIES
from .forecast import forecast, read_dimensions, trainable
from .tokens import Tokens

GIB = 2**30
SPARE = 0.1  # share of the free memory that is left to others
# what torch and bitsandbytes take at their first use (oneDNN repacks weights in bfloat16), or CUDA's libraries on a GPU
LIBRARIES = {2: 0.55 * GIB, 4: 0.35 * GIB}
# bytes that a layer keeps of a token for each value of its width, of its keys, and of its inner width, by the bytes of
# the compute type; a part of it is what glibc cannot use again
KEPT = {2: (65, 28, 9.7), 4: (91, 20, 22.5)}
RECOMPUTED = {2: 17, 4: 50}  # bytes for each value of the width that a layer keeps with checkpointing
LOGIT = 20  # bytes for each token of an answer and each word of the vocabulary: logits, their float32, gradients
TRAINED = 16  # bytes of a trained weight: itself, its gradient, two moments
PACKED = 0.5625  # bytes of a weight in NF4 with its scales
COMPILED = 0.5  # share that is left of what layers keep when they are compiled
ON_CPU = 4  # rows of a pass: eight take a CPU as long, two a fifth longer
TOKENS = 8  # lengths are padded to a multiple


@dataclass(frozen=True)
class Passes:
    """`rows` of one pass; `need` is the most that this process will hold, `free` the most that it could (bytes).

    With `checkpointing`, layers are computed again in the backward pass.
    """

    rows: int
    need: int
    free: int
    checkpointing: bool = False

    @property
    def message(self) -> str:
        """The rows and the memory in one line for the user."""
        rows = f"{self.rows} row{'s' if self.rows > 1 else ''}"
        memory = f"about {self.need / GIB:.1f} GiB of memory ({self.free / GIB:.1f} GiB are free)"
        return f"training with {rows} per pass{', recomputing layers' if self.checkpointing else ''}, {memory}"

    def fewer(self, share: int) -> "Passes | None":
        """Return passes of the next smaller divisor of `share` rows; None after one row."""
        divisors = [rows for rows in range(self.rows - 1, 0, -1) if share % rows == 0]
        return replace(self, rows=divisors[0]) if divisors else None

    def compared(self, peak: int) -> str:
        """Say how far the forecast is from the bytes that the fullest pass took on a GPU, CUDA's own not counted."""
        error = (self.need - CUDA_LIBRARIES) / peak - 1
        rows = f"{self.rows} row{'s' if self.rows > 1 else ''}"
        took = f"the fullest pass, of {rows}, took {peak / GIB:.1f} GiB of the GPU's memory"
        return f"{took}; the forecast is {abs(error):.0%} {'higher' if error >= 0 else 'lower'}"


def choose_passes(
    recipe: Recipe,
    config: Mapping[str, Any],
    tokens: Sequence[Tokens],
    width: int,
    free: int,
    used: int = 0,
    most: int = 0,
    *,
    batch: int = 0,
    on_gpu: bool = False,
) -> Passes:
    """Choose the rows of a pass: the recipe's train.micro_batch or, where that is 0, as many as fit, at most `most`.

    `config` is the base's config.json, `tokens` are all rows in the order in which they are trained, `width` the bytes
    of a computed value, `free` and `used` the bytes that this process can still have and has already. The rows are a
    divisor of `batch` (train.batch, or what stands for "auto"; with that, layers are recomputed only where it must be).
    Raises SqlLlamaError when not even one row fits.
    """
    batch = batch or recipe.train.batch
    ways = (False, True) if recipe.train.batch == 0 else (recipe.train.checkpointing,)
    wanted, need = recipe.train.micro_batch, 0
    divisors = [rows for rows in range(batch, 0, -1) if batch % rows == 0]
    few = [rows for rows in divisors if 1 < rows <= most]
    choices = [min(wanted, batch)] if wanted else [*few, 1] if few else divisors
    for checkpointing in ways:
        train = recipe.train.model_copy(update={"checkpointing": checkpointing})
        chosen = recipe.model_copy(update={"train": train})
        for rows in choices:
            need = training_bytes(chosen, config, tokens, rows, width, on_gpu=on_gpu)
            if wanted or need <= (1 - SPARE) * free:
                return Passes(rows, used + need, used + free, checkpointing)
    ways_out = ["close other programs", *_less_memory(recipe)]
    raise SqlLlamaError(
        f"training needs about {(used + need / (1 - SPARE)) / GIB:.1f} GiB of memory with one row per pass, and"
        f" {(used + free) / GIB:.1f} GiB are free",
        fix=f"{', or '.join(ways_out)}; --set train.micro_batch=1 starts without this check",
    )


def _less_memory(recipe: Recipe) -> list[str]:
    """The settings with which a pass of one row takes less memory."""
    checkpointing = [] if recipe.train.checkpointing else ["--set train.checkpointing=true"]
    return [*checkpointing, f"--set train.max_tokens={max(64, recipe.train.max_tokens // 2)}"]


@contextlib.contextmanager
def explain_out_of_memory(recipe: Recipe, rows: int) -> Iterator[None]:
    """Turn torch's error for memory that is used up into SqlLlamaError with the settings that need less of it.

    `rows` are those of a pass. A GPU raises torch.OutOfMemoryError, a CPU a RuntimeError of its allocator.
    """
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        on_gpu = isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in str(error)
        if not (on_gpu or isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error)):
            raise
        ways = [*(["--set train.micro_batch=1"] if rows > 1 else []), *_less_memory(recipe)]
        memory = "the GPU's memory" if on_gpu else "the memory"
        raise SqlLlamaError(
            f"{memory} is not enough to train with {rows} row{'s' if rows > 1 else ''} per pass", fix=", or ".join(ways)
        ) from error


def training_bytes(
    recipe: Recipe, config: Mapping[str, Any], tokens: Sequence[Tokens], rows: int, width: int, *, on_gpu: bool = False
) -> int:
    """Estimate the bytes that training takes at its fullest pass; 0 for a model whose config says too little."""
    try:
        shape = read_dimensions(config)
    except DataError:
        return 0
    passes = [tokens[start : start + rows] for start in range(0, len(tokens), rows)]
    if on_gpu:
        checkpointing = recipe.train.checkpointing
        sizes = {(len(part), _padded(part), _answers(part)) for part in passes}
        liger = find_spec("liger_kernel") is not None
        memory = [
            forecast(recipe, shape, *size, width, checkpointing=checkpointing, liger=liger).total for size in sizes
        ]
        return int(CUDA_LIBRARIES + max(memory))
    quantization = recipe.train.quantization
    frozen = shape.matrices * (PACKED if quantization == "nf4" else width) + shape.tables * width
    if quantization == "nf4-unpacked":
        frozen += shape.matrices * PACKED  # both are there while it is unpacked
    trained = trainable(recipe, shape) * TRAINED
    by_width, by_keys, by_inner = KEPT[width]
    layer = by_width * max(shape.hidden, shape.queries) + by_keys * shape.keys + by_inner * shape.inner
    kept = shape.layers * layer
    if recipe.train.checkpointing:
        kept = shape.layers * RECOMPUTED[width] * shape.hidden + 2 * layer
    elif recipe.train.compile:
        kept *= COMPILED
    fullest = max(
        _padded(part) * len(part) * kept + _answers(part) * len(part) * LOGIT * shape.vocabulary for part in passes
    )
    return int(LIBRARIES[width] + frozen + trained + fullest)


def _padded(rows: Sequence[Tokens]) -> int:
    longest = max(len(row.ids) for row in rows)
    return longest + -longest % TOKENS


def _answers(rows: Sequence[Tokens]) -> int:
    """Columns in which some row has its answer: logits are computed of those."""
    return max(len(row.ids) for row in rows) - min(row.prompt for row in rows)


def free_memory() -> int:
    """Return the bytes that this process can still have: of the GPU, else of the machine or container."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    free = int(psutil.virtual_memory().available)
    limit = container_memory()
    return free if limit is None else min(free, limit)


def used_memory() -> int:
    """Return the bytes that this process holds in that memory."""
    import psutil
    import torch

    return 0 if torch.cuda.is_available() else int(psutil.Process().memory_info().rss)


def container_memory(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that a container's limit leaves, which the machine does not show; None without one."""
    names = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    for limit, usage in names:
        try:
            most, now = ((root / name).read_text(encoding="utf-8").strip() for name in (limit, usage))
            stat = (root / limit).with_name("memory.stat").read_text(encoding="utf-8").split()
            cached = int(stat[stat.index("inactive_file") + 1])  # cache that the system frees when memory is needed
            if most != "max" and int(most) < 2**60:
                return max(0, int(most) - int(now) + cached)
        except (OSError, ValueError, IndexError):
            continue
    return None

"""What a recipe will take on a given card, before anything is downloaded: parameters, memory, disk and time."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import DataError, RecipeError
from ..core.recipe import Recipe
from ..models.base import resolve_base
from ..models.package import PACKAGE, SHAPE
from .batches import batch_of
from .forecast import LIBRARIES, SPARE, Dimensions, Forecast, forecast, read_dimensions, trainable
from .gpus import GPUS, Gpu, seconds_per_token
from .memory import ON_CPU, free_memory

# pairs that are learnt of data sets whose size is known (docs/data.md); other sources are taken to have UNKNOWN
KNOWN = {"spider": 6_901, "bird": 6_601, "wikisql": 53_570, "sql-create-context": 76_000, "gretel": 60_000}
UNKNOWN = 10_000
TOKENS = 335  # mean of a row: measured over the pairs of spider-smollm2
ANSWER = 160  # tokens of an answer, with what the rows of one pass differ in
FEWEST_FREE = 2 * 2**30  # bytes of host memory beside the weights, for Python and the libraries
CPU_FLOPS = {2: 85e9, 4: 40e9}  # operations a second of a core: 400 and 190 tokens/s of SmolLM2-135M on two cores


@dataclass(frozen=True)
class Estimate:
    """Bytes, seconds and counts. `batch` pairs a step go through the model in passes of `micro_batch`.

    `fits` is whether it can be trained on `device` at all; if not, the rest is that of the smallest pass. `assumed`
    says in words what the recipe does not tell.
    """

    device: str
    parameters: int
    trainable: int
    memory: Forecast
    free: int
    fits: bool
    batch: int
    micro_batch: int
    checkpointing: bool
    packing: bool
    attention: str
    pairs: int
    tokens: int
    seconds: float
    host_bytes: int
    disk_bytes: int
    assumed: tuple[str, ...]


def estimate(recipe: Recipe, device: str = "") -> Estimate:
    """Estimate a recipe on a card of gpus.py, on "cpu", or on this machine (empty). Needs no weights and no network.

    Raises RecipeError for an unknown card, DataError where neither the base's folder nor [shape] says the shape.
    """
    gpu, free, name, width = _device(recipe, device)
    shape = read_dimensions(base_config(recipe))
    assumed = [f"rows of {TOKENS} tokens in the mean, and one of train.max_tokens in the fullest pass"]
    pairs = _pairs(recipe, assumed)
    batch = batch_of(recipe.train.batch, pairs)
    most = batch if gpu is not None else ON_CPU
    rows, checkpointing, memory = _fastest(recipe, shape, batch, most, width, free)
    steps = max(1, int(pairs * recipe.train.epochs) // batch)
    if recipe.train.max_steps:
        steps = min(steps, recipe.train.max_steps)
    tokens = steps * batch * min(TOKENS, recipe.train.max_tokens)
    if gpu is not None:
        each = seconds_per_token(gpu, shape.matrices, shape.layers, checkpointing=checkpointing)
    else:
        each = shape.matrices * (6 if checkpointing else 4) / (CPU_FLOPS[width] * _cores())
    return Estimate(
        device=name,
        parameters=shape.parameters,
        trainable=trainable(recipe, shape),
        memory=memory,
        free=free,
        fits=_needed(memory, on_gpu=gpu is not None) <= free,
        batch=batch,
        micro_batch=rows,
        checkpointing=checkpointing,
        packing=False,
        attention="sdpa",
        pairs=pairs,
        tokens=tokens,
        seconds=round(tokens * each, 1),
        host_bytes=FEWEST_FREE + (shape.parameters * 2 if gpu is None else _largest_file(shape)),
        disk_bytes=_disk(recipe, shape),
        assumed=tuple(assumed),
    )


def base_config(recipe: Recipe) -> dict[str, Any]:
    """Return the base's config.json, from its folder, else from the recipe's [shape], else from the Hub's cache."""
    model = recipe.base.model
    local = Path(model).expanduser().is_dir()
    if not local and recipe.shape.model_type:
        return dict(recipe.shape.model_dump())
    if model == f"package:{PACKAGE}":
        return dict(SHAPE)
    if not local:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(model, "config.json", revision=recipe.base.revision)
        if not isinstance(found, str):
            fix = "give the recipe a [shape], or set base.model to a folder"
            raise DataError(f"{model}: its shape is not known here", fix=fix)
        return dict(json.loads(Path(found).read_text(encoding="utf-8")))
    config = resolve_base(model, recipe.base.revision) / "config.json"
    return dict(json.loads(config.read_text(encoding="utf-8")))


def _device(recipe: Recipe, device: str) -> tuple[Gpu | None, int, str, int]:
    """The card, its free bytes, a name for people, and the bytes of a computed value."""
    from ..engines.huggingface import compute_dtype

    if device in GPUS:
        gpu = GPUS[device]
        return gpu, gpu.bytes, gpu.name, 4 if recipe.train.dtype == "float32" else 2
    if device not in ("", "cpu"):
        raise RecipeError(f"--gpu {device}: not known", fix=f"one of {', '.join(GPUS)}, cpu")
    import torch

    width = compute_dtype(recipe.train.dtype).itemsize
    if device == "" and torch.cuda.is_available():
        name, memory = torch.cuda.get_device_name(), torch.cuda.mem_get_info()
        words = name.lower().replace("-", " ").split()
        alike = next((gpu for key, gpu in GPUS.items() if key.removesuffix("-80") in words), GPUS["t4"])
        return replace(alike, name=name, bytes=memory[1]), memory[0], name, width
    return None, free_memory(), f"this machine's processor ({_cores()} cores)", width


def _fastest(
    recipe: Recipe, shape: Dimensions, batch: int, most: int, width: int, free: int
) -> tuple[int, bool, Forecast]:
    """The largest pass that fits, without checkpointing if possible; else the smallest pass there is."""
    length = recipe.train.max_tokens + -recipe.train.max_tokens % 8
    answers = min(ANSWER, length // 2)
    for checkpointing in (False, True):
        for rows in (rows for rows in range(batch, 0, -1) if batch % rows == 0 and rows <= most):
            memory = forecast(recipe, shape, rows, length, answers, width, checkpointing=checkpointing)
            if _needed(memory, on_gpu=True) <= free:
                return rows, checkpointing, memory
    return 1, True, forecast(recipe, shape, 1, length, answers, width, checkpointing=True)


def _needed(memory: Forecast, *, on_gpu: bool) -> float:
    return memory.total * (1 + SPARE) + (LIBRARIES if on_gpu else 0)


def _pairs(recipe: Recipe, assumed: list[str]) -> int:
    """The pairs of an epoch, as far as the recipe tells."""
    data = recipe.data
    count = data.synthetic + data.spider_synthetic + data.db_synthetic
    count += KNOWN["spider"] if data.spider else 0
    for name in data.jsonl:
        count += data.jsonl_limit or _unknown(name, assumed)
    for source in data.source:
        size = next((size for known, size in KNOWN.items() if known in source.path.lower()), 0)
        pairs = size or (source.limit or _unknown(source.path, assumed))
        count += int((min(pairs, source.limit) if source.limit else pairs) * source.weight)
    return max(1, round(count * (1 - data.valid_share)))


def _unknown(name: str, assumed: list[str]) -> int:
    assumed.append(f"{UNKNOWN:,} pairs in {name}")
    return UNKNOWN


def _disk(recipe: Recipe, shape: Dimensions) -> int:
    """The base, three checkpoints, the adapter, and the exported files (a byte and 0.6 bytes a weight)."""
    return int(shape.parameters * (2 + 1.1 + 0.6) + trainable(recipe, shape) * (3 * 12 + 2))


def _largest_file(shape: Dimensions) -> int:
    """Weights are read file by file; the Hub's are of five gigabytes at most."""
    return min(shape.parameters * 2, 5 * 10**9)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

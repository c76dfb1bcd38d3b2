"""The merged model as a folder that transformers loads: sharded safetensors, config and tokenizer.

Rows go from the base's file through the merge to the new file in blocks, so memory does not grow with the model.
"""

import json
import math
import os
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ...core.errors import DataError, SqlLlamaError
from ...core.files import atomic_folder, need_space, write_json
from ...core.progress import Advance, progress
from ...models.weight_files import INDEX, WHOLE, blocks, read_json
from .merge import MergeBase, Weights, merge, merged_config

if TYPE_CHECKING:
    import torch

# safetensors' name of a type, its bytes and torch's name
TYPES = {"F16": (2, "float16"), "BF16": (2, "bfloat16"), "F32": (4, "float32"), "F64": (4, "float32")}
SHARD_BYTES = 5 * 10**9  # the size that model hubs recommend
LARGEST_FLOAT16 = 65504.0
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
TEMPLATES = ("chat_template.jinja", "chat_template.json")
BESIDE = (
    *TOKENIZERS,
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"),
    *TEMPLATES,
)
FROM_BASE = ("generation_config.json", "LICENSE*", "NOTICE*", "USE_POLICY*")


def merged_folder(
    base: Path,
    adapter: Path | None,
    out: Path,
    *,
    merge_base: MergeBase = "base",
    dtype: str = "bfloat16",
    template: str = "",
    max_shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write the folder `out` in Hugging Face's layout, each tensor in the type that it has in the base.

    `merge_base` and `dtype` (the compute type of the training) are `merge`'s. `template` is the Jinja chat template of
    the training, in place of the base's own. `out` is whole or not there; an earlier model in it is replaced. Raises
    DataError as `merge` does, for values that the type cannot hold and for a base without a tokenizer, and
    SqlLlamaError when `out` holds something else or the disk is too full.
    """
    _check_place(out, base, adapter)
    tensors = list(merge(base, adapter, merge_base=merge_base, dtype=dtype))
    total = sum(_bytes(tensor) for tensor in tensors)
    need_space(out, total + 2**25, "the merged model")
    config = merged_config(base, adapter)
    beside = _beside(base, adapter)
    shards = _shards(tensors, max_shard_bytes)
    steps = sum(1 for tensor in tensors for _ in blocks(tensor.shape))
    with atomic_folder(out) as temporary, progress("merging", steps, "blocks") as advance:
        weight_map = {}
        for number, shard in enumerate(shards, 1):
            name = WHOLE if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
            _write_shard(temporary / name, shard, adapter or base, advance)
            weight_map.update({tensor.name: name for tensor in shard})
        if len(shards) > 1:
            write_json(temporary / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
        write_json(temporary / "config.json", config)
        for path in beside:
            if not (template and path.name in TEMPLATES):
                shutil.copyfile(path, temporary / path.name)
        if template:
            tokenizer_config = temporary / "tokenizer_config.json"
            facts = read_json(tokenizer_config) if tokenizer_config.is_file() else {}
            write_json(tokenizer_config, {**facts, "chat_template": template})
    return out


def _check_place(out: Path, base: Path, adapter: Path | None) -> None:
    """Raise SqlLlamaError for a place that holds something other than a merged model, or that is read from."""
    fix = "give a new folder"
    for source in (base, adapter):
        if source and (out.resolve() == source.resolve() or out.resolve() in source.resolve().parents):
            raise SqlLlamaError(f"{out}: {source} is read from there", fix=fix)
    if out.exists() and not out.is_dir():
        raise SqlLlamaError(f"{out}: is a file", fix=fix)
    inside = list(out.iterdir()) if out.exists() else []
    if inside and (out / "config.json" not in inside or any(path.is_dir() for path in inside)):
        raise SqlLlamaError(f"{out}: holds files that are not a merged model", fix=fix)


def _beside(base: Path, adapter: Path | None) -> list[Path]:
    """The files to copy: the tokenizer of the training, which is the adapter's where it has one, and the base's own."""
    tokenizer = next(
        (folder for folder in (adapter, base) if folder and any((folder / name).is_file() for name in TOKENIZERS)), None
    )
    if tokenizer is None:
        raise DataError(f"{base}: no {' and no '.join(TOKENIZERS)}", fix="get the base again")
    beside = [tokenizer / name for name in BESIDE if (tokenizer / name).is_file()]
    return beside + sorted({path for pattern in FROM_BASE for path in base.glob(pattern) if path.is_file()})


def _bytes(weights: Weights) -> int:
    return TYPES[weights.dtype][0] * math.prod(weights.shape)


def _shards(tensors: Sequence[Weights], limit: int) -> list[list[Weights]]:
    """Tensors in their order, as many in a file as fit."""
    shards: list[list[Weights]] = [[]]
    filled = 0
    for tensor in tensors:
        if shards[-1] and filled + _bytes(tensor) > limit:
            shards.append([])
            filled = 0
        shards[-1].append(tensor)
        filled += _bytes(tensor)
    return shards


def _write_shard(path: Path, tensors: Sequence[Weights], source: Path, advance: Advance) -> None:
    """One safetensors file: bytes of the header (8, little-endian), header in JSON, values without gaps."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        dtype = "F32" if tensor.dtype == "F64" else tensor.dtype
        header[tensor.name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": (at, at + _bytes(tensor))}
        at += _bytes(tensor)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # values begin at a multiple of 8
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            for start, stop in blocks(tensor.shape):
                _write_rows(file, tensor, tensor.rows(start, stop), source)
                advance()
        file.flush()
        os.fsync(file.fileno())


def _write_rows(file: IO[bytes], weights: Weights, rows: "torch.Tensor", source: Path) -> None:
    import torch

    if weights.dtype == "F16" and rows.numel() and float(rows.abs().max()) > LARGEST_FLOAT16:
        raise DataError(f"{source}: {weights.name} has values beyond float16", fix="train again, with a lower rate")
    rounded = rows.to(getattr(torch, TYPES[weights.dtype][1])).contiguous()
    file.write(rounded.reshape(-1).view(torch.uint8).numpy().data)

"""A LoRA adapter into the base's weights, tensor by tensor, in float32: nothing but one tensor is in memory at a time.

The ground is the 16-bit base, or what QLoRA trained over: the base rounded to NF4 and back. It is never the packed
4-bit weights themselves: merging into those rounds the adapter away.
"""

import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import DataError

if TYPE_CHECKING:
    import torch

Ground = Literal["base", "nf4"]

LINEAR = re.compile(r"model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)\.weight\Z")
LORA = re.compile(r"base_model\.model\.(.+)\.lora_(A|B)\.weight\Z")

# keys of adapter_config.json that say nothing about the arithmetic, or that are looked at by name below
HARMLESS = frozenset(
    (
        *("peft_type", "task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision"),
        *(
            "inference_mode",
            "r",
            "lora_alpha",
            "lora_dropout",
            "target_modules",
            "exclude_modules",
            "use_rslora",
            "bias",
        ),
        *("init_lora_weights", "layers_to_transform", "layers_pattern", "rank_pattern", "megatron_core"),
        *("qalora_group_size", "runtime_config"),
    )
)
# other starts than these change the base's weights too, and the adapter alone does not say how
PLAIN_STARTS = (True, False, "gaussian", "orthogonal")


@dataclass(frozen=True)
class Adapter:
    """Where an adapter is and how it is scaled; `pairs` maps a base tensor's name to its rank."""

    folder: Path
    alpha: float
    rslora: bool
    pairs: Mapping[str, int]

    def scale(self, name: str) -> float:
        rank = self.pairs[name]
        return self.alpha / (math.sqrt(rank) if self.rslora else rank)


@dataclass(frozen=True)
class Weights:
    """One merged tensor that is not in memory yet: `rows(start, stop)` reads and computes those rows, in float32.

    `name` is Hugging Face's. `rows` may be called from several threads at once; it raises DataError for values that
    are not finite. A scalar has one row.
    """

    name: str
    shape: tuple[int, ...]
    rows: "Callable[[int, int], torch.Tensor]"

    def whole(self) -> "torch.Tensor":
        """All rows."""
        return self.rows(0, self.shape[0] if self.shape else 1)


def merge(base: Path, adapter: Path | None, *, ground: Ground = "base", dtype: str = "bfloat16") -> Iterator[Weights]:
    """Every tensor of `base` with the adapter in it, in the order of `merged_shapes`.

    `dtype` (bfloat16, float16 or float32) is the compute type of the training, in which NF4 weights were made.
    float32 comes out, so that whoever writes the weights rounds them, once. Raises DataError for an adapter with
    anything in it that is not plain LoRA on the decoder's linear layers.
    """
    shapes = weight_shapes(base)
    lora = read_adapter(adapter, shapes) if adapter else None
    where = _weight_files(base)
    for name, shape in shapes.items():
        ground_rows = _base_rows(where[name], name)
        if ground == "nf4" and LINEAR.match(name):
            ground_rows = _NF4Rows(ground_rows, shape[0], dtype).rows
        if lora and name in lora.pairs:
            ground_rows = _with_lora(ground_rows, lora, name)
        yield Weights(name, shape, _finite(ground_rows, adapter or base, name))


def merged_shapes(base: Path, adapter: Path | None) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that `merge` yields, from headers alone; raises DataError for what it refuses."""
    shapes = weight_shapes(base)
    if adapter:
        read_adapter(adapter, shapes)
    return shapes


def _base_rows(path: Path, name: str) -> "Callable[[int, int], torch.Tensor]":
    def rows(start: int, stop: int) -> "torch.Tensor":
        import torch
        from safetensors import safe_open

        # opened for each block: pages of a mapped file count as our memory until it is closed
        with safe_open(path, "pt") as file:
            part = file.get_slice(name)
            weights = part[start:stop] if part.get_shape() else file.get_tensor(name)
            if not weights.dtype.is_floating_point or weights.element_size() < 2:
                raise DataError(f"{path}: {name} is packed ({weights.dtype})", fix="give the base in 16 bits")
            return torch.clone(weights)

    return rows


class _NF4Rows:
    """A linear layer rounded to NF4 and back, whole in memory from the first block asked for until all were given."""

    def __init__(self, rows: "Callable[[int, int], torch.Tensor]", total: int, dtype: str) -> None:
        self._source, self._total, self._dtype = rows, total, dtype
        self._lock, self._given = threading.Lock(), 0
        self._weights: torch.Tensor | None = None

    def rows(self, start: int, stop: int) -> "torch.Tensor":
        import torch

        with self._lock:
            if self._weights is None:
                self._weights = through_nf4(self._source(0, self._total).to(getattr(torch, self._dtype)))
                self._given = 0
            part = self._weights[start:stop].clone()
            self._given += stop - start
            if self._given >= self._total:
                self._weights = None
        return part


def _with_lora(
    rows: "Callable[[int, int], torch.Tensor]", lora: Adapter, name: str
) -> "Callable[[int, int], torch.Tensor]":
    def merged(start: int, stop: int) -> "torch.Tensor":
        from safetensors import safe_open

        stem = f"base_model.model.{name.removesuffix('.weight')}"
        with safe_open(lora.folder / "adapter_model.safetensors", "pt") as file:
            a = file.get_tensor(f"{stem}.lora_A.weight").float()
            b = file.get_slice(f"{stem}.lora_B.weight")[start:stop].float()
            return rows(start, stop).float().addmm_(b, a, alpha=lora.scale(name))

    return merged


def _finite(
    rows: "Callable[[int, int], torch.Tensor]", source: Path, name: str
) -> "Callable[[int, int], torch.Tensor]":
    def checked(start: int, stop: int) -> "torch.Tensor":
        import torch

        weights = rows(start, stop).float()
        # a sum is cheaper than a look at each value; only where it overflows are they looked at
        if not math.isfinite(float(weights.sum())) and not bool(torch.isfinite(weights).all()):
            raise DataError(f"{source}: {name} has values that are not finite", fix="train again, with a lower rate")
        return weights

    return checked


def through_nf4(weights: "torch.Tensor") -> "torch.Tensor":
    """Weights rounded to NF4 and back, as bitsandbytes does in QLoRA: blocks of 64, scales quantized too."""
    # at import it recommends a package for fast matrix products, of which there are none here
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    packed, state = quantize_4bit(weights, blocksize=64, compress_statistics=True, quant_type="nf4")
    result: torch.Tensor = dequantize_4bit(packed, state)
    return result


def read_adapter(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> Adapter:
    """What an adapter folder holds, checked against the base's shapes; raises DataError for all but plain LoRA."""
    from safetensors import SafetensorError, safe_open

    config = _read_json(folder / "adapter_config.json")
    _refuse(folder, config)
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise DataError(f"{folder}: no adapter_model.safetensors", fix="sql-llama train RECIPE")
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    try:
        with safe_open(weights, "pt") as file:
            for key in sorted(file.keys()):
                match = LORA.match(key)
                if not match or not LINEAR.match(f"{match[1]}.weight"):
                    raise DataError(
                        f"{weights}: {key}: only LoRA on the decoder's linear layers can be merged", fix=FIX
                    )
                found.setdefault(f"{match[1]}.weight", {})[match[2]] = tuple(file.get_slice(key).get_shape())
    except SafetensorError as error:
        raise DataError(f"{weights}: broken ({error})", fix="sql-llama train RECIPE") from None
    if not found:
        raise DataError(f"{weights}: holds no LoRA weights", fix="sql-llama train RECIPE")
    pairs = {}
    for name, parts in found.items():
        a, b, w = parts.get("A"), parts.get("B"), shapes.get(name)
        if w is None:
            raise DataError(f"{weights}: the base has no {name}", fix="give the base that the adapter was trained on")
        if a is None or b is None or a[0] != b[1] or (b[0], a[1]) != w:
            raise DataError(
                f"{weights}: {name}: {b} times {a} is not {w}", fix="give the base that the adapter was trained on"
            )
        pairs[name] = a[0]
    return Adapter(folder, float(config["lora_alpha"]), bool(config.get("use_rslora")), pairs)


FIX = "train plain LoRA: no DoRA, no modules_to_save, no embeddings, no lm_head"


def _refuse(folder: Path, config: Mapping[str, Any]) -> None:
    at = folder / "adapter_config.json"
    if config.get("peft_type") != "LORA":
        raise DataError(f"{at}: peft_type {config.get('peft_type')!r} cannot be merged", fix=FIX)
    if config.get("bias", "none") != "none":
        raise DataError(f"{at}: bias {config['bias']!r} cannot be merged", fix=FIX)
    if config.get("init_lora_weights", True) not in PLAIN_STARTS:
        raise DataError(f"{at}: init_lora_weights {config['init_lora_weights']!r} changes the base too", fix=FIX)
    for key, value in config.items():
        if key not in HARMLESS and value:
            raise DataError(f"{at}: {key} cannot be merged", fix=FIX)
    alpha = config.get("lora_alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise DataError(f"{at}: lora_alpha is {alpha!r}", fix="sql-llama train RECIPE")


def weight_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a model folder, from the headers of its weight files alone."""
    from safetensors import SafetensorError, safe_open

    config = _read_json(base / "config.json")
    if config.get("quantization_config"):
        raise DataError(f"{base}: its weights are quantized", fix="give the base in 16 bits")
    shapes = {}
    try:
        for path in sorted(set(_weight_files(base).values())):
            with safe_open(path, "pt") as file:
                for name in sorted(file.keys()):
                    shapes[name] = tuple(file.get_slice(name).get_shape())
    except SafetensorError as error:
        raise DataError(f"{path}: broken ({error})", fix="get the base again") from None
    return dict(sorted(shapes.items(), key=lambda item: _natural(item[0])))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Layer 10 after layer 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in name.split(".")]


def _weight_files(base: Path) -> dict[str, Path]:
    """The file of each tensor. Raises DataError when a file is missing or broken."""
    from safetensors import SafetensorError, safe_open

    index = base / "model.safetensors.index.json"
    if index.is_file():
        return {name: base / file for name, file in _read_json(index)["weight_map"].items()}
    path = base / "model.safetensors"
    try:
        with safe_open(path, "pt") as file:
            return dict.fromkeys(file.keys(), path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="get the base again") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path.parent}: no {path.name}", fix="check the folder") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="get or make it again") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: not a JSON object", fix="get or make it again")
    return value

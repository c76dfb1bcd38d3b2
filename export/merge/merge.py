"""An adapter into the base's weights, any rows of any tensor on demand, in float32.

Only the rows that are being computed are in memory, so a laptop merges a model that it could not load. `merge_base`
names the weights that the adapter is merged into: the 16-bit base, or the base rounded to NF4 and back, on which QLoRA
trained. The adapter is never merged into packed 4-bit weights, because their rounding would lose it.
"""

import math
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...core.errors import DataError
from ...models.nf4 import NF4Rows, load_bitsandbytes
from ...models.weight_files import Stored, blocks, read_json, weight_files
from .adapter import Adapter, read_adapter
from .change import EMBEDDING, HEAD, Change

if TYPE_CHECKING:
    import torch

MergeBase = Literal["base", "nf4"]
Rows = Callable[[int, int], "torch.Tensor"]

# bitsandbytes packs the matrices of the layers, not the embedding and lm_head
LINEAR = re.compile(r"(?:.+\.)?(?:layers|h|blocks)\.\d+\..+\.weight\Z")
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True)
class Weights:
    """One merged tensor that is not in memory: `rows(start, stop)` reads and computes those rows, in float32.

    `name` is Hugging Face's, `dtype` (F16, BF16, F32 or F64) its type in the base. `rows` may be called from several
    threads at once; it raises DataError for values that are not finite. A scalar has one row.
    """

    name: str
    shape: tuple[int, ...]
    rows: Rows
    dtype: str = "F32"

    def whole(self) -> "torch.Tensor":
        """Return all rows."""
        return self.rows(0, self.shape[0] if self.shape else 1)


@dataclass(frozen=True)
class _Plan:
    base: dict[str, Stored]
    embedding: str  # name of the table that a tied lm_head begins from; empty in a base that is not tied
    adapter: Adapter | None
    shapes: dict[str, tuple[int, ...]]

    def change(self, name: str) -> Change:
        return self.adapter.changes.get(name, Change()) if self.adapter else Change()

    def merged_into(self, name: str) -> Stored:
        return self.change(name).whole or self.in_base(name)

    def in_base(self, name: str) -> Stored:
        return self.base[name if name in self.base else self.embedding]


def merge(
    base: Path, adapter: Path | None, *, merge_base: MergeBase = "base", dtype: str = "bfloat16"
) -> Iterator[Weights]:
    """Yield every tensor of the merged model, in the order of `merged_shapes`.

    `dtype` (bfloat16, float16 or float32) is the compute type of the training, in which NF4 weights were made. The rows
    are float32, so that they are rounded once, where they are written. Raises DataError for a base that is packed or
    broken, an adapter of another base, and anything in the adapter that is not known.
    """
    plan = _plan(base, adapter)
    check_merge_base(base, merge_base)
    if merge_base == "nf4":
        load_bitsandbytes()
    for name, shape in plan.shapes.items():
        change, stored = plan.change(name), plan.merged_into(name)
        rows: Rows = stored.rows
        if merge_base == "nf4" and len(shape) == 2 and LINEAR.match(name) and not change.whole:
            rows = NF4Rows(stored, dtype).rows
        if change.a:
            rows = _Lora(rows, change, shape).rows
        if change.tokens:
            rows = _with_tokens(rows, change)
        if change.bias:
            rows = _with_bias(rows, change)
        changed = adapter if adapter and change != Change() else base
        yield Weights(name, shape, _finite(rows, changed, name), plan.in_base(name).dtype)


def check_merge_base(base: Path, merge_base: MergeBase) -> None:
    """Raise DataError for a base that cannot be merged into in this form."""
    if merge_base == "nf4" and any(read_json(base / "config.json").get(key) for key in EXPERTS):
        raise DataError(
            f"{base}: sql-llama does not know how training rounded its experts to NF4", fix="set export.ground = 'base'"
        )


def merged_shapes(base: Path, adapter: Path | None) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor that `merge` yields; raises DataError for all that it refuses.

    A tied model has no lm_head.weight; one that the adapter has parted from its embedding has.
    """
    return _plan(base, adapter).shapes


def merged_config(base: Path, adapter: Path | None) -> dict[str, Any]:
    """Return the config.json of the merged model: the base's, with its own vocab_size and tie_word_embeddings."""
    plan = _plan(base, adapter)
    config = read_json(base / "config.json")
    table = next((name for name in plan.shapes if f".{name}".endswith(f".{EMBEDDING}")), "")
    if not adapter or not table:
        return config
    if plan.shapes[table] != plan.base[table].shape:
        config["vocab_size"] = plan.shapes[table][0]
    if plan.adapter and plan.embedding and not plan.adapter.tied:
        config["tie_word_embeddings"] = False
    return config


def weight_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor of a model folder, as `merged_shapes` without an adapter."""
    return merged_shapes(base, None)


def _plan(base: Path, folder: Path | None) -> _Plan:
    config = read_json(base / "config.json")
    if config.get("quantization_config"):
        raise DataError(f"{base}: its weights are already quantized", fix="give the base in 16 bits")
    stored = weight_files(base)
    table = next((name for name in stored if f".{name}".endswith(f".{EMBEDDING}")), "")
    tied = bool(table) and bool(config.get("tie_word_embeddings", HEAD not in stored))
    if tied:
        stored.pop(HEAD, None)  # a copy of the embedding in some files, which every loader ignores
    adapter = read_adapter(folder, stored, tied=tied) if folder else None
    plan = _Plan(stored, table if tied else "", adapter, {})
    names = [*stored, HEAD] if tied and adapter and not adapter.tied else list(stored)
    plan.shapes.update((name, plan.merged_into(name).shape) for name in sorted(names, key=lambda name: name == HEAD))
    return plan


class _Lora:
    """Rows with scale * b @ a added, and with DoRA brought to the magnitude of each output.

    The outputs of a linear layer are its rows, those of an embedding its columns. For the norms of columns the whole
    table is read once, in blocks, before the first rows.
    """

    def __init__(self, rows: Rows, change: Change, shape: tuple[int, ...]) -> None:
        self._rows, self._change, self._shape = rows, change, shape
        self._lock = threading.Lock()
        self._norms: torch.Tensor | None = None

    def rows(self, start: int, stop: int) -> "torch.Tensor":
        """Return the changed rows [start, stop) in float32; may be called from several threads at once."""
        weights, magnitude = self._added(start, stop), self._change.magnitude
        if magnitude is None:
            return weights
        if self._change.is_embedding:
            return weights.mul_(magnitude.whole() / self._column_norms())
        return weights.mul_((magnitude.rows(start, stop) / weights.norm(dim=1))[:, None])

    def _added(self, start: int, stop: int) -> "torch.Tensor":
        change = self._change
        assert change.a and change.b
        if change.is_embedding:
            left, right = change.a.columns(start, stop).T, change.b.whole().T
        else:
            left, right = change.b.rows(start, stop), change.a.whole()
        return self._rows(start, stop).addmm_(left, right, alpha=change.scale)

    def _column_norms(self) -> "torch.Tensor":
        import torch

        with self._lock:
            if self._norms is None:
                squares = torch.zeros(self._shape[1], dtype=torch.float64)
                for start, stop in blocks(self._shape):
                    squares += self._added(start, stop).square_().sum(0, dtype=torch.float64)
                self._norms = squares.sqrt_().float()
        return self._norms


def _with_tokens(rows: Rows, change: Change) -> Rows:
    def replaced(start: int, stop: int) -> "torch.Tensor":
        assert change.tokens
        weights = rows(start, stop)
        for at, row in enumerate(change.indices):
            if start <= row < stop:
                weights[row - start] = change.tokens.rows(at, at + 1)[0]
        return weights

    return replaced


def _with_bias(rows: Rows, change: Change) -> Rows:
    def added(start: int, stop: int) -> "torch.Tensor":
        assert change.bias
        return rows(start, stop).add_(change.bias.rows(start, stop), alpha=change.scale)

    return added


def _finite(rows: Rows, source: Path, name: str) -> Rows:
    def checked(start: int, stop: int) -> "torch.Tensor":
        import torch

        weights = rows(start, stop)
        # one sum is cheaper than a test of each value, and overflows where a value is not finite
        if not math.isfinite(float(weights.sum())) and not bool(torch.isfinite(weights).all()):
            raise DataError(f"{source}: {name} has values that are not finite", fix="train again, with a lower rate")
        return weights

    return checked


def tokenizer_of(base: Path, adapter: Path | None) -> Path:
    """Return the folder with the merged model's tokenizer: the adapter's, if it resized the embedding and has one."""
    table = "model.embed_tokens.weight"
    if adapter is None or not (adapter / "tokenizer.json").is_file():
        return base
    return base if merged_shapes(base, adapter).get(table) == weight_shapes(base).get(table) else adapter

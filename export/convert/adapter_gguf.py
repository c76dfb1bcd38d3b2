"""A LoRA adapter as llama.cpp's LoRA GGUF, which is laid over its base at run time: one base, many adapters.

Tensors are byte for byte, and keys but for names, those of llama.cpp's convert_lora_to_gguf.py, which the tests run.
llama.cpp multiplies by one alpha over each tensor's rank. Where a training scaled otherwise (rsLoRA, alpha_pattern) we
write the alpha that gives its scale, and fold what is left into lora_b; llama.cpp's script passes over these settings.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError, RecipeError
from ...core.files import atomic
from ...models.architecture import architecture, gguf_name, permute, read_config, rotary_heads
from ...models.weight_files import Stored, weight_files
from ..merge.adapter import read_adapter
from ..merge.change import AGAIN, EMBEDDING, HEAD, PLAIN, Change

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TYPES = ("F32", "F16", "BF16", "Q8_0")
LARGEST_FLOAT16 = 65504.0
MERGE = "merge it: sql-llama export without --adapter-gguf"


def adapter_gguf(
    base: Path,
    adapter: Path,
    out: Path,
    *,
    name: str = "sql-llama",
    facts: Mapping[str, str | int | float] = {},
    outtype: str = "F16",
) -> Path:
    """Write the adapter in the folder `adapter` as `out`, for any GGUF of `base`; only headers of `base` are read.

    `facts` are more keys of its metadata. Raises DataError, with its name, for what a LoRA GGUF cannot hold: DoRA,
    whole modules, biases, token rows, and an adapter of embedding or lm_head where the base ties the two.

    Use it over a GGUF of the weights that the adapter was trained on: after QLoRA these are the base rounded to NF4
    and back, `merge(base, None, merge_base="nf4")`.
    """
    from gguf import GGUFType, GGUFWriter
    from gguf.constants import GGML_QUANT_VERSION

    if outtype not in TYPES:
        raise RecipeError(f"{outtype}: not a type of an adapter file", fix=f"give one of {', '.join(TYPES)}")
    config = read_config(base)
    pairs = lora_pairs(base, adapter)
    alpha = _alpha(adapter, pairs)
    with atomic(out) as temporary:
        writer = GGUFWriter(temporary, architecture(config))
        try:
            writer.add_type(GGUFType.ADAPTER)
            writer.add_string("adapter.type", "lora")
            writer.add_name(name)
            writer.add_float32("adapter.lora.alpha", alpha)
            writer.add_quantization_version(GGML_QUANT_VERSION)
            for key, value in facts.items():
                add = {str: writer.add_string, bool: writer.add_bool, int: writer.add_int64, float: writer.add_float64}[
                    type(value)
                ]
                add(key, value)  # type: ignore[operator]
            for tensor, change in pairs.items():
                for part, values in _parts(tensor, change, alpha, config):
                    _add(writer, f"{gguf_name(base, tensor)}.{part}", values, outtype, adapter)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()
    return out


def lora_pairs(base: Path, adapter: Path) -> dict[str, Change]:
    """Return the adapter's changes by tensor, from the headers; raises DataError for what a LoRA GGUF cannot hold."""
    stored = weight_files(base)
    tied = bool(read_config(base).get("tie_word_embeddings", HEAD not in stored))
    changes = read_adapter(adapter, stored, tied=tied).changes
    for tensor, change in changes.items():
        _demand_plain(adapter, tensor, change, stored.get(tensor), tied)
    pairs = {tensor: change for tensor, change in changes.items() if change.a}
    if not pairs:
        raise DataError(f"{adapter}: holds no LoRA weights", fix=AGAIN)
    return pairs


def _demand_plain(adapter: Path, tensor: str, change: Change, of_base: Stored | None, tied: bool) -> None:
    """Raise for a change that is more than a product of two matrices."""
    extras = [
        (change.magnitude is not None, "DoRA's magnitude"),
        (change.tokens is not None, "trained token rows"),
        (tensor.endswith(".bias") or change.bias is not None, "a trained bias"),
        (change.whole is not None and not _copied(change.whole, of_base), "a whole trained matrix (modules_to_save)"),
        (tied and bool(change.a) and f".{tensor}".endswith((f".{EMBEDDING}", f".{HEAD}")), "LoRA on a tied embedding"),
    ]
    for is_there, what in extras:
        if is_there:
            raise DataError(f"{adapter}: {tensor} has {what}, which a LoRA GGUF cannot hold", fix=MERGE)


def _copied(whole: Stored, of_base: Stored | None) -> bool:
    """Is it just the copy of the base's embedding that peft saves beside a LoRA of it?"""
    import torch

    if of_base is None or whole.shape != of_base.shape:
        return False
    blocks = ((at, min(at + 4096, whole.shape[0])) for at in range(0, whole.shape[0], 4096))
    return all(torch.equal(whole.rows(*block), of_base.rows(*block)) for block in blocks)


def _own_alpha(change: Change) -> float:
    """The alpha with which llama.cpp's scale, alpha over rank, is that of the training."""
    assert change.a is not None
    return change.scale * change.a.shape[0]


def _alpha(adapter: Path, pairs: Mapping[str, Change]) -> float:
    """The alpha of most tensors; llama.cpp takes an alpha of 0 for no alpha at all, so that one is refused."""
    alphas = Counter(round(_own_alpha(change), 9) for change in pairs.values())
    del alphas[0.0]
    if not alphas:
        raise DataError(f"{adapter / 'adapter_config.json'}: lora_alpha is 0: the adapter does nothing", fix=PLAIN)
    return alphas.most_common(1)[0][0]


def _parts(
    tensor: str, change: Change, alpha: float, config: Mapping[str, Any]
) -> "Iterator[tuple[str, NDArray[np.float32]]]":
    """The two matrices as llama.cpp has them: b in its order of rows, a of an embedding with a row for each token."""
    assert change.a is not None and change.b is not None
    a, b = change.a.whole().numpy(), change.b.whole().numpy()
    if heads := rotary_heads(config, tensor):
        b = permute(b, heads)
    rest = _own_alpha(change) / alpha
    if abs(rest - 1) > 1e-7:
        b = b * b.dtype.type(rest)
    yield "lora_a", a.T if change.is_embedding else a
    yield "lora_b", b


def _add(writer: Any, name: str, values: "NDArray[np.float32]", outtype: str, adapter: Path) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.constants import GGML_QUANT_SIZES
    from gguf.quants import quantize

    kind = GGMLQuantizationType[outtype]
    if values.shape[-1] % GGML_QUANT_SIZES[kind][0]:
        kind = GGMLQuantizationType.F16  # as llama.cpp's script does: a rank of 16 fills no block of 32
    largest = float(np.abs(values).max())
    limit = LARGEST_FLOAT16 if kind == GGMLQuantizationType.F16 else np.inf
    if not largest < np.inf or largest > limit:
        problem = "values beyond float16" if largest < np.inf else "values that are not finite"
        raise DataError(f"{adapter}: {name} has {problem}", fix="train again, with a lower rate")
    writer.add_tensor(name, quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)

"""A Llama in Hugging Face layout to a float16 GGUF file, through the `gguf` package, one tensor at a time.

First cut: LlamaForCausalLM with a byte-level BPE tokenizer whose pre-tokenizer llama.cpp knows as `smollm` or
`llama-bpe`, with plain or Llama 3 rotary frequencies. Names, types and order of values follow llama.cpp's
convert_hf_to_gguf.py, which the tests compare with.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError
from ..core.files import atomic, need_space
from ..core.progress import progress
from ..modelfiles.templates import Family
from .architecture import add_metadata, gguf_name, permute, read_config, rope_factors
from .merge import Weights, merge, weight_shapes
from .vocabulary import add_tokenizer, read_vocabulary

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

LARGEST_FLOAT16 = 65504.0


def convert(
    base: Path,
    out: Path,
    chat_family: Family,
    tensors: Iterable[Weights] | None = None,
    *,
    name: str = "sql-llama",
    license: str = "",
) -> Path:
    """Write `out`, a float16 GGUF of `base` with `tensors` (of `merge`; default: the base's own) and our chat template.

    Matrices are float16, vectors float32. Raises DataError for what this converter does not know, and for weights
    that do not fit float16.
    """
    from gguf import GGMLQuantizationType, GGUFWriter

    config = read_config(base)
    vocabulary = read_vocabulary(base, int(config["vocab_size"]))
    if chat_family.end_of_turn not in vocabulary.tokens:
        raise DataError(f"{base}: its tokenizer has no {chat_family.end_of_turn}", fix="set base.family")
    shapes = weight_shapes(base)
    tied = bool(config.get("tie_word_embeddings"))
    need_space(out, 2 * sum(math.prod(shape) for shape in shapes.values()) + 2**25, f"writing {out.name}")
    factors = rope_factors(config)
    with atomic(out) as temporary:
        writer = GGUFWriter(temporary, "llama")
        try:
            add_metadata(writer, config, name, license)
            add_tokenizer(writer, vocabulary, chat_family)
            if factors is not None:
                writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
            for tensor, shape in shapes.items():
                if not (tied and tensor == "lm_head.weight"):
                    kind = GGMLQuantizationType.F32 if len(shape) == 1 else GGMLQuantizationType.F16
                    size = (4 if len(shape) == 1 else 2) * math.prod(shape)
                    writer.add_tensor_info(gguf_name(base, tensor), shape, None, size, kind)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            if factors is not None:
                writer.write_tensor_data(factors)
            with progress("merging and converting", len(shapes), "tensors") as advance:
                for weights in tensors if tensors is not None else merge(base, None):
                    if not (tied and weights.name == "lm_head.weight"):
                        writer.write_tensor_data(_laid_out(base, weights.name, weights.whole(), config))
                    advance()
        finally:
            writer.close()
    return out


def _laid_out(base: Path, name: str, weights: "torch.Tensor", config: Mapping[str, Any]) -> "NDArray[np.floating[Any]]":
    """One tensor as the file holds it: q and k permuted, matrices rounded to float16."""
    import numpy as np

    values: NDArray[np.float32] = weights.numpy()
    if values.ndim == 1:
        return values
    if name.endswith("self_attn.q_proj.weight"):
        values = permute(values, int(config["num_attention_heads"]))
    if name.endswith("self_attn.k_proj.weight"):
        values = permute(values, int(config.get("num_key_value_heads") or config["num_attention_heads"]))
    if max(float(values.max()), -float(values.min())) > LARGEST_FLOAT16:
        raise DataError(f"{base}: {name} has values beyond float16", fix="train again, with a lower rate")
    return np.ascontiguousarray(values.astype(np.float16))

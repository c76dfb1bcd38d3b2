"""What a Hugging Face config.json means in GGUF: metadata, tensor names, layouts and rotary factors.

Names, types and order of values follow llama.cpp's convert_hf_to_gguf.py, which the tests compare with.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def permute(weights: "NDArray[np.float32]", heads: int) -> "NDArray[np.float32]":
    """Rows of q or k from Hugging Face's order (halves of a head) to llama.cpp's (rotary pairs side by side)."""
    rows, columns = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def gguf_name(base: Path, name: str) -> str:
    """llama.cpp's name of a tensor; raises DataError for one that a plain Llama has not."""
    outside = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    if name in outside:
        return outside[name]
    parts = name.split(".")
    middle = ".".join(parts[3:-1])
    if parts[:2] != ["model", "layers"] or parts[-1] != "weight" or middle not in NAMES:
        raise DataError(
            f"{base}: the tensor {name} is not of a plain Llama", fix="use a LlamaForCausalLM without biases"
        )
    return f"blk.{parts[2]}.{NAMES[middle]}.weight"


def read_config(base: Path) -> dict[str, Any]:
    """config.json of a plain Llama; raises DataError for any other model."""
    path = base / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        architectures = config.get("architectures") or []
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="check the base's folder") from None
    if architectures != ["LlamaForCausalLM"]:
        raise DataError(
            f"{path}: {architectures or 'no architecture'} cannot be converted", fix="use a LlamaForCausalLM"
        )
    if config.get("hidden_act", "silu") != "silu" or config.get("attention_bias") or config.get("mlp_bias"):
        raise DataError(f"{path}: only a Llama with SiLU and without biases can be converted", fix="use another base")
    missing = [
        key
        for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
        if not isinstance(config.get(key), int)
    ]
    if missing:
        raise DataError(f"{path}: {missing[0]} is missing", fix="check the base's folder")
    return config


def rope_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary parameters under the names of transformers 5, whichever version wrote the config."""
    found = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    found.setdefault("rope_type", found.get("type", "default"))
    found.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    if found["rope_type"] not in ("default", "llama3"):
        raise DataError(f"config.json: rope_type {found['rope_type']!r} cannot be converted", fix="use another base")
    return found


def rope_factors(config: Mapping[str, Any]) -> "NDArray[np.float32] | None":
    """What each rotary frequency is divided by under Llama 3.1's scaling, shape (head_dim / 2,); None without scaling.

    Waves longer than the trained context are slowed by `factor`, short ones are left, and between them it is blended.
    """
    import torch

    rope = rope_parameters(config)
    if rope["rope_type"] != "llama3":
        return None
    size = _head_size(config)
    frequencies = 1.0 / rope["rope_theta"] ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    waves = 2 * math.pi / frequencies
    factor, low, high = (float(rope[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    context = float(rope["original_max_position_embeddings"])
    blend = (context / waves - low) / (high - low)
    factors = torch.where(waves > context / low, factor, 1 / ((1 - blend) / factor + blend))
    result: NDArray[np.float32] = torch.where(waves < context / high, 1.0, factors).numpy()
    return result


def _head_size(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def add_metadata(writer: Any, config: Mapping[str, Any], name: str, license: str) -> None:
    """Everything about the model but its tokenizer, given to a gguf.GGUFWriter."""
    from gguf import GGUFType, LlamaFileType
    from gguf.constants import GGML_QUANT_VERSION

    heads = int(config["num_attention_heads"])
    writer.add_type(GGUFType.MODEL)
    writer.add_name(name)
    if license:
        writer.add_license(license)
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_context_length(int(config.get("max_position_embeddings", 2048)))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_rope_freq_base(float(rope_parameters(config)["rope_theta"]))
    writer.add_layer_norm_rms_eps(float(config.get("rms_norm_eps", 1e-6)))
    if config.get("head_dim"):
        writer.add_key_length(int(config["head_dim"]))
        writer.add_value_length(int(config["head_dim"]))
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(int(config["vocab_size"]))
    writer.add_rope_dimension_count(_head_size(config))
    writer.add_quantization_version(GGML_QUANT_VERSION)

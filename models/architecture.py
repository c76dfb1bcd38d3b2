"""What a Hugging Face config.json means in GGUF: metadata, tensor names, layouts and rotary factors.

Names, types and values follow llama.cpp's convert_hf_to_gguf.py (conversion/base.py, llama.py and qwen.py), which the
tests compare with. Missing keys of a config.json have the defaults of transformers' own class for the family, as there.
The sliding window of Mistral 0.1 is not written, as there: llama.cpp attends to all tokens, which is the same up to
the window's length (4096).
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError, UnknownFamily

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# transformers' class: the architecture's name in GGUF. Llama 2 and 3, CodeLlama, TinyLlama, SmolLM are all the first.
ARCHITECTURES = {"LlamaForCausalLM": "llama", "MistralForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2"}
# what transformers' class takes where config.json is silent; a test compares
DEFAULTS: dict[str, dict[str, Any]] = {
    "LlamaForCausalLM": {"max_position_embeddings": 2048, "rms_norm_eps": 1e-6},
    "MistralForCausalLM": {"max_position_embeddings": 131_072, "rms_norm_eps": 1e-6, "num_key_value_heads": 8},
    "Qwen2ForCausalLM": {"max_position_embeddings": 32_768, "rms_norm_eps": 1e-6, "num_key_value_heads": 32},
}

OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
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
# llama.cpp multiplies YaRN's own attention factor by a given one, transformers replaces it; it has none of the others
YARN_UNLIKE = ("attention_factor", "attn_factor", "extrapolation_factor", "mscale", "mscale_all_dim", "truncate")
ANOTHER_WAY = "give --llama-cpp DIR, a llama.cpp checkout whose own converter may know it"


def architecture(config: Mapping[str, Any]) -> str:
    """Return GGUF's name for a config of `read_config`: llama or qwen2."""
    return ARCHITECTURES[config["architectures"][0]]


def permute(weights: "NDArray[np.float32]", heads: int) -> "NDArray[np.float32]":
    """Return the rows of q or k in llama.cpp's order: rotary pairs side by side, not halves of a head.

    Works on a weight (rows, columns), on a bias (rows), and on a block of whole heads of either.
    """
    rest = weights.shape[1:]
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *rest).swapaxes(1, 2).reshape(weights.shape)


def rotary_heads(config: Mapping[str, Any], name: str) -> int:
    """Return how many heads `permute` has to reorder in the tensor of that Hugging Face name; 0 for none.

    llama.cpp rotates pairs of neighbours in a llama. In a qwen2 it rotates halves of a head, as Hugging Face does.
    """
    if architecture(config) != "llama":
        return 0
    if name.endswith(("self_attn.q_proj.weight", "self_attn.q_proj.bias")):
        return int(config["num_attention_heads"])
    if name.endswith(("self_attn.k_proj.weight", "self_attn.k_proj.bias")):
        return int(config.get("num_key_value_heads") or config["num_attention_heads"])
    return 0


def gguf_name(base: Path, name: str) -> str:
    """Return llama.cpp's name of a tensor; raises UnknownFamily for one that no known family has."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    parts = name.split(".")
    middle = ".".join(parts[3:-1])
    if parts[:2] != ["model", "layers"] or parts[-1] not in ("weight", "bias") or middle not in NAMES:
        raise UnknownFamily(f"{base}: the tensor {name} is not of a plain decoder", fix=ANOTHER_WAY)
    return f"blk.{parts[2]}.{NAMES[middle]}.{parts[-1]}"


def left_out(config: Mapping[str, Any], name: str) -> bool:
    """Tell whether a GGUF file leaves a tensor out: an output layer that is the embedding; frequencies in old files."""
    tied = bool(config.get("tie_word_embeddings")) and name == "lm_head.weight"
    return tied or name.endswith(".rotary_emb.inv_freq")


def read_config(base: Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, Any]:
    """Return config.json with the defaults of its family.

    With `shapes` (of `merged_shapes`) they are checked too, and `vocab_size` and `tie_word_embeddings` become what the
    tensors say: an adapter may have resized the embedding, or parted the output layer from it. Raises UnknownFamily for
    a model that this converter does not know, DataError for a broken config or tensors that do not fit it.
    """
    path = base / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        kinds = raw.get("architectures") or []
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read ({error})", fix="check the base's folder") from None
    if not isinstance(kinds, list) or len(kinds) != 1 or kinds[0] not in ARCHITECTURES:
        raise UnknownFamily(f"{path}: {kinds or 'no architecture'} cannot be converted", fix=ANOTHER_WAY)
    for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
        if not isinstance(raw.get(key), int) or isinstance(raw[key], bool) or raw[key] <= 0:
            what = "missing" if raw.get(key) is None else f"{raw[key]!r}"
            raise DataError(f"{path}: {key} is {what}", fix="check the base's folder")
    config = _with_defaults(path, raw)
    _refuse(path, config)
    if shapes is not None:
        if "lm_head.weight" in shapes:
            config["tie_word_embeddings"] = False
        _check_shapes(base, config, shapes)
        config["vocab_size"] = shapes["model.embed_tokens.weight"][0]
    return config


def _with_defaults(path: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The config with transformers' defaults for keys that are missing or null; transformers itself takes 250 MB."""
    config = {**DEFAULTS[raw["architectures"][0]], **{key: value for key, value in raw.items() if value is not None}}
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    if hidden % heads:
        raise _wrong(path, f"hidden_size {hidden} is no multiple of the number of attention heads, {heads}")
    if architecture(config) == "llama":
        config.setdefault("head_dim", hidden // heads)
    config.setdefault("num_key_value_heads", heads)
    for key in ("num_key_value_heads", "max_position_embeddings", "head_dim"):
        if key in config and (not isinstance(config[key], int) or isinstance(config[key], bool) or config[key] <= 0):
            raise _wrong(path, f"{key} is {config[key]!r}")
    if heads % config["num_key_value_heads"]:
        raise _wrong(path, f"{heads} attention heads are no multiple of num_key_value_heads")
    if _head_size(config) % 2:
        raise _wrong(path, f"heads of {_head_size(config)} values, and not of an even rotary dimension")
    for key in ("rope_scaling", "rope_parameters"):
        if not isinstance(config.get(key, {}), dict):
            raise _wrong(path, f"{key} is {config[key]!r}")
    rope = rope_parameters(config)
    if rope["rope_type"] == "yarn":
        rope.setdefault("original_max_position_embeddings", config["max_position_embeddings"])
    config["rope_parameters"] = rope
    numbers = {"rms_norm_eps": config["rms_norm_eps"], "rope_theta": rope["rope_theta"]}
    for key, value in numbers.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise _wrong(path, f"{key} is {value!r}")
    return config


def _wrong(path: Path, what: str) -> DataError:
    return DataError(f"{path}: {what}", fix="check the base's folder")


def _refuse(path: Path, config: Mapping[str, Any]) -> None:
    """Raise UnknownFamily for a setting that llama.cpp would ignore, and so compute something else."""
    kind = architecture(config)
    rope = rope_parameters(config)
    known_types = ("default", "linear", "yarn", *(["llama3"] if kind == "llama" else []))
    wrong = ""
    if config.get("hidden_act", "silu") != "silu":
        wrong = f"hidden_act {config['hidden_act']!r}"
    elif rope["rope_type"] not in known_types:
        wrong = f"rope_type {rope['rope_type']!r}"
    elif rope["rope_type"] != "default" and not isinstance(rope.get("factor"), int | float):
        wrong = f"rope_type {rope['rope_type']!r} without a factor"
    elif rope["rope_type"] == "yarn" and not isinstance(rope.get("original_max_position_embeddings"), int):
        wrong = "rope_type 'yarn' without original_max_position_embeddings"
    elif rope["rope_type"] == "yarn" and (unlike := [key for key in YARN_UNLIKE if rope.get(key) is not None]):
        wrong = f"rope_type 'yarn' with {unlike[0]}"
    elif rope.get("partial_rotary_factor", 1) not in (None, 1) or config.get("partial_rotary_factor", 1) not in (
        None,
        1,
    ):
        wrong = "partial_rotary_factor"
    elif config.get("is_causal") is False:
        wrong = "is_causal false"
    if wrong:
        raise UnknownFamily(f"{path}: {wrong} cannot be converted", fix=ANOTHER_WAY)
    if rope["rope_type"] == "llama3":
        missing = {"low_freq_factor", "high_freq_factor", "original_max_position_embeddings"} - rope.keys()
        if missing:
            raise DataError(f"{path}: rope_type 'llama3' without {min(missing)}", fix="check the base's folder")


def _check_shapes(base: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise DataError unless the tensors are those of the config; the vocabulary may have any size."""
    expected = _expected_shapes(config)
    if len(shapes.get("model.embed_tokens.weight", ())) != 2:
        raise DataError(f"{base}: has no model.embed_tokens.weight", fix="get the base again")
    rows = shapes["model.embed_tokens.weight"][0]
    for name, shape in shapes.items():
        sizes = expected.get(name)
        if sizes is None and not left_out(config, name):
            gguf_name(base, name)  # names the tensor if no family has it
            raise UnknownFamily(f"{base}: a model of its config.json has no tensor {name}", fix=ANOTHER_WAY)
        if sizes is not None and shape != tuple(size or rows for size in sizes):
            right = tuple(size or rows for size in sizes)
            raise DataError(f"{base}: {name} is {shape} and should be {right}", fix="get the base again")
    for name in expected:
        if name not in shapes and not left_out(config, name):
            raise DataError(f"{base}: has no {name}", fix="get the base again")


def _expected_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor; 0 stands for the rows of the embedding."""
    hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    heads = int(config["num_attention_heads"])
    q, kv = heads * _head_size(config), int(config.get("num_key_value_heads") or heads) * _head_size(config)
    linear = {
        "self_attn.q_proj": (q, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, q),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    if architecture(config) == "qwen2":
        biased = [name for name in linear if name.endswith(("q_proj", "k_proj", "v_proj"))]
    else:
        biased = [name for name in linear if config.get("attention_bias" if "attn" in name else "mlp_bias")]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (0, hidden), "lm_head.weight": (0, hidden)}
    shapes["model.norm.weight"] = (hidden,)
    for layer in range(int(config["num_hidden_layers"])):
        stem = f"model.layers.{layer}."
        shapes |= {f"{stem}{name}.weight": shape for name, shape in linear.items()}
        shapes |= {f"{stem}{name}.bias": linear[name][:1] for name in biased}
        shapes |= {f"{stem}{name}.weight": (hidden,) for name in ("input_layernorm", "post_attention_layernorm")}
    return shapes


def rope_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rotary parameters under the names of transformers 5, whichever version wrote the config."""
    rope = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    rope.setdefault("rope_type", rope.get("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta") or 10000.0)
    return rope


def rope_factors(config: Mapping[str, Any]) -> "NDArray[np.float32] | None":
    """Return the divisor of each rotary frequency in Llama 3.1's scaling, shape (head_dim / 2,); None without scaling.

    Waves longer than the trained context are slowed by `factor`, short ones stay, and those between are interpolated.
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
    """Give all metadata of the model but its tokenizer to a gguf.GGUFWriter made for `architecture(config)`."""
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
    _add_rope(writer, rope_parameters(config))
    writer.add_layer_norm_rms_eps(float(config.get("rms_norm_eps", 1e-6)))
    if config.get("head_dim"):
        writer.add_key_length(int(config["head_dim"]))
        writer.add_value_length(int(config["head_dim"]))
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    if architecture(config) == "llama":
        writer.add_vocab_size(int(config["vocab_size"]))
        writer.add_rope_dimension_count(_head_size(config))
    writer.add_quantization_version(GGML_QUANT_VERSION)


def _add_rope(writer: Any, rope: Mapping[str, Any]) -> None:
    """Linear and YaRN scaling are keys; Llama 3's is the tensor of `rope_factors`."""
    from gguf import RopeScalingType

    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope["rope_type"] not in ("linear", "yarn"):
        return
    writer.add_rope_scaling_type(RopeScalingType(rope["rope_type"]))
    writer.add_rope_scaling_factor(float(rope["factor"]))
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(int(rope["original_max_position_embeddings"]))
        for key, add in (
            ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
            ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
        ):
            if rope.get(key) is not None:
                add(float(rope[key]))

"""A Llama in Hugging Face layout to a float16 GGUF file, through the `gguf` package, one tensor at a time.

First cut: LlamaForCausalLM with a byte-level BPE tokenizer whose pre-tokenizer llama.cpp knows as `smollm` or
`llama-bpe`, with plain or Llama 3 rotary frequencies. Names, types and order of values follow llama.cpp's
convert_hf_to_gguf.py, which the tests compare with.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError
from ..core.files import atomic, need_space
from ..core.progress import progress
from ..modelfiles.templates import Family
from .merge import merge, weight_shapes

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # gguf.TokenType
LARGEST_FLOAT16 = 65504.0

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


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as GGUF wants it: a text and a kind per id, merges, special ids, llama.cpp's pre-tokenizer name."""

    pre: str
    tokens: Sequence[str]
    kinds: Sequence[int]
    merges: Sequence[str]
    special: Mapping[str, int]


def convert(
    base: Path,
    out: Path,
    chat_family: Family,
    tensors: "Iterable[tuple[str, torch.Tensor]] | None" = None,
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
            _add_metadata(writer, config, name, license)
            _add_tokenizer(writer, vocabulary, chat_family)
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
                for tensor, weights in tensors if tensors is not None else merge(base, None):
                    if not (tied and tensor == "lm_head.weight"):
                        writer.write_tensor_data(_laid_out(base, tensor, weights, config))
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


def _add_metadata(writer: Any, config: Mapping[str, Any], name: str, license: str) -> None:
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


def _add_tokenizer(writer: Any, vocabulary: Vocabulary, chat_family: Family) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.kinds))
    writer.add_token_merges(list(vocabulary.merges))
    for kind, number in vocabulary.special.items():
        getattr(writer, f"add_{kind}_token_id")(number)
    end = list(vocabulary.tokens).index(chat_family.end_of_turn)
    if vocabulary.special.get("eos") != end:
        writer.add_eot_token_id(end)
    writer.add_add_bos_token(chat_family.bos)
    writer.add_add_eos_token(False)
    writer.add_chat_template(chat_family.jinja)


# --- the tokenizer


def read_vocabulary(base: Path, size: int) -> Vocabulary:
    """The vocabulary of tokenizer.json, padded to `size` ids; raises DataError for a tokenizer that is not known."""
    path = base / "tokenizer.json"
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        model = tokenizer["model"]
        pre = _pre_tokenizer(tokenizer)
        vocab: dict[str, int] = dict(model["vocab"])
        added = {item["content"]: item for item in tokenizer.get("added_tokens") or []}
        vocab.update({text: item["id"] for text, item in added.items()})
        by_id = {number: text for text, number in vocab.items()}
        merges = [_merge_text(merge) for merge in model["merges"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: cannot be read ({type(error).__name__}: {error})", fix="check the base's folder"
        ) from None
    if not pre:
        raise DataError(f"{path}: its way to split text is not known", fix="use a SmolLM2 or Llama 3 base")
    if by_id and max(by_id) >= size:
        raise DataError(f"{path}: has ids beyond config.json's vocab_size of {size}", fix="check the base's folder")
    tokens, kinds = [], []
    for number in range(size):
        text = by_id.get(number)
        tokens.append(f"[PAD{number}]" if text is None else text)
        if text is None:
            kinds.append(UNUSED)
        elif text in added:
            kinds.append(CONTROL if added[text].get("special") or _looks_special(text) else USER_DEFINED)
        else:
            kinds.append(NORMAL)
    return Vocabulary(pre, tokens, kinds, merges, _special_ids(base, by_id))


def _pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer.json splits text; empty when it is neither of the two known ways."""
    model, steps = tokenizer["model"], (tokenizer.get("pre_tokenizer") or {}).get("pretokenizers") or []
    if model.get("type") != "BPE" or tokenizer.get("normalizer") or model.get("byte_fallback") or len(steps) != 2:
        return ""
    first, second = steps
    if second.get("type") != "ByteLevel" or second.get("add_prefix_space"):
        return ""
    by_regex = second.get("use_regex", True)
    if first == {"type": "Digits", "individual_digits": True} and by_regex and not model.get("ignore_merges"):
        return "smollm"
    split = {"type": "Split", "pattern": {"Regex": LLAMA3_SPLIT}, "behavior": "Isolated", "invert": False}
    if first == split and not by_regex and model.get("ignore_merges"):
        return "llama-bpe"
    return ""


def _merge_text(merge: Any) -> str:
    return merge if isinstance(merge, str) else f"{merge[0]} {merge[1]}"


def _looks_special(text: str) -> bool:
    return text.startswith("<|") and text.endswith("|>")


def _special_ids(base: Path, by_id: Mapping[int, str]) -> dict[str, int]:
    """Ids of bos, eos, unk and pad: what tokenizer_config.json names, else config.json's numbers."""
    ids = {text: number for number, text in by_id.items()}
    found: dict[str, int] = {}
    for file, suffix in (("tokenizer_config.json", "token"), ("config.json", "token_id")):
        path = base / file
        if not path.is_file():
            continue
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: broken ({error})", fix="check the base's folder") from None
        for kind in ("bos", "eos", "unk", "pad"):
            value = facts.get(f"{kind}_{suffix}")
            value = value.get("content") if isinstance(value, dict) else value
            number = ids.get(value) if isinstance(value, str) else value
            if isinstance(number, int) and not isinstance(number, bool) and number in by_id:
                found.setdefault(kind, number)
    return found

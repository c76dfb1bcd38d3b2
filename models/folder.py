"""A model folder in Hugging Face layout: whether it is complete, and a fingerprint of what it holds."""

import hashlib
import json
from pathlib import Path

from ..core.errors import DataError
from ..core.files import sha256
from .weight_files import INDEX, WHOLE

SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "added_tokens.json")
SAMPLE = 2**20  # bytes that are hashed at the start of a weight file, and at its end
TOKENIZERS = ("tokenizer.json", "tokenizer.model")  # one of them is enough
OTHER_WEIGHTS = ("pytorch_model*.bin", "*.gguf", "*.pth", "*.pt", "tf_model.h5", "flax_model.msgpack")


def check_folder(folder: Path) -> None:
    """Raise DataError when a folder in Hugging Face layout lacks its config, its tokenizer or any weight file."""
    for alternatives in (("config.json",), TOKENIZERS):
        if not any((folder / name).is_file() for name in alternatives):
            missing = " and no ".join(alternatives)
            raise DataError(f"{folder}: no {missing}", fix="give a complete model folder in Hugging Face layout")
    index = folder / INDEX
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
    """The error for a missing file of weights; it says when the folder has weights in another format."""
    others = [path.name for pattern in OTHER_WEIGHTS for path in sorted(folder.glob(pattern))]
    parts = sorted(path.name for path in folder.glob("model-*-of-*.safetensors"))
    if parts and name == WHOLE:
        return DataError(f"{folder}: has {parts[0]} and no {INDEX}", fix="get the model's index file too")
    if not others:
        return DataError(f"{folder}: no {name}", fix="give a complete model folder; only safetensors weights are read")
    python = "from transformers import AutoModelForCausalLM as Model"
    save = f"Model.from_pretrained('{folder}').save_pretrained('{folder}')"
    fix = "get the model in safetensors"
    if others[0].endswith(".bin"):
        fix += f', or write them once: python -c "{python}; {save}"'
    return DataError(f"{folder}: has its weights in {others[0]}, and only safetensors are read (no {name})", fix=fix)


def fingerprint(folder: Path) -> str:
    """Return a sha256 that changes when the model in a folder changes: the one rule for all model folders.

    It covers the content of the small files, and of each weight file its size, first and last MiB. Names and sizes
    alone would not do, because a training that continues in the same folder keeps them. The whole of 16 GB would take a
    minute to hash. Manifests of runs and GGUF files store this value, so the rule must stay as it is.
    """
    parts = [f"{name} {sha256(folder / name)}" for name in SMALL_FILES if (folder / name).is_file()]
    parts += [f"{path.name} {path.stat().st_size} {_sampled(path)}" for path in sorted(folder.glob("*.safetensors"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _sampled(path: Path) -> str:
    with path.open("rb") as file:
        first = file.read(SAMPLE)
        file.seek(max(0, path.stat().st_size - SAMPLE))
        return hashlib.sha256(first + file.read()).hexdigest()

"""An adapter as peft saved it: which tensors of the base it changes, and how. What is not known is refused by name.

Names and meanings are those of peft 0.21. Known: LoRA, rsLoRA and DoRA on linear layers, embed_tokens and lm_head,
patterns of rank and alpha, whole modules, biases, single token rows, another size of vocabulary.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import DataError
from ...models.weight_files import Stored, read_json, tensors_in
from .adapter_config import check_adapter_config
from .change import AGAIN, EMBEDDING, HEAD, OTHER_BASE, PLAIN, WHOLE, Change
from .change_reader import ChangeReader
from .tied_tables import check_sizes, tie_tables

PART = re.compile(
    r"base_model\.model\.(?P<module>.+?)\."
    r"(?:(?P<lora>lora_A|lora_B)\.weight"
    r"|lora_embedding_(?P<table>[AB])"
    r"|(?P<magnitude>lora_magnitude_vector)(?:\.weight)?"
    r"|(?P<lora_bias>lora_B\.bias)"
    r"|token_adapter\.(?P<tokens>trainable_tokens_delta)"
    r"|(?P<copy>modules_to_save|original_module)\.(?:weight|bias)"
    r"|(?:token_adapter\.)?(?P<base>base_layer)\.(?P<base_leaf>weight|bias)"
    r"|(?P<whole>weight|bias))\Z"
)


@dataclass(frozen=True)
class Adapter:
    """An adapter's changes by the names of the base's tensors; `tied`: lm_head is the embedding, before and after."""

    folder: Path
    changes: Mapping[str, Change]
    tied: bool


def read_adapter(folder: Path, base: Mapping[str, Stored], *, tied: bool = False) -> Adapter:
    """Read an adapter folder and check it against the tensors of its base; `tied`: the base has no lm_head of its own.

    Raises DataError for anything that is not known or that does not fit, with its name.
    """
    config = read_json(folder / "adapter_config.json")
    check_adapter_config(folder / "adapter_config.json", config)
    tensors = tensors_in(folder / "adapter_model.safetensors", fix=WHOLE)
    embedding = next((name for name in base if f".{name}".endswith(f".{EMBEDDING}")), "")
    base_folder = next((str(stored.path.parent) for stored in base.values()), "the base")
    targets = {name: stored.shape for name, stored in base.items()}
    if tied and embedding:
        targets[HEAD] = targets[embedding]
    parts: dict[str, dict[str, Stored]] = {}
    copies = []
    for key in sorted(tensors):
        match = PART.match(key)
        if not match or ".lora_" in match["module"]:
            raise DataError(f"{folder / 'adapter_model.safetensors'}: {key} is not known", fix=PLAIN)
        if match["copy"]:
            copies.append(match["module"])
            continue
        name, part = _named(match)
        if name not in targets:
            at = f"{tensors[key].path}: of another base than {base_folder}"
            raise DataError(f"{at}: the base has no {name} for {key}", fix=OTHER_BASE)
        parts.setdefault(name, {})[part] = tensors[key]
    for module in copies:  # of what is there under its plain name too
        if "whole" not in parts.get(f"{module}.weight", {}):
            raise DataError(f"{folder / 'adapter_model.safetensors'}: {module} has no trained weight", fix=AGAIN)
    if not parts:
        raise DataError(f"{folder / 'adapter_model.safetensors'}: holds no LoRA weights", fix=AGAIN)
    reader = ChangeReader(folder, config, targets, base_folder)
    changes = {name: reader.change(name, tensors_of) for name, tensors_of in parts.items()}
    reader.check_promises(changes)
    if tied and embedding:
        changes, tied = tie_tables(changes, embedding, parts)
    check_sizes(folder, changes, targets, embedding, tied)
    return Adapter(folder, changes, tied)


def _named(match: re.Match[str]) -> tuple[str, str]:
    """The base's tensor that a key is about, and which part of its change it is."""
    if match["lora_bias"]:
        return f"{match['module']}.bias", "lora_B.bias"
    if match["base"] or match["whole"]:
        return f"{match['module']}.{match['base_leaf'] or match['whole']}", match["base"] or "whole"
    table = match["table"] and f"lora_embedding_{match['table']}"
    return f"{match['module']}.weight", match["lora"] or table or match["magnitude"] or match["tokens"]

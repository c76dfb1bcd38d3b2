"""What peft saved of a LoRA: which tensors of the base it changes, and how; whatever is not known is refused by name.

Names and meanings are those of peft 0.21. Known: LoRA, rsLoRA and DoRA on linear layers, embed_tokens and lm_head,
patterns of rank and alpha, whole modules, biases, single token rows, another size of vocabulary.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...models.weight_files import Stored, read_json, tensors_in
from .adapter_targets import targeted

HEAD, EMBEDDING = "lm_head.weight", "embed_tokens.weight"
ROWS_AT_ONCE = 4096  # when two tables are compared

# keys of adapter_config.json that say nothing about the arithmetic; any other one must be known or empty
HARMLESS = frozenset(
    (
        *("task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
        *("lora_dropout", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
        *("target_modules_to_tie", "modules_to_tie", "ensure_weight_tying"),  # the tensors say whether they are tied
        *("megatron_core", "qalora_group_size", "runtime_config"),
    )
)
KNOWN = frozenset(
    (
        *("peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "bias"),
        *("lora_bias", "modules_to_save", "init_lora_weights", "trainable_token_indices"),
    )
)
# other starts than these change the base's weights too, and the adapter alone does not say how
PLAIN_STARTS = (True, False, "gaussian", "orthogonal")

PART = re.compile(
    r"base_model\.model\.(?P<module>.+?)\."
    r"(?:(?P<lora>lora_A|lora_B)\.weight"
    r"|lora_embedding_(?P<table>[AB])"
    r"|(?P<magnitude>lora_magnitude_vector)(?:\.weight)?"
    r"|(?P<lora_bias>lora_B\.bias)"
    r"|token_adapter\.(?P<tokens>trainable_tokens_delta)"
    r"|(?P<copy>modules_to_save|original_module)\.(?:weight|bias)"
    r"|(?:token_adapter\.)?(?P<ground>base_layer)\.(?P<ground_leaf>weight|bias)"
    r"|(?P<whole>weight|bias))\Z"
)

OTHER_BASE = "give the base that the adapter was trained on"
AGAIN = "copy the adapter's folder again from where it was made, or train it again"
WHOLE = "give the whole folder that the training saved, with adapter_config.json and adapter_model.safetensors"
PLAIN = "train LoRA, rsLoRA or DoRA without it"


@dataclass(frozen=True)
class Change:
    """What happens to one tensor: `whole` takes its place, then scale * b @ a is added (or, for an embedding, its
    transpose), then each output is brought to its `magnitude` (DoRA). `tokens` replace the rows `indices`; `bias`
    times scale is added to a bias.
    """

    whole: Stored | None = None
    a: Stored | None = None
    b: Stored | None = None
    scale: float = 1.0
    is_embedding: bool = False
    magnitude: Stored | None = None
    tokens: Stored | None = None
    indices: tuple[int, ...] = ()
    bias: Stored | None = None


@dataclass(frozen=True)
class Adapter:
    """An adapter's changes by the names of the base's tensors; `tied`: lm_head is still the embedding afterwards."""

    folder: Path
    changes: Mapping[str, Change]
    tied: bool


def read_adapter(folder: Path, base: Mapping[str, Stored], *, tied: bool = False) -> Adapter:
    """Read an adapter folder and check it against the tensors of its base; `tied`: the base has no lm_head of its own.

    Raises DataError, which names it, for anything that is not known or that does not fit.
    """
    config = read_json(folder / "adapter_config.json")
    _refuse(folder, config)
    tensors = tensors_in(folder / "adapter_model.safetensors", fix=WHOLE)
    embedding = next((name for name in base if f".{name}".endswith(f".{EMBEDDING}")), "")
    there = next((str(stored.path.parent) for stored in base.values()), "the base")
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
            at = f"{tensors[key].path}: of another base than {there}"
            raise DataError(f"{at}: the base has no {name} for {key}", fix=OTHER_BASE)
        parts.setdefault(name, {})[part] = tensors[key]
    for module in copies:  # of what is there under its plain name too
        if "whole" not in parts.get(f"{module}.weight", {}):
            raise DataError(f"{folder / 'adapter_model.safetensors'}: {module} has no trained weight", fix=AGAIN)
    if not parts:
        raise DataError(f"{folder / 'adapter_model.safetensors'}: holds no LoRA weights", fix=AGAIN)
    reader = _Reader(folder, config, targets, there)
    changes = {name: reader.change(name, found) for name, found in parts.items()}
    reader.check_promises(changes)
    if tied and embedding:
        changes, tied = _tie(changes, embedding, parts)
    _check_vocabulary(folder, changes, targets, embedding, tied)
    return Adapter(folder, changes, tied)


def _named(match: re.Match[str]) -> tuple[str, str]:
    """The base's tensor that a key is about, and which part of its change it is."""
    if match["lora_bias"]:
        return f"{match['module']}.bias", "lora_B.bias"
    if match["ground"] or match["whole"]:
        return f"{match['module']}.{match['ground_leaf'] or match['whole']}", match["ground"] or "whole"
    table = match["table"] and f"lora_embedding_{match['table']}"
    return f"{match['module']}.weight", match["lora"] or table or match["magnitude"] or match["tokens"]


@dataclass(frozen=True)
class _Reader:
    folder: Path
    config: Mapping[str, Any]
    targets: Mapping[str, tuple[int, ...]]
    base: str

    def change(self, name: str, found: Mapping[str, Stored]) -> Change:
        """The change of one tensor from its `found` parts, checked against its shape in the base."""
        module = name.rpartition(".")[0]
        whole = self._whole(name, module, found)
        shape = whole.shape if whole else self.targets[name]
        change = Change(whole)
        if "trainable_tokens_delta" in found:
            change = self._tokens(change, name, module, found["trainable_tokens_delta"], shape)
        pair = {part for part in found if part.startswith("lora_") and part != "lora_B.bias"}
        if pair and change.tokens:
            raise self._error(name, "has both LoRA and trainable_token_indices", PLAIN)
        if pair:
            change = self._lora(change, name, module, found, shape)
        if "lora_B.bias" in found:
            if not self.config.get("lora_bias"):
                raise self._error(name, "has a lora_B.bias, and adapter_config.json says lora_bias is off", AGAIN)
            if found["lora_B.bias"].shape != shape:
                raise self._misfit(name, found["lora_B.bias"].shape, shape)
            # its scale is that of its layer, whose rank is seen in the weights; the config's was compared with it
            rank = self._pattern("rank_pattern", "r", module)
            change = replace(change, bias=found["lora_B.bias"], scale=self._scale(module, rank))
        return change

    def check_promises(self, changes: Mapping[str, Change]) -> None:
        """Refuse a file that lacks what its config says was trained."""
        at = self.folder / "adapter_model.safetensors"
        for saved in self.config.get("modules_to_save") or []:
            if not any(change.whole and _is_in(name.rpartition(".")[0], saved) for name, change in changes.items()):
                raise DataError(f"{at}: holds no weights of {saved}, which is in modules_to_save", fix=AGAIN)
        if self.config.get("trainable_token_indices") and not any(change.tokens for change in changes.values()):
            raise DataError(f"{at}: holds no rows for its trainable_token_indices", fix=AGAIN)
        for name in targeted(self.config, self.targets):
            change = changes.get(name, Change())
            if not (change.a or change.whole):
                raise self._other(f"the base has {name}, which is one of the target_modules, and the adapter nothing")
        if self.config.get("lora_bias"):
            for name, change in changes.items():
                if change.a and not change.is_embedding:
                    bias = changes.get(f"{name.rpartition('.')[0]}.bias")
                    if bias is None or bias.bias is None:
                        raise self._error(name, "has no lora_B.bias, and lora_bias is on", AGAIN)

    def _whole(self, name: str, module: str, found: Mapping[str, Stored]) -> Stored | None:
        whole = found.get("whole") or found.get("base_layer")
        if whole is None:
            return None
        wanted, is_table = self.targets[name], _is_table(name)
        by_bias = name.endswith(".bias") and self.config.get("bias", "none") != "none"
        saved = any(_is_in(module, one) for one in self.config.get("modules_to_save") or [])
        if not (by_bias or saved or is_table):
            raise self._error(name, "is whole, and neither modules_to_save nor bias says why", AGAIN)
        if whole.shape[1 if is_table else 0 :] != wanted[1 if is_table else 0 :] or len(whole.shape) != len(wanted):
            raise self._misfit(name, whole.shape, wanted)
        return whole

    def _lora(
        self, change: Change, name: str, module: str, found: Mapping[str, Stored], shape: tuple[int, ...]
    ) -> Change:
        is_embedding = "lora_embedding_A" in found or "lora_embedding_B" in found
        names = ("lora_embedding_A", "lora_embedding_B") if is_embedding else ("lora_A", "lora_B")
        a, b = (found.get(one) for one in names)
        if a is None or b is None:
            raise self._error(name, f"has {names[0] if a else names[1]} alone of {names[0]} and {names[1]}", AGAIN)
        if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1]:
            raise self._error(name, f"{b.shape} times {a.shape} is no product", AGAIN)
        made = (b.shape[0], a.shape[1])
        made = made[::-1] if is_embedding else made
        if made != shape:
            raise self._misfit(name, made, shape)
        rank = a.shape[0]
        if rank != self._pattern("rank_pattern", "r", module):
            said = self._pattern("rank_pattern", "r", module)
            raise self._error(name, f"has rank {rank}, and adapter_config.json says {said}", AGAIN)
        magnitude = found.get("lora_magnitude_vector")
        if bool(magnitude) != bool(self.config.get("use_dora")):
            says = "has no lora_magnitude_vector, and" if magnitude is None else "has a lora_magnitude_vector, and"
            raise self._error(name, f"{says} use_dora is {bool(self.config.get('use_dora'))}", AGAIN)
        outputs = (shape[1] if is_embedding else shape[0],)
        if magnitude and magnitude.shape != outputs:
            raise self._misfit(name, magnitude.shape, outputs)
        scale = self._scale(module, rank)
        return replace(change, a=a, b=b, scale=scale, is_embedding=is_embedding, magnitude=magnitude)

    def _tokens(self, change: Change, name: str, module: str, tokens: Stored, shape: tuple[int, ...]) -> Change:
        said = self.config.get("trainable_token_indices")
        indices: Any = said
        if isinstance(said, dict):
            by_name = said
            indices = next((rows for one, rows in by_name.items() if f".{module}".endswith(f".{one}")), None)
            if indices is None and name == HEAD:  # tied, so with the rows of the embedding
                indices = next((rows for one, rows in by_name.items() if one.endswith("embed_tokens")), None)
        if not isinstance(indices, list) or not all(type(row) is int and 0 <= row < shape[0] for row in indices):
            raise self._error(name, f"trainable_token_indices are not rows of {shape}", OTHER_BASE)
        if tokens.shape != (len(indices), *shape[1:]):
            raise self._misfit(name, tokens.shape, (len(indices), *shape[1:]))
        return replace(change, tokens=tokens, indices=tuple(indices))

    def _pattern(self, patterns: str, otherwise: str, module: str) -> Any:
        """The value of the first pattern that matches the end of a module's name, as peft has it."""
        for pattern, value in (self.config.get(patterns) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return self.config.get(otherwise)

    def _scale(self, module: str, rank: int) -> float:
        alpha = float(self._pattern("alpha_pattern", "lora_alpha", module))
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)

    def _misfit(self, name: str, ours: tuple[int, ...], theirs: tuple[int, ...]) -> DataError:
        return self._other(f"{name} is for a shape of {ours}, and the base has {theirs}")

    def _other(self, difference: str) -> DataError:
        at = self.folder / "adapter_model.safetensors"
        return DataError(f"{at}: of another base than {self.base}: {difference}", fix=OTHER_BASE)

    def _error(self, name: str, problem: str, fix: str) -> DataError:
        return DataError(f"{self.folder / 'adapter_model.safetensors'}: {name} {problem}", fix=fix)


def _tie(
    changes: Mapping[str, Change], embedding: str, parts: Mapping[str, Mapping[str, Stored]]
) -> tuple[dict[str, Change], bool]:
    """The changes of a tied base: none to lm_head where it stays the embedding, else one that begins from the latter.

    An adapter that trained only one of the two parts them: the model it was trained in computed with both.
    """
    one, head = changes.get(embedding, Change()), changes.get(HEAD, Change())
    # a copy of the base's own table, which peft saves beside an adapter of it, is the ground of both
    ground = parts.get(embedding, {}).get("base_layer") or parts.get(HEAD, {}).get("base_layer")
    one, head = (replace(change, whole=change.whole or ground) for change in (one, head))
    follows = HEAD not in changes and (one.tokens is not None or one == Change(ground))
    tied = follows or _same(one, head)
    result = {**changes, embedding: one, HEAD: Change() if tied else head}
    return {name: change for name, change in result.items() if change != Change()}, tied


def _same(one: Change, other: Change) -> bool:
    """Are the changes of an embedding and of lm_head the same numbers?"""
    if one.magnitude or other.magnitude or one.indices != other.indices:
        return False
    pairs = [(one.whole, other.whole), (one.tokens, other.tokens)]
    if one.is_embedding and other.a and other.b:
        if one.scale != other.scale:
            return False
        return all(_equal(*pair) for pair in pairs) and _mirrored(one, other)
    return not (one.a or other.a) and all(_equal(*pair) for pair in pairs)


def _equal(one: Stored | None, other: Stored | None) -> bool:
    import torch

    if one is None or other is None or one == other:
        return one is other or one == other
    if one.shape != other.shape:
        return False
    for start in range(0, one.shape[0], ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, one.shape[0])
        if not torch.equal(one.rows(start, stop), other.rows(start, stop)):
            return False
    return True


def _mirrored(one: Change, head: Change) -> bool:
    """Is b @ a of lm_head the transpose of that of the embedding, as peft makes it where it ties them?"""
    import torch

    assert one.a and one.b and head.a and head.b
    if one.a.shape != head.b.shape[::-1] or one.b.shape != head.a.shape[::-1]:
        return False
    return torch.equal(one.a.whole().T, head.b.whole()) and torch.equal(one.b.whole().T, head.a.whole())


def _check_vocabulary(
    folder: Path, changes: Mapping[str, Change], base: Mapping[str, tuple[int, ...]], embedding: str, tied: bool
) -> None:
    if not embedding or tied or HEAD not in base:
        return
    sizes = []
    for name in (embedding, HEAD):
        whole = changes.get(name, Change()).whole
        sizes.append((whole.shape if whole else base[name])[0])
    if sizes[0] != sizes[1]:
        raise DataError(
            f"{folder / 'adapter_model.safetensors'}: {embedding} has {sizes[0]} rows and {HEAD} {sizes[1]}", fix=AGAIN
        )


def _is_in(module: str, saved: str) -> bool:
    """Is a module, or one that it is part of, meant by this entry of modules_to_save? peft compares ends of names."""
    parts = module.split(".")
    return any(".".join(parts[:upto]).endswith(saved) for upto in range(1, len(parts) + 1))


def _is_table(name: str) -> bool:
    return f".{name}".endswith((f".{EMBEDDING}", f".{HEAD}"))


def _refuse(folder: Path, config: Mapping[str, Any]) -> None:
    at = folder / "adapter_config.json"
    if config.get("peft_type") != "LORA":
        raise DataError(f"{at}: peft_type {config.get('peft_type')!r} cannot be merged", fix=PLAIN)
    start = config.get("init_lora_weights", True)
    if start is not None and start not in PLAIN_STARTS:
        raise DataError(f"{at}: init_lora_weights {start!r} changes the base too", fix=PLAIN)
    for key, value in config.items():
        if key not in HARMLESS and key not in KNOWN and value:
            raise DataError(f"{at}: {key} cannot be merged", fix=PLAIN)
    if config.get("bias", "none") not in ("none", "all", "lora_only"):
        raise DataError(f"{at}: bias {config['bias']!r} is not known", fix=PLAIN)
    _numbers(at, "r", [config.get("r")])
    if config["r"] <= 0:
        raise DataError(f"{at}: r is {config['r']}", fix=AGAIN)
    _numbers(at, "lora_alpha", [config.get("lora_alpha")])
    for key in ("rank_pattern", "alpha_pattern"):
        patterns = config.get(key) or {}
        if not isinstance(patterns, dict):
            raise DataError(f"{at}: {key} is {patterns!r}", fix=AGAIN)
        _numbers(at, key, patterns.values())
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error:
                raise DataError(f"{at}: {key} has {pattern!r}, which is no pattern", fix=AGAIN) from None
    saved = config.get("modules_to_save") or []
    if not isinstance(saved, list) or not all(isinstance(one, str) for one in saved):
        raise DataError(f"{at}: modules_to_save is {saved!r}", fix=AGAIN)
    if not isinstance(config.get("trainable_token_indices") or [], list | dict):
        raise DataError(f"{at}: trainable_token_indices is {config['trainable_token_indices']!r}", fix=AGAIN)


def _numbers(at: Path, key: str, values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DataError(f"{at}: {key} is {value!r}", fix=AGAIN)

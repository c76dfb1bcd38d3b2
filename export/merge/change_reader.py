"""The tensors that peft saved for one tensor of the base to a Change, checked against the config and the base."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from ...models.weight_files import Stored
from .adapter_targets import targeted
from .change import AGAIN, EMBEDDING, HEAD, OTHER_BASE, PLAIN, Change


@dataclass(frozen=True)
class ChangeReader:
    """Makes the changes of an adapter from its tensors and its config, each checked against the base.

    `targets` are the shapes of the base's tensors by name, `base` is the base's folder for messages.
    """

    folder: Path
    config: Mapping[str, Any]
    targets: Mapping[str, tuple[int, ...]]
    base: str

    def change(self, name: str, parts: Mapping[str, Stored]) -> Change:
        """Return the change of one tensor from its parts; raises DataError for parts that do not fit it."""
        module = name.rpartition(".")[0]
        whole = self._whole(name, module, parts)
        shape = whole.shape if whole else self.targets[name]
        change = Change(whole)
        if "trainable_tokens_delta" in parts:
            change = self._tokens(change, name, module, parts["trainable_tokens_delta"], shape)
        pair = {part for part in parts if part.startswith("lora_") and part != "lora_B.bias"}
        if pair and change.tokens:
            raise self._error(name, "has both LoRA and trainable_token_indices", PLAIN)
        if pair:
            change = self._lora(change, name, module, parts, shape)
        if "lora_B.bias" in parts:
            if not self.config.get("lora_bias"):
                raise self._error(name, "has a lora_B.bias, but lora_bias is off in adapter_config.json", AGAIN)
            if parts["lora_B.bias"].shape != shape:
                raise self._misfit(name, parts["lora_B.bias"].shape, shape)
            # its scale is that of its layer, whose rank in the config was compared with the weights
            rank = self._pattern("rank_pattern", "r", module)
            change = replace(change, bias=parts["lora_B.bias"], scale=self._scale(module, rank))
        return change

    def check_promises(self, changes: Mapping[str, Change]) -> None:
        """Raise DataError when the file lacks something that its config says was trained."""
        at = self.folder / "adapter_model.safetensors"
        for saved in self.config.get("modules_to_save") or []:
            if not any(change.whole and _is_in(name.rpartition(".")[0], saved) for name, change in changes.items()):
                raise DataError(f"{at}: holds no weights of {saved}, which is in modules_to_save", fix=AGAIN)
        if self.config.get("trainable_token_indices") and not any(change.tokens for change in changes.values()):
            raise DataError(f"{at}: holds no rows for its trainable_token_indices", fix=AGAIN)
        for name in targeted(self.config, self.targets):
            change = changes.get(name, Change())
            if not (change.a or change.whole):
                raise self._other(
                    f"the base has {name}, which is one of the target_modules, but the adapter has nothing for it"
                )
        if self.config.get("lora_bias"):
            for name, change in changes.items():
                if change.a and not change.is_embedding:
                    bias = changes.get(f"{name.rpartition('.')[0]}.bias")
                    if bias is None or bias.bias is None:
                        raise self._error(name, "has no lora_B.bias, but lora_bias is on", AGAIN)

    def _whole(self, name: str, module: str, parts: Mapping[str, Stored]) -> Stored | None:
        whole = parts.get("whole") or parts.get("base_layer")
        if whole is None:
            return None
        expected, is_table = self.targets[name], _is_table(name)
        by_bias = name.endswith(".bias") and self.config.get("bias", "none") != "none"
        is_saved = any(_is_in(module, saved) for saved in self.config.get("modules_to_save") or [])
        if not (by_bias or is_saved or is_table):
            raise self._error(name, "is a whole weight, but modules_to_save and bias do not name it", AGAIN)
        if whole.shape[1 if is_table else 0 :] != expected[1 if is_table else 0 :] or len(whole.shape) != len(expected):
            raise self._misfit(name, whole.shape, expected)
        return whole

    def _lora(
        self, change: Change, name: str, module: str, parts: Mapping[str, Stored], shape: tuple[int, ...]
    ) -> Change:
        is_embedding = "lora_embedding_A" in parts or "lora_embedding_B" in parts
        names = ("lora_embedding_A", "lora_embedding_B") if is_embedding else ("lora_A", "lora_B")
        a, b = (parts.get(part) for part in names)
        if a is None or b is None:
            raise self._error(name, f"has {names[0] if a else names[1]} but not {names[1] if a else names[0]}", AGAIN)
        if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1]:
            raise self._error(name, f"the shapes {b.shape} and {a.shape} cannot be multiplied", AGAIN)
        product = (b.shape[0], a.shape[1])
        product = product[::-1] if is_embedding else product
        if product != shape:
            raise self._misfit(name, product, shape)
        rank = a.shape[0]
        stated = self._pattern("rank_pattern", "r", module)
        if rank != stated:
            raise self._error(name, f"has rank {rank}, but adapter_config.json states {stated}", AGAIN)
        magnitude = parts.get("lora_magnitude_vector")
        if bool(magnitude) != bool(self.config.get("use_dora")):
            presence = "has no lora_magnitude_vector, but" if magnitude is None else "has a lora_magnitude_vector, but"
            raise self._error(name, f"{presence} use_dora is {bool(self.config.get('use_dora'))}", AGAIN)
        outputs = (shape[1] if is_embedding else shape[0],)
        if magnitude and magnitude.shape != outputs:
            raise self._misfit(name, magnitude.shape, outputs)
        scale = self._scale(module, rank)
        return replace(change, a=a, b=b, scale=scale, is_embedding=is_embedding, magnitude=magnitude)

    def _tokens(self, change: Change, name: str, module: str, tokens: Stored, shape: tuple[int, ...]) -> Change:
        indices: Any = self.config.get("trainable_token_indices")
        if isinstance(indices, dict):
            by_name = indices
            indices = next((rows for key, rows in by_name.items() if f".{module}".endswith(f".{key}")), None)
            if indices is None and name == HEAD:  # tied, so with the rows of the embedding
                indices = next((rows for key, rows in by_name.items() if key.endswith("embed_tokens")), None)
        if not isinstance(indices, list) or not all(type(row) is int and 0 <= row < shape[0] for row in indices):
            raise self._error(name, f"trainable_token_indices are not rows of {shape}", OTHER_BASE)
        if tokens.shape != (len(indices), *shape[1:]):
            raise self._misfit(name, tokens.shape, (len(indices), *shape[1:]))
        return replace(change, tokens=tokens, indices=tuple(indices))

    def _pattern(self, patterns: str, otherwise: str, module: str) -> Any:
        """The value of the first pattern that matches the end of a module's name, as peft does it."""
        for pattern, value in (self.config.get(patterns) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return self.config.get(otherwise)

    def _scale(self, module: str, rank: int) -> float:
        alpha = float(self._pattern("alpha_pattern", "lora_alpha", module))
        return alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)

    def _misfit(self, name: str, shape: tuple[int, ...], in_base: tuple[int, ...]) -> DataError:
        return self._other(f"{name} is for the shape {shape}, but the base has {in_base}")

    def _other(self, difference: str) -> DataError:
        at = self.folder / "adapter_model.safetensors"
        return DataError(f"{at}: of another base than {self.base}: {difference}", fix=OTHER_BASE)

    def _error(self, name: str, problem: str, fix: str) -> DataError:
        return DataError(f"{self.folder / 'adapter_model.safetensors'}: {name} {problem}", fix=fix)


def _is_in(module: str, saved: str) -> bool:
    """Whether an entry of modules_to_save means a module or one around it; peft compares the last parts of names."""
    parts = module.split(".")
    return any(".".join(parts[:upto]).endswith(saved) for upto in range(1, len(parts) + 1))


def _is_table(name: str) -> bool:
    return f".{name}".endswith((f".{EMBEDDING}", f".{HEAD}"))

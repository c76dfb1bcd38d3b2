"""Which settings of an adapter_config.json can be merged; any other is refused by its name."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import DataError
from .change import AGAIN, PLAIN

# keys that change nothing in the arithmetic; any other key must be known or empty
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
# other starts than these change the base's weights too, in a way that the adapter does not tell
PLAIN_STARTS = (True, False, "gaussian", "orthogonal")


def check_adapter_config(path: Path, config: Mapping[str, Any]) -> None:
    """Raise DataError for a setting that cannot be merged or that makes no sense; `config` is the content of `path`."""
    if config.get("peft_type") != "LORA":
        raise DataError(f"{path}: peft_type {config.get('peft_type')!r} cannot be merged", fix=PLAIN)
    start = config.get("init_lora_weights", True)
    if start is not None and start not in PLAIN_STARTS:
        raise DataError(f"{path}: init_lora_weights {start!r} changes the base too", fix=PLAIN)
    for key, value in config.items():
        if key not in HARMLESS and key not in KNOWN and value:
            raise DataError(f"{path}: {key} cannot be merged", fix=PLAIN)
    if config.get("bias", "none") not in ("none", "all", "lora_only"):
        raise DataError(f"{path}: bias {config['bias']!r} is not known", fix=PLAIN)
    _check_numbers(path, "r", [config.get("r")])
    if config["r"] <= 0:
        raise DataError(f"{path}: r is {config['r']}", fix=AGAIN)
    _check_numbers(path, "lora_alpha", [config.get("lora_alpha")])
    for key in ("rank_pattern", "alpha_pattern"):
        patterns = config.get(key) or {}
        if not isinstance(patterns, dict):
            raise DataError(f"{path}: {key} is {patterns!r}", fix=AGAIN)
        _check_numbers(path, key, patterns.values())
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error:
                raise DataError(f"{path}: {key} has {pattern!r}, which is not a pattern", fix=AGAIN) from None
    saved = config.get("modules_to_save") or []
    if not isinstance(saved, list) or not all(isinstance(name, str) for name in saved):
        raise DataError(f"{path}: modules_to_save is {saved!r}", fix=AGAIN)
    if not isinstance(config.get("trainable_token_indices") or [], list | dict):
        raise DataError(f"{path}: trainable_token_indices is {config['trainable_token_indices']!r}", fix=AGAIN)


def _check_numbers(path: Path, key: str, values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DataError(f"{path}: {key} is {value!r}", fix=AGAIN)

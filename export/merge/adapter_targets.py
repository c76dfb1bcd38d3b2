"""Which matrices have a LoRA by an adapter's config. The file may lack one: peft does not notice."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.errors import DataError

OF_LAYER = re.compile(r"(?:.+\.)?(?:layers|h|blocks)\.\d+\..+\.weight\Z")


def targeted(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Yield the matrices of the base's layers that target_modules mean, by peft's rules.

    `config` is an adapter_config.json, `shapes` are the base's tensors by name.
    """
    for name, shape in shapes.items():
        module = name.removesuffix(".weight")
        if len(shape) == 2 and OF_LAYER.match(name) and _is_wanted(config, module) and _in_layers(config, module):
            yield name


def _is_wanted(config: Mapping[str, Any], module: str) -> bool:
    targets = config.get("target_modules")
    return not _named(module, config.get("exclude_modules")) and (targets == "all-linear" or _named(module, targets))


def _named(module: str, names: object) -> bool:
    """Whether a module is meant: a text is a pattern for the whole name, a list has the last parts of names."""
    if isinstance(names, str):
        try:
            return re.fullmatch(names, module) is not None
        except re.error as error:
            raise DataError(
                f"{names!r} is not a pattern of modules ({error})", fix="correct adapter_config.json"
            ) from None
    return isinstance(names, list) and any(f".{module}".endswith(f".{name}") for name in names)


def _in_layers(config: Mapping[str, Any], module: str) -> bool:
    layers = config.get("layers_to_transform")
    if layers is None or layers == []:
        return True
    patterns = config.get("layers_pattern") or r"[^.]*"
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        match = re.match(rf".*\.{pattern}\.(\d+)\.", module)
        if match:
            return int(match[1]) in (layers if isinstance(layers, list) else [layers])
    return False

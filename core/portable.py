"""What a run may change when it goes on: on another machine, paths and devices differ, and the rows must not.

Colab, Kaggle and a laptop keep the same file in other folders, and have other GPUs. A recipe that differs in nothing
else trains the same rows in the same order, and its run can go on from the other machine's checkpoint.
"""

import tomllib
from pathlib import PurePath
from typing import Any

DEVICES = ("micro_batch", "checkpointing", "compile", "parallel", "dtype", "save_steps", "log_steps", "report_to")
"""Keys of [train] that change only how steps are computed, or what is told of them."""
FILES = ("db", "pairs", "db_names", "against", "against_databases", "spider", "jsonl")
"""Keys of [data] that hold paths; the file's name has to stay."""
SOURCE_FILES = ("path", "databases", "db")


def same_training(one: str, other: str) -> bool:
    """Tell whether two recipes, as TOML with all values, train the same rows in the same order.

    A base or an adapter to start from may lie in another folder; that it is the same one shows its content.
    """
    return _essence(one) == _essence(other)


def first_difference(one: str, other: str) -> tuple[str, Any, Any]:
    """Return the first key in which two recipes do not train the same, and both values; None where there is none."""
    before, after = _essence(one), _essence(other)
    for section in dict.fromkeys([*before, *after]):
        mine, theirs = before.get(section), after.get(section)
        if not (isinstance(mine, dict) and isinstance(theirs, dict)):
            if mine != theirs:
                return section, mine, theirs
            continue
        for key in dict.fromkeys([*mine, *theirs]):
            if mine.get(key) != theirs.get(key):
                return f"{section}.{key}", mine.get(key), theirs.get(key)
    return "", None, None


def _essence(text: str) -> dict[str, Any]:
    """A recipe without what belongs to one machine."""
    tree = tomllib.loads(text)
    train, data = tree.setdefault("train", {}), tree.setdefault("data", {})
    for key in DEVICES:
        train.pop(key, None)
    if train.get("start") not in ("base", "starter"):
        train["start"] = "folder"
    tree.get("base", {}).pop("model", None)
    for key in FILES:
        if key in data:
            data[key] = _names(data[key])
    for source in data.get("source", []):
        for key in SOURCE_FILES:
            if key in source:
                source[key] = _names(source[key])
    return tree


def _names(value: Any) -> Any:
    """The last part of a path, or of each path of a list."""
    return [_names(item) for item in value] if isinstance(value, list) else PurePath(value).name

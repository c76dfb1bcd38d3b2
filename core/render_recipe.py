"""A recipe written as TOML."""

import json
import re
from typing import Any

from .recipe import Recipe, Section, Shape

ADDED = frozenset(
    (section, key)
    for section, keys in {
        "shape": tuple(Shape.model_fields),
        "data": (
            *("source", "db", "pairs", "pairs_weight", "db_synthetic", "db_names", "drop", "near_duplicates"),
            *("balance", "robust", "against", "against_databases", "max_leakage"),
        ),
        "lora": ("target_modules", "rslora", "dora", "lr_ratio"),
        "train": (
            *("schedule", "optimizer", "weight_decay", "max_grad_norm", "neftune", "dtype"),
            *("eval_steps", "eval_questions", "best", "early_stopping", "report_to", "parallel"),
        ),
    }.items()
    for key in keys
)
"""Keys that the first recipes did not have."""


def render_recipe(recipe: Recipe) -> str:
    """Write the recipe as TOML with every value: what a run directory keeps.

    Keys in ADDED are written where they are set, so that the recipes of older runs keep their text and their hash.
    """
    lines, sections = [], []
    for name, value in recipe:
        if isinstance(value, Section):
            fields = type(value).model_fields
            rows = [
                f"{key} = {toml(item)}"
                for key, item in value
                if (name, key) not in ADDED or item != fields[key].get_default(call_default_factory=True)
            ]
            if rows or name != "shape":
                sections.append(f"\n[{name}]\n" + "\n".join(rows))
        else:
            lines.append(f"{name} = {toml(value)}")
    return "\n".join(lines + sections) + "\n"


def toml(value: Any) -> str:
    """Write the value of a field as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, Section | dict):  # of a list of tables: each on one line
        return "{" + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in dict(value).items()) + "}"
    if isinstance(value, str):  # JSON's escapes are those of TOML, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _key(name: str) -> str:
    """A key of a table, in quotes where TOML needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)

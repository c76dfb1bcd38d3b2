"""A TOML file to a recipe; what is unknown, of a wrong type or out of range is refused with its file, line and key."""

import re
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .errors import RecipeError
from .recipe import Recipe, limits, section_class
from .render_recipe import render_recipe

# what is wrong with a value's type: what it must be, and what to write
TYPES = {
    "int_type": ("a whole number", "write a whole number, such as 3"),
    "float_type": ("a number", "write a number, such as 0.5"),
    "bool_type": ("true or false", "write true or false"),
    "string_type": ("a text in quotes", 'write a text in quotes, such as "base"'),
}


def recipe_names() -> list[str]:
    """List the names of the recipes that come with sql-llama."""
    names = (item.name for item in resources.files("sql_llama.recipes").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def read_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> tuple[Recipe, str]:
    """Return the recipe and its full TOML text, with overrides `section.key=value` (a TOML value, or plain words).

    Raises RecipeError that names the file, the line and the key, or the override.
    """
    where, text = _read(name_or_path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: broken TOML: {error}", fix="correct that line") from None
    source = _Source(where, text, dict(_override(tree, override) for override in overrides))
    try:
        recipe = Recipe.model_validate(tree)
    except ValidationError as error:
        raise _refusal(error, source) from None
    batch, micro = recipe.train.batch, recipe.train.micro_batch
    if micro and batch and batch % min(micro, batch):
        raise RecipeError(
            f"{source.place('train', 'micro_batch')}: train.batch = {batch} is no multiple of "
            f"train.micro_batch = {micro}",
            fix=f"--set train.batch={micro * (batch // micro)}",
        )
    for key, is_set in (
        ("best", recipe.train.best in ("loss", "execution")),
        ("early_stopping", recipe.train.early_stopping),
    ):
        if is_set and not recipe.train.eval_steps:
            raise RecipeError(f"{source.at('train', key)}: requires train.eval_steps", fix="--set train.eval_steps=50")
    return recipe, render_recipe(recipe)


def _read(name_or_path: str) -> tuple[str, str]:
    """The name of a recipe's file, for messages, and its text."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"{path}: no such recipe", fix=f"use a file or one of {', '.join(recipe_names())}")
        try:
            return str(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path}: not UTF-8 text ({error.reason})", fix="save it as UTF-8") from None
        except OSError as error:
            raise RecipeError(f"{path}: cannot be read ({error.strerror})", fix="check its permissions") from None
    if name_or_path not in recipe_names():
        raise RecipeError(
            f"{name_or_path}: no such recipe", fix=f"use a .toml file or one of {', '.join(recipe_names())}"
        )
    where = f"{name_or_path}.toml"
    return where, resources.files("sql_llama.recipes").joinpath(where).read_text(encoding="utf-8")


def _override(tree: dict[str, Any], override: str) -> tuple[tuple[str, str], str]:
    """Put an override into the tree; returns its section and key, and the option as it was typed."""
    key, sign, value = override.partition("=")
    section, dot, name = (part.strip() for part in key.partition("."))
    example = "for example --set train.epochs=2"
    if not sign or not dot or not section or not name:
        raise RecipeError(f"--set {override}: not section.key=value", fix=example)
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    kind = section_class(section)
    field = kind.model_fields.get(name) if kind else None
    if field and field.annotation is str and not isinstance(parsed, str):
        parsed = value
    if field and typing.get_origin(field.annotation) is tuple and not isinstance(parsed, list):
        parsed = [part for part in value.split(",") if part]
    if not isinstance(tree.setdefault(section, {}), dict):
        raise RecipeError(f"--set {override}: {section} is not a section", fix=example)
    tree[section][name] = parsed
    return (section, name), f"--set {override}"


@dataclass(frozen=True)
class _Source:
    """Where a recipe's values come from: a file's name and text, and options by section and key."""

    where: str
    text: str
    options: dict[tuple[str, str], str]

    def line(self, section: str, key: str, entry: int = 0) -> int:
        """The line of a key in the file; 0 when it is not there. `entry`: in which of several tables [[section]]."""
        header_above, entries = "", 0
        assigned = rf"\s*\"?{re.escape(key)}\"?\s*="
        dotted = rf"\s*{re.escape(section)}\s*\.{assigned}"
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[(\[)?\s*([\w.-]+)\s*\]", line)
            if header:
                header_above = header.group(2)
                if header.group(1) and header_above == section:
                    entries += 1
                    if entries - 1 != entry:
                        header_above = ""  # a key of another entry
                    elif not key:
                        return number
                elif not section and header_above == key:
                    return number
            elif re.match(assigned, line) if header_above == section else not header_above and re.match(dotted, line):
                return number
        return 0

    def place(self, section: str, key: str, entry: int = 0) -> str:
        """The option that gave a value, else the file with the line."""
        option = self.option(section, key)
        if option:
            return option
        line = self.line(section, key, entry) or (self.line(section, "", entry) if section == "data.source" else 0)
        return f"{self.where}:{line}" if line else self.where

    def at(self, section: str, key: str, entry: int = 0) -> str:
        """The place of a key with its name; an option says the name itself."""
        full = f"{section}.{key}" if section else key
        place = self.place(section, key, entry)
        return place if (section, key) in self.options else f"{place}: {full}"

    def option(self, section: str, key: str) -> str:
        """The option that gave a value; empty when the file did."""
        whole = ("data", "source") if section == "data.source" else (section, key)
        return self.options.get((section, key)) or self.options.get(whole, "")


def _refusal(error: ValidationError, source: _Source) -> RecipeError:
    """The first thing that is wrong with a recipe: by its line, then what is missing, then options."""
    problems = []
    for place, details in enumerate(error.errors()):
        location = [str(part) for part in details["loc"] if not isinstance(part, int)]
        entry = next((part for part in details["loc"] if isinstance(part, int)), 0)
        if location[:2] == ["data", "source"] and len(location) > 2:
            section, key = "data.source", location[2]
        else:
            section, key = (location[0], location[1]) if len(location) == 2 else ("", location[0])
        line = 0 if source.option(section, key) else source.line(section, key, entry)
        problems.append((line or len(source.text) + 2, place, section, key, entry, details))
    _, _, section, key, entry, details = min(problems, key=lambda problem: problem[:2])
    return _explain(source, section, key, entry, details)


def _explain(source: _Source, section: str, key: str, entry: int, details: Mapping[str, Any]) -> RecipeError:
    at, kind, value = source.at(section, key, entry), details["type"], details["input"]
    owner = (section_class(section) if section else None) or Recipe
    if kind == "missing":
        full = f"{section}.{key}" if section else key
        where = source.place(section, key, entry) if section == "data.source" else source.where
        return RecipeError(f"{where}: {full} is missing", fix=f"add {key}")
    if kind == "extra_forbidden":
        option = next((option for (part, _), option in source.options.items() if not section and part == key), "")
        return RecipeError(
            f"{option}: there is no section [{key}]" if option and not source.line("", key) else f"{at}: unknown key",
            fix=f"known here: {', '.join(owner.model_fields)}",
        )
    field = owner.model_fields[key]
    if (section, key) == ("data", "source"):
        fix = 'write [[data.source]] and below it path = "..."'
        return RecipeError(f"{at}: must be tables [[data.source]]", fix=fix)
    if kind == "model_type":
        return RecipeError(f"{at}: must be a section [{key}]", fix=f"write [{key}] and its keys below")
    if typing.get_origin(field.annotation) is dict:
        return RecipeError(f"{at}: must be a table of texts", fix='for example {question = "q", sql = "query"}')
    if typing.get_origin(field.annotation) is tuple:
        return RecipeError(f"{at}: must be a list of texts", fix='for example ["a", "b"]')
    if kind in TYPES:
        wanted, fix = TYPES[kind]
    elif kind == "literal_error":
        wanted, fix = f"one of {', '.join(typing.get_args(field.annotation))}", f"the default is {field.default}"
    elif kind == "string_pattern_mismatch":
        wanted, fix = "letters, digits, dots and dashes", "use a short name: run directories are named after it"
    else:
        least, most = limits(field) or (0, 0)
        return RecipeError(
            f"{at}: must be between {least} and {most}, not {value}", fix=f"the default is {field.default}"
        )
    return RecipeError(f"{at}: must be {wanted}, not {value!r}", fix=fix)

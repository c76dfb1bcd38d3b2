"""Programs that get the numbers of a training too: TensorBoard, Weights & Biases, Trackio; transformers calls them.

Their files go into the run directory. Keys stay in the environment.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import RecipeError, SqlLlamaError
from ..core.recipe import Recipe

PROGRAMS = ("tensorboard", "wandb", "trackio")


def check_report_to(recipe: Recipe) -> None:
    """Raise RecipeError for a program that is not known, and SqlLlamaError for one that is not installed."""
    for name in recipe.train.report_to:
        if name not in PROGRAMS:
            raise RecipeError(f"train.report_to: {name} is not known", fix=f"any of {', '.join(PROGRAMS)}")
        if importlib.util.find_spec(name) is None:
            raise SqlLlamaError(f"train.report_to: {name} is not installed", fix=f"pip install {name}")


@contextlib.contextmanager
def reporting(recipe: Recipe, run: Path) -> Iterator[None]:
    """Set what the programs read from the environment, as long as the block lasts.

    Weights & Biases writes to the disk only, unless WANDB_API_KEY or WANDB_MODE is set.
    """
    wanted = {}
    if "tensorboard" in recipe.train.report_to:
        wanted["TENSORBOARD_LOGGING_DIR"] = str(run / "tensorboard")
    if "wandb" in recipe.train.report_to:
        wanted["WANDB_DIR"] = str(run)
        wanted["WANDB_PROJECT"] = os.environ.get("WANDB_PROJECT", "sql-llama")
        online = os.environ.get("WANDB_API_KEY")
        wanted["WANDB_MODE"] = os.environ.get("WANDB_MODE") or ("online" if online else "offline")
    if "trackio" in recipe.train.report_to:
        wanted["TRACKIO_DIR"] = str(run / "trackio")
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        if wandb := sys.modules.get("wandb"):
            wandb.finish()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Try a recipe in seconds: its data, template and settings on a tiny random model of the same architecture."""

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import SqlLlamaError
from ..core.recipe import Recipe
from ..core.render_recipe import render_recipe
from ..core.run import create_run
from .estimate import base_config
from .stand_in import stand_in
from .start import check_plan
from .train import Check, train

PAIRS = 24
STEPS, BATCH, RANK = 2, 4, 8


@dataclass(frozen=True)
class DryRun:
    """What was tried: pairs of the recipe's own sources or `synthesised` ones, `losses` by step, files of the adapter.

    `tokenizer` is that of the base, or a stand-in; `gradient_noise` the distance of check_gradients.
    """

    recipe: str
    architecture: str
    tokenizer: str
    data: str
    pairs: int
    preflight: str
    gradient_noise: float
    steps: int
    losses: tuple[float, ...]
    adapter: dict[str, int]
    seconds: float


def dry_run(recipe: Recipe, check: Check | None = None) -> DryRun:
    """Prepare some pairs, check the loss mask and the gradients, train two steps and save; nothing is left on disk.

    Needs no network and no weights. Sources on the Hub, or not there yet, are stood in for by synthesised pairs. Raises
    what a training would raise for what is wrong with the recipe.
    """
    started = time.monotonic()
    config, base = base_config(recipe), _local_base(recipe)
    with tempfile.TemporaryDirectory(prefix="sql-llama-dry-run-") as temporary:
        folder = Path(temporary)
        model = stand_in(folder / "model", config, recipe.base.family, base)
        tiny, words = _tiny(recipe, model)
        run = create_run(folder / "run", tiny.name, render_recipe(tiny))
        adapter = train(tiny, run, check)
        facts = run.manifest()["stages"]
        metrics = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        return DryRun(
            recipe=recipe.name,
            architecture=str(config.get("model_type") or "llama"),
            tokenizer="the base's own" if base else "a stand-in",
            data=words,
            pairs=facts["data"]["train"],
            preflight="ok",
            gradient_noise=facts["train"]["gradient_noise"],
            steps=facts["train"]["steps"],
            losses=tuple(line["loss"] for line in metrics),
            adapter={path.name: path.stat().st_size for path in sorted(adapter.iterdir())},
            seconds=round(time.monotonic() - started, 1),
        )


def _local_base(recipe: Recipe) -> Path | None:
    """The base's folder, where it is on this machine and nothing must be unpacked or downloaded."""
    folder = Path(recipe.base.model).expanduser()
    return folder if folder.is_dir() and (folder / "tokenizer.json").is_file() else None


def _tiny(recipe: Recipe, model: Path) -> tuple[Recipe, str]:
    """The recipe over the tiny model, with few pairs, two small steps and a small rank; and its data in words."""
    data: dict[str, Any] = {"valid_share": 0.0, "against": "", "balance": 1.0}
    for key in ("synthetic", "spider_synthetic", "db_synthetic"):
        data[key] = min(getattr(recipe.data, key), PAIRS)
    data["source"] = tuple(source.model_copy(update={"limit": PAIRS}) for source in recipe.data.source)
    data["jsonl_limit"] = PAIRS
    words = "the recipe's own sources, some pairs of each"
    sampled = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    hub = any(source.path.startswith("hub:") for source in recipe.data.source)
    try:
        if hub:
            raise SqlLlamaError("a source on the Hub")
        check_plan(sampled)
    except SqlLlamaError:
        data |= {"source": (), "jsonl": (), "spider": "", "spider_synthetic": 0, "synthetic": PAIRS}
        words = "synthesised pairs in place of the recipe's sources, which are not on this machine"
        sampled = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    changes = {"start": "base", "epochs": 1.0, "max_steps": STEPS, "batch": BATCH, "micro_batch": 2, "compile": False}
    return (
        sampled.model_copy(
            update={
                "base": recipe.base.model_copy(update={"model": str(model)}),
                "lora": recipe.lora.model_copy(update={"r": min(recipe.lora.r, RANK)}),
                "train": recipe.train.model_copy(update={**changes, "log_steps": 1, "save_steps": 1000}),
            }
        ),
        words,
    )

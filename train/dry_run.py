"""Go once through a recipe in little: a sample of the data, templates, preflight, two steps, the adapter.

It needs no weights, no network and no GPU, and leaves nothing behind. The model is a random one of two layers
(tiny_base.py), so its losses say nothing about the recipe: only that every part runs.
"""

import json
import random
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.recipe import Data, Recipe, Source
from ..core.records import Example
from ..core.render_recipe import render_recipe
from ..core.run import create_run
from ..core.settings import settings
from ..data.prepare.made import synthesised, worlds_of
from ..data.sources.open_source import open_source, recipe_sources
from ..sql.ddl.render import render_ddl
from .tiny_base import tiny_base
from .train import Check, quiet, train

STEPS = 2
PAIRS = 24  # of each source
BATCH = 4
COLUMNS = {  # of well-known sets on the Hub: question, schema, query
    "hub:b-mc2/sql-create-context": ("question", "context", "answer"),
    "hub:gretelai/synthetic_text_to_sql": ("sql_prompt", "sql_context", "sql"),
}
USUAL = ("question", "schema", "sql")


@dataclass(frozen=True)
class DryRun:
    """What a dry run found.

    `sources` says for each source where its sample is from: `its own` rows, or `synthesised` in its place. `losses` are
    of the answer tokens, one for each step. `adapter` has the rank, the layers and the trained values of the tiny one.
    """

    recipe: str
    model: str
    tokenizer: str
    sources: dict[str, str]
    train: int
    valid: int
    losses: tuple[float, ...]
    adapter: dict[str, Any]
    start: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return what `sql-llama train RECIPE --dry-run --json` prints."""
        return {
            "recipe": self.recipe,
            "base": {"model_type": self.model, "tokenizer": self.tokenizer},
            "data": {"train": self.train, "valid": self.valid, "sources": self.sources},
            "preflight": "ok",
            "steps": len(self.losses),
            "losses": list(self.losses),
            "adapter": self.adapter,
            "start": self.start,
            "export": "ok",
            "seconds": round(self.seconds, 2),
        }


def dry_run(recipe: Recipe, check: Check) -> DryRun:
    """Train a tiny model for two steps as the recipe says, in a temporary folder.

    `check` is the export's own, called before and after, so that a recipe that cannot be exported fails here. Raises
    SqlLlamaError for what would also stop the real training.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sql-llama-dry-run-") as name:
        folder = Path(name)
        with quiet():
            base = tiny_base(recipe, folder / "tiny")
        data, sources = _sample(recipe.data, folder)
        small = _small(recipe, base.folder, data)
        run = create_run(folder / "run", recipe.name, render_recipe(small))
        train(small, run, check)
        check(small, base.folder, run.adapter)
        stages = run.manifest()["stages"]
        lines = (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        config = json.loads((run.adapter / "adapter_config.json").read_text(encoding="utf-8"))
        modules = config["target_modules"]
        return DryRun(
            recipe=recipe.name,
            model=base.model_type,
            tokenizer="its own" if base.own_tokenizer else "a stand-in",
            sources=sources,
            train=stages["data"]["train"],
            valid=stages["data"]["valid"],
            losses=tuple(json.loads(line)["loss"] for line in lines),
            adapter={"r": config["r"], "target_modules": modules, "trainable": stages["train"]["trainable"]},
            start=recipe.train.start,
            seconds=time.monotonic() - started,
        )


def _small(recipe: Recipe, base: Path, data: Data) -> Recipe:
    """The recipe with the tiny base, the sample, and two steps of a small batch; all else is as it was."""
    steps = {"start": "base", "max_steps": STEPS, "batch": BATCH, "micro_batch": 2, "log_steps": 1, "epochs": 1.0}
    return recipe.model_copy(
        update={
            "base": recipe.base.model_copy(update={"model": str(base), "revision": "main"}),
            "data": data,
            "train": recipe.train.model_copy(update=steps),
        }
    )


def _sample(data: Data, folder: Path) -> tuple[Data, dict[str, str]]:
    """[data] with a few pairs of each source, and where they are from."""
    wanted = recipe_sources(data)
    stand_ins = [source for source in wanted if source.path.startswith("hub:") or not _there(source)]
    made = _made(PAIRS * (len(stand_ins) + 1), data.seed)
    sources, said = [], {}
    for number, source in enumerate(wanted):
        name = source.name or source.path
        if source not in stand_ins and (rows := _own_rows(source)):
            said[name], columns = "its own", USUAL
        else:
            rows = [(item.question, render_ddl(item.schema), item.sql) for item in made[:PAIRS]]
            made, columns = made[PAIRS:], COLUMNS.get(source.path, USUAL)
            said[name] = "synthesised"
        path = folder / f"source-{number}.jsonl"
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows), "utf-8")
        sources.append(Source(path=str(path), weight=source.weight, license=source.license))
    less = {"spider": "", "jsonl": (), "spider_synthetic": 0, "against": "", "balance": 1.0}
    less["synthetic"] = PAIRS if data.synthetic or data.spider_synthetic or not (sources or data.db) else 0
    less["db_synthetic"] = min(PAIRS, data.db_synthetic)
    if less["synthetic"]:
        said["synthetic"] = "synthesised"
    return data.model_copy(update={**less, "source": tuple(sources)}), said


def _there(source: Source) -> bool:
    return Path(source.path).expanduser().exists()


def _own_rows(source: Source) -> list[tuple[str, str, str]]:
    """The first usable rows of a source that is here, each with its schema as DDL."""
    from ..data.sources.database import open_database

    rows = []
    for row in islice(open_source(source, settings().cache).rows(), PAIRS):
        schema = row.schema
        if row.db and not row.fault:
            schema = render_ddl(open_database(Path(row.db), Path(row.db).stem).schema)
        if schema and not row.fault:
            rows.append((row.question, schema, row.sql))
    return rows


def _made(count: int, seed: int) -> list[Example]:
    """Pairs in the place of sources; of another random state than those of data.synthetic, which they would equal."""
    return synthesised(worlds_of(seed), count, random.Random(seed + 1), "synthetic")

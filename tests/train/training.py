"""Short trainings of the tiny base, and what they left."""

import json
from pathlib import Path
from typing import Any

from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.train.train import train


def fit(recipe_file: Path, path: Path, *overrides: str) -> Run:
    recipe, text = read_recipe(str(recipe_file), overrides)
    run = create_run(path, recipe.name, text)
    assert train(recipe, run) == run.adapter
    return run


def memory_of_one_row() -> int:
    """Bytes in which one row a pass fits and two do not, by the type that this machine computes with."""
    from sql_llama.engines.huggingface import compute_dtype

    return {2: 4_800_000, 4: 8_000_000}[compute_dtype().itemsize]


def metrics(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


def metrics_text(run: Run) -> list[str]:
    """The whole lines; the last may be half written."""
    lines = (run.path / "metrics.jsonl").read_text().splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def adapter_files(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.adapter.iterdir()}

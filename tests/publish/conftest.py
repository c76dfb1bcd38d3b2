"""A run that was exported in every form, with a gate and a data card, to be published."""

import json
import shutil
from pathlib import Path

import pytest
from sql_llama.core.files import sha256
from sql_llama.core.recipe import Base, Data, Export, Recipe, Source
from sql_llama.core.render_recipe import render_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.export.export import export_run
from sql_llama.export.plan import Options


@pytest.fixture(scope="session")
def exported_once(tiny_stopping_base: Path, tiny_adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(
        name="tiny",
        base=Base(model=str(tiny_stopping_base), license="Apache-2.0"),
        data=Data(source=(Source(path="hub:somebody/pairs", name="pairs"),)),
        export=Export(name="tiny", quants=("Q8_0", "F16")),
    )
    run = create_run(tmp_path_factory.mktemp("publish") / "one", recipe.name, render_recipe(recipe))
    shutil.copytree(tiny_adapter, run.adapter)
    config = json.loads((run.adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(tiny_stopping_base)
    (run.adapter / "adapter_config.json").write_text(json.dumps(config))
    (run.adapter / "README.md").write_text(f"base: {tiny_stopping_base}\n")
    run.finish("data", {}, [], 1.0, train=900, valid=20, sources={"pairs": 900}, licenses=["CC BY 4.0"])
    run.finish("train", {}, [run.adapter], 1.0, dtype="float32", steps=7, rows=900, valid_loss=0.125)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_HOST", "127.0.0.1:1")
        export_run(run, recipe, Options(merged=True, importance=False))
    _judge(run)
    return run.path


def _judge(run: Run) -> None:
    """What the gate and the data stage leave, with paths of this machine in it as they have them."""
    shipped = run.shipped()

    def model(path: Path, value: float, low: float, high: float) -> dict[str, object]:
        accuracy = {"value": value, "low": low, "high": high, "n": 24}
        return {"path": str(path), "metrics": {"execution_accuracy": accuracy}}

    models = [model(Path("/cache/base.gguf"), 0.0, 0.0, 0.138), model(shipped, 0.75, 0.551, 0.88)]
    (run.path / "evals").mkdir()
    (run.path / "evals" / "report.json").write_text(json.dumps({"models": models}))
    lines = ["pass base: 18 of 24 right, the base 0: the difference is more than chance (p < 0.0001)"]
    run.finish("gate", {"gguf": sha256(shipped)}, [], 1.0, lines=lines)
    (run.path / "data").mkdir()
    sources = [
        {"name": "pairs", "license": "CC BY 4.0", "rows": 1000, "kept": 920, "files": {str(run.path): "x"}},
        {"name": str(run.path / "own.csv"), "license": "", "rows": 9, "kept": 5},
        {"name": "unused", "license": "MIT", "rows": 9, "kept": 0},
    ]
    (run.path / "data" / "card.json").write_text(json.dumps({"sources": sources}))


@pytest.fixture
def exported(exported_once: Path, tmp_path: Path) -> Run:
    """A copy of the run that a test may change."""
    shutil.copytree(exported_once, tmp_path / "one")
    return Run(tmp_path / "one")

"""The adapters of the last checkpoints: each becomes a file, and the chosen one ships and is the run's own."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from sql_llama.core.files import sha256
from sql_llama.core.recipe import Base, Export, Recipe, Train
from sql_llama.core.run import Run
from sql_llama.evals.pick import Picked
from sql_llama.export.export import export_run
from sql_llama.export.plan import Judges, Options


@pytest.fixture
def recipe(tiny_stopping_base: Path) -> Recipe:
    train = Train(quantization="none", best="file", eval_steps=10)
    return Recipe(name="tiny", base=Base(model=str(tiny_stopping_base)), export=Export(name="tiny"), train=train)


@pytest.fixture
def run(trained: Run) -> Run:
    """With the adapters of three steps, of which the last is the run's own."""
    for step in (8, 9, 10):
        folder = trained.path / "adapters" / f"step-{step}"
        shutil.copytree(trained.adapter, folder)
        weights = folder / "adapter_model.safetensors"
        save_file({name: tensor * step / 10 for name, tensor in load_file(weights).items()}, weights)
    shutil.rmtree(trained.adapter)
    shutil.copytree(trained.path / "adapters" / "step-10", trained.adapter)
    return trained


def test_each_is_asked_once_and_the_chosen_one_ships(recipe: Recipe, run: Run, work: list[str]) -> None:
    asked: list[dict[str, bytes]] = []

    def judge(run: Run, files: Mapping[str, Path]) -> Any:
        asked.append({step: path.read_bytes() for step, path in files.items()})
        return Picked("adapter", "step-9", "", ())

    options = Options(quants=["Q8_0"], verify=False)
    for _ in range(2):  # the second time it is known
        result = export_run(run, recipe, options, Judges(adapter=judge))
        assert [path.name for path in run.gguf.iterdir()] == ["tiny-Q8_0.gguf"]
        assert result.gguf[0].read_bytes() == asked[0]["step-9"]
        assert sha256(run.adapter) == sha256(run.path / "adapters" / "step-9")
    assert list(asked[0]) == ["step-8", "step-9", "step-10"] and len(set(asked[0].values())) == 3
    assert len(asked) == 1 and work == ["convert_all"] * 4
    assert run.manifest()["stages"]["pick adapter"]["chosen"] == "step-9"
    assert len(export_run(run, recipe, options).gguf) == 1  # without a judge the choice still stands
    assert sha256(run.adapter) == sha256(run.path / "adapters" / "step-9")


def test_without_a_judge_the_last_step_ships(recipe: Recipe, run: Run, work: list[str]) -> None:
    export_run(run, recipe, Options(quants=["Q8_0"], verify=False))
    assert sha256(run.adapter) == sha256(run.path / "adapters" / "step-10") and work == ["convert_all"]


def test_an_export_that_was_killed_while_it_asked_begins_again(recipe: Recipe, run: Run) -> None:
    def killed(run: Run, files: Mapping[str, Path]) -> Any:
        raise KeyboardInterrupt

    options = Options(quants=["Q8_0"], verify=False)
    with pytest.raises(KeyboardInterrupt):
        export_run(run, recipe, options, Judges(adapter=killed))
    assert "pick adapter" not in run.manifest()["stages"]
    judges = Judges(adapter=lambda run, files: Picked("adapter", "step-8", "", ()))
    export_run(run, recipe, options, judges)
    assert sha256(run.adapter) == sha256(run.path / "adapters" / "step-8")
    assert [path.name for path in run.gguf.iterdir()] == ["tiny-Q8_0.gguf"]

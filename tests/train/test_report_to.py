"""Programs that get the numbers too: one clear line for what is missing, and their files in the run."""

import importlib.util
import os
from pathlib import Path

import pytest
from sql_llama.core.errors import RecipeError, SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.train.report_to import PROGRAMS, check_report_to, reporting

from .training import fit

MISSING = [name for name in PROGRAMS if importlib.util.find_spec(name) is None]


@pytest.mark.parametrize("name", MISSING)
def test_a_program_that_is_not_installed(name: str, recipe_file: Path) -> None:
    recipe, _ = read_recipe(str(recipe_file), [f"train.report_to={name}"])
    with pytest.raises(SqlLlamaError, match=rf"{name} is not installed \(pip install {name}\)"):
        check_report_to(recipe)


def test_an_unknown_program(recipe_file: Path) -> None:
    recipe, _ = read_recipe(str(recipe_file), ["train.report_to=tensorbord"])
    with pytest.raises(RecipeError, match=r"tensorbord is not known .any of tensorboard, wandb, trackio"):
        check_report_to(recipe)


def test_the_environment_is_as_before_and_offline_without_a_key(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKIO_DIR", "elsewhere")
    recipe, _ = read_recipe(str(recipe_file), ["train.report_to=wandb,trackio,tensorboard"])
    before = dict(os.environ)
    with reporting(recipe, tmp_path):
        assert os.environ["WANDB_MODE"] == "offline" and os.environ["WANDB_DIR"] == str(tmp_path)
        assert os.environ["TRACKIO_DIR"] == str(tmp_path / "trackio")
        assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")
    assert dict(os.environ) == before
    monkeypatch.setenv("WANDB_API_KEY", "key")
    with reporting(recipe, tmp_path):
        assert os.environ["WANDB_MODE"] == "online"


def test_tensorboard_gets_losses_and_evaluations(recipe_file: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sets = ["train.report_to=tensorboard", "train.eval_steps=3"]
    run = fit(recipe_file, tmp_path / "run", *sets)
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in events.Scalars("eval/loss")] == [3, 6]

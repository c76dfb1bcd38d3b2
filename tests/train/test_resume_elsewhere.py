"""One run folder goes on on another machine, where the base and the pairs lie elsewhere."""

import shutil
from pathlib import Path

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.run import Run
from sql_llama.train import trainer

from .training import adapter_files, fit, metrics

SETS = ("train.save_steps=2",)


@pytest.fixture
def killed(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run as a kill after its second checkpoint leaves it; beside it the same run, finished."""
    mark = trainer.mark_complete

    def mark_and_keep(checkpoint: Path) -> None:
        mark(checkpoint)
        if checkpoint.name == "checkpoint-4":
            shutil.copytree(checkpoint.parent.parent, tmp_path / "there" / "run")

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "mark_complete", mark_and_keep)
        fit(recipe_file, tmp_path / "whole", *SETS)
    return tmp_path / "there" / "run"


def test_a_run_goes_on_where_its_base_and_pairs_lie_elsewhere(
    killed: Path, tiny_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_base, tmp_path / "there" / "model")
    shutil.move(tmp_path / "pairs.jsonl", tmp_path / "there" / "pairs.jsonl")
    sets = [f"base.model={tmp_path / 'there' / 'model'}", f"data.jsonl={tmp_path / 'there' / 'pairs.jsonl'}"]
    options = [part for item in (*sets, "train.micro_batch=1") for part in ("--set", item)]
    assert sql_llama(["train", "--run", str(killed), *options]) == 0, capsys.readouterr().err
    whole, moved = Run(tmp_path / "whole"), Run(killed)
    assert moved.manifest()["stages"]["train"]["tokens_per_second"] is None  # it was resumed
    losses, wanted = ([line["loss"] for line in metrics(run)] for run in (moved, whole))
    assert losses == pytest.approx(wanted, abs=0.02)  # a pass of one row rounds otherwise than one of two
    assert str(tmp_path / "there" / "model") in moved.recipe_path.read_text()  # where the export looks for it
    assert sql_llama(["train", "--run", str(killed)]) == 0  # finished, so that nothing is done
    assert capsys.readouterr().err.count("training with 1 row per pass") == 1


def test_a_run_goes_on_without_the_files_that_its_pairs_were_made_of(
    killed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.jsonl").unlink()
    assert sql_llama(["train", "--run", str(killed)]) == 0
    assert "no such file: going on with the pairs that the run has" in capsys.readouterr().err
    assert adapter_files(Run(killed)) == adapter_files(Run(tmp_path / "whole"))


def test_another_model_is_refused_and_the_checkpoint_stays(
    killed: Path, tiny_llama3: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--set", f"base.model={tiny_llama3}"]
    assert sql_llama(["train", "--run", str(killed), *options]) == 2
    assert f"{tiny_llama3}: not the model that {killed} began with" in capsys.readouterr().err
    assert (killed / "checkpoints" / "checkpoint-4").is_dir()


def test_without_a_recipe_a_run_is_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_llama(["train"]) == 2
    assert sql_llama(["train", "--run", str(tmp_path)]) == 2
    assert "name a recipe, or a run directory to go on with" in capsys.readouterr().err

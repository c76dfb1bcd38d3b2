"""Trainings on several processes: each computes its part of every batch, and one writes.

Real processes, started by torchrun, which meet over gloo. All trainings here go into one start of them, because
starting takes longer than training.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import RecipeError, SqlLlamaError
from sql_llama.core.run import Run
from sql_llama.train import trainer
from sql_llama.train.plan import _share
from sql_llama.train.processes import Here, everyones, from_main, here, join

from .training import fit, metrics

SETS = ("train.quantization=nf4", "train.micro_batch=1", "lora.r=4", "train.eval_steps=3", "train.best=loss")
# What each process runs: trainings one after the other. After the checkpoint of step 4 a run is copied as it is then,
# which is what a kill would leave.
DRIVER = """
import json, shutil, sys
from pathlib import Path

def train_all(jobs):
    from sql_llama.core.read_recipe import read_recipe
    from sql_llama.core.run import Run, create_run
    from sql_llama.train import train, trainer
    from sql_llama.train.processes import here, join, leave, main_first

    mark = trainer.mark_complete
    def mark_and_keep(checkpoint):
        mark(checkpoint)
        run = checkpoint.parent.parent
        if checkpoint.name == "checkpoint-4" and "-then-" not in run.name:
            shutil.copytree(run, run.with_suffix(".killed"))
    trainer.mark_complete = mark_and_keep
    join()
    for recipe_file, path, overrides in jobs:
        recipe, text = read_recipe(recipe_file, overrides)
        with main_first():
            run = create_run(Path(path), recipe.name, text) if here().main else Run(Path(path))
        train.train(recipe, run)
    leave()

if __name__ == "__main__":  # the processes that prepare data import this file
    train_all(json.loads(sys.argv[1]))
"""


def started(driver: Path, jobs: list[tuple[str, str, list[str]]]) -> None:
    driver.write_text(DRIVER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(driver)]
    done = subprocess.run([*command, json.dumps(jobs)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def same(run: Run, other: Run, within: float = 2e-4) -> None:
    """Loss, gradient and validation loss of every step agree but for rounding, and so do the adapters' weights."""
    lines, others = metrics(run), metrics(other)
    assert [line["step"] for line in lines] == [line["step"] for line in others]
    for line, wanted in zip(lines, others, strict=True):
        for key in {"loss", "valid_loss"} & wanted.keys():
            assert line[key] == pytest.approx(wanted[key], rel=within), (line, wanted)
    from safetensors.torch import load_file

    mine, theirs = (load_file(each.adapter / "adapter_model.safetensors") for each in (run, other))
    assert mine.keys() == theirs.keys()
    for name, weights in mine.items():
        assert weights.shape == theirs[name].shape
        assert float((weights - theirs[name]).float().norm()) <= 0.02 * float(theirs[name].float().norm()), name


@pytest.mark.timeout(600)
def test_two_processes_train_what_one_does_and_go_on_from_each_others_checkpoints(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "one.killed"
    mark = trainer.mark_complete

    def mark_and_keep(checkpoint: Path) -> None:
        mark(checkpoint)
        if checkpoint.name == "checkpoint-4":
            shutil.copytree(checkpoint.parent.parent, killed)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "mark_complete", mark_and_keep)
        one = fit(recipe_file, tmp_path / "one", *SETS)
    jobs = []
    for way in ("ddp", "fsdp"):
        shutil.copytree(killed, tmp_path / f"one-then-{way}")
        sets = [*SETS, f"train.parallel={way}"]
        jobs += [(str(recipe_file), str(tmp_path / name), sets) for name in (way, f"one-then-{way}")]
    started(tmp_path / "driver.py", jobs)
    for _, path, _ in jobs:
        same(Run(Path(path)), one)
        assert Run(Path(path)).manifest()["stages"]["train"]["processes"] == 2
    for way in ("ddp", "fsdp"):
        (tmp_path / f"{way}.killed").rename(tmp_path / f"{way}-then-one")
        again = fit(recipe_file, tmp_path / f"{way}-then-one", *SETS)
        assert again.manifest()["stages"]["train"]["tokens_per_second"] is None  # it was resumed
        same(again, one)


def test_without_a_launcher_there_is_one_process_and_nothing_to_wait_for() -> None:
    assert here() == Here(0, 0, 1, 1)
    join()
    assert from_main(3) == 3 and everyones("a") == ["a"]


def test_a_launchers_variables_say_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "5"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "8"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert here() == Here(5, 1, 8, 4) and not here().main and here().several


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(SqlLlamaError, match="4 processes were started on this machine, and it has 2 GPUs"):
        join()


def test_a_batch_that_the_processes_cannot_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RecipeError, match="cannot be shared by 3 processes") as refused:
        _share(32, 0)
    assert refused.value.fix == "--set train.batch=33"
    assert _share(33, 0) == 11
    with pytest.raises(RecipeError, match="does not divide the 11 pairs"):
        _share(33, 4)


def test_an_optimizer_that_cannot_be_spread_is_refused(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql_llama.train.train.join", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="paged_adamw cannot be spread over several GPUs"):
        fit(recipe_file, tmp_path / "run", "train.parallel=fsdp", "train.optimizer=paged_adamw")

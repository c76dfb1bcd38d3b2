"""A training that was killed or stopped goes on from its last checkpoint, and ends as if nothing had happened."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.run import Run
from sql_llama.train.checkpoints import last_checkpoint

from .training import adapter_files, fit, memory_of_one_row, metrics, metrics_text


def test_a_killed_run_goes_on_where_other_memory_is_free(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def die(*arguments: object) -> None:
        raise Killed

    whole = fit(recipe_file, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("sql_llama.train.train.save_adapter", die)
        patch.setattr("sql_llama.train.plan.free_memory", lambda: 64 * 2**30)
        fit(recipe_file, tmp_path / "run", "train.micro_batch=0", "train.save_steps=4")
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-4").is_dir()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "checkpoint-6")
    monkeypatch.setattr("sql_llama.train.memory.LIBRARIES", {2: 0, 4: 0})
    monkeypatch.setattr("sql_llama.train.plan.free_memory", memory_of_one_row)
    run = fit(recipe_file, tmp_path / "run", "train.micro_batch=0", "train.save_steps=4")
    assert run.manifest()["stages"]["train"]["micro_batch"] == 1
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(metrics(run), metrics(whole), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=0.02)


def test_the_newest_whole_checkpoint_counts_and_a_half_one_is_dropped(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "nosuch") is None
    for step, state in ((4, "{}"), (12, "{}"), (8, "{}"), (16, '{"global_step": 1'), (20, None)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "optimizer.pt").write_text("x")
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    found = last_checkpoint(tmp_path / "checkpoints")
    assert found is not None and found.name == "checkpoint-12"
    left = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert left == ["checkpoint-12", "checkpoint-4", "checkpoint-8"]


def test_slow_steps_are_saved_by_the_clock(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here every step is slow; a run killed after the third goes on from there."""

    class Killed(Exception):
        pass

    def kill(self: object, args: object, state: Any, control: object, **kwargs: object) -> None:
        if state.global_step == 4:
            raise Killed

    sets = ["train.save_steps=1000", "lora.dropout=0.1"]
    whole = fit(recipe_file, tmp_path / "whole", *sets)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("sql_llama.train.save_in_time.SECONDS", 0)
        patch.setattr("sql_llama.train.save_in_time.COST", 0)
        patch.setattr("sql_llama.train.callbacks.StopAfterStep.on_step_end", kill)
        fit(recipe_file, tmp_path / "run", *sets)
    found = last_checkpoint(tmp_path / "run" / "checkpoints")
    assert found is not None and found.name == "checkpoint-3"
    run = fit(recipe_file, tmp_path / "run", *sets)
    assert adapter_files(run) == adapter_files(whole)


def whole_checkpoints(run: Run) -> list[int]:
    """The steps of the checkpoints whose last file is whole: a kill may fall between its creation and its text."""
    steps = []
    for state in run.path.glob("checkpoints/*/trainer_state.json"):
        try:
            steps.append(json.loads(state.read_text())["global_step"])
        except (OSError, ValueError):  # half written, or an older one just deleted
            continue
    return steps


@pytest.mark.timeout(300)  # three trainings, two of them in processes that import torch
def test_kill_9_loses_nothing_and_changes_nothing(recipe_file: Path, temporary_home: Path, tmp_path: Path) -> None:
    """A run killed after a checkpoint and run again ends in the adapter of an undisturbed run, byte for byte."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": str(temporary_home)}
    sets = ["--set", "train.max_steps=40", "--set", "lora.dropout=0.1", "--set", "train.learning_rate=0.02"]

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sql_llama.cli", "train", str(recipe_file), "--run", str(path), *sets]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    killed = Run(tmp_path / "killed")
    process = start(killed.path)
    try:
        while process.poll() is None and not whole_checkpoints(killed):
            time.sleep(0.005)
    finally:
        process.kill()
        output, errors = process.communicate(timeout=60)
    assert process.returncode == -9, output + errors

    assert list(killed.manifest()["stages"]) == ["data"] and not killed.adapter.exists()
    data = killed.manifest()["stages"]["data"]
    pairs = (killed.path / "data" / "train.jsonl").stat().st_mtime_ns
    (killed.path / "checkpoints" / "checkpoint-39").mkdir()  # as killed in the middle of writing it
    kept = max(whole_checkpoints(killed))
    assert 4 <= kept < 40
    early = [line for line in metrics_text(killed) if json.loads(line)["step"] <= kept]

    process = start(killed.path)
    whole = fit(recipe_file, tmp_path / "whole", *sets[1::2])  # at the same time
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Next: sql-llama export" in output
    assert "Traceback" not in errors and "Warning" not in errors, errors
    assert adapter_files(killed) == adapter_files(whole)
    assert killed.manifest()["stages"]["data"] == data
    assert (killed.path / "data" / "train.jsonl").stat().st_mtime_ns == pairs
    lines = metrics(killed)
    assert [line["step"] for line in lines] == list(range(1, 41))
    assert metrics_text(killed)[:kept] == early  # the steps before the checkpoint were not done again
    assert [line["loss"] for line in lines] == [line["loss"] for line in metrics(whole)]
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]  # and it has learned


@pytest.mark.timeout(300)
def test_control_c_keeps_the_steps_done_and_says_how_to_go_on(
    recipe_file: Path, temporary_home: Path, tmp_path: Path
) -> None:
    """With the real signal, long before the first checkpoint that the recipe asks for."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": str(temporary_home)}
    run = Run(tmp_path / "my run")
    sets = ["--set", "train.max_steps=40", "--set", "train.epochs=10", "--set", "train.save_steps=1000"]
    arguments = ["train", str(recipe_file), *sets, "--run", str(run.path)]

    command = [sys.executable, "-m", "sql_llama.cli", *arguments]
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while process.poll() is None and not (run.path / "metrics.jsonl").is_file():
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, output + errors
    assert "Stopping after this step" in errors and "Traceback" not in errors
    assert output == "" and list(run.manifest()["stages"]) == ["data"] and not run.adapter.exists()
    (checkpoint,) = run.path.glob("checkpoints/checkpoint-*")
    steps_done = int(checkpoint.name.split("-")[1])
    assert 0 < steps_done < 40 and len(metrics_text(run)) == steps_done
    told = errors.rstrip().splitlines()[-1]
    assert told == f"Stopped. To go on: {shlex.join(['sql-llama', 'train', '--run', str(run.path)])}"

    assert sql_llama(shlex.split(told.partition("To go on: ")[2])[1:]) == 0
    assert run.manifest()["stages"]["train"]["steps"] == 40 and run.adapter.is_dir()
    assert [line["step"] for line in metrics(run)] == list(range(1, 41))


def test_checkpoints_of_other_pairs_are_not_gone_on_from(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def die(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("sql_llama.train.train.save_adapter", die)
        fit(recipe_file, tmp_path / "run", "train.max_steps=2", "train.save_steps=1")
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-2").is_dir()
    file = recipe_file.with_name("pairs.jsonl")
    file.write_text(file.read_text().replace("an age above", "an age beyond"))
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=2", "train.save_steps=1")
    assert run.manifest()["stages"]["train"]["tokens_per_second"] is not None  # so that it was not resumed

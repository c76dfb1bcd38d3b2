"""Training for real: a tiny random Llama through the real trainer on the CPU, stopped, killed and gone on with."""

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
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.run import Run, create_run
from sql_llama.train.fit import last_checkpoint
from sql_llama.train.train import train


@pytest.fixture
def recipe_file(tiny_base: Path, tmp_path: Path) -> Path:
    """A recipe over 24 small pairs of 12 tables and the tiny base."""
    lines = []
    for number in range(24):
        table = f"t{number % 12}"
        lines.append(
            {
                "question": f"How many rows of {table} have an age above {number}?",
                "schema": f"CREATE TABLE {table} (name TEXT, age INT)",
                "sql": f"SELECT count(*) FROM {table} WHERE age > {number}",
                "table_id": table,
            }
        )
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"""
name = "tiny"
[base]
model = "{tiny_base}"
[data]
jsonl = ["{tmp_path / "pairs.jsonl"}"]
valid_share = 0.2
[lora]
r = 4
[train]
quantization = "none"
epochs = 10
max_steps = 6
batch = 4
micro_batch = 2
save_steps = 4
log_steps = 1
"""
    )
    return path


def fit(recipe_file: Path, path: Path, *overrides: str) -> Run:
    recipe, text = read_recipe(str(recipe_file), overrides)
    run = create_run(path, recipe.name, text)
    assert train(recipe, run) == run.adapter
    return run


def metrics(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("quantization", ["none", "nf4", "nf4-unpacked"])
def test_a_few_steps_give_a_whole_run(quantization: str, recipe_file: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    run = fit(recipe_file, tmp_path / "run", f"train.quantization={quantization}", "train.epochs=2")
    weights = load_file(run.adapter / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    assert len(weights) == 2 * 2 * 7  # A and B of the seven linear layers of both blocks
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())
    assert any(bool(tensor.any()) for name, tensor in weights.items() if "lora_B" in name)  # it has learned something
    config = json.loads((run.adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "smol" and config["r"] == 4  # no path of this machine
    lines = metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(0 < line["loss"] < 20 and line["grad_norm"] > 0 and line["learning_rate"] >= 0 for line in lines)
    assert (run.path / "plots" / "loss.svg").read_text().startswith("<?xml")
    assert not (run.path / "checkpoints").exists()
    stages = run.manifest()["stages"]
    assert list(stages) == ["data", "train"]
    assert stages["data"]["train"] + stages["data"]["valid"] == 24 and stages["data"]["valid"] == 4
    assert stages["train"]["steps"] == 6 and stages["train"]["rows"] == 24 and stages["train"]["device"] == "cpu"
    assert stages["train"]["valid_loss"] > 0 and stages["train"]["trainable"] > 0


def test_a_finished_run_is_not_run_again_and_a_lost_adapter_is_made_again(recipe_file: Path, tmp_path: Path) -> None:
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    weights = run.adapter / "adapter_model.safetensors"
    whole, manifest = weights.read_bytes(), run.manifest_path.read_bytes()
    pairs = (run.path / "data" / "train.jsonl").stat().st_mtime_ns
    fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    assert run.manifest_path.read_bytes() == manifest and len(metrics(run)) == 2

    shutil.rmtree(run.adapter)
    fit(recipe_file, tmp_path / "run", "train.max_steps=2")
    assert weights.read_bytes() == whole
    assert [line["step"] for line in metrics(run)] == [1, 2]
    assert (run.path / "data" / "train.jsonl").stat().st_mtime_ns == pairs


def test_a_changed_file_of_pairs_is_read_again(recipe_file: Path, tmp_path: Path) -> None:
    run = fit(recipe_file, tmp_path / "run", "train.max_steps=1")
    file = recipe_file.with_name("pairs.jsonl")
    file.write_text(file.read_text().replace("an age above 3?", "an age beyond 3?"))
    fit(recipe_file, tmp_path / "run", "train.max_steps=1")
    kept = "".join((run.path / "data" / name).read_text() for name in ("train.jsonl", "valid.jsonl"))
    assert "an age beyond 3?" in kept and "an age above 3?" not in kept


def test_it_goes_on_from_an_adapter(recipe_file: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    sets = ("train.max_steps=1", "train.learning_rate=1e-8")
    run = fit(recipe_file, tmp_path / "run", f"train.start={tiny_adapter}", *sets)
    start = load_file(tiny_adapter / "adapter_model.safetensors")
    end = load_file(run.adapter / "adapter_model.safetensors")
    assert all((end[name].float() - start[name].float()).abs().max() < 0.01 for name in start)
    with pytest.raises(DataError, match="no adapter there"):
        fit(recipe_file, tmp_path / "other", f"train.start={tmp_path / 'nosuch'}")


@pytest.mark.parametrize("free", [0.0045, 64])
def test_the_rows_of_a_pass_change_the_result_by_rounding_alone(
    free: float, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Little memory and plenty of it, against two rows a pass as the recipe has it; Adam's steps are of 0.001."""
    from safetensors.torch import load_file

    known = load_file(fit(recipe_file, tmp_path / "known").adapter / "adapter_model.safetensors")
    monkeypatch.setattr("sql_llama.train.memory.LIBRARIES", {2: 0, 4: 0})
    monkeypatch.setattr("sql_llama.train.plan.free_memory", lambda: int(free * 2**30))
    run = fit(recipe_file, tmp_path / "run", "train.micro_batch=0")
    rows = run.manifest()["stages"]["train"]["micro_batch"]
    assert rows == (4 if free > 1 else 1)
    assert f"training with {rows} row" in capsys.readouterr().err
    for name, tensor in load_file(run.adapter / "adapter_model.safetensors").items():
        assert (tensor.float() - known[name].float()).abs().max() < 0.02, name


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
    monkeypatch.setattr("sql_llama.train.plan.free_memory", lambda: int(0.0045 * 2**30))
    run = fit(recipe_file, tmp_path / "run", "train.micro_batch=0", "train.save_steps=4")
    assert run.manifest()["stages"]["train"]["micro_batch"] == 1
    assert [line["step"] for line in metrics(run)] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(metrics(run), metrics(whole), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=0.02)


def test_too_little_memory_is_said_before_the_base_is_loaded(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql_llama.train.plan.free_memory", lambda: 2**20)
    monkeypatch.setattr("sql_llama.train.trainer.load_model", lambda *given: pytest.fail("loaded"))
    with pytest.raises(SqlLlamaError, match="GiB of memory with one row per pass"):
        fit(recipe_file, tmp_path / "run", "train.micro_batch=0")


def test_a_finished_run_is_not_checked_again(recipe_file: Path, tmp_path: Path) -> None:
    asked: list[Path] = []

    def check(recipe: Any, base: Path, start: Path | None) -> None:
        asked.append(base)
        assert not (tmp_path / "run" / "data").exists()

    recipe, text = read_recipe(str(recipe_file), ["train.max_steps=1"])
    run = create_run(tmp_path / "run", recipe.name, text)
    for _ in range(2):
        train(recipe, run, check)
    assert len(asked) == 1


def test_an_adapter_of_another_rank_is_said(
    recipe_file: Path, tiny_adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(recipe_file, tmp_path / "run", f"train.start={tiny_adapter}", "lora.r=8", "train.max_steps=1")
    said = capsys.readouterr().err
    assert f"going on from {tiny_adapter} as it is: rank 4 and alpha 8, not the recipe's lora.r = 8" in said
    assert json.loads((run.adapter / "adapter_config.json").read_text())["r"] == 4


def test_what_cannot_be_trained_is_said(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match=r"no pair fits train\.max_tokens"):
        fit(recipe_file, tmp_path / "long", "train.max_tokens=64")
    with pytest.raises(SqlLlamaError, match="does not know the end-of-turn token"):
        fit(recipe_file, tmp_path / "family", "base.family=llama3")
    with pytest.raises(DataError, match="no such file"):
        fit(recipe_file, tmp_path / "data", f"data.jsonl={tmp_path / 'nosuch.jsonl'}")
    for name in ("long", "family", "data"):
        assert not (tmp_path / name / "adapter").exists()


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


def test_kill_9_loses_nothing_and_changes_nothing(recipe_file: Path, temporary_home: Path, tmp_path: Path) -> None:
    """A run killed after a checkpoint and run again ends in the adapter of an undisturbed run, byte for byte."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": str(temporary_home)}
    sets = ["--set", "train.max_steps=40", "--set", "lora.dropout=0.1", "--set", "train.learning_rate=0.02"]

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sql_llama.cli", "train", str(recipe_file), "--run", str(path), *sets]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    whole, killed = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    first, second = start(whole.path), start(killed.path)
    try:
        while second.poll() is None and not list(killed.path.glob("checkpoints/*/trainer_state.json")):
            time.sleep(0.005)
    finally:
        second.kill()
        output, errors = second.communicate(timeout=60)
    assert second.returncode == -9, output + errors
    output, errors = first.communicate(timeout=300)
    assert first.returncode == 0, errors

    assert list(killed.manifest()["stages"]) == ["data"] and not killed.adapter.exists()
    data = killed.manifest()["stages"]["data"]
    pairs = (killed.path / "data" / "train.jsonl").stat().st_mtime_ns
    (killed.path / "checkpoints" / "checkpoint-39").mkdir()  # as killed in the middle of writing it
    kept = max(int(path.parent.name.split("-")[1]) for path in killed.path.glob("checkpoints/*/trainer_state.json"))
    assert 4 <= kept < 40
    early = [line for line in metrics_text(killed) if json.loads(line)["step"] <= kept]

    again = start(killed.path)
    output, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
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


def test_control_c_keeps_the_steps_done_and_says_how_to_go_on(
    recipe_file: Path, temporary_home: Path, tmp_path: Path
) -> None:
    """With the real signal, long before the first checkpoint that the recipe asks for."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": str(temporary_home)}
    run = Run(tmp_path / "my run")
    sets = ["--set", "train.max_steps=40", "--set", "train.epochs=10", "--set", "train.save_steps=1000"]
    arguments = ["train", str(recipe_file), *sets, "--run", str(run.path)]

    def start(arguments: list[str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sql_llama.cli", *arguments]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    process = start(arguments)
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
    assert told == f"Stopped. To go on: {shlex.join(['sql-llama', *arguments])}"

    process = start(shlex.split(told.partition("To go on: ")[2])[1:])
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert run.manifest()["stages"]["train"]["steps"] == 40 and run.adapter.is_dir()
    assert [line["step"] for line in metrics(run)] == list(range(1, 41))


def test_the_second_control_c_stops_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    from sql_llama.train.trainer import StopAfterStep

    stop = StopAfterStep()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stop.on_interrupt():
        signal.raise_signal(signal.SIGINT)
        assert stop.requested and "Ctrl-C again" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


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


def metrics_text(run: Run) -> list[str]:
    """The whole lines; the last may be half written."""
    lines = (run.path / "metrics.jsonl").read_text().splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def adapter_files(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.adapter.iterdir()}

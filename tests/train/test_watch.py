"""A training that is watched: what it measures, keeps and says, and that watching changes nothing."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.records import Example
from sql_llama.core.run import Run, create_run
from sql_llama.evals.validation import validation_exam
from sql_llama.train.evaluation import read_metrics
from sql_llama.train.train import train
from sql_llama.train.trainer import SqlTrainer

from .training import adapter_files, fit, metrics, metrics_text

ALL = ("train.eval_steps=2", "train.eval_questions=3")
STEADY = ("train.schedule=constant", "train.warmup=0")  # so that the first steps do not depend on how many there are
BY_HEART = (
    *(*STEADY, "train.learning_rate=0.01", "lora.r=32", "data.valid_share=0.4", "train.dtype=float32"),
    *("train.epochs=40", "train.max_steps=60", "train.micro_batch=4"),
)


class Killed(Exception):
    pass


def watched(recipe_file: Path, path: Path, *overrides: str, exam: Any = validation_exam) -> Run:
    recipe, text = read_recipe(str(recipe_file), overrides)
    run = create_run(path, recipe.name, text)
    assert train(recipe, run, None, exam) == run.adapter
    return run


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in read_metrics(run.path / "metrics.jsonl")[0]]


@dataclass(frozen=True)
class Marks:
    """An exam with given marks: how many answers are right each time, the last number from then on."""

    examples: Sequence[Example]
    marks: Sequence[int]
    asked: list[Sequence[str]]

    def right(self, texts: Sequence[str]) -> Sequence[bool]:
        self.asked.append(texts)
        mark = self.marks[min(len(self.asked), len(self.marks)) - 1]
        return [place < mark for place in range(len(texts))]


def test_watching_changes_nothing_bit_for_bit(recipe_file: Path, tmp_path: Path) -> None:
    sets = ("lora.dropout=0.2", "train.checkpointing=true", "train.neftune=5")
    plain = fit(recipe_file, tmp_path / "plain", *sets)
    run = watched(recipe_file, tmp_path / "run", *sets, *ALL)
    assert adapter_files(run) == adapter_files(plain)
    assert losses(run) == losses(plain)
    evaluations = read_metrics(run.path / "metrics.jsonl")[1]
    assert [(item.step, item.n) for item in evaluations] == [(2, 3), (4, 3), (6, 3)]
    assert all(item.valid_loss > 0 and item.execution_accuracy is not None for item in evaluations)
    order = [(line["step"], "loss" in line) for line in metrics(run) if line["step"] in (2, 4)]
    assert order == [(2, True), (2, False), (4, True), (4, False)]

    facts = run.manifest()["stages"]["train"]
    assert facts["kept_step"] == facts["steps"] == 6 and facts["questions"] == 3 and facts["evaluations"] == 3
    assert facts["valid_loss"] == evaluations[-1].valid_loss
    assert facts["valid_loss"] == pytest.approx(plain.manifest()["stages"]["train"]["valid_loss"], abs=1e-4)
    assert facts["evaluation_seconds"] == pytest.approx(sum(item.seconds for item in evaluations), abs=0.01)
    assert "kept_step" not in plain.manifest()["stages"]["train"]
    assert "validation" in (run.path / "plots" / "loss.svg").read_text()
    assert "right answers" in (run.path / "plots" / "accuracy.svg").read_text()
    assert not (plain.path / "plots" / "accuracy.svg").exists()


def test_the_best_by_loss_is_kept_and_the_user_is_warned(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers that no question says can only be learnt by heart: one warning, and the best step's very adapter."""
    path = recipe_file.with_name("pairs.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["sql"] = f"SELECT count(*) FROM {row['table_id']} WHERE age > {(number + 1) * 48_611 % 89_999 + 10_000}"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sets = ("train.eval_steps=4", "train.best=loss", "train.save_steps=6")
    run = watched(recipe_file, tmp_path / "run", *BY_HEART, *sets, exam=None)
    said = capsys.readouterr().err
    assert said.count("learn its pairs by heart") == 1
    found = {item.step: item.valid_loss for item in read_metrics(run.path / "metrics.jsonl")[1]}
    best = min(found, key=lambda step: (found[step], step))
    assert best < 60 and f"The validation loss has risen since step {best} " in said
    facts = run.manifest()["stages"]["train"]
    assert facts["kept_step"] == best and facts["valid_loss"] == found[best] and facts["steps"] == 60
    assert not (run.path / "checkpoints").exists()
    until_best = fit(recipe_file, tmp_path / "best", *BY_HEART, f"train.max_steps={best}")
    assert adapter_files(run) == adapter_files(until_best)


def test_the_best_by_answers_and_an_early_end(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Sequence[str]] = []

    def exam(examples: Sequence[Example], count: int) -> Marks:
        return Marks(examples[:count], (1, 2), asked)

    sets = (*STEADY, *ALL, "train.max_steps=20", "train.best=execution", "train.early_stopping=2")
    run = watched(recipe_file, tmp_path / "run", *sets, exam=exam)
    evaluations = read_metrics(run.path / "metrics.jsonl")[1]
    assert [(item.step, item.right) for item in evaluations] == [(2, 1), (4, 2), (6, 2), (8, 2)]
    assert [len(texts) for texts in asked] == [3] * 4
    facts = run.manifest()["stages"]["train"]
    assert (facts["kept_step"], facts["right"], facts["questions"]) == (4, 2, 3)
    assert facts["steps"] == 8 and facts["rows"] == 32 and len(losses(run)) == 8
    said = capsys.readouterr().err
    assert "Stopped after step 8: the last 2 evaluations were not better than that of step 4" in said
    assert "2 of 3 right" in said
    assert adapter_files(run) == adapter_files(fit(recipe_file, tmp_path / "four", *STEADY, "train.max_steps=4"))


@pytest.mark.parametrize("killed_at", ["checkpoint 4", "checkpoint 6", "adapter"])
def test_a_kill_after_an_evaluation_loses_and_doubles_nothing(
    killed_at: str, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the checkpoint of a step that was evaluated, and after an early end."""
    sets = (*ALL, "train.max_steps=20", "train.best=execution", "train.early_stopping=2", "train.save_steps=4")
    sets = (*sets, "lora.dropout=0.1")

    def exam(examples: Sequence[Example], count: int) -> Marks:
        return Marks(examples[:count], (1,), [])

    whole = watched(recipe_file, tmp_path / "whole", *sets, exam=exam)
    save = SqlTrainer._save_checkpoint

    def save_or_die(self: Any, *arguments: Any) -> None:
        if killed_at == f"checkpoint {self.state.global_step}":
            raise Killed
        save(self, *arguments)

    def die(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(SqlTrainer, "_save_checkpoint", save_or_die)
        if killed_at == "adapter":
            patch.setattr("sql_llama.train.train.save_adapter", die)
        watched(recipe_file, tmp_path / "run", *sets, exam=exam)
    run = watched(recipe_file, tmp_path / "run", *sets, exam=exam)
    assert adapter_files(run) == adapter_files(whole)
    assert losses(run) == losses(whole)
    assert answers_of(run) == answers_of(whole)
    first, second = (each.manifest()["stages"]["train"] for each in (run, whole))
    kept = ("steps", "kept_step", "valid_loss", "right")
    assert [first[key] for key in kept] == [second[key] for key in kept]
    assert first["train_loss"] == pytest.approx(second["train_loss"], abs=1e-4)
    assert first["steps"] == 6 and first["kept_step"] == 2


def answers_of(run: Run) -> list[tuple[Any, ...]]:
    """Everything of evaluations but the time that they took."""
    found = read_metrics(run.path / "metrics.jsonl")[1]
    return [(item.step, item.valid_loss, item.execution_accuracy, item.n) for item in found]


@pytest.mark.timeout(300)
def test_kill_9_between_evaluation_and_checkpoint(recipe_file: Path, temporary_home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HOME": str(temporary_home)}
    sets = ["train.max_steps=24", "train.eval_steps=3", "train.save_steps=5", "train.best=loss", "lora.dropout=0.1"]
    sets += ["train.eval_questions=2"]
    run = Run(tmp_path / "killed")
    options = [part for item in sets for part in ("--set", item)]
    command = [sys.executable, "-m", "sql_llama.cli", "train", str(recipe_file), "--run", str(run.path), *options]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while process.poll() is None and not evaluated(run, 6):
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -9, errors
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "2 validation questions right after step " in again.stdout
    whole = watched(recipe_file, tmp_path / "whole", *sets)
    assert adapter_files(run) == adapter_files(whole)
    assert answers_of(run) == answers_of(whole) and losses(run) == losses(whole)


def evaluated(run: Run, step: int) -> bool:
    if not (run.path / "metrics.jsonl").is_file():
        return False
    return any(json.loads(line).get("valid_loss") and json.loads(line)["step"] >= step for line in metrics_text(run))


def test_the_last_checkpoints_are_kept_for_the_export_to_choose(recipe_file: Path, tmp_path: Path) -> None:
    run = watched(recipe_file, tmp_path / "run", "train.best=file", "train.save_steps=1", "train.max_steps=5")
    assert sorted(path.name for path in (run.path / "adapters").iterdir()) == ["step-3", "step-4", "step-5"]
    last = {path.name: path.read_bytes() for path in (run.path / "adapters" / "step-5").iterdir()}
    assert last == adapter_files(run)
    assert (run.path / "adapters" / "step-4" / "adapter_model.safetensors").read_bytes() != last[
        "adapter_model.safetensors"
    ]


def test_without_a_judge_the_loss_is_measured_alone(recipe_file: Path, tmp_path: Path) -> None:
    run = watched(recipe_file, tmp_path / "run", "train.eval_steps=4", exam=None)
    assert [(item.step, item.n) for item in read_metrics(run.path / "metrics.jsonl")[1]] == [(4, 0), (6, 0)]
    assert run.manifest()["stages"]["train"]["execution_accuracy"] is None
    with pytest.raises(SqlLlamaError, match="requires questions"):
        watched(recipe_file, tmp_path / "none", *ALL, "train.best=execution", exam=None)


def test_a_run_that_was_copied_without_its_best_adapter(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        raise Killed

    sets = ("train.eval_steps=2", "train.best=loss", "train.save_steps=2")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("sql_llama.train.train.save_adapter", die)
        watched(recipe_file, tmp_path / "run", *sets, exam=None)
    (best,) = (tmp_path / "run" / "checkpoints").glob("best-*")
    shutil.rmtree(best)
    with pytest.raises(SqlLlamaError, match=rf"{best.name}: missing, the adapter of the best evaluation"):
        watched(recipe_file, tmp_path / "run", *sets, exam=None)


def test_no_validation_pairs(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match="no validation pairs"):
        watched(recipe_file, tmp_path / "run", *ALL, "data.valid_share=0")


def test_a_loss_that_is_no_number_stops_with_the_step_and_keeps_the_checkpoint(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learning rate with which float32 overflows."""
    sets = (*STEADY, "train.learning_rate=1", "train.max_grad_norm=0", "train.save_steps=1", "train.max_steps=100")
    step = SqlTrainer.training_step

    def broken(self: Any, *arguments: Any, **named: Any) -> Any:
        if self.state.global_step == 3:
            weight = next(item for item in self.model.parameters() if item.requires_grad)
            weight.data.fill_(math.nan)
        return step(self, *arguments, **named)

    monkeypatch.setattr(SqlTrainer, "training_step", broken)
    with pytest.raises(SqlLlamaError, match=r"not a number since step 4, with a learning rate of 1; .*checkpoint-3 is"):
        fit(recipe_file, tmp_path / "run", *sets)
    assert not list((tmp_path / "run" / "checkpoints").glob("checkpoint-4"))
    assert all(math.isfinite(loss) for loss in losses(Run(tmp_path / "run")))

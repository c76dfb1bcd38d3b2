"""The plan says before any work what cannot be trained, and divides a batch by the free memory."""

from pathlib import Path

import pytest
from sql_llama.core.errors import DataError, SqlLlamaError

from .training import fit, memory_of_one_row


@pytest.mark.parametrize("plenty", [False, True])
def test_the_rows_of_a_pass_change_the_result_by_rounding_alone(
    plenty: bool, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Little memory and plenty of it, against two rows a pass as the recipe has it; Adam's steps are of 0.001."""
    from safetensors.torch import load_file

    known = load_file(fit(recipe_file, tmp_path / "known").adapter / "adapter_model.safetensors")
    monkeypatch.setattr("sql_llama.train.memory.LIBRARIES", {2: 0, 4: 0})
    monkeypatch.setattr("sql_llama.train.plan.free_memory", lambda: 2**36 if plenty else memory_of_one_row())
    run = fit(recipe_file, tmp_path / "run", "train.micro_batch=0")
    rows = run.manifest()["stages"]["train"]["micro_batch"]
    assert rows == (4 if plenty else 1)
    assert f"training with {rows} row" in capsys.readouterr().err
    for name, tensor in load_file(run.adapter / "adapter_model.safetensors").items():
        assert (tensor.float() - known[name].float()).abs().max() < 0.02, name


def test_too_little_memory_is_said_before_the_base_is_loaded(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql_llama.train.plan.free_memory", lambda: 2**20)
    monkeypatch.setattr("sql_llama.train.trainer.load_model", lambda *given: pytest.fail("loaded"))
    with pytest.raises(SqlLlamaError, match="GiB of memory with one row per pass"):
        fit(recipe_file, tmp_path / "run", "train.micro_batch=0")


def test_what_cannot_be_trained_is_said(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match=r"no pair fits train\.max_tokens"):
        fit(recipe_file, tmp_path / "long", "train.max_tokens=64")
    with pytest.raises(SqlLlamaError, match="does not know the end-of-turn token"):
        fit(recipe_file, tmp_path / "family", "base.family=llama3")
    with pytest.raises(DataError, match="no such file"):
        fit(recipe_file, tmp_path / "data", f"data.jsonl={tmp_path / 'nosuch.jsonl'}")
    for name in ("long", "family", "data"):
        assert not (tmp_path / name / "adapter").exists()

"""Every shipped recipe runs, on a tiny random model of its architecture."""

import json
from pathlib import Path

import pytest
from sql_llama.cli.main import run
from sql_llama.core.errors import DataError, SqlLlamaError
from sql_llama.core.read_recipe import read_recipe, recipe_names
from sql_llama.export.exportable import exportable
from sql_llama.train.dry_run import dry_run


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    recipe, _ = read_recipe(name)
    tried = dry_run(recipe, exportable)
    assert tried.steps == 2 and len(tried.losses) == 2 and all(0 < loss < 10 for loss in tried.losses)
    assert tried.preflight == "ok" and tried.gradient_noise < 0.1 and tried.pairs >= 8
    assert tried.architecture == ("qwen2" if name.startswith("qwen") else "llama")
    assert tried.adapter["adapter_model.safetensors"] > 1000
    assert list(here.iterdir()) == []


def test_the_command_prints_json_for_scripts(
    tiny_base: Path, recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here with the base's own tokenizer and the recipe's own pairs."""
    assert run(["train", str(recipe_file), "--dry-run", "--json"]) == 0
    tried = json.loads(capsys.readouterr().out)
    assert tried["tokenizer"] == "the base's own" and tried["data"].startswith("the recipe's own sources")
    assert tried["steps"] == 2 and tried["pairs"] == 24 and not (tmp_path / "home" / "runs").exists()
    assert run(["train", str(recipe_file), "--dry-run"]) == 0
    assert "Nothing was kept" in capsys.readouterr().out


def test_json_alone_is_wrong_usage(recipe_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(recipe_file), "--json"]) == 2
    assert "--json goes with --dry-run" in capsys.readouterr().err


def test_a_family_that_the_tokenizer_is_not_of_is_refused(recipe_file: Path) -> None:
    recipe, _ = read_recipe(str(recipe_file), ["base.family=llama3"])
    with pytest.raises(SqlLlamaError, match="does not know the end-of-turn token"):
        dry_run(recipe)


def test_a_base_without_a_shape_is_refused(recipe_file: Path) -> None:
    recipe, _ = read_recipe(str(recipe_file), ["base.model=someone/unknown"])
    with pytest.raises(DataError, match="its shape is not known here"):
        dry_run(recipe)

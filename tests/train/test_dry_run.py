"""Every recipe that is shipped, tried in little; and what a dry run refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from sql_llama.cli.main import run
from sql_llama.core.read_recipe import read_recipe, recipe_names


def dry(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code = run(["train", *arguments, "--dry-run", "--json"])
    shown = capsys.readouterr()
    assert code == 0, shown.err
    return json.loads(shown.out)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_runs(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe, _ = read_recipe(name)
    found = dry(capsys, name)
    assert found["recipe"] == name and found["preflight"] == found["export"] == "ok"
    assert found["steps"] == 2 and all(0 < loss < 20 for loss in found["losses"])
    assert found["base"]["model_type"] == (recipe.shape.model_type or "llama")
    assert found["adapter"]["r"] == recipe.lora.r and found["adapter"]["trainable"] > 0
    wanted = recipe.lora.target_modules
    trained = {module.rpartition(".")[2] for module in found["adapter"]["target_modules"]}
    assert (wanted == ("all-linear",) and len(trained) == 7) or trained == set(wanted)
    assert set(found["data"]["sources"].values()) <= {"synthesised", "its own"}
    assert found["data"]["train"] >= 4
    assert not Path("runs").exists()


def test_rows_of_a_source_that_is_here_are_used(
    recipe_file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = dry(capsys, str(recipe_file), "--set", "data.valid_share=0")
    assert found["data"]["sources"] == {str(tmp_path / "pairs.jsonl"): "its own"}
    assert found["data"]["train"] == 24 and found["base"]["tokenizer"] == "its own"


@pytest.mark.parametrize(
    "override, said",
    [
        ("base.family=llama3", "end-of-turn token <|eot_id|>"),
        ("lora.target_modules=query", "no linear layer of this base is named query"),
        ("export.name=Not A Name", "cannot be a name in Ollama"),
        ("train.max_tokens=64", "no pair fits train.max_tokens"),
    ],
)
def test_what_would_stop_the_training_stops_it(
    override: str, said: str, recipe_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(recipe_file), "--dry-run", "--set", override]) in (1, 2)
    shown = capsys.readouterr()
    assert said in shown.err and "Fix: " in shown.err and not shown.out


def test_json_is_for_dry_runs(recipe_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(recipe_file), "--json"]) == 2
    assert "--json goes with --dry-run" in capsys.readouterr().err

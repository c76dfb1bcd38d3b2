"""What an export would refuse is refused before the training, in one line, and nothing that it takes is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.cli.main import run as sql_llama
from sql_llama.core.errors import DataError, RecipeError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Recipe
from sql_llama.export.exportable import exportable


def recipe(tmp_path: Path, base: Path, *overrides: str) -> Recipe:
    path = tmp_path / "tiny.toml"
    path.write_text(f'name = "tiny"\n[base]\nmodel = "{base}"\n')
    return read_recipe(str(path), overrides)[0]


@pytest.fixture
def base(tiny_base: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base, to be spoilt."""
    return Path(shutil.copytree(tiny_base, tmp_path / "base"))


def set_config(base: Path, **keys: Any) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | keys))


def test_what_can_be_exported_may_be_trained(base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    exportable(recipe(tmp_path, base), base, None)
    exportable(recipe(tmp_path, base), base, tiny_adapter)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "rope_type 'dynamic'"),
        ({"rope_parameters": None, "rope_scaling": {"type": "longrope"}}, "rope_type 'longrope'"),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 2.0}}, "rope_type 'llama3' without"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"architectures": ["PhiForCausalLM"]}, "PhiForCausalLM"),
        ({"num_hidden_layers": 3}, r"has no model\.layers\.2\."),
        ({"intermediate_size": 96}, "and should be"),
        ({"quantization_config": {"quant_method": "gptq"}}, "its weights are already quantized"),
    ],
)
def test_a_config_that_would_stop_the_export_stops_the_training(
    keys: dict[str, Any], says: str, base: Path, tmp_path: Path
) -> None:
    set_config(base, **keys)
    with pytest.raises(DataError, match=says) as caught:
        exportable(recipe(tmp_path, base), base, None)
    assert caught.value.fix and "--llama-cpp DIR, a llama.cpp checkout whose own converter may" not in caught.value.fix


def test_a_tokenizer_that_would_stop_the_export_stops_the_training(base: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    rows = json.loads((base / "config.json").read_text())["vocab_size"]
    vocab = tokenizer["model"]["vocab"] | {f"more{number}": number for number in range(rows - 3, rows + 1)}
    (base / "tokenizer.json").write_text(json.dumps({**tokenizer, "model": {**tokenizer["model"], "vocab": vocab}}))
    with pytest.raises(DataError, match=f"ids up to {rows}, and the embedding has {rows} rows"):
        exportable(recipe(tmp_path, base), base, None)
    (base / "tokenizer.json").write_text(json.dumps({**tokenizer, "pre_tokenizer": {"type": "Whitespace"}}))
    with pytest.raises(DataError, match="way to split text is not known"):
        exportable(recipe(tmp_path, base), base, None)
    (base / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match=r"no <\|eot_id\|>, which ends a turn in the family llama3"):
        exportable(recipe(tmp_path, base, "base.family=llama3"), base, None)


def test_who_exports_with_a_llama_cpp_checkout_may_train_what_ours_does_not_know(base: Path, tmp_path: Path) -> None:
    set_config(base, architectures=["PhiForCausalLM"])
    with pytest.raises(DataError) as caught:
        exportable(recipe(tmp_path, base), base, None)
    assert "--set export.converter=llama.cpp" in caught.value.fix
    exportable(recipe(tmp_path, base, "export.converter=llama.cpp"), base, None)
    (base / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(DataError, match=r"model\.safetensors: broken"):
        exportable(recipe(tmp_path, base, "export.converter=llama.cpp"), base, None)


def test_a_name_that_ollama_would_not_take_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"export\.name"):
        exportable(recipe(tmp_path, base, "export.name=My Model"), base, None)


def test_an_adapter_of_another_base_names_adapter_and_base(
    base: Path, tiny_adapter: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    """Of another width, of fewer layers, and of more: peft trains the last two without a word.

    Where few modules are named, peft keeps each by its full name; else by the ends of names, as `suffixes` has them.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    known = LlamaConfig.from_pretrained(base)
    suffixes = tmp_path / "suffixes"
    make_tiny_adapter(base, suffixes, target_modules=["q_proj", "v_proj"])
    for name, keys in {
        "wide": {"hidden_size": 128, "head_dim": 32},
        "deep": {"num_hidden_layers": 3},
        "flat": {"num_hidden_layers": 1},
    }.items():
        other = Path(shutil.copytree(base, tmp_path / name))
        LlamaForCausalLM(LlamaConfig.from_dict({**known.to_dict(), **keys})).save_pretrained(other)
        for adapter in (tiny_adapter, suffixes):
            with pytest.raises(DataError, match=f"of another base than {other}: ") as caught:
                exportable(recipe(tmp_path, other), other, adapter)
            assert str(adapter) in caught.value.message and "train.start=base" in caught.value.fix
    part = tmp_path / "part"
    make_tiny_adapter(base, part, target_modules=["q_proj", "v_proj"], layers_to_transform=[1])
    exportable(recipe(tmp_path, base), base, part)  # meant for one layer, and it has that one


def test_broken_and_missing_weights_of_an_adapter_are_named(base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    adapter = Path(shutil.copytree(tiny_adapter, tmp_path / "adapter"))
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"adapter_model\.safetensors: broken"):
        exportable(recipe(tmp_path, base), base, adapter)
    weights.unlink()
    with pytest.raises(DataError, match=r"no adapter_model\.safetensors") as caught:
        exportable(recipe(tmp_path, base), base, adapter)
    assert "sql-llama train RECIPE" not in caught.value.fix


def test_the_command_refuses_before_anything_is_made(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_config(base, rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4})
    recipe(tmp_path, base)
    out = tmp_path / "run"
    assert sql_llama(["train", str(tmp_path / "tiny.toml"), "--set", "data.synthetic=20", "--run", str(out)]) == 1
    error, fix = capsys.readouterr().err.splitlines()
    assert error.startswith(f"Error: {base / 'config.json'}: rope_type 'dynamic' cannot be converted, so the export")
    assert fix.startswith("Fix: take another base, or --set export.converter=llama.cpp")
    assert not out.exists()


@pytest.mark.parametrize("more", [-1, 100])
def test_a_config_of_more_or_fewer_tokens_than_rows_cannot_be_trained(more: int, base: Path, tmp_path: Path) -> None:
    rows = json.loads((base / "config.json").read_text())["vocab_size"]
    set_config(base, vocab_size=rows + more)
    with pytest.raises(DataError, match=f"vocab_size of {rows + more}, and the embedding has {rows} rows"):
        exportable(recipe(tmp_path, base), base, None)


def test_two_tokens_of_one_id_are_refused(base: Path, tmp_path: Path) -> None:
    path = base / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["twin"] = next(iter(tokenizer["model"]["vocab"].values()))
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match="'twin' have one id") as caught:
        exportable(recipe(tmp_path, base), base, None)
    assert "\n" not in str(caught.value)

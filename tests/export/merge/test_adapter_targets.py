"""The matrices that target_modules mean are those to which peft itself gives a LoRA."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.merge.adapter_targets import targeted
from sql_llama.models.weight_files import read_json, weight_files


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": ["self_attn.q_proj", "model.layers.1.mlp.up_proj"]},
        {"target_modules": r".*\.(q|k)_proj"},
        {"target_modules": ["q_proj"], "layers_to_transform": [1]},
        {"target_modules": ["q_proj"], "layers_to_transform": 0, "layers_pattern": "layers"},
        {"target_modules": ["down_proj", "embed_tokens"]},
        {"target_modules": ["q_proj", "up_proj"], "exclude_modules": [r"layers.0.mlp.up_proj"]},
    ],
)
def test_they_are_pefts(options: dict[str, Any], tiny_base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_base), LoraConfig(r=2, **options))
        model.save_pretrained(tmp_path / "adapter")
    got = {name for name, module in model.get_base_model().named_modules() if getattr(module, "lora_A", None)}
    shapes = {name: stored.shape for name, stored in weight_files(tiny_base).items()}
    found = set(targeted(read_json(tmp_path / "adapter" / "adapter_config.json"), shapes))
    assert found == {f"{name}.weight" for name in got}


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match=r"'q_proj\(' is not a pattern of modules"):
        list(targeted({"target_modules": "q_proj("}, {"model.layers.0.self_attn.q_proj.weight": (4, 4)}))

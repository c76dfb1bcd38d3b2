"""The base in memory: frozen, in the dtype of the machine, with LoRA weights in float32."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from sql_llama.core.errors import DataError, RecipeError, SqlLlamaError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Recipe
from sql_llama.engines.huggingface import compute_dtype
from sql_llama.train.model import keep_float32, load_model, load_tokenizer


def recipe(tmp_path: Path, *overrides: str) -> Recipe:
    path = tmp_path / "r.toml"
    path.write_text('name = "r"\n[base]\nmodel = "x"\n[lora]\nr = 4\n')
    return read_recipe(str(path), overrides)[0]


def load(base: Path, recipe: Recipe, start: Path | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)  # as train/train.py does
        return load_model(base, recipe, start)


def test_a_gpu_less_machine_computes_in_bf16_or_float32() -> None:
    if not torch.cuda.is_available():
        assert compute_dtype() in (torch.bfloat16, torch.float32)


def test_float16_is_refused_where_it_is_slow_and_overflows() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(SqlLlamaError, match=r"train\.dtype = float16 requires a GPU"):
            compute_dtype("float16")
    assert compute_dtype("float32") is torch.float32 and compute_dtype("bfloat16") is torch.bfloat16


def test_an_adapter_of_chosen_layers_with_its_scale_and_kind(tiny_base: Path, tmp_path: Path) -> None:
    sets = ["lora.target_modules=q_proj,v_proj", "lora.rslora=true", "lora.dora=true"]
    model = load(tiny_base, recipe(tmp_path, *sets))
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.partition("self_attn.")[2].partition(".")[0] for name in trained} == {"q_proj", "v_proj"}
    assert sum("lora_magnitude_vector" in name for name in trained) == 4
    layer = model.get_base_model().model.layers[0].self_attn.q_proj
    assert layer.scaling["default"] == pytest.approx(32 / 4**0.5)


def test_a_layer_that_the_base_lacks_is_named_with_those_that_it_has(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"lora\.target_modules: no linear layer of this base is named query") as info:
        load(tiny_base, recipe(tmp_path, "lora.target_modules=q_proj,query"))
    assert info.value.fix == "any of down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj, or all-linear"
    with pytest.raises(RecipeError, match="names no layer"):
        load(tiny_base, recipe(tmp_path, "lora.target_modules=[]"))


@pytest.mark.parametrize("quantization", ["none", "nf4", "nf4-unpacked"])
def test_only_the_adapter_is_trained_and_it_is_float32(quantization: str, tiny_base: Path, tmp_path: Path) -> None:
    model = load(tiny_base, recipe(tmp_path, f"train.quantization={quantization}"))
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trained) == 2 * 2 * 7 and all("lora_" in name for name in trained)
    assert {weight.dtype for weight in trained.values()} == {torch.float32}
    assert not any("lm_head" in name or "embed" in name for name in trained)
    for weight in trained.values():
        weight.data = weight.data.bfloat16()
    keep_float32(model)
    assert {weight.dtype for weight in model.parameters() if weight.requires_grad} == {torch.float32}
    frozen = {weight.dtype for weight in model.parameters() if not weight.requires_grad}
    assert (torch.uint8 in frozen) == (quantization == "nf4")


def test_unpacked_nf4_has_the_values_of_nf4(tiny_base: Path, tmp_path: Path) -> None:
    from bitsandbytes.functional import dequantize_4bit

    name = "model.layers.0.mlp.up_proj"
    packed = load(tiny_base, recipe(tmp_path)).get_base_model().get_submodule(name).base_layer.weight
    sets = "train.quantization=nf4-unpacked"
    unpacked = load(tiny_base, recipe(tmp_path, sets)).get_base_model().get_submodule(name).base_layer.weight
    assert torch.equal(dequantize_4bit(packed.data, packed.quant_state).to(unpacked.dtype), unpacked)


def test_the_same_seed_starts_from_the_same_adapter(tiny_base: Path, tmp_path: Path) -> None:
    def first(*overrides: str) -> Any:
        model = load(tiny_base, recipe(tmp_path, "train.quantization=none", *overrides))
        return next(weight for name, weight in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(), first())
    assert not torch.equal(first(), first("train.seed=2"))


def test_an_adapter_to_go_on_from_is_loaded_and_trained(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    model = load(tiny_base, recipe(tmp_path, "train.quantization=none"), tiny_adapter)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    assert len(trained) == 28 and all(bool(weight.any()) for weight in trained)


def test_a_tokenizer_without_padding_takes_an_unused_token_or_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    config = json.loads((base / "tokenizer_config.json").read_text())
    del config["pad_token"]
    (base / "tokenizer_config.json").write_text(json.dumps(config))
    assert load_tokenizer(base).pad_token == "<|endoftext|>"
    text = (base / "tokenizer.json").read_text().replace("<|endoftext|>", "<|other|>")
    (base / "tokenizer.json").write_text(text)
    with pytest.raises(SqlLlamaError, match="has no padding token"):
        load_tokenizer(base)


def test_a_base_with_a_sentencepiece_tokenizer_alone_is_not_trained_and_one_line_says_why(
    tiny_base: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    (base / "tokenizer.json").rename(base / "tokenizer.model")
    with pytest.raises(DataError, match=r"base: transformers cannot read its tokenizer\.model \(pip install"):
        load_tokenizer(base)

"""The forecast of a GPU's memory against what torch keeps, counts and packs."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from sql_llama.core.errors import DataError
from sql_llama.core.read_recipe import read_recipe
from sql_llama.core.recipe import Recipe
from sql_llama.train.forecast import NF4, Dimensions, forecast, kept_of_token, read_dimensions, trainable
from sql_llama.train.fused_lora import fuse_lora
from sql_llama.train.model import keep_float32, load_model
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES = {  # widths, layers, heads and heads of keys
    "as many keys": (64, 176, 3, 4, 4),
    "grouped keys": (64, 176, 3, 4, 2),
    "wide inside": (128, 512, 2, 8, 2),
}
LLAMA_8B = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
LLAMA_8B |= {"num_key_value_heads": 8, "vocab_size": 128256}
LLAMA_1B = {**LLAMA_8B, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16}


def recipe(folder: Path, *sets: str) -> Recipe:
    path = folder / "r.toml"
    path.write_text(f'name = "r"\n[base]\nmodel = "{folder}"\n[lora]\nr = 8\n')
    return read_recipe(str(path), sets)[0]


def build(folder: Path, shape: str, *sets: str) -> tuple[Any, Dimensions, Recipe]:
    hidden, inner, layers, heads, keys = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=96,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    parsed = recipe(folder, "train.quantization=none", *sets)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*checkpointing.*", FutureWarning)  # as train/train.py does
        model = load_model(folder, parsed, None)
        keep_float32(model)
        fuse_lora(model)
        if "train.checkpointing=true" in sets:
            model.gradient_checkpointing_enable()
            model.enable_input_require_grads()
    return model.train(), read_dimensions(config.to_dict()), parsed


def kept_bytes(model: Any, rows: int, length: int, dtype: torch.dtype) -> int:
    """Bytes of all memory that the decoder's graph holds, but for the weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes: dict[int, int] = {}
    held = []  # or the next tensor has the address of a freed one

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        held.append(tensor)
        return tensor

    ids = torch.randint(0, 96, (rows, length))
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32),
    ):
        model.get_decoder()(input_ids=ids, use_cache=False)
    return sum(sizes.values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_what_is_kept_of_a_token_is_within_five_percent(
    shape: str, dtype: str, checkpointing: bool, tmp_path: Path
) -> None:
    sets = [f"train.dtype={dtype}", f"train.checkpointing={str(checkpointing).lower()}"]
    model, dimensions, parsed = build(tmp_path, shape, *sets)
    computed = getattr(torch, dtype)
    each = kept_of_token(parsed, dimensions, computed.itemsize, checkpointing=checkpointing)
    assert 2 * 96 * each == pytest.approx(kept_bytes(model, 2, 96, computed), rel=0.05)


@pytest.mark.parametrize("layers", ["all-linear", "q_proj,v_proj"])
@pytest.mark.parametrize("dora", ["true", "false"])
def test_the_weights_are_counted_as_torch_counts_them(layers: str, dora: str, tmp_path: Path) -> None:
    model, dimensions, parsed = build(tmp_path, "grouped keys", f"lora.target_modules={layers}", f"lora.dora={dora}")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert trainable(parsed, dimensions) == sum(parameter.numel() for parameter in trained)
    whole = sum(parameter.numel() for parameter in model.parameters())
    assert dimensions.parameters == whole - trainable(parsed, dimensions)


def test_nf4_takes_the_bytes_that_bitsandbytes_takes() -> None:
    from bitsandbytes.functional import quantize_4bit

    weight = torch.randn(1024, 1024)
    packed, state = quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    held = packed.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes
    assert weight.numel() * NF4 == pytest.approx(held, rel=0.001)


def test_an_8b_model_by_parts(tmp_path: Path) -> None:
    """Measured on an H200 (docs/results.md): 7.04 GiB."""
    shape = read_dimensions(LLAMA_8B)
    assert shape.parameters == 8_030_261_248
    parsed = recipe(tmp_path, "lora.r=16")
    memory = forecast(parsed, shape, 1, 2048, 256, 2, checkpointing=True, liger=False)
    parts = (memory.weights, memory.adapter, memory.optimizer, memory.activations, memory.logits)
    assert [part / 2**30 for part in parts] == pytest.approx([5.31, 0.31, 0.31, 1.19, 0], abs=0.02)
    assert memory.total / 2**30 == pytest.approx(7.04, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "sets", "rows", "liger", "gib"),
    [
        (LLAMA_8B, "train.quantization=nf4", 8, True, 77.04),
        (LLAMA_8B, "train.quantization=none", 8, True, 86.68),
        (LLAMA_8B, "train.quantization=nf4", 8, False, 99.04),
        (LLAMA_1B, "train.quantization=nf4", 1, False, 2.19),
        (LLAMA_1B, "train.quantization=nf4", 8, False, 29.18),
        (LLAMA_1B, "train.quantization=none", 8, False, 30.53),
    ],
)
def test_peaks_measured_on_a_gpu_are_met_within_five_percent(
    shape: dict[str, int], sets: str, rows: int, liger: bool, gib: float, tmp_path: Path
) -> None:
    """Measured on one H200 by benchmarks/training_large.py: rows of 2,048 tokens, 256 of them with logits, rank 16."""
    parsed = recipe(tmp_path, "lora.r=16", sets)
    memory = forecast(parsed, read_dimensions(shape), rows, 2048, 256, 2, checkpointing=rows == 1, liger=liger)
    assert memory.total / 2**30 == pytest.approx(gib, rel=0.05)


def test_each_setting_moves_its_part(tmp_path: Path) -> None:
    shape = read_dimensions(LLAMA_8B)

    def parts(*sets: str, rows: int = 2) -> dict[str, int]:
        memory = forecast(recipe(tmp_path, *sets), shape, rows, 1024, 256, 2, checkpointing=False)
        return {name: getattr(memory, name) for name in ("weights", "adapter", "optimizer", "activations", "logits")}

    plain = parts()

    def moved(*sets: str, rows: int = 2) -> set[str]:
        return {name for name, value in parts(*sets, rows=rows).items() if value != plain[name]}

    assert moved("train.optimizer=adamw_8bit") == {"optimizer"}
    assert moved("lora.r=64") == {"adapter", "optimizer", "activations"}
    assert moved(rows=4) == {"activations", "logits"}
    assert moved("train.quantization=none") == {"weights", "activations", "logits"}  # no matrix is unpacked
    assert parts("train.quantization=none")["weights"] > 2.8 * plain["weights"]


def test_a_config_without_a_shape_is_an_error() -> None:
    with pytest.raises(DataError, match="does not say its shape"):
        read_dimensions({"n_embd": 768})

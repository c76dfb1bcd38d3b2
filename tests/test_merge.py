"""Merging gives what peft's own merge gives, and refuses whatever it does not know."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.merge import Weights, merge, merged_shapes, through_nf4

Edit = Callable[[dict[str, Any]], None]


def whole(merged: Iterable[Weights]) -> dict[str, Any]:
    return {weights.name: weights.whole() for weights in merged}


@pytest.mark.parametrize(
    "options", [{}, {"use_rslora": True}, {"target_modules": ["q_proj", "down_proj"]}, {"rank_pattern": {"q_proj": 2}}]
)
def test_a_merge_is_pefts_merge(
    options: dict[str, Any], tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    import torch

    expected = make_tiny_adapter(tiny_base, tmp_path / "adapter", **options).merge_and_unload().state_dict()
    base = whole(merge(tiny_base, None))
    ours = whole(merge(tiny_base, tmp_path / "adapter"))
    assert list(ours) == list(merged_shapes(tiny_base, tmp_path / "adapter"))
    for name, weights in ours.items():
        assert weights.dtype == torch.float32
        torch.testing.assert_close(weights, expected[name], rtol=0, atol=1e-6)
    touched = {name for name in ours if not torch.equal(ours[name], base[name])}
    wanted = options.get(
        "target_modules", ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    assert touched == {name for name in ours if name.split(".")[-2] in wanted}


def test_over_nf4_ground_it_is_pefts_merge_over_the_weights_that_training_saw(
    tiny_llama3: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    make_tiny_adapter(tiny_llama3, tmp_path / "adapter")
    plain = whole(merge(tiny_llama3, tmp_path / "adapter"))
    base = whole(merge(tiny_llama3, None))
    ours = whole(merge(tiny_llama3, tmp_path / "adapter", ground="nf4", dtype="bfloat16"))
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    trained = AutoModelForCausalLM.from_pretrained(
        tiny_llama3, dtype=torch.bfloat16, quantization_config=config, device_map={"": "cpu"}
    )
    from bitsandbytes.functional import dequantize_4bit

    for name, weights in ours.items():
        module = trained.get_submodule(name.removesuffix(".weight"))
        ground = module.weight
        if hasattr(ground, "quant_state"):
            ground = dequantize_4bit(ground.data, ground.quant_state)
            assert not torch.equal(weights, plain[name])
        # the same delta on another ground
        torch.testing.assert_close(weights, ground.float() + (plain[name] - base[name]), rtol=0, atol=1e-6)


def test_nf4_keeps_the_dtype_and_is_near() -> None:
    import torch

    weights = torch.randn(64, 128).to(torch.float16)
    rounded = through_nf4(weights)
    assert rounded.dtype == torch.float16
    assert 0.05 < float((rounded - weights).float().std() / weights.float().std()) < 0.15
    assert len(torch.unique(rounded[0, :64])) <= 16


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use_dora", True),
        ("modules_to_save", ["lm_head"]),
        ("bias", "all"),
        ("lora_bias", True),
        ("alpha_pattern", {"q_proj": 3}),
        ("init_lora_weights", "pissa"),
        ("trainable_token_indices", [1, 2]),
        ("fan_in_fan_out", True),
        ("something_of_the_future", {"on": True}),
        ("peft_type", "IA3"),
        ("lora_alpha", "8"),
    ],
)
def test_what_is_not_plain_lora_is_refused_by_name(
    key: str, value: Any, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=key):
        next(merge(tiny_base, folder))


def add_head(tensors: dict[str, Any]) -> None:
    import torch

    tensors["base_model.model.lm_head.lora_A.weight"] = torch.zeros(4, 64)


def drop_one(tensors: dict[str, Any]) -> None:
    del tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"]


def add_layer(tensors: dict[str, Any]) -> None:
    import torch

    tensors["base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight"] = torch.zeros(4, 64)


def drop_all(tensors: dict[str, Any]) -> None:
    tensors.clear()


def whole_matrix(tensors: dict[str, Any]) -> None:
    import torch

    tensors["base_model.model.model.embed_tokens.weight"] = torch.zeros(4, 64)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (add_head, "lm_head"),
        (drop_one, "None times"),
        (add_layer, "the base has no model.layers.7"),
        (drop_all, "holds no LoRA weights"),
        (whole_matrix, "embed_tokens"),
    ],
)
def test_weights_that_do_not_fit_are_refused_never_skipped(
    edit: Edit, says: str, tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    tensors = load_file(folder / "adapter_model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(DataError, match=says):
        next(merge(tiny_base, folder))


def test_values_that_are_not_finite_are_an_error(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors["base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"][0, 0] = float("nan")
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(DataError, match=r"layers\.1\.mlp\.up_proj\.weight has values that are not finite"):
        whole(merge(tiny_base, folder))


def test_a_packed_base_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(tiny_base, folder)
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "quantization_config": {"load_in_4bit": True}}))
    with pytest.raises(DataError, match="quantized"):
        next(merge(folder, None))


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_or_broken_file_is_named(name: str, tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    (folder / name).write_bytes(b"\0" * 20)
    with pytest.raises(DataError, match=name):
        next(merge(tiny_base, folder))
    (folder / name).unlink()
    with pytest.raises(DataError, match=name):
        next(merge(tiny_base, folder))


def test_shards_are_read_one_after_another(tiny_base: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "base"
    shutil.copytree(tiny_base, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {name: f"{i % 2}.safetensors" for i, name in enumerate(names)}
    for shard in ("0.safetensors", "1.safetensors"):
        save_file({name: tensors[name] for name in names if weight_map[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for (name, ours), (other, theirs) in zip(
        whole(merge(folder, None)).items(), whole(merge(tiny_base, None)).items(), strict=True
    ):
        assert name == other
        assert torch.equal(ours, theirs)

"""An adapter is read to the last tensor and key; what is not known, or does not fit, is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.merge.adapter import read_adapter
from sql_llama.models.weight_files import weight_files

Edit = Callable[[dict[str, Any]], None]
LAYER = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.fixture
def adapter(tiny_adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_adapter, tmp_path / "adapter"))


def set_keys(adapter: Path, **keys: Any) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def edit_tensors(adapter: Path, edit: Edit) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(adapter / "adapter_model.safetensors")
    edit(tensors)
    save_file(tensors, adapter / "adapter_model.safetensors")


def test_every_linear_layer_has_its_pair_and_scale(tiny_base: Path, adapter: Path) -> None:
    read = read_adapter(adapter, weight_files(tiny_base), tied=True)
    assert read.tied and len(read.changes) == 14
    change = read.changes["model.layers.1.mlp.up_proj.weight"]
    assert change.a and change.b and (change.a.shape, change.b.shape, change.scale) == ((4, 64), (128, 4), 2.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("peft_type", "IA3"),
        ("peft_type", None),
        ("init_lora_weights", "pissa"),
        ("init_lora_weights", "pissa_niter_4"),
        ("init_lora_weights", "olora"),
        ("init_lora_weights", "loftq"),
        ("init_lora_weights", "eva"),
        ("init_lora_weights", "corda"),
        ("init_lora_weights", {"a": 1}),
        ("loftq_config", {"loftq_bits": 4}),
        ("layer_replication", [[0, 2], [1, 2]]),
        ("target_parameters", ["experts.down_proj"]),
        ("fan_in_fan_out", True),
        ("alora_invocation_tokens", [1]),
        ("use_qalora", True),
        ("kasa_config", {"beta": 1}),
        ("something_of_the_future", {"on": True}),
        # what the file of weights does not hold
        ("modules_to_save", ["lm_head"]),
        ("trainable_token_indices", [1, 2]),
        ("lora_bias", True),
        ("use_dora", True),
        # no numbers, no names
        ("bias", "some"),
        ("lora_alpha", "8"),
        ("lora_alpha", float("nan")),
        ("r", None),
        ("r", 0),
        ("r", True),
        ("rank_pattern", ["q_proj"]),
        ("rank_pattern", {"q_proj": "2"}),
        ("alpha_pattern", {"q_proj(": 2}),
        ("modules_to_save", "lm_head"),
        ("trainable_token_indices", 7),
    ],
)
def test_a_key_that_cannot_be_followed_is_named(key: str, value: Any, tiny_base: Path, adapter: Path) -> None:
    set_keys(adapter, **{key: value})
    with pytest.raises(DataError, match=key):
        read_adapter(adapter, weight_files(tiny_base), tied=True)


@pytest.mark.parametrize("key", ["r", "rank_pattern"])
def test_a_rank_that_is_not_that_of_the_weights_is_named(key: str, tiny_base: Path, adapter: Path) -> None:
    set_keys(adapter, **{key: 8 if key == "r" else {"up_proj": 8}})
    with pytest.raises(DataError, match=r"has rank 4, but adapter_config\.json states 8"):
        read_adapter(adapter, weight_files(tiny_base), tied=True)


def zeros(*shape: int) -> Any:
    import torch

    return torch.zeros(shape)


def put(name: str, *shape: int) -> Edit:
    return lambda tensors: tensors.__setitem__(name, zeros(*shape))


def drop(name: str) -> Edit:
    return lambda tensors: tensors.pop(name)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (dict.clear, "holds no LoRA weights"),
        (drop(f"{LAYER}.lora_B.weight"), "q_proj.weight has lora_A but not lora_B"),
        (drop(f"{LAYER}.lora_A.weight"), "q_proj.weight has lora_B but not lora_A"),
        (put("base_model.model.lm_head.lora_A.weight", 4, 64), "lm_head.weight has lora_A but not lora_B"),
        (
            put("base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", 4, 64),
            "the base has no model.layers.7",
        ),
        (put(f"{LAYER}.lora_B.weight", 64, 5), "cannot be multiplied"),
        (put(f"{LAYER}.lora_A.weight", 4), "cannot be multiplied"),
        (
            put(f"{LAYER}.lora_B.weight", 32, 4),
            r"q_proj.weight is for the shape \(32, 64\), but the base has \(64, 64\)",
        ),
        (put(f"{LAYER}.lora_magnitude_vector", 64), "has a lora_magnitude_vector, but use_dora is False"),
        (put(f"{LAYER}.lora_B.bias", 64), "the base has no model.layers.0.self_attn.q_proj.bias"),
        (put(f"{LAYER}.weight", 64, 64), "but modules_to_save and bias do not name it"),
        (put(f"{LAYER}.modules_to_save.weight", 64, 64), "q_proj has no trained weight"),
        (put(f"{LAYER}.lora_C.weight", 64, 64), "lora_C.weight is not known"),
        (put("model.layers.0.self_attn.q_proj.lora_A.weight", 4, 64), "is not known"),
        (put("base_model.model.model.embed_tokens.weight", 4, 64), "embed_tokens.weight has 4 rows and lm_head.weight"),
        (put("base_model.model.model.embed_tokens.weight", 400, 32), r"is for the shape \(400, 32\)"),
        (put("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta", 1, 64), "token_indices"),
    ],
)
def test_weights_that_do_not_fit_are_refused_never_skipped(
    edit: Edit, says: str, tiny_base: Path, adapter: Path
) -> None:
    edit_tensors(adapter, edit)
    with pytest.raises(DataError, match=says):
        read_adapter(adapter, weight_files(tiny_base), tied=True)


@pytest.mark.parametrize("indices", [[1], [1, 400_000], [1, -1], [1, True], {"embed_tokens": "x"}, {"other": [1, 2]}])
def test_rows_that_the_base_does_not_have_are_refused(indices: Any, tiny_base: Path, adapter: Path) -> None:
    edit_tensors(adapter, put("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta", 2, 64))
    set_keys(adapter, trainable_token_indices=indices)
    with pytest.raises(DataError, match=r"embed_tokens\.weight"):
        read_adapter(adapter, weight_files(tiny_base), tied=True)


def test_an_adapter_of_dora_needs_every_magnitude(
    tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_base, tmp_path / "adapter", use_dora=True)
    edit_tensors(tmp_path / "adapter", drop(f"{LAYER}.lora_magnitude_vector"))
    with pytest.raises(DataError, match=r"q_proj\.weight has no lora_magnitude_vector, but use_dora is True"):
        read_adapter(tmp_path / "adapter", weight_files(tiny_base), tied=True)


def test_an_adapter_for_another_base_says_which_tensor_and_both_shapes(
    tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    make_tiny_adapter(tiny_base, tmp_path / "adapter")
    from safetensors.torch import load_file, save_file

    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    tensors = load_file(base / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"] = zeros(96, 64)
    save_file(tensors, base / "model.safetensors")
    with pytest.raises(
        DataError, match=r"up_proj\.weight is for the shape \(128, 64\), but the base has \(96, 64\)"
    ) as caught:
        read_adapter(tmp_path / "adapter", weight_files(base), tied=True)
    assert caught.value.fix == "give the base that the adapter was trained on"


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_or_broken_file_is_named(name: str, tiny_base: Path, adapter: Path) -> None:
    (adapter / name).write_bytes(b"\0" * 20)
    with pytest.raises(DataError, match=name):
        read_adapter(adapter, weight_files(tiny_base), tied=True)
    (adapter / name).unlink()
    with pytest.raises(DataError, match=name):
        read_adapter(adapter, weight_files(tiny_base), tied=True)

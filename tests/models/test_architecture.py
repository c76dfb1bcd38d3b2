"""What a config.json may say, and what is refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sql_llama.core.errors import DataError, UnknownFamily
from sql_llama.export.convert.convert import convert
from sql_llama.export.merge.merge import Weights, merge, merged_shapes
from sql_llama.modelfiles.templates import family
from sql_llama.models.architecture import (
    architecture,
    gguf_name,
    left_out,
    permute,
    read_config,
    rope_factors,
    rope_parameters,
    rotary_heads,
)


@pytest.fixture
def with_config(tiny_base: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the tiny base's folder without its weights, its config.json changed; None takes a key away."""

    def make(**changes: Any) -> Path:
        folder = tmp_path / "base"
        shutil.copytree(tiny_base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        config = json.loads((tiny_base / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
        return folder

    return make


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architectures": ["GemmaForCausalLM"]}, r"\['GemmaForCausalLM'\] cannot be converted \(give --llama-cpp DIR"),
        ({"architectures": None}, "no architecture cannot be converted"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "rope_type 'dynamic'"),
        ({"rope_parameters": {"rope_type": "spiral", "rope_theta": 1e4}}, "rope_type 'spiral'"),
        ({"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4}}, "factor"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4, "mscale": 0.7}}, "mscale"),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "rope_theta": 1e4}}, "high_freq_factor"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"num_hidden_layers": None}, "num_hidden_layers is missing"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"vocab_size": "many"}, "vocab_size is 'many'"),
        ({"hidden_size": 62}, "multiple of the number of attention heads"),
        ({"head_dim": 15}, "an even rotary dimension"),
    ],
)
def test_a_config_that_would_be_computed_otherwise_is_refused(
    changes: dict[str, Any], says: str, with_config: Callable[..., Path]
) -> None:
    folder = with_config(**changes)
    with pytest.raises(DataError, match=says) as error:
        read_config(folder)
    assert "config.json: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"architectures": 7}', "\x00"])
def test_a_broken_config_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(DataError, match=r"config\.json: "):
        read_config(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_config(tmp_path / "nothing")


def test_what_an_old_config_leaves_out_is_what_transformers_takes_for_it(with_config: Callable[..., Path]) -> None:
    """A Llama 2 config of 2023: no head_dim, rope_theta outside, scaling with `type`."""
    config = read_config(
        with_config(
            head_dim=None, num_key_value_heads=None, rope_parameters=None, rope_theta=5e5,
            rope_scaling={"type": "linear", "factor": 2.0},
        )
    )  # fmt: skip
    assert (config["head_dim"], config["num_key_value_heads"]) == (16, 4)
    assert config["rope_parameters"]["rope_theta"] == 5e5
    assert config["rope_parameters"]["rope_type"] == "linear"
    assert rope_factors(config) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda shapes: shapes.pop("model.layers.1.mlp.up_proj.weight"), "has no model.layers.1.mlp.up_proj.weight"),
        (lambda shapes: shapes.pop("model.embed_tokens.weight"), "has no model.embed_tokens.weight"),
        (
            lambda shapes: shapes.update({"model.norm.weight": (63,)}),
            r"model.norm.weight is \(63,\) and should be \(64,\)",
        ),
        (
            lambda shapes: shapes.update({"lm_head.weight": (9, 64)}),
            r"lm_head.weight is \(9, 64\) and should be \(320, 64\)",
        ),
        (lambda shapes: shapes.update({"model.layers.0.self_attn.q_proj.bias": (64,)}), "has no tensor"),
        (lambda shapes: shapes.update({"model.layers.0.mlp.experts.0.weight": (64,)}), "not of a plain decoder"),
        (lambda shapes: shapes.update({"model.layers.2.input_layernorm.weight": (64,)}), "has no tensor"),
    ],
)
def test_tensors_that_the_config_does_not_promise_are_refused(
    change: Callable[[dict[str, tuple[int, ...]]], Any], says: str, tiny_base: Path
) -> None:
    shapes = dict(merged_shapes(tiny_base, None))
    change(shapes)
    with pytest.raises(DataError, match=says):
        read_config(tiny_base, shapes)


def test_the_tensors_say_how_large_the_vocabulary_is_and_whether_the_output_is_the_embedding(tiny_base: Path) -> None:
    shapes = dict(merged_shapes(tiny_base, None))
    assert "lm_head.weight" not in shapes
    assert read_config(tiny_base, shapes)["vocab_size"] == 320
    shapes["model.embed_tokens.weight"] = shapes["lm_head.weight"] = (500, 64)
    shapes["model.layers.0.self_attn.rotary_emb.inv_freq"] = (8,)  # Llama 2 files of 2023 hold it
    config = read_config(tiny_base, shapes)
    assert config["vocab_size"] == 500
    assert not left_out(config, "lm_head.weight")
    assert left_out(config, "model.layers.0.self_attn.rotary_emb.inv_freq")


def test_a_parted_output_layer_is_written(tiny_base: Path, tmp_path: Path) -> None:
    """As of an adapter that trained the lm_head of a tied base."""
    from gguf import GGUFReader

    head = torch.full((320, 64), 0.5)
    tensors = [*merge(tiny_base, None), Weights("lm_head.weight", (320, 64), lambda a, b: head[a:b])]
    path = convert(tiny_base, tmp_path / "x.gguf", family("chatml"), tensors)
    output = next(one for one in GGUFReader(path).tensors if one.name == "output.weight")
    assert np.array_equal(output.data, head.half().numpy())


def test_only_a_llama_turns_neighbours(tiny_base: Path) -> None:
    config = read_config(tiny_base)
    assert architecture(config) == "llama"
    assert rotary_heads(config, "model.layers.0.self_attn.q_proj.weight") == 4
    assert rotary_heads(config, "model.layers.0.self_attn.k_proj.bias") == 2
    assert rotary_heads(config, "model.layers.0.self_attn.v_proj.weight") == 0
    qwen = {**config, "architectures": ["Qwen2ForCausalLM"]}
    assert architecture(qwen) == "qwen2"
    assert rotary_heads(qwen, "model.layers.0.self_attn.q_proj.weight") == 0


def test_a_block_of_heads_is_permuted_as_the_whole_is() -> None:
    whole = np.arange(32 * 3, dtype=np.float32).reshape(32, 3)
    parts = np.concatenate([permute(whole[start : start + 8], 1) for start in range(0, 32, 8)])
    assert np.array_equal(permute(whole, 4), parts)
    assert np.array_equal(permute(whole[:, 0], 4), permute(whole, 4)[:, 0])
    assert permute(whole[:8, 0], 1).tolist() == [0, 12, 3, 15, 6, 18, 9, 21]


def test_names() -> None:
    assert gguf_name(Path("x"), "model.layers.11.self_attn.o_proj.bias") == "blk.11.attn_output.bias"
    assert gguf_name(Path("x"), "lm_head.weight") == "output.weight"
    with pytest.raises(UnknownFamily, match="not of a plain decoder"):
        gguf_name(Path("x"), "model.layers.0.self_attn.q_norm.weight")


@pytest.mark.parametrize("kind", ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"])
def test_what_a_config_leaves_out_is_what_transformers_takes(kind: str, tmp_path: Path) -> None:
    import transformers

    sizes = {"vocab_size": 320, "hidden_size": 512, "intermediate_size": 64, "num_hidden_layers": 2}
    least = {"architectures": [kind], **sizes, "num_attention_heads": 32}
    (tmp_path / "config.json").write_text(json.dumps(least))
    theirs = getattr(transformers, kind.replace("ForCausalLM", "Config"))(**sizes, num_attention_heads=32).to_dict()
    ours = read_config(tmp_path)
    for key in ("max_position_embeddings", "rms_norm_eps", "num_key_value_heads", "tie_word_embeddings", "hidden_act"):
        assert ours.get(key, {"tie_word_embeddings": False, "hidden_act": "silu"}.get(key)) == theirs[key], key
    assert ours.get("head_dim") == theirs.get("head_dim")
    assert ours.get("attention_bias", False) == theirs.get("attention_bias", False)
    assert rope_parameters(ours) == theirs["rope_parameters"]

"""Merging gives the model that was trained: peft's own merge where that is it, else what the model answered."""

import json
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.merge.merge import Weights, merge, merged_config, merged_shapes, weight_shapes
from sql_llama.models.nf4 import through_nf4
from sql_llama.models.weight_files import blocks

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def whole(merged: Iterable[Weights]) -> dict[str, Any]:
    return {weights.name: weights.whole() for weights in merged}


def small_base(folder: Path, kind: str, dtype: str = "float32") -> Path:
    """A random model of one layer and 50 tokens: a tied or untied Llama, one with biases, or a Qwen2."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    shape = {"vocab_size": 50, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1}
    shape |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    tied, biased = kind in ("tied", "qwen2"), kind == "biased"
    torch.manual_seed(1)
    model: Any
    if kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**shape, tie_word_embeddings=tied))
    else:
        config = LlamaConfig(**shape, tie_word_embeddings=tied, attention_bias=biased, mlp_bias=biased)
        model = LlamaForCausalLM(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def train(base: Path, folder: Path, vocabulary: int = 0, **options: Any) -> Any:
    """An adapter of random numbers in everything that can be trained, saved in `folder`; returns the model."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft says what it thinks of tied embeddings, which is tested here
        model: Any = AutoModelForCausalLM.from_pretrained(base)
        if vocabulary:
            model.resize_token_embeddings(vocabulary)
        chosen = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM", **options}
        model = get_peft_model(model, LoraConfig(**chosen)).eval()
        torch.manual_seed(5)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(folder)
    return model


def answers(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.arange(1, 20)[None]).logits


def loaded(base: Path, adapter: Path, folder: Path) -> Any:
    """The merged model as transformers reads it."""
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    folder.mkdir()
    weights = {name: one.contiguous() for name, one in whole(merge(base, adapter)).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(merged_config(base, adapter)))
    model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    return model.eval()


# kind of base, options of the adapter
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("tied", {"target_modules": ALL}),
    "rslora": ("tied", {"target_modules": ALL, "use_rslora": True}),
    "dora": ("untied", {"target_modules": ALL, "use_dora": True}),
    "dora and rslora": ("tied", {"use_dora": True, "use_rslora": True}),
    "one rank for some": ("untied", {"target_modules": ALL, "rank_pattern": {"layers.0.self_attn.q_proj": 2}}),
    "one alpha for some": ("untied", {"target_modules": ALL, "alpha_pattern": {"mlp.*": 3, "q_proj": 5}}),
    "patterns and rslora": ("untied", {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q": 3}, "use_rslora": True}),
    "some layers": ("untied", {"layers_to_transform": [0]}),
    "embedding and head": ("untied", {"target_modules": ["embed_tokens", "lm_head", "q_proj"]}),
    "embedding and head, dora": ("untied", {"target_modules": ["embed_tokens", "lm_head"], "use_dora": True}),
    "whole tables": ("untied", {"modules_to_save": ["embed_tokens", "lm_head"]}),
    "whole tables, tied": ("tied", {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}),
    "whole embedding of a tied base": ("tied", {"modules_to_save": ["embed_tokens"]}),
    "whole head of a tied base": ("tied", {"modules_to_save": ["lm_head"]}),
    "whole norms": ("untied", {"modules_to_save": ["norm"]}),
    "a whole layer with its bias": ("biased", {"modules_to_save": ["o_proj"]}),
    "a whole block": ("biased", {"modules_to_save": ["mlp"]}),
    "more tokens": ("untied", {"vocabulary": 55}),
    "fewer tokens": ("untied", {"vocabulary": 45}),
    "more tokens, tied": ("tied", {"vocabulary": 55}),
    "more tokens, trained": ("untied", {"vocabulary": 55, "modules_to_save": ["embed_tokens", "lm_head"]}),
    "all biases": ("biased", {"bias": "all"}),
    "lora's biases": ("biased", {"bias": "lora_only"}),
    "biases of qwen2": ("qwen2", {"bias": "all", "target_modules": ALL}),
    "a bias in lora": ("biased", {"lora_bias": True, "target_modules": ALL}),
    "single tokens": ("untied", {"trainable_token_indices": [1, 4]}),
    "single tokens, tied": ("tied", {"trainable_token_indices": [1, 4]}),
    "single tokens of each": ("untied", {"trainable_token_indices": {"embed_tokens": [1, 2], "lm_head": [3]}}),
    "single new tokens": ("tied", {"vocabulary": 55, "trainable_token_indices": [50, 51]}),
}

# of a tied base peft adds what was trained for one table to both, or twice: its merge is not the model it trained
PARTED: dict[str, tuple[str, dict[str, Any]]] = {
    "embedding": ("tied", {"target_modules": ["embed_tokens"]}),
    "embedding, dora": ("tied", {"target_modules": ["embed_tokens", "q_proj"], "use_dora": True}),
    "head": ("tied", {"target_modules": ["lm_head", "q_proj"]}),
    "both apart": ("tied", {"target_modules": ["embed_tokens", "lm_head"]}),
    "both together": ("tied", {"target_modules": ["embed_tokens"], "ensure_weight_tying": True}),
    "embedding of more tokens": ("tied", {"vocabulary": 55, "target_modules": ["embed_tokens"]}),
    "head of more tokens": ("tied", {"vocabulary": 55, "target_modules": ["lm_head"]}),
    "other tokens": ("tied", {"trainable_token_indices": {"embed_tokens": [1, 2], "lm_head": [3]}}),
    "tokens of the head": ("tied", {"trainable_token_indices": {"lm_head": [3]}}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_merge_is_pefts_merge(kind: str, tmp_path: Path) -> None:
    import torch

    family, options = KINDS[kind]
    base = small_base(tmp_path / "base", family)
    model = train(base, tmp_path / "adapter", **options)
    trained = answers(model)
    merged = loaded(base, tmp_path / "adapter", tmp_path / "merged")
    torch.testing.assert_close(answers(merged), trained, rtol=1e-4, atol=1e-4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Input and output embeddings are no longer tied", UserWarning)
        expected = model.merge_and_unload().state_dict()
    ours = whole(merge(base, tmp_path / "adapter"))
    assert {name: tuple(one.shape) for name, one in ours.items()} == merged_shapes(base, tmp_path / "adapter")
    for name, weights in ours.items():
        assert weights.dtype == torch.float32
        torch.testing.assert_close(weights, expected[name], rtol=0, atol=1e-6)
    if "lm_head.weight" not in ours:
        torch.testing.assert_close(ours["model.embed_tokens.weight"], expected["lm_head.weight"], rtol=0, atol=1e-6)
    assert merged.config.vocab_size == expected["lm_head.weight"].shape[0]


@pytest.mark.parametrize("kind", PARTED)
def test_what_was_trained_on_one_of_two_tied_tables_stays_there(kind: str, tmp_path: Path) -> None:
    import torch

    family, options = PARTED[kind]
    base = small_base(tmp_path / "base", family)
    trained = answers(train(base, tmp_path / "adapter", **options))
    merged = loaded(base, tmp_path / "adapter", tmp_path / "merged")
    torch.testing.assert_close(answers(merged), trained, rtol=1e-4, atol=1e-3)
    assert merged.config.tie_word_embeddings == (kind == "both together")


def test_only_what_an_adapter_is_about_changes(tmp_path: Path) -> None:
    import torch

    base = small_base(tmp_path / "base", "untied")
    train(base, tmp_path / "adapter", target_modules=["q_proj", "down_proj"])
    before, after = whole(merge(base, None)), whole(merge(base, tmp_path / "adapter"))
    assert list(after) == list(before) == list(weight_shapes(base))
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"model.layers.0.self_attn.q_proj.weight", "model.layers.0.mlp.down_proj.weight"}


def test_rounded_to_16_bits_it_is_pefts_merge_within_one_step(tmp_path: Path) -> None:
    import torch

    base = small_base(tmp_path / "base", "untied", "bfloat16")
    expected = train(base, tmp_path / "adapter", target_modules=ALL).merge_and_unload().state_dict()
    for weights in merge(base, tmp_path / "adapter"):
        ours, theirs = weights.whole().to(torch.bfloat16), expected[weights.name]
        assert theirs.dtype == torch.bfloat16
        step = torch.maximum(ours.abs(), theirs.abs()).float() * 2.0**-7
        assert bool(((ours.float() - theirs.float()).abs() <= step).all())


@pytest.mark.parametrize("kind", ["lora", "dora", "embedding and head", "embedding and head, dora", "single tokens"])
def test_rows_in_any_order_and_from_several_threads_are_those_of_the_whole(kind: str, tmp_path: Path) -> None:
    import torch

    family, options = KINDS[kind]
    base = small_base(tmp_path / "base", family)
    train(base, tmp_path / "adapter", **options)
    for weights in merge(base, tmp_path / "adapter", merge_base="nf4", dtype="float32"):
        parts: dict[int, Any] = {}

        def read(start: int, stop: int, weights: Weights = weights, parts: dict[int, Any] = parts) -> None:
            parts[start] = weights.rows(start, stop)

        threads = [threading.Thread(target=read, args=part) for part in blocks(weights.shape, values=700)]
        for thread in reversed(threads):
            thread.start()
        for thread in threads:
            thread.join()
        together = torch.cat([parts[start] for start in sorted(parts)])
        torch.testing.assert_close(together, weights.whole(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"use_dora": True}])
def test_over_nf4_ground_it_is_pefts_merge_over_the_weights_that_training_saw(
    options: dict[str, Any], tiny_llama3: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path
) -> None:
    import torch
    from bitsandbytes.functional import dequantize_4bit
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    make_tiny_adapter(tiny_llama3, tmp_path / "adapter", **options)
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    trained = AutoModelForCausalLM.from_pretrained(
        tiny_llama3, dtype=torch.bfloat16, quantization_config=config, device_map={"": "cpu"}
    )
    seen: Any = AutoModelForCausalLM.from_pretrained(tiny_llama3, dtype=torch.float32)
    packed = 0
    for name, parameter in seen.named_parameters():
        weights = trained.get_parameter(name)
        if hasattr(weights, "quant_state"):
            packed += 1
            parameter.data = dequantize_4bit(weights.data, weights.quant_state).float()
    assert packed == 2 * len(ALL)
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a name that is on its way out
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        expected = PeftModel.from_pretrained(seen, tmp_path / "adapter").merge_and_unload().state_dict()
    plain = whole(merge(tiny_llama3, tmp_path / "adapter"))
    for weights in merge(tiny_llama3, tmp_path / "adapter", merge_base="nf4", dtype="bfloat16"):
        torch.testing.assert_close(weights.whole(), expected[weights.name], rtol=0, atol=2e-6)
        assert torch.equal(weights.whole(), plain[weights.name]) == ("_proj" not in weights.name)


def test_how_experts_were_packed_is_not_guessed(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(tiny_base, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_local_experts": 8}))
    with pytest.raises(DataError, match="experts"):
        next(merge(folder, None, merge_base="nf4"))
    assert len(list(merge(folder, None))) == len(list(merge(tiny_base, None)))


def test_a_head_stored_beside_the_embedding_it_is_tied_to_is_passed_over(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    base = small_base(tmp_path / "base", "tied")
    tensors = load_file(base / "model.safetensors")
    save_file({**tensors, "lm_head.weight": torch.zeros(50, 64)}, base / "model.safetensors")
    assert "lm_head.weight" not in merged_shapes(base, None)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("columns", [128, 96])
def test_nf4_in_parts_is_what_bitsandbytes_makes_of_the_whole(columns: int, dtype: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(2)
    weights = torch.randn(600, columns).to(torch.float16)
    weights[3] *= 100
    weights[4] = 0
    save_file({"model.layers.0.x.weight": weights}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    (merged,) = merge(tmp_path, None, merge_base="nf4", dtype=dtype)
    wanted = through_nf4(weights.to(getattr(torch, dtype))).float()
    assert torch.equal(torch.cat([merged.rows(at, at + 50) for at in range(0, 600, 50)]), wanted)
    assert torch.equal(merged.whole(), wanted)


def test_nf4_keeps_the_dtype_and_is_near() -> None:
    import torch

    weights = torch.randn(64, 128).to(torch.float16)
    rounded = through_nf4(weights)
    assert rounded.dtype == torch.float16
    assert 0.05 < float((rounded - weights).float().std() / weights.float().std()) < 0.15
    assert len(torch.unique(rounded[0, :64])) <= 16


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


def test_what_rounds_to_nf4_is_there_before_any_thread_reads_rows(tiny_base: Path) -> None:
    """Two threads that import it at the same time: one of them saw its operators missing."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom sql_llama.export.merge.merge import merge\n"
        "next(merge(Path(sys.argv[1]), None, merge_base='nf4'))\n"
        "sys.exit('bitsandbytes.functional' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tiny_base)]).returncode == 0

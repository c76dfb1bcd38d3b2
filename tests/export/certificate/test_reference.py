"""Layer by layer, the merged model says what it says when it is whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sql_llama.core.errors import DataError
from sql_llama.export.certificate.reference import reference
from sql_llama.export.merge.merge import Weights, merge
from sql_llama.models.tokens import Answered

ANSWERS = (Answered((5, 9, 2, 7, 7, 1), 4), Answered(tuple(range(3, 80)), 60), Answered((4, 3), 1))
SIZES: dict[str, Any] = {"vocab_size": 101, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
SIZES |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3}
LLAMA3: dict[str, Any] = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0}
LLAMA3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 64}


def build(family: str, folder: Path, **options: Any) -> Any:
    """A random model of a family, saved in `folder`; returns it in float32."""
    import torch
    import transformers

    config = getattr(transformers, f"{family}Config")(**{**SIZES, **options})
    torch.manual_seed(1)
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    for name, parameter in model.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.normal_(parameter, 1.0, 0.2)
    model.save_pretrained(folder)
    return model.eval()


def whole(model: Any) -> "np.ndarray[Any, Any]":
    """Log-probabilities that the whole model gives at the answers' tokens."""
    import torch

    with torch.inference_mode():
        logits = [model(torch.tensor([item.ids])).logits[0, item.prompt - 1 : -1] for item in ANSWERS]
        found: np.ndarray[Any, Any] = torch.cat(logits).float().log_softmax(-1).numpy()
        return found


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("Llama", {}),
        ("Llama", {"rope_parameters": LLAMA3, "head_dim": 32}),
        ("Llama", {"attention_bias": True, "mlp_bias": True}),
        ("Mistral", {"sliding_window": None}),
        ("Mistral", {"sliding_window": 200}),
        ("Qwen2", {}),
    ],
)
def test_it_equals_the_whole_model(family: str, options: dict[str, Any], tied: bool, tmp_path: Path) -> None:
    model = build(family, tmp_path, tie_word_embeddings=tied, **options)
    found = reference(tmp_path, merge(tmp_path, None), ANSWERS)
    assert found.vocabulary == 101
    assert found.log_probabilities.shape == (2 + 17 + 1, 101)
    np.testing.assert_allclose(found.log_probabilities, whole(model), rtol=2e-3, atol=1e-4)


def test_an_adapter_is_in_it(tiny_base: Path, make_tiny_adapter: Callable[..., Any], tmp_path: Path) -> None:
    model = make_tiny_adapter(tiny_base, tmp_path / "adapter").merge_and_unload()
    with_it = reference(tiny_base, merge(tiny_base, tmp_path / "adapter"), ANSWERS).log_probabilities
    np.testing.assert_allclose(with_it, whole(model), rtol=2e-3, atol=2e-3)
    without = reference(tiny_base, merge(tiny_base, None), ANSWERS).log_probabilities
    assert float(np.abs(with_it - without).max()) > 0.1


def test_the_output_matrix_that_an_adapter_parted_from_the_embedding_is_used(tmp_path: Path) -> None:
    import torch

    model = build("Llama", tmp_path, tie_word_embeddings=True)
    head = torch.randn_like(model.lm_head.weight)
    parted = Weights("lm_head.weight", tuple(head.shape), lambda start, stop: head[start:stop])
    found = reference(tmp_path, [*merge(tmp_path, None), parted], ANSWERS)
    model.lm_head.weight = torch.nn.Parameter(head)
    np.testing.assert_allclose(found.log_probabilities, whole(model), rtol=2e-3, atol=2e-3)


def test_no_more_than_one_layer_is_asked_for_before_the_next(tmp_path: Path) -> None:
    """The embedding and the head come in blocks of rows; a layer's tensors whole, once, in the model's order."""
    model = build("Llama", tmp_path, vocab_size=20_000)
    asked: list[tuple[str, int]] = []

    def noted(item: Weights) -> Weights:
        def rows(start: int, stop: int) -> Any:
            asked.append((item.name, stop - start))
            return item.rows(start, stop)

        return Weights(item.name, item.shape, rows)

    reference(tmp_path, map(noted, merge(tmp_path, None)), ANSWERS)
    assert [size for name, size in asked if name.startswith(("lm_head", "model.embed"))] == [8192, 8192, 3616] * 2
    layers = [name.split(".")[2] for name, _ in asked if name.startswith("model.layers")]
    assert layers == sorted(layers)
    assert len(asked) == 6 + len(model.state_dict()) - 2


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    build("Gemma", tmp_path)
    with pytest.raises(DataError, match="a gemma cannot be run layer by layer"):
        reference(tmp_path, merge(tmp_path, None), ANSWERS)


def test_weights_that_are_not_those_of_the_config_are_refused(tmp_path: Path) -> None:
    build("Llama", tmp_path)
    tensors = {item.name: item for item in merge(tmp_path, None)}
    lacking = [item for name, item in tensors.items() if name != "model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(DataError, match=r"no model\.layers\.1\.mlp\.up_proj\.weight"):
        reference(tmp_path, lacking, ANSWERS)
    extra = tensors["model.norm.weight"]
    more = [*tensors.values(), Weights("model.layers.0.self_attn.q_proj.bias", extra.shape, extra.rows)]
    with pytest.raises(DataError, match=r"model\.layers\.0\.self_attn\.q_proj\.bias is not a part of its model"):
        reference(tmp_path, more, ANSWERS)
    norm = tensors["model.layers.0.mlp.up_proj.weight"]
    with pytest.raises(DataError, match=r"model\.norm\.weight has the shape \(96, 64\), not \(64,\)"):
        reference(tmp_path, [*tensors.values(), Weights("model.norm.weight", norm.shape, norm.rows)], ANSWERS)

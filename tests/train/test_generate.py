"""Answers of a model in training: those of the model alone, whatever the batch, and nothing of the model is changed."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from sql_llama.modelfiles.templates import family
from sql_llama.train.generate import generate
from sql_llama.train.model import load_tokenizer

LENGTHS = (3, 9, 4, 17, 5)


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(5)
    base = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    base.config.use_cache = False  # as in training
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)  # as train/train.py does
        tuned = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
        base.gradient_checkpointing_enable()
    return tuned


def prompts() -> list[list[int]]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(5, 200, (length,), generator=generator).tolist() for length in LENGTHS]


def alone(model: Any, tokenizer: Any, prompt: list[int], limit: int, stops: list[int]) -> str:
    """The most probable tokens one by one, without a cache."""
    ids = list(prompt)
    for _ in range(limit):
        with torch.no_grad():
            token = int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if token in stops:
            break
        ids.append(token)
    text: str = tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True)
    return text


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_each_answer_is_the_models_own_whatever_is_beside_it(batch: int, model: Any, tiny_base: Path) -> None:
    tokenizer, chatml = load_tokenizer(tiny_base), family("chatml")
    stops = [tokenizer.get_vocab()[stop] for stop in chatml.stops if stop in tokenizer.get_vocab()]
    got = generate(model, tokenizer, chatml, prompts(), batch, 12)
    assert got == [alone(model, tokenizer, prompt, 12, stops) for prompt in prompts()]
    assert len(set(got)) > 1


def test_an_answer_ends_with_the_turn(tiny_base: Path, model: Any) -> None:
    """The third token of an answer becomes the end of the turn, and nothing after it is returned."""
    tokenizer, chatml = load_tokenizer(tiny_base), family("chatml")
    stop = tokenizer.get_vocab()[chatml.end_of_turn]
    seen = 0

    def third(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        nonlocal seen
        seen += 1
        if seen == 3:
            logits = logits.clone()
            logits[..., stop] = 1e6
        return logits

    whole = generate(model, tokenizer, chatml, prompts()[:1], 1, 12)[0]
    hook = model.get_base_model().lm_head.register_forward_hook(third)
    try:
        cut = generate(model, tokenizer, chatml, prompts()[:1], 1, 12)[0]
    finally:
        hook.remove()
    assert whole.startswith(cut) and 0 < len(cut) < len(whole) and seen == 3


def test_a_full_gpu_halves_the_batch(tiny_base: Path, model: Any) -> None:
    tokenizer, chatml = load_tokenizer(tiny_base), family("chatml")
    wanted = generate(model, tokenizer, chatml, prompts(), 1, 4)
    sizes = []

    def full(module: Any, inputs: Any, kwargs: Any) -> None:
        rows = kwargs["input_ids"].shape[0]
        sizes.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("full")

    hook = model.get_base_model().register_forward_pre_hook(full, with_kwargs=True)
    try:
        assert generate(model, tokenizer, chatml, prompts(), 5, 4) == wanted
    finally:
        hook.remove()
    assert sizes[:3] == [5, 3, 2]


def test_the_bases_own_way_to_generate_is_put_back_and_not_used(tiny_base: Path, model: Any) -> None:
    from transformers import GenerationConfig

    tokenizer, chatml, base = load_tokenizer(tiny_base), family("chatml"), model.get_base_model()
    wanted = generate(model, tokenizer, chatml, prompts(), 5, 8)
    before = base.generation_config
    base.generation_config = own = GenerationConfig(repetition_penalty=50.0, do_sample=True, temperature=9.0)
    try:
        assert generate(model, tokenizer, chatml, prompts(), 5, 8) == wanted
        assert base.generation_config is own
    finally:
        base.generation_config = before

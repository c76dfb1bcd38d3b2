"""The answers of a model in training: greedy, in batches, until the turn ends."""

import contextlib
from collections.abc import Sequence
from typing import Any

from ..modelfiles.templates import Family


def generate(
    model: Any, tokenizer: Any, family: Family, prompts: Sequence[Sequence[int]], batch: int, limit: int
) -> list[str]:
    """Return the most probable answer to each prompt, in their order, of at most `limit` tokens.

    `prompts` are token ids; `batch` of them are answered together, fewer where a GPU's memory is not enough. The model
    is left as it was, but for its mode: it is in evaluation mode afterwards.
    """
    import torch
    from transformers import GenerationConfig

    model.eval()
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    vocabulary = tokenizer.get_vocab()
    stops = [vocabulary[stop] for stop in family.stops if stop in vocabulary]
    # a base's own configuration may forbid to repeat words, or ask for a sample
    before, inner.generation_config = inner.generation_config, GenerationConfig()
    wanted = GenerationConfig(
        max_new_tokens=limit, do_sample=False, use_cache=True, eos_token_id=stops, pad_token_id=stops[-1]
    )
    texts = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    try:
        while order:
            places = order[:batch]
            rows: list[list[int]] | None = None
            with contextlib.suppress(torch.OutOfMemoryError) if batch > 1 else contextlib.nullcontext():
                rows = _answer(inner, [prompts[place] for place in places], wanted)
            if rows is None:
                batch = (batch + 1) // 2
                torch.cuda.empty_cache()
                continue
            for place, row in zip(places, rows, strict=True):
                length = next((at for at, token in enumerate(row) if token in stops), len(row))
                texts[place] = tokenizer.decode(row[:length], skip_special_tokens=True)
            order = order[len(places) :]
    finally:
        inner.generation_config = before
    return texts


def _answer(model: Any, prompts: Sequence[Sequence[int]], wanted: Any) -> list[list[int]]:
    """The new tokens after each prompt; prompts are padded on the left."""
    import torch

    longest = max(map(len, prompts))
    pad = wanted.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    device = model.device
    with torch.no_grad():
        output = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device), generation_config=wanted)
    rows: list[list[int]] = output[:, longest:].tolist()
    return rows

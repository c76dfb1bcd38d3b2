"""Rows to token ids: the prompt as every engine will tokenize it, the answer, and the end-of-turn token."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..data.rows import Row
from ..modelfiles.templates import Family, render_chat

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokens:
    """One row as int32 ids, shape (length,); the first `prompt` of them carry no loss."""

    ids: "NDArray[np.int32]"
    prompt: int


def tokenize(rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", family: Family) -> list[Tokens]:
    """Token ids of rows. BOS, prompt and answer are tokenized apart, as they are at inference."""
    rows = list(rows)
    bos = [int(tokenizer.bos_token_id or 0)] if family.bos else []
    prompts = [render_chat(family.jinja, row.chat, add_generation_prompt=True) for row in rows]
    answers = [row.answer + family.end_of_turn for row in rows]
    if not rows:
        return []
    first = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    second = tokenizer(answers, add_special_tokens=False)["input_ids"]
    return [Tokens(np.array(bos + p + a, np.int32), len(bos + p)) for p, a in zip(first, second, strict=True)]

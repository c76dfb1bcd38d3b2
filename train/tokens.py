"""Training rows to token ids, by the one tokenization of models/tokens.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..data.rows import Row
from ..modelfiles.templates import Family
from ..models.tokens import answered_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokens:
    """One row as int32 ids, shape (length,); the first `prompt` of them carry no loss."""

    ids: "NDArray[np.int32]"
    prompt: int


def tokenize(rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", family: Family) -> list[Tokens]:
    """Return the token ids of rows; raises DataError when the family needs a BOS token and the tokenizer has none."""
    answered = answered_tokens([(row.chat, row.answer) for row in rows], tokenizer, family)
    return [Tokens(np.array(row.ids, np.int32), row.prompt) for row in answered]

"""Refuse to train when the loss would cover anything but the answer and its end-of-turn token."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import SqlLlamaError
from ..data.rows import Row
from ..modelfiles.templates import Family
from ..models.tokens import bos_id
from .tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def preflight(
    rows: Sequence[Row], tokens: Sequence[Tokens], tokenizer: "PreTrainedTokenizerBase", family: Family
) -> None:
    """Check the loss mask of each row; raises SqlLlamaError with the row's question and the reason."""
    end_of_turn = check_tokenizer(tokenizer, family)
    for row, item in zip(rows, tokens, strict=True):
        answer = item.ids[item.prompt :].tolist()
        where = f"question {row.chat[-1].content.splitlines()[0]!r}"
        if not answer or answer[-1] != end_of_turn:
            raise SqlLlamaError(f"{where}: the answer does not end with {family.end_of_turn}", fix="set base.family")
        if end_of_turn in answer[:-1]:
            raise SqlLlamaError(f"{where}: the answer holds {family.end_of_turn}", fix="remove that pair")
        text = tokenizer.decode(answer[:-1], skip_special_tokens=False)
        if text.strip() != row.answer.strip():
            raise SqlLlamaError(
                f"{where}: the loss would cover {text!r} and not the answer {row.answer!r}", fix="set base.family"
            )


def check_tokenizer(tokenizer: "PreTrainedTokenizerBase", family: Family) -> int:
    """Return the id of the token that ends an answer.

    Raises SqlLlamaError when the tokenizer lacks it, or pads with it, or lacks the BOS token that the family needs.
    """
    bos_id(tokenizer, family)
    end_of_turn = tokenizer.convert_tokens_to_ids(family.end_of_turn)
    if not isinstance(end_of_turn, int) or end_of_turn == tokenizer.unk_token_id:
        raise SqlLlamaError(
            f"the tokenizer does not know the end-of-turn token {family.end_of_turn} of the family {family.name}",
            fix="set base.family to the family of this model",
        )
    if tokenizer.pad_token_id == end_of_turn:
        raise SqlLlamaError(
            f"the padding token is the end-of-turn token {family.end_of_turn}: training "
            "skips padding, so the model would never learn to stop",
            fix="give the base's tokenizer_config.json a pad_token of its own",
        )
    return end_of_turn

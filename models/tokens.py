"""A chat to token ids: the one way that training, the certificate and every engine here go.

The text of a prompt is the template family's; BOS, prompt and answer are tokenized apart and then put together. So an
answer has the same ids in training and in generation, whatever the prompt ends with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import DataError
from ..core.records import Message
from ..modelfiles.templates import Family, render_chat

PRIVATE_USE = "\ue000"  # a character that no tokenizer has a token for


@dataclass(frozen=True)
class Answered:
    """Token ids of a prompt and its answer, the end of turn included; the first `prompt` of them are the prompt."""

    ids: tuple[int, ...]
    prompt: int


def with_bos(ids: list[int], bos: int | None) -> list[int]:
    """Return the ids of a prompt with one BOS token before them; `bos` is its id, None where the model wants none.

    A template of other people may write the token itself, and two of them would spoil every answer.
    """
    return ids if bos is None or ids[:1] == [bos] else [bos, *ids]


def bos_id(tokenizer: Any, chat_family: Family) -> int | None:
    """Return the id of the BOS token that a prompt of the family begins with, None for a family without one.

    `tokenizer` is one of transformers. Raises DataError when the family needs a BOS token and the tokenizer has none.
    """
    if not chat_family.bos:
        return None
    if tokenizer.bos_token_id is None:
        raise missing_bos(Path(tokenizer.name_or_path), chat_family)
    return int(tokenizer.bos_token_id)


def missing_bos(folder: Path, chat_family: Family) -> DataError:
    """Return the error for a model folder without the BOS token that its family needs."""
    return DataError(
        f"{folder / 'tokenizer_config.json'}: names no bos_token, and every prompt of the family {chat_family.name} "
        "begins with one",
        fix="add the model's bos_token to that file, or set base.family to the family of this model",
    )


def chat_tokens(chat: Sequence[Message], tokenizer: Any, chat_family: Family) -> list[int]:
    """Return the token ids of a chat, up to where the answer begins; raises DataError as `bos_id` does."""
    ids: list[int] = tokenizer(render_chat(chat_family.jinja, chat), add_special_tokens=False)["input_ids"]
    return with_bos(ids, bos_id(tokenizer, chat_family))


def answered_tokens(
    rows: Sequence[tuple[Sequence[Message], str]], tokenizer: Any, chat_family: Family
) -> list[Answered]:
    """Return the token ids of each chat and its answer, with the end of turn; raises DataError as `bos_id` does."""
    bos = bos_id(tokenizer, chat_family)
    if not rows:
        return []
    prompts = [render_chat(chat_family.jinja, chat) for chat, _ in rows]
    answers = [answer + chat_family.end_of_turn for _, answer in rows]
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    answer_ids = tokenizer(answers, add_special_tokens=False)["input_ids"]
    answered = []
    for prompt, answer in zip(prompt_ids, answer_ids, strict=True):
        prompt = with_bos(prompt, bos)
        answered.append(Answered((*prompt, *answer), len(prompt)))
    return answered


def read_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model folder as transformers has it; raises DataError for one that it cannot load."""
    from transformers import AutoTokenizer
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # it writes five lines about what a tokenizer.model lacks
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer(PRIVATE_USE)  # a tokenizer that lacks its own unknown token is still loaded
        return tokenizer
    except Exception as error:  # tokenizers raises plain Exception
        if (folder / "tokenizer.model").is_file() and not (folder / "tokenizer.json").is_file():
            raise DataError(
                f"{folder}: transformers cannot read its tokenizer.model",
                fix="pip install sentencepiece protobuf, or get the model's tokenizer.json",
            ) from None
        raise DataError(
            f"{folder}: its tokenizer cannot be loaded ({first_line(error)})", fix="get its tokenizer files again"
        ) from None
    finally:
        logging.set_verbosity(level)


def first_line(error: Exception) -> str:
    """Return what an error of transformers says in one line: the first that is not a headline of others."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.endswith(":")), type(error).__name__)[:300]


class FastTokenizer:
    """The tokenizer.json of a model folder without transformers, which takes seconds and half a gigabyte to import."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError for a folder without a tokenizer.json that can be read."""
        import json

        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        except Exception as error:  # tokenizers raises plain Exception
            raise DataError(f"{folder}: no tokenizer.json ({first_line(error)})", fix="get its files again") from None
        bos = config.get("bos_token")
        bos = bos.get("content") if isinstance(bos, dict) else bos
        self.bos_token_id = self._tokenizer.token_to_id(bos) if bos else None
        self.name_or_path = str(folder)

    def __call__(self, texts: Sequence[str], add_special_tokens: bool = False) -> dict[str, list[list[int]]]:
        """Return `input_ids` as a tokenizer of transformers does."""
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=add_special_tokens)
        return {"input_ids": [item.ids for item in encoded]}

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, control tokens too."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

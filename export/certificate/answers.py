"""Questions with their right answers as token ids: where a file is compared with the model that it was made from."""

import random
from dataclasses import dataclass
from pathlib import Path

from ...core.records import Message
from ...data.pairs import read_pairs
from ...engines.huggingface import read_tokenizer
from ...modelfiles.templates import Family, render_chat
from ...prompts.messages import messages
from .probes import answered_probes

COUNT = 20  # answers; with SmolLM2-135M on two cores a file is compared in ten seconds
SEED = 8  # the same questions each time
LONGEST = 1024  # tokens of a prompt and its answer


@dataclass(frozen=True)
class Answered:
    """Token ids of a prompt and its answer, end of turn included; the first `prompt` of them are the prompt."""

    ids: tuple[int, ...]
    prompt: int


def answers(base: Path, chat_family: Family, pairs: Path | None = None, count: int = COUNT) -> tuple[Answered, ...]:
    """`count` answered questions, the same ones each time: of a run's data/valid.jsonl, then our own.

    BOS, prompt and answer are tokenized apart, as they were in training, with the tokenizer of the folder `base`.
    Raises DataError where transformers cannot load that.
    """
    tokenizer = read_tokenizer(base)
    bos = [tokenizer.bos_token_id] if chat_family.bos else []
    made: list[Answered] = []
    for chat, sql in _asked(pairs):
        if len(made) == count:
            break
        prompt = bos + tokenizer(render_chat(chat_family.jinja, chat), add_special_tokens=False)["input_ids"]
        answer = tokenizer(sql + chat_family.end_of_turn, add_special_tokens=False)["input_ids"]
        if len(prompt) + len(answer) <= LONGEST:
            made.append(Answered((*prompt, *answer), len(prompt)))
    return tuple(made)


def _asked(pairs: Path | None) -> list[tuple[tuple[Message, ...], str]]:
    """Chats and their SQL, those of the file in an order of their own: its neighbours ask about one database."""
    examples = list(read_pairs(pairs)) if pairs is not None and pairs.is_file() else []
    random.Random(SEED).shuffle(examples)
    chats = [(messages(item.schema, item.question, hints=item.hints), item.sql) for item in examples]
    return chats + answered_probes()

"""Questions with their right answers as token ids: where a file is compared with the model that it was made from."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from ...core.records import Message
from ...data.pairs import read_pairs
from ...modelfiles.templates import Family
from ...models.tokens import Answered, answered_tokens, read_tokenizer
from ...prompts.messages import messages
from .probes import answered_probes

COUNT = 20  # answers; with SmolLM2-135M on two cores a file is compared in ten seconds
SEED = 8  # the same questions each time
LONGEST = 1024  # tokens of a prompt and its answer


def answers(base: Path, chat_family: Family, pairs: Path | None = None, count: int = COUNT) -> tuple[Answered, ...]:
    """Return `count` answered questions, the same ones each time: of a run's data/valid.jsonl, then our own.

    They are tokenized as in training, with the tokenizer of the folder `base`. Raises DataError where transformers
    cannot load that, or where it lacks the BOS token of the family.
    """
    tokenizer = read_tokenizer(base)
    tokenized = (row for item in _questions(pairs) for row in answered_tokens([item], tokenizer, chat_family))
    return tuple(itertools.islice((row for row in tokenized if len(row.ids) <= LONGEST), count))


def _questions(pairs: Path | None) -> Iterator[tuple[tuple[Message, ...], str]]:
    """Chats and their SQL, those of the file in a random order: pairs about one database stand together in it."""
    examples = list(read_pairs(pairs)) if pairs is not None and pairs.is_file() else []
    random.Random(SEED).shuffle(examples)
    for item in examples:
        yield messages(item.schema, item.question, hints=item.hints), item.sql
    yield from answered_probes()

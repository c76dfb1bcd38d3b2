"""Prompts with their right SQL, as a run was trained on: for the importance matrix, the context and the Modelfile."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from ..core.errors import DataError
from ..core.records import Example, Message
from ..core.settings import settings
from ..data.pairs import read_pairs
from ..data.synthesis.synthesise import synthesise
from ..data.synthesis.worlds.worlds import build_worlds
from ..databases.introspect import introspect
from ..modelfiles.modelfile import LONGEST_ANSWER, num_ctx_for
from ..modelfiles.templates import Family, render_chat
from ..models.tokens import read_tokenizer
from ..prompts.messages import messages
from ..prompts.schema_text import render_schema

SEED = 5
LONGEST_TEXTS = 40  # of so many long texts the tokens are counted: that of most tokens is among them
WITHOUT_DATA = 2048  # tokens of the context when the run has no data


def prompts(pairs: Path, count: int) -> list[tuple[tuple[Message, ...], str]]:
    """Return `count` chats and their SQL, the same each time: of the file `pairs`, else over our own databases."""
    examples = _read(pairs)
    rng = random.Random(SEED)
    if not examples:
        worlds = build_worlds(settings().cache / "worlds")
        for world in rng.sample(worlds, min(count, len(worlds))):
            examples += synthesise(str(world.path), introspect(str(world.path)), -(-count // len(worlds)), rng)
    chosen = rng.sample(examples, min(count, len(examples)))
    return [(messages(item.schema, item.question, hints=item.hints), item.sql) for item in chosen]


def examples_about(url: str, count: int) -> list[tuple[str, str]]:
    """Return `count` questions about one database and their SQL, checked by running them."""
    made = synthesise(url, introspect(url), count, random.Random(SEED))
    return [(item.question, item.sql) for item in made]


def context_for(
    base: Path, chat_family: Family, pairs: Path, schema: str = "", examples: Sequence[tuple[str, str]] = ()
) -> int:
    """Return the Modelfile's context, in tokens: from the run's longest pair, its schema and its examples."""
    most = _context(base)
    texts = [schema] if schema else []
    for item in _read(pairs):
        chat = messages(item.schema, item.question, hints=item.hints)
        texts.append(render_chat(chat_family.jinja, chat) + item.sql)
    if not texts and not examples:
        return min(WITHOUT_DATA, most)
    tokens = _counter(base)
    longest = max((tokens(text) for text in sorted(texts, key=len)[-LONGEST_TEXTS:]), default=0)
    # each conversation begins with the examples, and the template puts the schema around each
    before = sum(tokens(schema + question + sql) for question, sql in examples)
    return min(most, num_ctx_for(longest, most) + -(-before // 1024) * 1024)


def check_schema_fits(base: Path, url: str, num_ctx: int = 0) -> None:
    """Raise DataError unless the schema of a database, a question and an answer fit the base's context.

    `num_ctx` is a recipe's own context, 0 for as much as the model was made for.
    """
    most = num_ctx or _context(base)
    needed = _counter(base)(render_schema(introspect(url))) + min(LONGEST_ANSWER, most // 2)
    if needed > most:
        raise DataError(
            f"{url}: its schema, a question and an answer need {needed} tokens of context, and the model has {most}",
            fix="give --schema-from a database with only the tables that you ask about, or leave it out and use"
            " sql-llama chat, which shows the tables that a question needs",
        )


def _context(base: Path) -> int:
    """Tokens that a model was made for."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    return int(config.get("max_position_embeddings") or WITHOUT_DATA)


def _counter(base: Path) -> Callable[[str], int]:
    """How many tokens a base's tokenizer makes of a text."""
    if (base / "tokenizer.json").is_file():  # without transformers, which takes a third of an export's memory
        from tokenizers import Tokenizer

        light = Tokenizer.from_file(str(base / "tokenizer.json"))
        return lambda text: len(light.encode(text).ids)
    tokenizer = read_tokenizer(base)
    return lambda text: len(tokenizer(text)["input_ids"])


def _read(pairs: Path) -> list[Example]:
    return list(read_pairs(pairs)) if pairs.is_file() else []

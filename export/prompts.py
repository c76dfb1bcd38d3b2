"""SQL prompts with their right answers, as a run was trained on: for importance matrix, context and Modelfile."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from ..core.prompt import messages
from ..core.records import Example, Message
from ..core.schema import introspect
from ..core.settings import settings
from ..data.pairs import read_pairs
from ..data.synthesise import synthesise
from ..data.worlds import build_worlds
from ..modelfiles.modelfile import num_ctx_for
from ..modelfiles.templates import Family, render_chat

SEED = 5
LOOKED_AT = 40  # the pairs with the longest texts: the one of most tokens is among them
WITHOUT_DATA = 2048  # tokens of a context when nobody knows the data


def prompts(pairs: Path, count: int) -> list[tuple[tuple[Message, ...], str]]:
    """`count` chats and their SQL, the same ones each time: of the file `pairs`, else over our own databases."""
    examples = _read(pairs)
    rng = random.Random(SEED)
    if not examples:
        worlds = build_worlds(settings().cache / "worlds")
        for world in rng.sample(worlds, min(count, len(worlds))):
            examples += synthesise(str(world.path), introspect(str(world.path)), -(-count // len(worlds)), rng)
    chosen = rng.sample(examples, min(count, len(examples)))
    return [(messages(item.schema, item.question, hints=item.hints), item.sql) for item in chosen]


def over(url: str, count: int) -> list[tuple[str, str]]:
    """`count` questions about one database and their SQL, checked by running them."""
    made = synthesise(url, introspect(url), count, random.Random(SEED))
    return [(item.question, item.sql) for item in made]


def context_for(
    base: Path, chat_family: Family, pairs: Path, schema: str = "", examples: Sequence[tuple[str, str]] = ()
) -> int:
    """Tokens of context for the Modelfile: from a run's longest pair, the schema and the examples that it holds."""
    said = json.loads((base / "config.json").read_text(encoding="utf-8")).get("max_position_embeddings")
    most = int(said or WITHOUT_DATA)
    texts = [schema] if schema else []
    for item in _read(pairs):
        chat = messages(item.schema, item.question, hints=item.hints)
        texts.append(render_chat(chat_family.jinja, chat) + item.sql)
    if not texts and not examples:
        return min(WITHOUT_DATA, most)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    longest = max((tokens(text) for text in sorted(texts, key=len)[-LOOKED_AT:]), default=0)
    # each conversation begins with the examples, and the template puts the schema around each
    before = sum(tokens(schema + asked + sql) for asked, sql in examples)
    return min(most, num_ctx_for(longest, most) + -(-before // 1024) * 1024)


def _read(pairs: Path) -> list[Example]:
    return list(read_pairs(pairs)) if pairs.is_file() else []

"""How many tokens the rows of training have, by the base's own tokenizer."""

import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import SqlLlamaError
from ...core.recipe import Recipe
from ...core.records import Example, Hint
from ...modelfiles.templates import family
from ...models.base import resolve_base
from ...models.tokens import FastTokenizer, answered_tokens
from ..pairs import schema_from
from ..rows import make_row
from .store import many

SAMPLE = 2000  # rows that are measured
SHOWN = 10  # rows that the card shows
MOST_LONG = 5000  # rows that may be too long and are measured besides


@dataclass(frozen=True)
class Lengths:
    """Tokens of a sample of rows, prompt and answer together, sorted; `too_long` rows of all are over the limit.

    `shown` are prompts and answers as text, the part that carries the loss apart. Empty where the base is not there.
    """

    sample: tuple[int, ...] = ()
    too_long: int | None = None
    shown: tuple[tuple[str, str], ...] = ()

    @property
    def covers_99(self) -> int | None:
        """Tokens that cover 99 % of the rows."""
        return self.sample[min(len(self.sample) - 1, int(0.99 * len(self.sample)))] if self.sample else None


def measure_lengths(store: sqlite3.Connection, recipe: Recipe) -> Lengths:
    """Tokenize a sample of the rows as training would; nothing where the base's tokenizer is not on this machine."""
    model = recipe.base.model
    if not (model.startswith("package:") or Path(model).expanduser().is_dir()):
        return Lengths()
    try:
        tokenizer = FastTokenizer(resolve_base(model, recipe.base.revision))
        chat_family = family(recipe.base.family)
    except SqlLlamaError:
        return Lengths()
    rng = random.Random(recipe.data.seed)
    used = "SELECT id FROM pair WHERE gone IS NULL ORDER BY id"
    numbers = [row[0] for rows in many(store, used) for row in rows]
    chosen = numbers if len(numbers) <= SAMPLE else sorted(rng.sample(numbers, SAMPLE))
    examples = [example_of(store, number) for number in chosen]
    rows = [make_row(example, recipe.data, rng) for example in examples]
    answered = answered_tokens([(row.chat, row.answer) for row in rows], tokenizer, chat_family)
    sample = sorted(len(item.ids) for item in answered)
    places = sorted(rng.sample(range(len(answered)), min(SHOWN, len(answered))))
    shown = tuple(
        (
            tokenizer.decode(answered[at].ids[: answered[at].prompt]),
            tokenizer.decode(answered[at].ids[answered[at].prompt :]),
        )
        for at in places
    )
    return Lengths(tuple(sample), _too_long(store, recipe, tokenizer), shown)


def _too_long(store: sqlite3.Connection, recipe: Recipe, tokenizer: FastTokenizer) -> int:
    """How many whole rows are longer than train.max_tokens; only those are tokenized that have bytes enough."""
    limit = recipe.train.max_tokens
    query = (
        "SELECT pair.id FROM pair JOIN schema ON schema.id = pair.schema WHERE gone IS NULL "
        f"AND length(json) + 2 * length(question) + length(sql) + length(hints) > ? ORDER BY pair.id LIMIT {MOST_LONG}"
    )
    data = recipe.data.model_copy(update={"drop_tables": 0.0, "as_ddl": 0.0, "without_hints": 0.0, "shuffle": 0.0})
    count = 0
    for batch in many(store, query, (2 * limit,), size=200):
        rows = [make_row(example_of(store, number), data, random.Random(0)) for (number,) in batch]
        answered = answered_tokens([(row.chat, row.answer) for row in rows], tokenizer, family(recipe.base.family))
        count += sum(len(item.ids) > limit for item in answered)
    return count


def example_of(store: sqlite3.Connection, number: int) -> Example:
    """Read one pair out of the store."""
    question, sql, schema, hints, database = store.execute(
        "SELECT question, sql, json, hints, database.name FROM pair JOIN schema ON schema.id = pair.schema "
        "JOIN database ON database.id = pair.database WHERE pair.id = ?",
        (number,),
    ).fetchone()
    listed: Sequence[Sequence[str]] = json.loads(hints)
    return Example(question, sql, schema_from(json.loads(schema)), tuple(Hint(*hint) for hint in listed), database)

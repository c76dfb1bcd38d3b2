"""Tables that public sets call table_name_12 get names that say something, since people's tables have such names."""

import random
import re

from ...core.records import Example, Hint, Schema, Table
from ...sql.name_words import words
from ...sql.names import is_plain

OPAQUE = re.compile(r"table_(name_)?[\d_]+\Z", re.IGNORECASE)
NO_NAMES = frozenset(("value", "values", "trigger", "view", "by"))


def speaking_name(example: Example) -> Example:
    """Rename half of the tables called table_name_12 after one of their columns."""
    schema = example.schema
    if len(schema.tables) != 1 or not OPAQUE.match(schema.tables[0].name):
        return example
    rng = random.Random(example.database)
    table = schema.tables[0]
    stem = min((column.name.lower() for column in table.columns[:3]), key=len)
    if rng.random() < 0.5 or len(stem) > 18 or not is_plain(stem) or stem in NO_NAMES or len(words(stem)) == 0:
        return example
    name = stem + rng.choice(["s", "_list", "_records", "_table", "s", "_info"])
    if name in {column.name.lower() for column in table.columns}:
        return example
    old = re.escape(table.name.lower())
    pieces = re.split(r"('(?:[^']|'')*')", example.sql)
    pieces[::2] = [re.sub(rf"\b{old}\b", name, piece) for piece in pieces[::2]]
    return Example(
        example.question,
        "".join(pieces),
        Schema((Table(name, table.columns),), (), schema.name),
        tuple(Hint(name, hint.column, hint.value) for hint in example.hints),
        example.database,
        example.source,
    )

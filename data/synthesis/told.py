"""How varied synthesised pairs are: the number of query shapes, and the entropy of the wordings."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from ...core.records import Example
from ...sql.name_words import words
from ...sql.skeleton import skeleton
from .language.nouns import singular_noun

WORD = re.compile(r"\"[^\"]*\"|'[^']*'|[^\W_]+")


def skeletons(examples: Sequence[Example]) -> int:
    """Count the different shapes of the queries."""
    return len({skeleton(example.sql) for example in examples})


def wording_entropy(examples: Sequence[Example]) -> float:
    """Return the entropy, in bits, of the questions without names and values.

    A word of the schema, a number or a word that the query compares with becomes a mark, and marks that follow each
    other become one. n questions of n different wordings have log2(n) bits, all of one wording 0.
    """
    counts = Counter(wording(example) for example in examples)
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0


def wording(example: Example) -> str:
    """Return a question with a mark in the place of each name and value."""
    named = {
        singular_noun(word)
        for table in example.schema.tables
        for name in (table.name, *(column.name for column in table.columns))
        for word in words(name)
    }
    values = {word for text in re.findall(r"'((?:[^']|'')*)'", example.sql) for word in words(text)}
    marked: list[str] = []
    for piece in WORD.findall(example.question.lower()):
        is_name = piece[0] in "\"'" or piece.isdigit() or piece in values or singular_noun(piece) in named
        if not is_name or marked[-1:] != ["_"]:
            marked.append("_" if is_name else piece)
    return " ".join(marked)

"""Rewritten copies of pairs, so that a model holds when people type carelessly or use other words.

`data.robust` says how many copies there are for each pair. A copy has one or two of these: words of columns and tables
in synonyms, typing mistakes, all in lower case, no punctuation. What a query compares with stays as it is. Tables
beside the needed ones are not added here: data/rows.py shows them, other ones in each epoch.
"""

import random
import re
import sqlite3
from collections.abc import Callable, Sequence

from ...core.recipe import Data
from ...core.records import Example
from ...sql.name_words import words
from ..rows import used_names
from ..synthesis.language.nouns import plural, singular_noun
from .checked import kept_pair
from .lengths import example_of
from .store import keep_pair, many
from .synonyms import synonyms

WORD = re.compile(r"[A-Za-z]+|[^A-Za-z]+")
TYPO_LEAST = 5  # letters of a word that is mistyped
BESIDE = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
"""Keys beside each other on a keyboard."""

Rewriting = Callable[[Example, frozenset[str], random.Random], str]


def add_rewritten(store: sqlite3.Connection, data: Data, rng: random.Random) -> None:
    """Add copies of pairs that are used to the store, each with another question."""
    if not data.robust:
        return
    used = [row[0] for rows in many(store, "SELECT id FROM pair WHERE gone IS NULL ORDER BY id") for row in rows]
    whole, part = divmod(data.robust, 1)
    for number in used:
        for _ in range(int(whole) + (rng.random() < part)):
            example = example_of(store, number)
            copy = rewrite(example, rng)
            if copy is not None:
                (place,) = store.execute("SELECT source FROM pair WHERE id = ?", (number,)).fetchone()
                keep_pair(store, None, place, kept_pair(copy, ("rewritten",)))
    store.commit()


def rewrite(example: Example, rng: random.Random) -> Example | None:
    """Return a pair with another question for the same query; None where nothing can be rewritten."""
    kept = _values(example)
    chosen = rng.sample(REWRITINGS, rng.choice((1, 1, 2)))
    question = example.question
    for rewriting in chosen:
        question = rewriting(Example(question, example.sql, example.schema), kept, rng)
    if question == example.question:
        return None
    return Example(question, example.sql, example.schema, example.hints, example.database, example.source)


def _values(example: Example) -> frozenset[str]:
    """The words of texts and hints that the query needs as they are."""
    texts = re.findall(r"'((?:[^']|'')*)'", example.sql)
    texts += [hint.value for hint in example.hints]
    texts += re.findall(r"[\"'“‘](.+?)[\"'”’]", example.question)
    return frozenset(word for text in texts for word in words(text))


def with_synonyms(example: Example, kept: frozenset[str], rng: random.Random) -> str:
    """Say words of the columns and tables that the query uses in other words, which no other name has."""
    needed = used_names(example.sql)
    named = {
        singular_noun(word)
        for table in example.schema.tables
        for name in (table.name, *(column.name for column in table.columns))
        if name.lower() in needed
        for word in words(name)
    }
    taken = {
        singular_noun(word)
        for table in example.schema.tables
        for name in (table.name, *(column.name for column in table.columns))
        for word in words(name)
    }
    pieces = WORD.findall(example.question)
    places = [at for at, piece in enumerate(pieces) if singular_noun(piece.lower()) in named - kept]
    rng.shuffle(places)
    for at in places:
        word = pieces[at].lower()
        known = [other for other in synonyms(singular_noun(word)) if not set(words(other)) & (taken | kept)]
        if known:
            other = rng.choice(known[:3])
            other = plural(other) if word != singular_noun(word) else other
            pieces[at] = other.capitalize() if pieces[at][0].isupper() else other
            break
    return "".join(pieces)


def with_typos(example: Example, kept: frozenset[str], rng: random.Random) -> str:
    """Mistype one or two longer words that the query does not need as they are."""
    pieces = WORD.findall(example.question)
    places = [at for at, piece in enumerate(pieces) if len(piece) >= TYPO_LEAST and piece.isalpha()]
    places = [at for at in places if pieces[at].lower() not in kept]
    for at in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
        pieces[at] = mistyped(pieces[at], rng)
    return "".join(pieces)


def mistyped(word: str, rng: random.Random) -> str:
    """Return a word with one typing mistake: two letters swapped, one left out, doubled or its neighbour."""
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(BESIDE.get(word[at].lower(), word[at])) + word[at + 1 :]


def in_lower_case(example: Example, kept: frozenset[str], rng: random.Random) -> str:
    """Write all in lower case but what the query compares with."""
    pieces = re.findall(r"\w+|\W+", example.question)
    return "".join(piece if piece.lower() in kept else piece.lower() for piece in pieces)


def without_punctuation(example: Example, kept: frozenset[str], rng: random.Random) -> str:
    """Leave the end and the commas out, as people in a hurry do."""
    return re.sub(r",(?= )", "", example.question.rstrip(" .?!"))


REWRITINGS: Sequence[Rewriting] = (with_synonyms, with_synonyms, with_typos, in_lower_case, without_punctuation)

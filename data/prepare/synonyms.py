"""Other words for the nouns that databases are named with, from synonyms.toml."""

import tomllib
from functools import cache
from importlib import resources


def synonyms(word: str) -> tuple[str, ...]:
    """Return other words for a noun in the singular, the most usual first; none for an unknown one.

    >>> synonyms("salary")
    ('pay', 'wage')
    """
    return _table().get(word, ())


@cache
def _table() -> dict[str, tuple[str, ...]]:
    text = resources.files("sql_llama.data.prepare").joinpath("synonyms.toml").read_text(encoding="utf-8")
    return {word: tuple(others) for word, others in tomllib.loads(text).items()}

"""A prompt that fits a model's context: tables that have nothing to do with the question are left out."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.records import Hint, Message, Schema
from ..sql.name_words import singular, words
from ..sql.names import fold
from .messages import messages

Fits = Callable[[Sequence[Message]], bool]
"""Whether a chat and its answer fit a model's context."""


@dataclass(frozen=True)
class Prompt:
    """What a model is asked; `dropped` names the tables that had to be left out for it to fit."""

    chat: tuple[Message, ...]
    dropped: tuple[str, ...] = ()


def fitting_prompt(schema: Schema, question: str, hints: Sequence[Hint], fits: Fits) -> Prompt:
    """Return the prompt for one question, with as many tables as `fits` allows.

    Tables that share no word with the question go first; among them, those that no key ties to a table that does. A
    table that shares a word is never left out, and one table always stays, so the prompt may still be too long.
    """
    chat = messages(schema, question, hints=hints)
    if fits(chat):
        return Prompt(chat)
    unrelated = unrelated_tables(schema, question, hints)[: len(schema.tables) - 1]

    def without_first(count: int) -> tuple[Message, ...]:
        return messages(without(schema, unrelated[:count]), question, hints=hints)

    # the fewest tables left out with which it fits, else all of them
    counts = range(1, len(unrelated))
    count = 1 + bisect_left(counts, True, key=lambda count: fits(without_first(count)))
    return Prompt(without_first(count), tuple(unrelated[:count]))


def unrelated_tables(schema: Schema, question: str, hints: Sequence[Hint]) -> list[str]:
    """Return names of tables that share no word with the question and hold no hint, the least important first."""
    question_words = {singular(word) for word in words(question)}
    related = {hint.table for hint in hints}
    for table in schema.tables:
        own = words(table.name) + [word for column in table.columns for word in words(column.name) if word != "id"]
        if question_words & {singular(word) for word in own}:
            related.add(table.name)
    tied = {key.ref_table for key in schema.foreign_keys if key.table in related}
    tied |= {key.table for key in schema.foreign_keys if key.ref_table in related}
    unrelated = [table.name for table in reversed(schema.tables) if table.name not in related]
    return sorted(unrelated, key=lambda name: name in tied)


def without(schema: Schema, names: Sequence[str]) -> Schema:
    """Return a schema without some tables and the keys that need them."""
    gone = {fold(name) for name in names}
    tables = tuple(table for table in schema.tables if fold(table.name) not in gone)
    keys = tuple(key for key in schema.foreign_keys if not {fold(key.table), fold(key.ref_table)} & gone)
    return Schema(tables, keys, schema.name)

"""What a person should know beside an answer: notes in plain words, each from one rule that needs no model."""

import re
from collections.abc import Iterator

from ..core.records import ResultSet

POLITE = frozenset("please can could would will you i want we need to now just kindly the then and".split())
CHANGES = frozenset(
    "delete remove drop erase insert update truncate rename alter create overwrite archive cancel".split()
)
"""Verbs that ask for a change when a request begins with one."""


def notes(question: str, result: ResultSet | None) -> tuple[str, ...]:
    """Return the notes for a question and what its query returned; None where it returned nothing."""
    return tuple(_notes(question, result))


def _notes(question: str, result: ResultSet | None) -> Iterator[str]:
    if asks_for_a_change(question):
        yield "Nothing was changed: the database is only read. What the query found is still there."
    if result is not None and not result.rows:
        yield "The query ran and found no rows."
    elif result is not None and len(result.rows) == 1 and all(value is None for value in result.rows[0]):
        yield "The only row is empty (NULL): there may be no values to compute with."


def asks_for_a_change(question: str) -> bool:
    """Tell whether a request begins with a verb that would change data.

    >>> asks_for_a_change("Please delete all cancelled orders"), asks_for_a_change("Which orders were deleted?")
    (True, False)
    """
    for word in re.findall(r"[a-z']+", question.lower()):
        if word not in POLITE:
            return word in CHANGES
    return False

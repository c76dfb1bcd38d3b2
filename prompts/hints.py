"""Hints: the cells of a database that a question names."""

import re

from ..core.records import Hint
from ..databases.cells import COMMON, CellIndex
from ..sql.name_words import singular

MOST = 6  # hints a prompt shows
LONGEST_PHRASE = 8  # words of a cell that are looked for


def find_hints(question: str, index: CellIndex) -> tuple[Hint, ...]:
    """Return the cells that stand in the question word for word, longest first, at most MOST."""
    words = [match.group().lower() for match in re.finditer(r"[^\W_]+", question)]
    taken: list[tuple[int, int, str]] = []
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            end = start + length
            if any(first <= start and end <= last for first, last, _ in taken):
                continue
            phrase = " ".join(words[start:end])
            if phrase in COMMON:
                continue
            stemmed = " ".join([*words[start : end - 1], singular(words[end - 1])])
            key = phrase if phrase in index else stemmed
            if key in index:
                taken.append((start, end, key))
    hints: dict[Hint, None] = {}
    for _, _, key in sorted(taken, key=lambda item: (item[0] - item[1], item[0])):
        hints.update(dict.fromkeys(index[key]))
    return tuple(hints)[:MOST]

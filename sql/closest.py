"""The known name that a wrong one most probably means: by its letters and by the words that it is made of."""

from collections.abc import Iterable

from .name_words import singular, words

LEAST = 0.6  # of 1, which is the same name
SHORTEST = 3  # letters: of shorter names, such as id, too little is left to compare
SAME_WORDS = 0.85  # one name has all the words of the other


def likeness(written: str, known: str) -> float:
    """Return how alike two names are, from 0 to 1.

    >>> likeness("singers", "singer") > likeness("singers", "song") and likeness("name", "song_name") == 0.85
    True
    """
    from rapidfuzz import fuzz

    short = min(len(written), len(known)) < SHORTEST
    letters = 0.0 if short else fuzz.ratio(written.lower(), known.lower()) / 100
    mine, theirs = ({singular(word) for word in words(name)} for name in (written, known))
    if mine and theirs and mine == theirs:
        return max(letters, 0.95)
    if mine and theirs and (mine <= theirs or theirs <= mine):
        return max(letters, SAME_WORDS)
    return float(letters)


def closest(written: str, names: Iterable[str], least: float = LEAST) -> str:
    """Return the most alike of the names, the first of equals; '' where none is alike enough.

    >>> closest("singr_name", ["singer_id", "song_name", "singer_name"]), closest("x", ["singer_id"])
    ('singer_name', '')
    """
    best, score = "", least
    for name in names:
        found = likeness(written, name)
        if found > score:
            best, score = name, found
    return best

"""Single cells of a fuzzed copy: beside a literal, moved, or invented."""

import random
from collections.abc import Sequence
from typing import Any

from .original import Table


class Fresh:
    """Values of a unique column beyond those of the original."""

    def __init__(self, values: Sequence[Any], kind: str) -> None:
        whole = [value for value in values if isinstance(value, int)]
        self.next = max(whole, default=0) + 1
        self.text = not whole and (bool(values) or is_text(kind))

    def value(self, number: int) -> Any:
        """Make the value of the row of this number."""
        return f"new {number}" if self.text else self.next + number


def fitting(values: Sequence[Any], kind: str) -> list[Any]:
    """Select the texts, or the whole numbers, that a key of this type can be, each once."""
    if is_text(kind):
        return list(dict.fromkeys(map(str, values)))
    return list(dict.fromkeys(number for number in map(_number, values) if isinstance(number, int)))


def near(literal: Any, table: Table, place: int, rng: random.Random) -> Any:
    """Return the literal or something just beside it, in the type that the column holds."""
    sample = next(iter(table.values(place)), None)
    number = _number(literal)
    if number is not None and (isinstance(sample, int | float) or not isinstance(literal, str)):
        beside = number + rng.choice((0, 0, 0, -1, 1))
        if isinstance(sample, str) or (sample is None and is_text(table.types[place])):
            return str(beside)
        return float(beside) if isinstance(sample, float) else beside
    text = str(literal)
    if number is not None and isinstance(number, int):
        return rng.choice((text, text, text, str(number - 1), str(number + 1)))
    others = (text.swapcase(), text.lower(), f"{text}s", f"a {text}", f"{text} b")
    return rng.choice((text, text, text, text, rng.choice(others)))


def _number(value: Any) -> int | float | None:
    if not isinstance(value, str):
        return value if isinstance(value, int | float) else None
    try:
        return int(value) if value.strip().lstrip("-").isdigit() else float(value)
    except ValueError:
        return None


def moved(value: Any, rng: random.Random) -> Any:
    """Move a number by one, by two or by a tenth of it."""
    step = rng.choice((1, 1, 2, max(1, int(abs(value) * 0.1)) if abs(value) < 2**53 else 1))
    return value + rng.choice((-step, step))


def is_text(kind: str) -> bool:
    """Tell whether a column of this declared type holds texts."""
    return any(word in kind.upper() for word in ("CHAR", "TEXT", "CLOB", "DATE", "TIME"))


WORDS = ("alpha", "beta", "gamma", "delta", "Omega", "alpha beta")


def invented(kind: str, rng: random.Random) -> Any:
    """Make a cell of a column that holds none, by its declared type."""
    upper = kind.upper()
    if "DATE" in upper or "TIME" in upper:
        return f"{rng.randint(2015, 2022)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if is_text(kind):
        return rng.choice(WORDS)
    return (
        round(rng.uniform(0, 20), 1)
        if any(word in upper for word in ("REAL", "FLOA", "DOUB", "DEC"))
        else rng.randint(0, 20)
    )

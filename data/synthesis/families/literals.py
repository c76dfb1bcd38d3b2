"""Literals that stand in a question and in its query: cells, round numbers, days, parts of a text."""

import calendar
import random
import re
from collections.abc import Sequence
from typing import TypeVar

from ....prompts.schema_text import literal
from ..facts import Field
from ..language.fitness import Unfit
from ..language.spoken import value_words
from .filling import Filling

T = TypeVar("T")
Level = TypeVar("Level", str, int | float)
FREQUENT_SHARE = 0.5
"""How often a cell is one that several rows have, where there are such."""
ROUND_SHARE = 0.75
"""How often a limit is rounded to a step, for each step that the column's range allows."""
STEPS = (10_000_000, 1_000_000, 100_000, 10_000, 1000, 500, 100, 50, 10, 5, 1, 0.5, 0.1)
STEPS_IN_RANGE = 12
"""A step is small enough when the range has so many."""
OUTER_PART = 6
"""The sixth at either end of the sorted cells gives no limit: nearly all rows would be on one side."""
YES = ("1", "y", "yes", "t", "true")
START_LENGTHS = (1, 1, 2, 3)
END_LENGTHS = (1, 2, 3)
SHORTEST_WORD = 3
NUMBER_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 8: "eight", 10: "ten"}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
BETWEEN_SHARE = 0.6
"""How often a range of months is said with `between`; else with `from`."""
WORD_SHARE = 0.35
"""How often a small number is written as a word."""


def value(field: Field, rng: random.Random, *, frequent: bool, without: Sequence[str | int | float]) -> Filling:
    """Draw a cell of the column, as a literal and as a question spells it."""
    often = field.frequent and (frequent or rng.random() < FREQUENT_SHARE)
    cells = [cell for cell in (field.frequent if often else field.cells) if cell not in without]
    if not cells:
        raise Unfit
    cell = rng.choice(cells)
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # an age of 67, not of 67.0
    return Filling(sql_value(cell), value_words(cell, rng), fields=(field,), level=cell)


def sql_value(cell: str | int | float) -> str:
    """Write a cell as a literal of SQL."""
    return literal(cell) if isinstance(cell, str) else str(cell)


def flag(field: Field, rng: random.Random, *, yes: bool) -> Filling:
    """Take the cell of a flag that means yes, or the one that means no."""
    cells = [cell for cell in field.cells if (str(cell).lower() in YES) == yes]
    if not cells:
        raise Unfit
    return Filling(sql_value(cells[0]), str(cells[0]), fields=(field,))


def limit(field: Field, rng: random.Random, above: Filling | None = None) -> Filling:
    """Draw a number inside the column's range, as round as the range allows."""
    number = _above(_round_number(field, rng), above)
    return Filling(str(number), value_words(number, rng), fields=(field,), level=number)


def _round_number(field: Field, rng: random.Random) -> int | float:
    cells = sorted(cell for cell in field.cells if isinstance(cell, int | float))
    if len(cells) < 2:
        raise Unfit
    number = inner(cells, rng)
    for step in STEPS:
        if step <= (cells[-1] - cells[0]) / STEPS_IN_RANGE and rng.random() < ROUND_SHARE:
            rounded = round(round(number / step) * step, 1)
            return int(rounded) if rounded == int(rounded) else rounded
    return number


def inner(cells: Sequence[T], rng: random.Random) -> T:
    """Draw one of sorted cells, not from the sixths at the ends."""
    low = len(cells) // OUTER_PART
    return cells[rng.randint(low, max(len(cells) * (OUTER_PART - 1) // OUTER_PART - 1, low))]


def level(aggregate: Filling, rows_per_group: int, rng: random.Random) -> Filling:
    """Take a number that some groups' aggregate is above: the middle cell, times the rows of a group for a sum."""
    cells = sorted(cell for cell in aggregate.fields[0].cells if isinstance(cell, int | float))
    if len(cells) < 4:
        raise Unfit
    middle = cells[len(cells) // 2]
    number = middle * max(2, rows_per_group) if aggregate.sql.startswith("SUM(") else middle
    number = int(number) if isinstance(number, int) or number > 20 else round(number, 1)
    return Filling(str(number), value_words(number, rng), level=number)


def moment(field: Field, rng: random.Random, *, exact: bool, above: Filling | None) -> Filling:
    """Draw a day or a year that the column has; `exact` takes no day out of a time of day."""
    cell = str(inner(sorted(field.cells, key=str), rng))
    if exact and len(cell) > 10:
        raise Unfit
    day = str(_above(cell[:10], above))
    dated = field.role == "date"
    return Filling(f"'{day}'" if dated else day, day, forms={"on": f"{'on' if dated else 'in'} {day}"}, level=day)


def year(field: Field, rng: random.Random) -> Filling:
    """Draw the year of one of the column's days, bare: the template puts the quotes."""
    number = str(inner(sorted(field.cells, key=str), rng))[:4]
    return Filling(number, number)


def month(field: Field, rng: random.Random) -> Filling:
    """Draw the month of one of the column's days: `2021-03`, `March 2021`."""
    drawn = str(inner(sorted(field.cells, key=str), rng))[:7]
    return Filling(drawn, f"{_month_name(drawn)} {drawn[:4]}")


def months(field: Field, rng: random.Random) -> Filling:
    """Draw some months between two of the column's days: `between March and May 2021`."""
    cells = sorted(field.cells, key=str)
    low, high = sorted(str(inner(cells, rng))[:7] for _ in range(2))
    if low == high:
        raise Unfit
    first = _month_name(low) if low[:4] == high[:4] else f"{_month_name(low)} {low[:4]}"
    last = f"{_month_name(high)} {high[:4]}"
    words = f"between {first} and {last}" if rng.random() < BETWEEN_SHARE else f"from {first} to {last}"
    days = calendar.monthrange(int(high[:4]), int(high[5:]))[1]
    return Filling(f"{low} {high}", words, forms={"first_day": f"{low}-01", "last_day": f"{high}-{days:02}"})


def _month_name(text: str) -> str:
    number = int(text[5:])
    if not (1 <= number <= 12 and int(text[:4])):
        raise Unfit
    return MONTHS[number - 1]


def _above(level: Level, above: Filling | None) -> Level:
    if above is not None and not level > above.level:  # type: ignore[operator]
        raise Unfit
    return level


def text_part(kind: str, field: Field, rng: random.Random) -> Filling:
    """Draw a word, the start or the end of a cell, bare in SQL and in quotes in the question."""
    cell = str(rng.choice(field.cells))
    if len(cell) <= SHORTEST_WORD:
        raise Unfit
    if kind == "word":
        part, what = _word(cell, rng)
    elif kind == "start":
        part = cell[: rng.choice(START_LENGTHS)]
        what = "the letter " if len(part) == 1 else ""
    else:
        part, what = cell[-rng.choice(END_LENGTHS) :], ""
    if not part.isascii() or not part.isalpha():
        raise Unfit
    quote = rng.choice('""\'')
    quoted = f"{quote}{part}{quote}"
    return Filling(part, quoted, forms={"a": what + quoted})


def _word(cell: str, rng: random.Random) -> tuple[str, str]:
    words = re.findall(rf"[A-Za-z]{{{SHORTEST_WORD},}}", cell)
    if not words:
        raise Unfit
    word = rng.choice(words)
    if len(cell.split()) > 1:
        return word, "the word "
    # some letters of it: the whole word would be an equality
    place = rng.randint(0, max(0, len(word) - 4))
    return (word[place : place + rng.randint(2, 4)].lower() if len(word) > 4 else word[:2]), "the letters "


def number(numbers: Sequence[int], below: int | None, rng: random.Random) -> Filling:
    """Draw one of the numbers, in digits or as a word; smaller than the count that it is taken from."""
    chosen = rng.choice(numbers)
    if below is not None and chosen >= below:
        raise Unfit
    return Filling(str(chosen), number_words(chosen, rng), size=chosen, level=chosen)


def number_words(chosen: int, rng: random.Random) -> str:
    """Write a small number as a word now and then."""
    return NUMBER_WORDS[chosen] if chosen in NUMBER_WORDS and rng.random() < WORD_SHARE else str(chosen)


COMPARISONS = (
    (3, ">", "more than {k}", 1),
    (1, ">", "over {k}", 1),
    (1, "=", "exactly {k}", 1),
    (2, ">=", "at least {k}", 2),
    (1, ">=", "{k} or more", 2),
    (1, "<", "fewer than {k}", 2),
    (1, "<=", "at most {k}", 2),
)
"""How a count is compared: weight, operator, words, and the least number that this says something for."""


def count(numbers: Sequence[int], rng: random.Random) -> Filling:
    """Draw a comparison of COUNT(*) with a number: `more than 2`."""
    chosen = rng.choice(numbers)
    fit = [entry for entry in COMPARISONS if entry[3] <= chosen]
    _, operator, words, _ = rng.choices(fit, [entry[0] for entry in fit])[0]
    size = 2 if words.endswith("or more") else chosen
    return Filling(f"COUNT(*) {operator} {chosen}", words.format(k=number_words(chosen, rng)), size=size, level=chosen)

"""Plurals and singulars: a list of nouns of real tables, written down by hand, both ways."""

from pathlib import Path

import pytest
from sql_llama.data.synthesis.language.nouns import article, indefinite, plural, singular_noun

LIST = Path(__file__).with_name("plurals.txt")
NOUNS = [tuple(line.split()) for line in LIST.read_text(encoding="utf-8").splitlines()]


def test_the_list_is_long_enough_to_mean_something() -> None:
    assert len(NOUNS) > 400


def test_every_plural_on_the_list_is_right() -> None:
    wrong = [(single, many, plural(single)) for single, many in NOUNS if plural(single) != many]
    assert wrong == []


def test_every_singular_on_the_list_is_right() -> None:
    called_otherwise = {"staff": "staff member"}  # one row of a table `staff`
    wrong = [
        (many, single, singular_noun(many))
        for single, many in NOUNS
        if singular_noun(many) != called_otherwise.get(single, single)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("phrase", "many"),
    [
        ("date of birth", "dates of birth"),
        ("weight in kilograms", "weights in kilograms"),
        ("miles per gallon", "miles per gallon"),
        ("year built", "years built"),
        ("amount claimed", "amounts claimed"),
        ("wind speed", "wind speeds"),
        ("number of seats", "numbers of seats"),
        ("first name", "first names"),
        ("platforms", "platforms"),
    ],
)
def test_the_head_of_a_phrase_takes_the_plural(phrase: str, many: str) -> None:
    assert plural(phrase) == many


def test_articles_follow_the_sound() -> None:
    assert [article(noun) for noun in ("hour", "university", "user", "orange", "unicorn", "umbrella")] == [
        "an hour",
        "a university",
        "a user",
        "an orange",
        "a unicorn",
        "an umbrella",
    ]


def test_a_plural_takes_no_article() -> None:
    assert [indefinite(noun) for noun in ("points", "status", "number of days", "points in total")] == [
        "points",
        "a status",
        "a number of days",
        "points in total",
    ]

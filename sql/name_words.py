"""The words that the name of a table or column is made of."""

import re


def words(name: str) -> list[str]:
    """Return the words of an identifier, lower case.

    >>> words("stuID"), words("home_town2")
    (['stu', 'id'], ['home', 'town2'])
    >>> words("GrößeInCm")
    ['größe', 'in', 'cm']
    """
    spaced = re.sub(r"(?<=[^\W_A-Z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def singular(word: str) -> str:
    """Return a plain English noun's singular, by rule.

    >>> [singular(word) for word in ("cities", "boxes", "dogs", "class", "status")]
    ['city', 'box', 'dog', 'class', 'status']
    """
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(ending) and len(word) >= len(ending) + 2 and not word.endswith(("ss", "us")):
            return word[: -len(ending)] + instead
    return word

"""How a question says a column or a cell, and what makes a sentence of it."""

import random
import re
from collections.abc import Sequence

from ..facts import Facts, Field
from .nouns import TRAILING, indefinite, plural, singular_noun

SYNONYMS = {
    "price": ("cost",), "cost": ("price",), "salary": ("pay",), "phone number": ("telephone number",),
    "birth date": ("date of birth",), "date of birth": ("birth date",), "gender": ("sex",),
    "sex": ("gender",), "nationality": ("country of origin",), "email": ("email address",),
    "manufacturer": ("maker",), "type": ("kind",), "duration": ("length",),
    "population": ("number of inhabitants",), "last name": ("surname", "family name"), "first name": ("given name",),
    "home town": ("hometown",),
}  # fmt: skip
UNDERSTOOD = {
    **SYNONYMS, "country": ("nation",), "quantity": ("amount",), "category": ("class",), "location": ("place",),
    "capacity": ("number of seats",), "budget": ("funds",),
}  # fmt: skip
"""What people may call a column; those that are not in SYNONYMS would often say something else."""
SYNONYM_SHARE = 0.12
"""How often a column that has a synonym is called by it."""
FULL_NAME_SHARE = 0.15
"""How often a column is called by its other name, where that does not only repeat the table: `singer name`."""
ONE_FULL_NAME_SHARE = 0.4
"""How often first and last name are called the full name."""
MANY_SHARE = 0.85
"""How often the columns of a select list are in the plural where many rows are asked for."""
SEPARATOR_SHARE = 0.15
"""How often a number from 10,000 up has commas."""
DOUBLE_QUOTED, SINGLE_QUOTED, LOWER = 0.12, 0.12, 0.05
"""How often a text is quoted so, or in lower case."""
NO_STOP_SHARE = 0.03
LOWER_START_SHARE = 0.02
NEUTRAL_WORDS = frozenset(["of", "number", "date"])
WHO_SHARE = 0.95
"""How often a person is referred to with `who` rather than `that`."""


def column_words(field: Field, facts: Facts, rng: random.Random) -> str:
    """Say what a question calls a column: mostly its short noun, else the full one or a synonym that means no other."""
    brief, chance = field.nouns[0], rng.random()
    if chance < SYNONYM_SHARE and brief in SYNONYMS:
        other = rng.choice(SYNONYMS[brief])
        if not set(other.split()) - NEUTRAL_WORDS & facts.column_words:
            return other
    other = field.nouns[-1]
    return other if chance > 1 - FULL_NAME_SHARE and not other.endswith(f" {brief}") else brief


def columns_words(fields: Sequence[Field], facts: Facts, rng: random.Random) -> tuple[str, str, str]:
    """Put the columns of a select list into words: in the singular, mostly in the plural, and in the plural."""
    nouns = [field.nouns[0] for field in fields]
    if nouns == ["first name", "last name"] and rng.random() < ONE_FULL_NAME_SHARE:
        names = [rng.choice(["first and last name", *(["full name"] if "full" not in facts.column_words else [])])]
    else:
        names = [column_words(field, facts, rng) for field in fields]
    singular, several = joined(names), joined([several_words(name) for name in names])
    return singular, several if rng.random() < MANY_SHARE else singular, several


def several_words(noun: str) -> str:
    """Form the plural of what a column is called; a number of things stays one.

    >>> several_words("city"), several_words("number of pages")
    ('cities', 'number of pages')
    """
    return noun if noun.startswith("number of ") else plural(noun)


def joined(items: Sequence[str], word: str = "and") -> str:
    """Join words as a sentence does: `a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" {word} " + items[-1]


def value_words(cell: str | int | float, rng: random.Random) -> str:
    """Spell a cell as a question does: bare, quoted, now and then in lower case."""
    if not isinstance(cell, str):
        return f"{cell:,}" if isinstance(cell, int) and cell >= 10_000 and rng.random() < SEPARATOR_SHARE else str(cell)
    chance = rng.random()
    if chance < DOUBLE_QUOTED:
        return f'"{cell}"'
    if chance < DOUBLE_QUOTED + SINGLE_QUOTED and "'" not in cell:
        return f"'{cell}'"
    return cell.lower() if chance > 1 - LOWER else cell


OPENINGS = (
    "What {be} the {what}?",
    "What {be} the {what}?",
    "[Show|List|Find|Give|Return|Display|Provide|Retrieve] the {what}.",
    "[Show|List|Find|Give|Return|Get|Tell me|Show me|Give me|Report] the {what}.",
    "Please [show|show me|list|give|give me] the {what}.",
    "[Can|Could] you [give|show|tell] me the {what}?",
    "[I want|I need|I would like|We need] [to see |to know |]the {what}.",
    "[List|Find|Show|Give|Let me see|Look up] the {what}.",
)
BARE_SHARE = 0.04
"""How often a noun phrase is the whole question."""


def opening(what: str, rng: random.Random) -> str:
    """Make a whole question of a noun phrase."""
    if rng.random() < BARE_SHARE:
        return what
    text = rng.choice(OPENINGS)
    while (choice := re.search(r"\[([^\[\]]*)\]", text)) is not None:
        text = text[: choice.start()] + rng.choice(choice[1].split("|")) + text[choice.end() :]
    return text.format(be=_be(what), what=what)


def _be(what: str) -> str:
    head = re.split(r" (?:of|for|between) ", what.removeprefix("number of "), maxsplit=1)[0]
    head = re.sub(rf" (?:{'|'.join(sorted(TRAILING))}|\w+[^be]ed)$", "", head)
    several = " and " in head or "," in head or (head.endswith("s") and not head.endswith(("ss", "us", "is")))
    return "are" if several and not what.startswith("number of") else "is"


def sentence(text: str, rng: random.Random) -> str:
    """Finish a question: capital first, a stop; people leave both away now and then."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\.\.$", ".", text)
    text = re.sub(r"\b(the|of|each) \1\b", r"\1", text)
    if rng.random() < NO_STOP_SHARE:
        text = text.rstrip(".?")
    return text[0].lower() + text[1:] if rng.random() < LOWER_START_SHARE else text[0].upper() + text[1:]


VERBS_OF_ONE = {
    "have": "has", "do": "does", "are": "is", "were": "was", "live": "lives", "weigh": "weighs", "cost": "costs",
    "earn": "earns", "make": "makes", "last": "lasts",
}  # fmt: skip
PLACED = frozenset("from in located born living named called older younger taller shorter longer".split())
"""First words of a clause that can follow `are`."""


def singular_clause(phrase: str) -> str:
    """Turn a clause on many into one on a single row.

    >>> singular_clause("that have no city")
    'that has no city'
    """
    return re.sub(r"\b(who|that) (\w+)\b", lambda m: f"{m[1]} {VERBS_OF_ONE.get(m[2], m[2])}", phrase)


VERB_OF_MANY = {
    "is": "are",
    "contains": "contain",
    "includes": "include",
    "starts": "start",
    "begins": "begin",
    "ends": "end",
}


def agreeing(phrase: str, noun: str) -> str:
    """Let the verb behind a noun that is a plural agree with it; a 1 before a counted noun makes it singular.

    >>> agreeing("whose details is unknown", "details"), agreeing("with more than 1 stars", "number of stars")
    ('whose details are unknown', 'with more than 1 star')
    """
    counted = noun.removeprefix("number of ")
    if counted != noun:
        first, *rest = counted.split()
        one = " ".join([singular_noun(first), *rest]) if rest and first.endswith("s") else singular_noun(counted)
        return re.sub(rf"\b1 {re.escape(counted)}\b", f"1 {one}", phrase)
    if indefinite(noun) != noun:
        return phrase
    verbs = "|".join(VERB_OF_MANY)
    return re.sub(rf"\b({re.escape(noun)}) ({verbs})\b", lambda match: f"{match[1]} {VERB_OF_MANY[match[2]]}", phrase)


def as_verb(phrase: str) -> str:
    """Turn a clause into what follows a plural subject; nothing where English has no short way.

    >>> as_verb("from Peru"), as_verb("that have no city"), as_verb("with a price over 3"), as_verb("whose price is 3")
    ('are from Peru', 'have no city', 'have a price over 3', '')
    """
    first, _, rest = phrase.partition(" ")
    if first in PLACED:
        return f"are {phrase}"
    if first in ("that", "who"):
        return rest
    return f"have {rest}" if first in ("with", "having") else ""

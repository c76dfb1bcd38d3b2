"""The pieces that questions are put together from: spinning templates, lists, conditions, directions."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ....prompts.schema_text import literal
from ..facts import Entity, Facts, Field
from .naming import article, plural

SYNONYMS = {
    "price": ("cost",), "cost": ("price",), "salary": ("pay",), "phone number": ("telephone number",),
    "location": ("place",),
    "birth date": ("date of birth",), "date of birth": ("birth date",), "gender": ("sex",), "sex": ("gender",),
    "nationality": ("country of origin",), "email": ("email address",), "quantity": ("amount",),
    "manufacturer": ("maker",),
    "type": ("kind",), "category": ("class",), "duration": ("length",), "population": ("number of inhabitants",),
    "last name": ("surname", "family name"), "first name": ("given name",), "country": ("nation",),
    "home town": ("hometown",), "capacity": ("number of seats",), "budget": ("funds",),
}  # fmt: skip

SPIN = re.compile(r"\[([^\[\]]*)\]")


class Unfit(LookupError):
    """This database, or this draw, has nothing for the family."""


def spin(rng: random.Random, template: str, **parts: str) -> str:
    """Choose one of each `[a|b|c]`, then put in the parts; doubled blanks go.

    >>> spin(random.Random(1), "[Show|List] {x}.", x="names [sic]")
    'Show names [sic].'
    """
    while (found := SPIN.search(template)) is not None:
        template = template[: found.start()] + rng.choice(found.group(1).split("|")) + template[found.end() :]
    text = re.sub(r"  +", " ", template.format_map(parts))
    return re.sub(r" +([?.,])", r"\1", text).strip()


def joined(items: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" {word} " + items[-1]


def noun(rng: random.Random, entity: Entity) -> str:
    return rng.choice(entity.nouns)


def nouns(rng: random.Random, entity: Entity) -> str:
    return plural(rng.choice(entity.nouns))


def said(rng: random.Random, facts: Facts, field: Field) -> str:
    """What a question calls a column: mostly its short noun, else the full one or a synonym that means no other."""
    chance = rng.random()
    brief = field.nouns[0]
    if chance < 0.12 and brief in SYNONYMS:
        other = rng.choice(SYNONYMS[brief])
        if not set(other.split()) - {"of", "number", "date"} & facts.words:
            return other
    return field.nouns[-1] if chance > 0.85 else brief


def list_said(rng: random.Random, facts: Facts, fields: Sequence[Field], *, many: bool = False) -> str:
    """The columns of a select list in words, in order."""
    if len(fields) == 2 and [field.nouns[0] for field in fields] == ["first name", "last name"] and rng.random() < 0.4:
        text = rng.choice(["first and last name", "full name" if "full" not in facts.words else "first and last name"])
        return plural(text) if many else text
    names = [said(rng, facts, field) for field in fields]
    return joined([plural(name) for name in names] if many else names)


def select(fields: Sequence[Field]) -> str:
    return ", ".join(field.sql for field in fields)


def fields_of(entity: Entity, *roles: str, nulls: bool = True) -> list[Field]:
    return [field for field in entity.fields if field.role in roles and (nulls or not field.nulls)]


def pick(rng: random.Random, items: Sequence[Field]) -> Field:
    if not items:
        raise Unfit
    return rng.choice(items)


def pick_entity(rng: random.Random, facts: Facts, *roles: str, nulls: bool = True) -> tuple[Entity, Field]:
    """A table that can be spoken of and one of its columns with such a role."""
    fit = [(entity, f) for entity in facts.entities if entity.spoken and (f := fields_of(entity, *roles, nulls=nulls))]
    if not fit:
        raise Unfit
    entity, found = rng.choice(fit)
    return entity, rng.choice(found)


def shown(rng: random.Random, entity: Entity, count: int, *, avoid: Sequence[Field] = ()) -> list[Field]:
    """Columns to select: mostly the title first, and rarely a key."""
    taken = {field.sql for field in avoid}
    chosen = [f for f in entity.title if f.sql not in taken] if entity.title and rng.random() < 0.6 else []
    if len(chosen) >= count:
        return chosen
    rest = [
        f for f in entity.fields if f.sql not in taken and f not in chosen and (f.role != "key" or rng.random() < 0.25)
    ]
    if len(rest) + len(chosen) < count:
        raise Unfit
    return [*chosen, *rng.sample(rest, count - len(chosen))]


def ask(rng: random.Random, what: str, *, single: bool = False) -> str:
    """A whole question for a noun phrase."""
    head = re.split(r" (?:of|for) ", what.removeprefix("number of "), maxsplit=1)[0]
    several = " and " in head or "," in head or (head.endswith("s") and not head.endswith(("ss", "us", "is")))
    be = "are" if several and not single and not what.startswith("number of") else "is"
    return spin(
        rng,
        rng.choice(
            [
                f"What {be} the {{x}}?",
                f"What {be} the {{x}}?",
                "[Show|List|Find|Give|Return|Display] the {x}.",
                "[Show|List|Find|Give|Return|Get|Tell me|Show me|Give me|Report] the {x}.",
                "[Please show|Please list|Can you give] [me |]the {x}.",
                "I [want|need|would like] [to see |to know |]the {x}.",
                "{x}" if rng.random() < 0.2 else "[List|Find|Show] the {x}.",
            ]
        ),
        x=what,
    )


def value_said(rng: random.Random, cell: str | int | float) -> str:
    """A cell as a question spells it: bare, quoted, now and then in lower case."""
    if not isinstance(cell, str):
        return f"{cell:,}" if isinstance(cell, int) and cell >= 10_000 and rng.random() < 0.15 else str(cell)
    chance = rng.random()
    if chance < 0.12:
        return f'"{cell}"'
    if chance < 0.24 and "'" not in cell:
        return f"'{cell}'"
    return cell.lower() if chance > 0.95 else cell


def sql_value(cell: str | int | float) -> str:
    return literal(cell) if isinstance(cell, str) else str(cell)


def sentence(rng: random.Random, text: str) -> str:
    """A finished question: capital first, a stop; people leave both away now and then."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\b(\w+) \1\b", r"\1", text) if re.search(r"\b(the the|of of|each each)\b", text) else text
    if rng.random() < 0.03:
        text = text.rstrip(".?")
    return text[0].lower() + text[1:] if rng.random() < 0.02 else text[0].upper() + text[1:]


MOST = {
    "age": ("oldest", "youngest"), "price": ("most expensive", "cheapest"), "cost": ("most expensive", "cheapest"),
    "weight": ("heaviest", "lightest"), "height": ("tallest", "shortest"), "length": ("longest", "shortest"),
    "duration": ("longest", "shortest"), "capacity": ("largest", "smallest"), "area": ("largest", "smallest"),
    "size": ("largest", "smallest"), "population": ("most populous", "least populous"), "salary": ("highest paid",
    "lowest paid"),
    "distance": ("farthest", "nearest"), "speed": ("fastest", "slowest"), "birth date": ("youngest", "oldest"),
    "date of birth": ("youngest", "oldest"), "birth year": ("youngest", "oldest"), "year": ("most recent", "earliest"),
    "release year": ("newest", "oldest"), "year built": ("newest", "oldest"), "build year": ("newest", "oldest"),
}  # fmt: skip


HIGH_ONLY = frozenset(
    """
    age price cost rate rating temperature temp score salary rank ranking percentage speed fee pay premium
    commission altitude elevation income stars gpa grade height level charge fine interest value
    """.split()
)


def extreme(rng: random.Random, facts: Facts, field: Field, descending: bool) -> tuple[str, str, str]:
    """An adjective for the extreme row (may be empty), one for the extreme value, and what that value is called."""
    name = said(rng, facts, field)
    if field.nouns[0].split()[-1] in ("rank", "ranking"):  # whether 1 or 9 is the higher rank, nobody knows
        raise Unfit
    adjective = MOST.get(field.nouns[0], ("", ""))[0 if descending else 1]
    if field.role in ("date", "year"):
        return adjective, rng.choice(["latest", "most recent"] if descending else ["earliest"]), name
    if name.startswith("number of ") and rng.random() < 0.6:
        return adjective, rng.choice(["most", "most"] if descending else ["fewest"]), name.removeprefix("number of ")
    high = ["highest", "highest", "maximum"] if descending else ["lowest", "lowest", "minimum"]
    if field.nouns[0].split()[-1] not in HIGH_ONLY:
        high += ["largest", "greatest"] if descending else ["smallest"]
    return adjective, rng.choice(high), name


def direction(rng: random.Random, name: str, role: str) -> tuple[str, str]:
    """SQL suffix and phrase of an order."""
    if rng.random() < 0.5:
        extra = ["from [latest|newest] to [earliest|oldest] {n}"] if role in ("date", "year") else []
        extra += (
            ["from [highest to lowest|largest to smallest|the highest to the lowest] {n}"] if role == "number" else []
        )
        extra += ["in reverse alphabetical order of {n}"] if role in ("name", "text", "group") else []
        options = [
            "in descending order of {n}",
            "[sorted|ordered] by {n} in descending order",
            "by {n} descending",
            "in decreasing order of {n}",
            *extra,
        ]
        return " DESC", spin(rng, rng.choice(options), n=name)
    extra = (
        ["in alphabetical order of {n}", "[sorted|ordered] alphabetically by {n}"]
        if role in ("name", "text", "group")
        else []
    )
    extra += ["from [lowest to highest|smallest to largest|the lowest to the highest] {n}"] if role == "number" else []
    extra += ["from earliest to latest {n}", "in chronological order of {n}"] if role in ("date", "year") else []
    options = [
        "[sorted|ordered] by {n}",
        "in ascending order of {n}",
        "[sorted|ordered] by {n} in ascending order",
        "in increasing order of {n}",
        "in order of {n}",
        *extra,
    ]
    return "", spin(rng, rng.choice(options), n=name)


@dataclass(frozen=True)
class Condition:
    """`sql` and its words: after the noun (`with an age over 30`), and as a statement (`age is over 30`)."""

    sql: str
    phrase: str
    statement: str
    fields: tuple[Field, ...]

    @property
    def of_one(self) -> str:
        """The phrase after a singular noun."""
        return of_one(self.phrase)


VERBS_OF_ONE = {
    "have": "has", "do": "does", "are": "is", "were": "was", "live": "lives", "weigh": "weighs", "cost": "costs",
    "earn": "earns",
    "make": "makes", "last": "lasts",
}  # fmt: skip


def of_one(phrase: str) -> str:
    """A clause on many as a clause on one.

    >>> of_one("that have no city")
    'that has no city'
    """
    return re.sub(r"\b(who|that) (\w+)\b", lambda m: f"{m.group(1)} {VERBS_OF_ONE.get(m.group(2), m.group(2))}", phrase)


def indefinite(name: str) -> str:
    """With its article unless it is a plural."""
    return name if name.split(" of ")[0].endswith("s") and not name.endswith(("ss", "us")) else article(name)

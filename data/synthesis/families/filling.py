"""What a slot was filled with: its SQL and its words, and how a frame is rendered from fillings."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..facts import Entity, Facts, Field
from ..language.fitness import COUNTED, Unfit, event, happened, property_words, undone
from ..language.nouns import UNCHANGED, article, indefinite, plural
from ..language.spoken import column_words, several_words
from .frames import Frame, Pick, Ref, slot_name


@dataclass(frozen=True)
class Filling:
    """What stands for a slot.

    `sql` is its text in a query, `singular` and `plural` are its words, `forms` are other words or other SQL by name.
    """

    sql: str
    singular: str = ""
    plural: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    entity: Entity | None = None
    size: int | None = None
    """A number that nouns agree with: `{rows:k}` is the singular for 1."""
    level: str | int | float | None = None
    """What `above` compares."""


Fillings = Mapping[str, Filling]


def table_filling(entity: Entity, rng: random.Random, nouns: tuple[str, ...] = ()) -> Filling:
    """Fill a table: its name, and what one of its rows is called."""
    noun = rng.choice(nouns or entity.nouns)
    forms = {
        "a": noun if noun in UNCHANGED else article(noun),
        "who": "who" if entity.person else "that",
        "its": "their" if entity.person else "its",
    }
    return Filling(entity.sql, noun, plural(noun), forms, entity=entity)


def column_filling(field_: Field, facts: Facts, rng: random.Random) -> Filling:
    """Fill a column: its qualified name, and what a question calls it."""
    name = column_words(field_, facts, rng)
    forms = {
        "a": indefinite(name),
        "be": "is",
        "many": several_words(name),
        "event": event(field_),
        "happened": happened(field_),
        "day": f"DATE({field_.sql})" if field_.timed else field_.sql,
        "undone": undone(field_),
        "property": property_words(field_),
        "counted": name.removeprefix(COUNTED) if name.startswith(COUNTED) else "",
        **{alias: under_alias(field_, alias) for alias in ("t1", "t2")},
    }
    return Filling(field_.sql, name, several_words(name), forms, (field_,))


def key_filling(edge_field: Field) -> Filling:
    """Fill a key of a join, which only queries name."""
    return Filling(edge_field.sql, fields=(edge_field,), forms={a: under_alias(edge_field, a) for a in ("t1", "t2")})


def under_alias(field_: Field, alias: str) -> str:
    """Name a column of a table to which the query gives an alias."""
    return f"{alias}.{field_.sql[len(field_.table_sql) + 1 :]}"


def render_sql(frame: Frame, fillings: Fillings, rng: random.Random) -> str:
    """Write the SQL of a frame. Raises Unfit when a form is missing."""
    return re.sub(r"  +", " ", "".join(_parts(frame, fillings, rng, sql=True))).strip()


def render_words(frame: Frame, fillings: Fillings, rng: random.Random) -> str:
    """Write the words of a frame; doubled blanks and blanks before a stop go. Raises Unfit when a form is missing."""
    text = re.sub(r"  +", " ", "".join(_parts(frame, fillings, rng, sql=False)))
    return re.sub(r" +([?.,;])", r"\1", text).strip()


def _parts(frame: Frame, fillings: Fillings, rng: random.Random, *, sql: bool) -> list[str]:
    parts: list[str] = []
    for part in frame:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Pick):
            parts += _parts(rng.choice(part.options), fillings, rng, sql=sql)
        else:
            parts.append(_text(part, fillings, sql=sql))
    return parts


def _text(ref: Ref, fillings: Fillings, *, sql: bool) -> str:
    name = slot_name(ref, set(fillings))
    assert name is not None, ref  # checked when the template was read
    filling = fillings[name]
    plural_wanted = name != ref.slot
    if not ref.form:
        return filling.sql if sql else filling.plural if plural_wanted else filling.singular
    if ref.form in fillings:
        return filling.singular if fillings[ref.form].size == 1 else filling.plural
    text = filling.forms.get(ref.form + "+" * plural_wanted) or filling.forms.get(ref.form, "")
    if not text:
        raise Unfit
    return text

"""One WHERE condition over a column, in SQL and in words."""

import dataclasses
import random
import re

from ..facts import Entity, Facts, Field
from .naming import HAPPENED
from .phrases import Condition, Unfit, indefinite, said, spin, sql_value, value_said

MORE = ["more than {v}", "over {v}", "above {v}", "greater than {v}", "higher than {v}", "larger than {v}"]
LESS = ["less than {v}", "under {v}", "below {v}", "lower than {v}", "smaller than {v}"]
COMPARED = {
    ">": MORE, "<": LESS, ">=": ["at least {v}", "{v} or more", "no less than {v}"], "<=": ["at most {v}",
    "{v} or less", "no more than {v}"],
}  # fmt: skip
VERBS = {
    "weight": ("that weigh {c}", "weighing {c}"), "price": ("that cost {c}", "costing {c}", "priced at {c}"),
    "cost": ("that cost {c}", "costing {c}"), "salary": ("who earn {c}", "earning {c}", "that make {c}"),
    "capacity": ("that can hold {c}", "with room for {c}"), "duration": ("that last {c}", "lasting {c}"),
    "population": ("with {c} inhabitants", "that have {c} people"),
}  # fmt: skip
ADJECTIVES = {"age": ("older", "younger"), "height": ("taller", "shorter"), "length": ("longer", "shorter")}
EVENTS = re.compile(
    r"\b(founded|opened|built|released|established|published|launched|born|hired|joined|made|created|planted|acquired|signed|started|ordered)\b"
)
ACTIVE = {"joined": "joined", "started": "started"}
UNEVENTFUL = ("paid", "played", "purchased", "acquired", "aired", "returned")
EVENT_NOUNS = {
    **{noun: participle for participle, noun in HAPPENED.items() if participle not in UNEVENTFUL},
    "birth": "born", "release": "released", "hire": "hired", "opening": "opened", "publication": "published",
    "order": "ordered",
    "build": "built", "construction": "built", "foundation": "founded", "launch": "launched", "join": "joined",
}  # fmt: skip
PLACES = re.compile(
    r"\b(city|country|state|nationality|home town|region|town|province|county|continent|nation|location|district"
    r"|village)$"
)


def condition(
    rng: random.Random, facts: Facts, entity: Entity, avoid: tuple[Field, ...] = (), *, several: bool = False
) -> Condition:
    """A condition on some column of the entity; with `several`, one that more than one row is likely to meet."""
    usable = [f for f in entity.fields if f not in avoid and f.distinct > 1 and f.cells and f.role != "prose"]
    if several:
        usable = [f for f in usable if f.frequent or f.role in ("number", "year", "date")]
    weights = {"group": 6, "number": 5, "name": 4, "year": 4, "date": 3, "flag": 3, "text": 2, "code": 1, "key": 0.4}
    if not usable:
        raise Unfit
    field = rng.choices(usable, [weights[f.role] for f in usable])[0]
    return on_field(rng, facts, entity, field)


def on_field(rng: random.Random, facts: Facts, entity: Entity, field: Field) -> Condition:
    """A condition on this column."""
    if field.nulls and field.role != "key" and rng.random() < 0.12:
        found = _missing(rng, facts, field)
    elif field.role == "number":
        found = _number(rng, facts, entity, field)
    elif field.role in ("year", "date"):
        found = _time(rng, facts, entity, field)
    elif field.role == "flag" and field.nouns[0].endswith(" status") and rng.random() < 0.8:
        found = _flag(rng, entity, field)
    else:
        found = _equal(rng, facts, entity, field)
    if entity.person and found.phrase.startswith("that ") and rng.random() < 0.7:
        return dataclasses.replace(found, phrase="who " + found.phrase.removeprefix("that "))
    return found


def _flag(rng: random.Random, entity: Entity, field: Field) -> Condition:
    """A yes or no said as a property: `that are discontinued`, `that do not have solar`."""
    cell = rng.choice(field.cells)
    yes = str(cell).lower() in ("1", "y", "yes", "t", "true")
    what = field.nouns[0].removesuffix(" status")
    if re.match(r"has[_A-Z]", field.name):
        phrase = f"that have {what}" if yes else f"that do not have {what}"
    elif (
        what.split()[0].endswith("ed")
        or re.match(r"is[_A-Z]", field.name)
        or what in ("premium", "crewed", "incumbent", "paid")
    ):
        phrase = f"that are {what}" if yes else f"that are not {what}"
    else:
        phrase = f"with {what}" if yes else f"without {what}"
    stated = f"{field.nouns[0]} is {cell}"
    return Condition(
        f"{field.sql} = {sql_value(cell)}", rng.choice([phrase, phrase, phrase, f"whose {stated}"]), stated, (field,)
    )


def _missing(rng: random.Random, facts: Facts, field: Field) -> Condition:
    name = said(rng, facts, field)
    if rng.random() < 0.6:
        state = (
            rng.choice(["missing", "unknown", "null", "not recorded", "empty"]) if field.role != "flag" else "unknown"
        )
        phrase = spin(
            rng,
            rng.choice(["without [a known |any recorded |a ]{n}", "whose {n} is {s}", "that have no {n}"]),
            n=name,
            s=state,
        )
        return Condition(f"{field.sql} IS NULL", phrase.replace("a known null", "any"), f"{name} is {state}", (field,))
    state = rng.choice(["known", "not null", "not missing", "recorded"])
    return Condition(f"NOT {field.sql} IS NULL", f"whose {name} is {state}", f"{name} is {state}", (field,))


def threshold(rng: random.Random, field: Field) -> int | float:
    """A number inside the column's range, as round as the range allows."""
    cells = sorted(cell for cell in field.cells if isinstance(cell, int | float))
    if len(cells) < 2:
        raise Unfit
    value = cells[rng.randint(len(cells) // 6, max(len(cells) * 5 // 6 - 1, len(cells) // 6))]
    span = cells[-1] - cells[0]
    for step in (10_000_000, 1_000_000, 100_000, 10_000, 1000, 500, 100, 50, 10, 5, 1, 0.5, 0.1):
        if step <= span / 12 and rng.random() < 0.75:
            rounded = round(round(value / step) * step, 1)
            return int(rounded) if rounded == int(rounded) else rounded
    return value


def _number(rng: random.Random, facts: Facts, entity: Entity, field: Field) -> Condition:
    name = said(rng, facts, field)
    chance = rng.random()
    if chance < 0.12:
        low, high = sorted((threshold(rng, field), threshold(rng, field)))
        if low == high:
            raise Unfit
        between = spin(
            rng,
            "[between {a} and {b}|between {a} and {b}|in the range {a} to {b}|from {a} to {b}]",
            a=str(low),
            b=str(high),
        )
        phrase = spin(rng, rng.choice(["with {n} {x}", "whose {n} is {x}", "that have {n} {x}"]), n=name, x=between)
        return Condition(f"{field.sql} BETWEEN {low} AND {high}", phrase, f"{name} is {between}", (field,))
    if chance < 0.3:
        if not field.whole and chance < 0.22:
            raise Unfit
        cell = rng.choice(field.frequent or field.cells)
        v = value_said(rng, cell)
        counted = name.startswith("number of ")
        options = (
            [f"with {v} {name.removeprefix('number of ')}"]
            if counted
            else [f"with {indefinite(name)} of {v}", f"with {name} {v}"]
        )
        statement = spin(rng, "{n} [is|is|equals|is equal to|is exactly] {v}", n=name, v=v)
        return Condition(f"{field.sql} = {cell}", rng.choice([*options, f"whose {statement}"]), statement, (field,))
    operator = rng.choice([">", ">", ">", "<", "<", "<", ">=", "<="])
    value = threshold(rng, field)
    compared = rng.choice(COMPARED[operator]).format(v=value_said(rng, value))
    statement = f"{name} is {compared}"
    if name.startswith("number of "):
        things = name.removeprefix("number of ")
        compared = (
            compared.replace("greater", "more")
            .replace("higher", "more")
            .replace("larger", "more")
            .replace("lower", "fewer")
        )
        compared = compared.replace("smaller", "fewer").replace(" or less", " or fewer")
        if not compared.startswith(("above", "below", "under")):
            phrase = spin(rng, f"[with|that have|having] {{c}} {things}", c=compared)
            return Condition(f"{field.sql} {operator} {value}", phrase, statement, (field,))
    brief = field.nouns[0]
    options = [
        f"whose {statement}",
        f"with {indefinite(name)} {compared}",
        f"with {indefinite(name)} of {compared}",
        f"that have {indefinite(name)} {compared}",
    ]
    if operator not in "<>":
        options = [
            f"whose {statement}",
            f"with {indefinite(name)} of {compared}",
            f"that have {indefinite(name)} of {compared}",
        ]
    if (
        brief in VERBS
        and operator in "<>"
        and not compared.startswith(("above", "below", "greater", "higher", "larger", "smaller", "lower"))
    ):
        options = [rng.choice(VERBS[brief]).format(c=compared)] * 2 + options
    if brief in ADJECTIVES and operator in "<>" and (brief != "length" or not entity.person):
        adjective = ADJECTIVES[brief][operator == "<"]
        options = [
            f"{adjective} than {value}",
            f"{'who' if entity.person else 'that'} are {adjective} than {value}",
            *options,
        ]
    return Condition(f"{field.sql} {operator} {value}", rng.choice(options), statement, (field,))


def _event(field: Field) -> str:
    """The participle that a column of time speaks of: `release year` -> released."""
    found = EVENTS.search(field.nouns[0])
    if found:
        return found.group(1)
    if field.nouns[0] == "date of birth":
        return "born"
    return EVENT_NOUNS.get(field.nouns[0].split()[0], "") if field.nouns[0].count(" ") == 1 else ""


def _time(rng: random.Random, facts: Facts, entity: Entity, field: Field) -> Condition:
    name, event = said(rng, facts, field), _event(field)
    cells = sorted(field.cells, key=str)
    cell = cells[rng.randint(len(cells) // 6, max(len(cells) * 5 // 6 - 1, len(cells) // 6))]
    as_date = field.role == "date"
    day = str(cell)[:10] if as_date else str(cell)
    stated = f"'{day}'" if as_date else day
    chance = rng.random()
    if as_date and chance < 0.3:  # a whole year, said and written as text
        year = day[:4]
        sql = rng.choice(
            [f"{field.sql} LIKE '{year}%'", f"{field.sql} LIKE '{year}%'", f"STRFTIME('%Y', {field.sql}) = '{year}'"]
        )
        when, stated_as = f"in {year}", f"in {year}"
    elif chance < 0.5:
        if as_date and len(str(cell)) > 10:
            raise Unfit
        sql, when, stated_as = f"{field.sql} = {stated}", f"{'on' if as_date else 'in'} {day}", day
    elif chance < 0.65 and len(cells) > 3:
        low, high = sorted(str(c)[:10] for c in rng.sample(cells, 2))
        if low == high:
            raise Unfit
        a, b = (f"'{low}'", f"'{high}'") if as_date else (low, high)
        sql, when, stated_as = (
            f"{field.sql} BETWEEN {a} AND {b}",
            f"between {low} and {high}",
            f"between {low} and {high}",
        )
    elif rng.random() < 0.5:
        operator, word = rng.choice(
            [(">", "after"), (">", "later than"), (">=", "since" if event else "no earlier than")]
        )
        sql, stated_as = f"{field.sql} {operator} {stated}", f"{word if word != 'since' else 'no earlier than'} {day}"
        when = f"{word} {day}"
    else:
        operator, word = rng.choice([("<", "before"), ("<", "earlier than"), ("<=", "no later than")])
        sql, when, stated_as = f"{field.sql} {operator} {stated}", f"{word} {day}", f"{word} {day}"
    statement = f"{name} is {stated_as}"
    if event:
        phrase = rng.choice(
            [
                f"{event} {when}",
                f"{event} {when}",
                f"that {ACTIVE.get(event, f'were {event}')} {when}",
                f"whose {statement}",
            ]
        )
        return Condition(sql, phrase, statement, (field,))
    plain = f"with {indefinite(name)} {when}" if " = " not in sql or as_date else f"with {name} {day}"
    return Condition(sql, rng.choice([f"whose {statement}", plain]), statement, (field,))


def _equal(rng: random.Random, facts: Facts, entity: Entity, field: Field) -> Condition:
    name = said(rng, facts, field)
    chance = rng.random()
    textual = field.role in ("name", "text", "group") and all(isinstance(cell, str) for cell in field.cells[:5])
    if textual and chance < 0.14:
        return _like(rng, field, name)
    cell = rng.choice(field.frequent if field.frequent and rng.random() < 0.5 else field.cells)
    v, literal = value_said(rng, cell), sql_value(cell)
    if field.role in ("group", "flag") and chance < 0.24:
        statement = spin(rng, "{n} is [not|not|anything but|other than] {v}", n=name, v=v)
        phrase = rng.choice(
            [f"whose {statement}", f"with {indefinite(name)} other than {v}", f"that do not have {name} {v}"]
        )
        return Condition(f"{field.sql} <> {literal}", phrase, statement, (field,))
    if field.role == "group" and chance < 0.3 and len(field.cells) > 2 and textual:
        two = rng.sample(field.cells, 2)
        both = " or ".join(value_said(rng, c) for c in two)
        sql = " OR ".join(f"{field.sql} = {sql_value(c)}" for c in two)
        return Condition(
            sql, f"whose {name} is {'either ' if rng.random() < 0.4 else ''}{both}", f"{name} is {both}", (field,)
        )
    statement = f"{name} is {v}"
    options = [
        f"whose {statement}",
        f"with {name} {v}",
        f"with the {name} {v}",
        f"that have {name} {v}",
        f"having {v} as {name}",
        f"with {v} as [the |]{name}".replace("[the |]", rng.choice(["the ", ""])),
    ]
    if field.role == "name" and (field,) == entity.title[:1] and len(entity.title) == 1:
        options = [f"named {v}", f"called {v}", f"named {v}", f"with the {name} {v}", f"whose {statement}"]
    place = PLACES.search(field.nouns[0])
    if place and field.role in ("group", "text"):
        word = place.group(1)
        if "birth" in field.nouns[0]:
            options += [f"born in {v}"] * 4
        elif word in ("nationality", "country", "home town", "nation"):
            options = [f"from {v}"] * 5 + options
        elif entity.person:
            options = [f"living in {v}", f"who live in {v}", f"from {v}", f"in {v}", *options[:3]]
        else:
            options = [f"in {v}", f"located in {v}", f"that are in {v}"] * 2 + options[:3]
    return Condition(f"{field.sql} = {literal}", rng.choice(options), statement, (field,))


def _like(rng: random.Random, field: Field, name: str) -> Condition:
    cell = str(rng.choice(field.cells))
    found = re.findall(r"[A-Za-z]{3,}", cell)
    if not found or len(cell) < 4:
        raise Unfit
    chance = rng.random()
    quote = rng.choice(['"', "'", '"'])
    if chance < 0.5:
        word = rng.choice(found)
        if len(cell.split()) == 1:  # a part of it: the whole word would be an equality
            place = rng.randint(0, max(0, len(word) - 4))
            word = word[place : place + rng.randint(2, 4)].lower() if len(word) > 4 else word[:2]
        what = "[the letters |the text |]" if len(cell.split()) == 1 else "[the word |the text |]"
        statement = spin(rng, "{n} [contains|includes] " + what + "{v}", n=name, v=quote + word + quote)
        pattern = f"%{word}%"
        phrase = rng.choice(
            [
                f"whose {statement}",
                f"with {quote}{word}{quote} in the {name}",
                f"that have {quote}{word}{quote} in their {name}",
            ]
        )
        return Condition(f"{field.sql} LIKE '{pattern}'", phrase, statement, (field,))
    if chance < 0.85:
        start = cell[: rng.choice([1, 1, 2, 3])]
        if not start.isalpha():
            raise Unfit
        statement = spin(
            rng,
            "{n} [starts|begins] with [the letter |]{v}" if len(start) == 1 else "{n} [starts|begins] with {v}",
            n=name,
            v=quote + start + quote,
        )
        return Condition(f"{field.sql} LIKE '{start}%'", f"whose {statement}", statement, (field,))
    end = cell[-rng.choice([1, 2, 3]) :]
    if not end.isalpha():
        raise Unfit
    statement = f"{name} ends with {quote}{end}{quote}"
    return Condition(f"{field.sql} LIKE '%{end}'", f"whose {statement}", statement, (field,))


def filters(
    rng: random.Random, facts: Facts, entity: Entity, *, several: bool = False
) -> tuple[str, str, tuple[Field, ...]]:
    """One or two conditions: SQL, words after the noun, the columns used."""
    first = condition(rng, facts, entity, several=several)
    if rng.random() < 0.72 or " OR " in first.sql:
        return first.sql, first.phrase, first.fields
    second = condition(rng, facts, entity, avoid=first.fields)
    if " OR " in second.sql:
        raise Unfit
    word = "AND" if rng.random() < 0.6 else "OR"
    if word == "AND" and any(
        not f.frequent and f.role in ("key", "name", "text", "code") for f in (*first.fields, *second.fields)
    ):
        return first.sql, first.phrase, first.fields  # one row is found by its name: a second condition says nothing
    if rng.random() < 0.6:
        again = "whose " if rng.random() < 0.3 else ""
        text = f"whose {first.statement} {word.lower()} {again}{second.statement}"
    else:
        text = f"{first.phrase} {word.lower()} {second.phrase}"
    return f"{first.sql} {word} {second.sql}", text, (*first.fields, *second.fields)

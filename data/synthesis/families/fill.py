"""Fill a template from the facts of a database: a question and its query out."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..facts import Entity, Facts, Field
from ..language.fitness import NEEDS, Unfit, property_words
from ..language.nouns import indefinite
from ..language.spoken import WHO_SHARE, agreeing, as_verb, columns_words, joined, opening, singular_clause
from . import literals
from .filling import Filling, column_filling, render_sql, render_words, under_alias
from .notation import Choice, Phrase, Slot, Template
from .scopes import bind
from .tables import Tables

TITLE_SHARE = 0.6
"""How often a select list begins with the columns that a row is known by."""
KEY_SHARE = 0.1
"""How often the id of a row may be among the columns shown, where the row has a name."""
ONE_CONDITION_SHARE = 0.72
"""How often `filters` is one condition; else it is two."""
AND_SHARE = 0.6
"""How often two conditions are joined with AND; else with OR."""
STATEMENT_SHARE = 0.6
"""How often two conditions are said with one `whose`: `whose age is over 30 and city is Rome`."""
AGAIN_SHARE = 0.3
"""How often `whose` is said again in these."""
IDENTIFYING = ("key", "name", "text", "code")


@dataclass
class Filler:
    """Fills templates over one database. What fits a column is looked up once."""

    facts: Facts
    tables: Tables
    rng: random.Random
    fits: dict[tuple[str, str, str], list[Phrase]] = field(default_factory=dict)

    def draw(self, template: Template) -> tuple[str, str]:
        """Draw a question and its query. Raises Unfit where the database, or this draw, does not fit the template."""
        fillings = bind(template.over, self.facts, self.rng)
        if template.person is not None and template.person != _first_entity(fillings).person:
            raise Unfit
        fillings = self.fill(template, fillings)
        frame = self.rng.choice((*template.ask, *template.what))
        words = render_words(frame, fillings, self.rng)
        question = words if frame in template.ask else opening(words, self.rng)
        return question, render_sql(template.sql, fillings, self.rng)

    def fill(self, template: Template, fillings: Mapping[str, Filling]) -> dict[str, Filling]:
        """Add a filling for each slot of the template to the fillings, in the slots' order."""
        filled = dict(fillings)
        for name, slot in template.slots.items():
            filled[name] = self.choice(slot, filled) if isinstance(slot, Choice) else self.slot(slot, filled)
        return filled

    def choice(self, slot: Choice, fillings: Mapping[str, Filling]) -> Filling:
        """Draw one of the choice's words, with its SQL."""
        (place,) = self.rng.choices(range(len(slot.words)), slot.weights)
        sql = render_sql(slot.sql[place], fillings, self.rng)
        return Filling(sql, render_words(slot.words[place], fillings, self.rng))

    def slot(self, slot: Slot, fillings: Mapping[str, Filling]) -> Filling:
        """Draw what a slot is filled with. Raises Unfit."""
        target = fillings.get(slot.of, Filling(""))
        entity = target.entity
        avoid = [f for name in slot.without for f in fillings[name].fields]
        if slot.kind == "number":
            return literals.number(slot.numbers, _size(target), self.rng)
        if slot.kind == "count":
            return literals.count(slot.numbers, self.rng)
        if entity is None and target.fields:
            return self._of_column(slot, target, fillings)
        if entity is None:
            raise Unfit
        if slot.kind == "column":
            return column_filling(self._column(entity, slot, avoid), self.facts, self.rng)
        if slot.kind == "columns":
            return self._columns(self._shown(entity, self.rng.choice(slot.numbers or (1,)), avoid))
        if slot.kind == "title":
            return self._columns(self._title(entity, named="named" in slot.options))
        if slot.kind == "filter" and self.rng.random() >= slot.share:
            return Filling("")
        if slot.kind in ("condition", "filter"):
            condition = self._condition(entity, slot, avoid)
            return replace(condition, sql=f"WHERE {condition.sql}") if slot.kind == "filter" else condition
        if slot.kind == "filters":
            return self._conditions(entity, slot, avoid)
        if slot.kind == "aggregates":
            return self._aggregates(entity, slot)
        return self._phrase(entity, slot, avoid)

    def _of_column(self, slot: Slot, target: Filling, fillings: Mapping[str, Filling]) -> Filling:
        """Literals of a column; an order of it, or another aggregate."""
        column, rng = target.fields[0], self.rng
        above = fillings[slot.above] if slot.above else None
        if slot.kind == "value":
            taken = [level for name in slot.without if (level := fillings[name].level) is not None]
            return literals.value(column, rng, frequent="frequent" in slot.options, without=taken)
        if slot.kind in ("yes", "no"):
            return literals.flag(column, rng, yes=slot.kind == "yes")
        if slot.kind == "limit":
            return literals.limit(column, rng, above)
        if slot.kind == "level":
            entity = next(e for e in self.facts.entities if e.name == column.table)
            group = fillings[slot.without[0]].fields[0] if slot.without else column
            return literals.level(target, entity.rows // max(group.distinct, 1), rng)
        if slot.kind == "moment":
            return literals.moment(column, rng, exact="exact" in slot.options, above=above)
        if slot.kind in ("year", "month", "months"):
            return getattr(literals, slot.kind)(column, rng)  # type: ignore[no-any-return]
        if slot.kind in ("word", "start", "end"):
            return literals.text_part(slot.kind, column, rng)
        return self.say(slot.kind, column, None, slot, but=target.sql)

    def _column(self, entity: Entity, slot: Slot, avoid: Sequence[Field]) -> Field:
        fit = [f for f in _usable(entity, slot.needs, avoid) if f.role in slot.roles]
        if not fit:
            raise Unfit
        return self.rng.choice(fit)

    def _shown(self, entity: Entity, count: int, avoid: Sequence[Field]) -> list[Field]:
        """Columns to select: mostly the title first, and rarely a key."""
        rng, taken = self.rng, {field.sql for field in avoid}
        elsewhere = {field.nouns[0] for field in avoid if field.table != entity.name}
        chosen = [f for f in entity.title if f.sql not in taken] if rng.random() < TITLE_SHARE else []
        if len(chosen) >= count:
            return chosen
        rest = [
            f
            for f in entity.fields
            if f.sql not in taken
            and f not in chosen
            and f.nouns[0] not in elsewhere
            and not f.refers
            and not property_words(f)
            and (f.role != "key" or (f == entity.key and (not entity.title or rng.random() < KEY_SHARE)))
        ]
        if len(rest) + len(chosen) < count:
            raise Unfit
        return [*chosen, *rng.sample(rest, count - len(chosen))]

    def _title(self, entity: Entity, *, named: bool) -> Sequence[Field]:
        if entity.title:
            return entity.title
        if named:
            raise Unfit
        if entity.key:
            return [entity.key]
        fit = [f for f in entity.fields if f.role in ("group", "text", "key", "code") and not f.refers]
        if not fit:
            raise Unfit
        return [self.rng.choice(fit)]

    def _columns(self, fields: Sequence[Field]) -> Filling:
        singular, mostly, plural = columns_words(fields, self.facts, self.rng)
        several = " and " in singular
        forms = {
            "be": "are" if several else "is",
            "be+": "are" if several or mostly != singular else "is",
            "many": plural,
            "a": indefinite(singular),
        }
        for alias in ("t1", "t2"):
            forms[alias] = ", ".join(under_alias(f, alias) for f in fields)
        return Filling(", ".join(f.sql for f in fields), singular, mostly, forms, tuple(fields))

    def _condition(self, entity: Entity, slot: Slot, avoid: Sequence[Field]) -> Filling:
        """A condition on some column of the table; with `several`, one that more than one row is likely to meet."""
        usable = [f for f in _usable(entity, slot.needs, avoid) if f.distinct > 1 and f.cells]
        if "several" in slot.options:
            usable = [f for f in usable if not f.titles and (f.frequent or f.role in ("number", "year", "date"))]
        condition = self.say("condition", self._weighted("condition", usable), entity, slot)
        if "simple" in slot.options and " OR " in condition.sql:
            raise Unfit
        return condition

    def _phrase(self, entity: Entity, slot: Slot, avoid: Sequence[Field]) -> Filling:
        """A phrase on some column of the table that one of the phrases fits."""
        usable = [f for f in _usable(entity, slot.needs, avoid) if not slot.roles or f.role in slot.roles]
        return self.say(slot.kind, self._weighted(slot.kind, usable), entity, slot)

    def _weighted(self, kind: str, usable: Sequence[Field]) -> Field:
        weights = [self.tables.phrases[kind].roles.get(f.role, 0) for f in usable]
        if not any(weights):
            raise Unfit
        return self.rng.choices(usable, weights)[0]

    def say(self, kind: str, column: Field, entity: Entity | None, slot: Slot, but: str = "") -> Filling:
        """Draw and fill a phrase of the kind that fits the column; `but` is SQL that it must not be. Raises Unfit."""
        person = entity.person if entity else None
        place = (kind, column.sql, str(person))
        fit = self.fits.get(place)
        if fit is None:
            fit = [phrase for phrase in self.tables.phrases[kind].phrases if fits(phrase, column, person)]
            self.fits[place] = fit
        if slot.only:
            fit = [phrase for phrase in fit if phrase.template.name in slot.only]
        if not fit:
            raise Unfit
        phrase = self.rng.choices(fit, [phrase.template.weight for phrase in fit])[0]
        filled = self.fill(phrase.template, {"column": column_filling(column, self.facts, self.rng)})
        noun = filled["column"].singular
        if phrase.says:
            words = agreeing(render_words(self.rng.choice(phrase.says), filled, self.rng), noun)
            filled["is"] = Filling("", words)
        sql = render_sql(phrase.template.sql, filled, self.rng)
        words = agreeing(render_words(self.rng.choice(phrase.template.ask), filled, self.rng), noun)
        if sql == but:
            raise Unfit
        if person and words.startswith("that ") and self.rng.random() < WHO_SHARE:
            words = "who " + words.removeprefix("that ")
        forms = {"one": singular_clause(words), "verb": as_verb(words), "a": indefinite(words)}
        if column.unique and sql.startswith(f"{column.sql} = ") and " OR " not in sql:
            forms["the"] = forms["one"]
        if phrase.says:
            forms["is"] = statement = filled["is"].singular
            forms["has"] = _had(statement) if column.role != "flag" and "NULL" not in sql else ""
        return Filling(sql, words, words, forms, (column,))

    def _conditions(self, entity: Entity, slot: Slot, avoid: Sequence[Field]) -> Filling:
        """One or two conditions."""
        first = self._condition(entity, slot, avoid)
        rng = self.rng
        if rng.random() < ONE_CONDITION_SHARE or " OR " in first.sql:
            return first
        second = self._condition(entity, slot, [*avoid, *first.fields])
        if " OR " in second.sql:
            raise Unfit
        word = "AND" if rng.random() < AND_SHARE else "OR"
        fields = (*first.fields, *second.fields)
        if word == "AND" and any(not f.frequent and f.role in IDENTIFYING for f in fields):
            return first  # one row is found by its name: a second condition says nothing
        if word == "AND" and (placed := _placed_first(first.singular, second.singular)):
            words = placed
        elif not _agree(first.singular, second.singular) or rng.random() < STATEMENT_SHARE:
            again = "whose " if word == "OR" or rng.random() < AGAIN_SHARE else ""
            words = f"whose {first.forms['is']} {word.lower()} {again}{second.forms['is']}"
        else:
            words = f"{first.singular} {word.lower()} {second.singular}"
        forms = {"one": singular_clause(words), "verb": as_verb(words)}
        return Filling(f"{first.sql} {word} {second.sql}", words, words, forms, fields)

    def _aggregates(self, entity: Entity, slot: Slot) -> Filling:
        """Several aggregates of one column: `average and maximum price`."""
        column = self._column(entity, replace(slot, roles=("number",)), ())
        name = column_filling(column, self.facts, self.rng)
        chosen = self.rng.sample(self.tables.several_aggregates, self.rng.choice(slot.numbers))
        words = joined([render_words(phrase.words, {}, self.rng) for phrase in chosen])
        filled = {"column": name}
        sql = ", ".join(render_sql(phrase.sql, filled, self.rng) for phrase in chosen)
        return Filling(sql, f"{words} {name.singular}", fields=(column,))


def fits(phrase: Phrase, column: Field, person: bool | None) -> bool:
    """Tell whether a phrase can be said of a column, and of a person or a thing."""
    noun = column.nouns[0].split(" in ")[0]  # without its unit
    endings = tuple(f" {end}" for end in phrase.endings)
    not_endings = tuple(f" {end}" for end in phrase.not_endings)
    person_only = phrase.template.person
    return (
        column.role in phrase.roles
        and (not phrase.nouns or noun in phrase.nouns)
        and (not endings or f" {noun}".endswith(endings))
        and not (not_endings and f" {noun}".endswith(not_endings))
        and all(NEEDS[need](column) for need in phrase.needs)
        and (person_only is None or person_only == person)
    )


def _had(statement: str) -> str:
    """Turn `name is Rome` into `the name Rome`, and `age is over 30` into `an age over 30`."""
    noun, _, rest = statement.replace(" are ", " is ", 1).partition(" is ")
    if not rest or re.match(r"not|either|other|anything", rest):
        return ""
    compared = re.match(r"[a-z]+ (?:than|\S*\d)|\S+ or |between|over|above|under|below|from|in |no ", rest)
    return f"{indefinite(noun) if compared else f'the {noun}'} {rest}"


def _placed_first(first: str, second: str) -> str:
    """Put a clause of place before another one: `from Peru with a price over 3`; nothing where none is of place."""
    for one, other in ((first, second), (second, first)):
        if one.split()[0] in ("in", "from") and other.split()[0] in ("with", "whose", "that", "who"):
            return f"{one} {other}"
    return ""


def _agree(first: str, second: str) -> bool:
    """Tell whether two clauses can stand on either side of an `and`: `with a price over 3 and with a discount`."""
    openings = {re.sub("having", "with", clause.split()[0]) for clause in (first, second)}
    return len(openings) == 1


def _usable(entity: Entity, needs: Sequence[str], avoid: Sequence[Field]) -> Iterator[Field]:
    taken = {field.sql for field in avoid}
    return (f for f in entity.fields if f.sql not in taken and all(NEEDS[need](f) for need in needs))


def _first_entity(fillings: Mapping[str, Filling]) -> Entity:
    return next(filling.entity for filling in fillings.values() if filling.entity is not None)


def _size(target: Filling) -> int | None:
    """What a number stays below: the rows of a table, the values of a column."""
    if target.entity is not None:
        return target.entity.rows
    return target.fields[0].distinct if target.fields else None

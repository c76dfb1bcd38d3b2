"""Families that compare sets of rows: without children, both, either, one but not the other."""

import random

from ..facts import Entity, Facts, Field
from ..language.conditions import condition
from ..language.naming import plural
from ..language.phrases import (
    Unfit,
    ask,
    fields_of,
    list_said,
    noun,
    nouns,
    pick,
    pick_entity,
    said,
    select,
    shown,
    spin,
    sql_value,
    value_said,
)
from .joins import any_edge, either_way, joins, parent_said, title_of
from .links import any_link, bridging
from .single import Pair


def without_children(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin or edge.child_field.nulls:  # NOT IN over a NULL is never true
        raise Unfit
    parent, person, inner, where = edge.parent, parent_said(rng, edge), "", ""
    extra = ""
    if rng.random() < 0.3:
        found = condition(rng, facts, edge.child, avoid=(edge.child_field,), several=True)
        if " OR " in found.sql:
            raise Unfit
        inner, extra = f" WHERE {found.sql}", found.phrase
    sub = f"{edge.parent_field.sql} NOT IN (SELECT {edge.child_field.sql} FROM {edge.child.sql}{inner})"
    thing, many = noun(rng, edge.child), nouns(rng, edge.child)
    lacking = spin(
        rng,
        "[that do not have any {o}|without any {o}|without {n}|that have no {n}|with no {n}|who do not have any {n}]"
        if parent.person
        else "[that do not have any {o}|without any {o}|without {n}|that have no {n}|with no {n}]",
        o=thing,
        n=many,
    )
    lacking += f" {extra}" if extra else ""
    if rng.random() < 0.25:
        frames = [
            "How many {q} are there {l}?",
            "[Count|Find] the number of {q} {l}.",
            "How many {q} do not have any {o} {x}?",
        ]
        return spin(
            rng, rng.choice(frames), q=plural(person), l=lacking, o=thing, x=extra
        ), f"SELECT COUNT(*) FROM {parent.sql} WHERE {sub}"
    fields = shown(rng, parent, rng.choice([1, 1, 1, 2]))
    if rng.random() < 0.15:
        own = condition(rng, facts, parent, several=True)
        if " OR " in own.sql:
            raise Unfit
        where = f" AND {own.sql}"
        lacking = f"{own.phrase} {lacking}"
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    body = f"{columns} of {rng.choice(['the ', 'all ', ''])}{plural(person)} {lacking}"
    question = ask(rng, body)
    if rng.random() < 0.25 and not where:
        question = spin(
            rng,
            "Which {q} [do not have|have never had|have not had] any {o} {x}? [Give|Show|List|Return] [their|the] {c}.",
            q=plural(person),
            o=thing,
            x=extra,
            c=list_said(rng, facts, fields),
        )
    return question, f"SELECT {select(fields)} FROM {parent.sql} WHERE {sub}{where}"


def with_children(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    person = parent_said(rng, edge)
    if rng.random() < 0.5:
        question = spin(
            rng,
            (
                "[How many {q} have [at least one {o}|any {n}]?|Count the {q} that have at least one {o}.|What is the "
                "number of different {q} that have {n}?]"
            ),
            q=plural(person),
            o=noun(rng, edge.child),
            n=nouns(rng, edge.child),
        )
        return question, f"SELECT COUNT(DISTINCT {edge.child_field.sql}) FROM {edge.child.sql}"
    fields = shown(rng, edge.parent, 1)
    body = spin(
        rng,
        "{c} of [the |all |]{q} that [have|appear in] at least one {o}",
        c=list_said(rng, facts, fields),
        q=plural(person),
        o=noun(rng, edge.child),
    ).replace("appear in at", "have at")
    return (
        ask(rng, body),
        (
            f"SELECT {select(fields)} FROM {edge.parent.sql} WHERE {edge.parent_field.sql} IN (SELECT "
            f"{edge.child_field.sql} FROM {edge.child.sql})"
        ),
    )


def _two_cells(rng: random.Random, field: Field) -> tuple[str, str, str, str]:
    cells = field.frequent if len(field.frequent) > 1 else field.cells
    if len(cells) < 2:
        raise Unfit
    a, b = rng.sample(cells[:12], 2)
    return sql_value(a), sql_value(b), value_said(rng, a), value_said(rng, b)


def groups_with_both(facts: Facts, rng: random.Random) -> Pair:
    """Values of one column shared by rows of two kinds, or by one kind but not the other."""
    entity, group = pick_entity(rng, facts, "group", "group", "year")
    other = pick(rng, [f for f in fields_of(entity, "group", "flag") if f != group and f.distinct > 1])
    a, b, va, vb = _two_cells(rng, other)
    name, x, many = said(rng, facts, group), said(rng, facts, other), nouns(rng, entity)
    first, second = f"{other.sql} = {a}", f"{other.sql} = {b}"
    numbers = fields_of(entity, "number")
    phrases = (f"{x} {va}", f"{x} {vb}")
    if numbers and rng.random() < 0.35:
        value = rng.choice(numbers)
        found = sorted(cell for cell in value.cells if isinstance(cell, int | float))
        if len(found) < 5:
            raise Unfit
        low, high = found[len(found) // 3], found[len(found) * 2 // 3]
        if low >= high:
            raise Unfit
        first, second = f"{value.sql} > {high}", f"{value.sql} < {low}"
        v = said(rng, facts, value)
        phrases = (f"{v} above {high}", f"{v} below {low}")
    if rng.random() < 0.6:
        frames = [
            "[Which|What] {p} have both {n} with {a} and {n} with {b}?",
            "[Show|List|Find|Give] the {p} [shared by|common to] {n} with {a} and {n} with {b}.",
            "[Find|Show] the {p} that have {n} with {a} as well as {n} with {b}.",
        ]
        return (
            spin(rng, rng.choice(frames), p=plural(name), n=many, a=phrases[0], b=phrases[1]),
            (
                f"SELECT {group.sql} FROM {entity.sql} WHERE {first} INTERSECT "
                f"SELECT {group.sql} FROM {entity.sql} WHERE {second}"
            ),
        )
    if rng.random() < 0.5:
        frames = [
            "[Which|What] {p} [do not have any|have no] {n} with {a}?",
            "[Show|List|Find] the {p} without [any |]{n} with {a}.",
            "[Find|Show|List] all {p} except those of {n} with {a}.",
        ]
        return spin(
            rng, rng.choice(frames), p=plural(name), n=many, a=phrases[0]
        ), f"SELECT {group.sql} FROM {entity.sql} EXCEPT SELECT {group.sql} FROM {entity.sql} WHERE {first}"
    frames = [
        "[Which|What] {p} have {n} with {a} but [no {n}|none|not any] with {b}?",
        "[Show|List|Find] the {p} that have {n} with {a} but do not have any with {b}.",
    ]
    return spin(
        rng, rng.choice(frames), p=plural(name), n=many, a=phrases[0], b=phrases[1]
    ), f"SELECT {group.sql} FROM {entity.sql} WHERE {first} EXCEPT SELECT {group.sql} FROM {entity.sql} WHERE {second}"


def _across(rng: random.Random, facts: Facts) -> tuple[Entity, str, Field, str, str]:
    """A parent, a FROM clause to a table below it, a column there to tell rows apart, its noun phrases."""
    if rng.random() < 0.5:
        link = any_link(rng, facts)
        start, first, second, end = link
        if not bridging(link):
            raise Unfit
        field = pick(rng, [f for f in fields_of(end, "name", "group", "text") if f.distinct > 1])
        return start, joins(start, [first, second]), field, noun(rng, start), noun(rng, end)
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    field = pick(rng, [f for f in fields_of(edge.child, "group", "flag") if f.distinct > 1])
    return edge.parent, either_way(rng, edge), field, parent_said(rng, edge), noun(rng, edge.child)


def parents_with_both(facts: Facts, rng: random.Random) -> Pair:
    """Parents with children of both kinds, or of one but not the other."""
    parent, source, field, person, thing = _across(rng, facts)
    title = title_of(rng, parent)
    a, b, va, vb = _two_cells(rng, field)
    x, columns = said(rng, facts, field), list_said(rng, facts, title, many=rng.random() < 0.65)
    head = f"SELECT {select(title)} FROM {source} WHERE {field.sql}"
    named = field.role == "name"
    pa, pb = (f"{indef(thing)} {'named' if named else f'with {x}'} {v}" for v in (va, vb))
    if rng.random() < 0.6:
        body = spin(
            rng,
            "{c} of [the |]{q} [that|who] have both {a} and {b}"
            if parent.person
            else "{c} of [the |]{q} [that have|with] both {a} and {b}",
            c=columns,
            q=plural(person),
            a=pa,
            b=pb,
        )
        question = ask(rng, body)
        if rng.random() < 0.3:
            question = spin(
                rng,
                "Which {q} have both {a} and {b}? [Give|Show|List] [their|the] {c}.",
                q=plural(person),
                a=pa,
                b=pb,
                c=columns,
            )
        return question, f"{head} = {a} INTERSECT {head} = {b}"
    body = spin(
        rng,
        "{c} of [the |]{q} [that have|with] {a} but [not|no {t}] {b}",
        c=columns,
        q=plural(person),
        a=pa,
        b=pb,
        t=thing,
    )
    body = body.replace(f"but no {thing} {pb}", f"but no {thing} {'named' if named else f'with {x}'} {vb}").replace(
        f"but not {pb}", f"but not {pb}"
    )
    return ask(rng, body), f"{head} = {a} EXCEPT {head} = {b}"


def indef(thing: str) -> str:
    from ..language.naming import article

    return article(thing)


def except_having(facts: Facts, rng: random.Random) -> Pair:
    """All parents but those with a child of some kind."""
    parent, source, field, person, thing = _across(rng, facts)
    title = title_of(rng, parent)
    cell = rng.choice(field.frequent or field.cells)
    x = said(rng, facts, field)
    what = f"{thing} {'named' if field.role == 'name' else f'with {x}'} {value_said(rng, cell)}"
    columns = list_said(rng, facts, title, many=rng.random() < 0.65)
    body = spin(
        rng,
        "{c} of [the |all |]{q} [that do not have any|without any|that have no|except those with a] {t}",
        c=columns,
        q=plural(person),
        t=what,
    )
    return (
        ask(rng, body),
        (
            f"SELECT {select(title)} FROM {parent.sql} EXCEPT SELECT {select(title)} FROM {source} WHERE {field.sql} "
            f"= {sql_value(cell)}"
        ),
    )


def either(facts: Facts, rng: random.Random) -> Pair:
    """The union of two conditions over one table, each different value once."""
    entity, group = pick_entity(rng, facts, "group", "name", "name")
    one_side, other = condition(rng, facts, entity, avoid=(group,)), condition(rng, facts, entity, avoid=(group,))
    if one_side.fields == other.fields or " OR " in one_side.sql + other.sql:
        raise Unfit
    many = nouns(rng, entity)
    body = spin(
        rng,
        (
            "different {c} of [{n} {a} and of {n} {b}, combined|{n} {a} together with those of {n} {b}|the {n} that "
            "are either {n} {a} or {n} {b}]"
        ),
        c=plural(said(rng, facts, group)),
        n=many,
        a=one_side.phrase,
        b=other.phrase,
    )
    return (
        ask(rng, body),
        (
            f"SELECT {group.sql} FROM {entity.sql} WHERE {one_side.sql} UNION SELECT {group.sql} FROM {entity.sql} "
            f"WHERE {other.sql}"
        ),
    )


SETS = (
    (3.5, without_children),
    (1.2, with_children),
    (4, groups_with_both),
    (5, parents_with_both),
    (2, except_having),
    (1, either),
)

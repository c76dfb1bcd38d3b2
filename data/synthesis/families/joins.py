"""Families over two tables joined along a foreign key: one filtered by the other, or columns of both."""

import random
from collections.abc import Sequence

from ..facts import Edge, Entity, Facts, Field
from ..language.conditions import condition
from ..language.naming import plural
from ..language.phrases import (
    Unfit,
    ask,
    direction,
    fields_of,
    indefinite,
    list_said,
    noun,
    nouns,
    pick,
    said,
    select,
    shown,
    spin,
)
from .single import Pair, aggregate_said, summable


def joins(start: Entity, path: Sequence[Edge]) -> str:
    """The FROM clause along a path of edges; the earlier table stands left in every condition."""
    text, seen = start.sql, {start.name}
    for edge in path:
        if edge.child.name in seen:
            new, left, right = edge.parent, edge.child_field, edge.parent_field
        else:
            new, left, right = edge.child, edge.parent_field, edge.child_field
        if new.name in seen:
            raise Unfit
        seen.add(new.name)
        text += f" JOIN {new.sql} ON {left.sql} = {right.sql}"
    return text


def any_edge(rng: random.Random, facts: Facts) -> Edge:
    """A key between two different tables that sentences can speak of."""
    fit = [e for e in facts.edges if e.child.name != e.parent.name and e.child.spoken and e.parent.spoken]
    if not fit:
        raise Unfit
    return rng.choice(fit)


def either_way(rng: random.Random, edge: Edge) -> str:
    start = edge.child if rng.random() < 0.5 else edge.parent
    return joins(start, [edge])


def parent_said(rng: random.Random, edge: Edge) -> str:
    return rng.choice(edge.nouns)


def title_of(rng: random.Random, entity: Entity) -> tuple[Field, ...]:
    if entity.title:
        return entity.title
    if entity.key:
        return (entity.key,)
    return (pick(rng, fields_of(entity, "group", "text", "key", "code")),)


def child_where_parent(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    child, parent = edge.child, edge.parent
    found = condition(rng, facts, parent, avoid=(edge.parent_field,))
    fields = shown(rng, child, rng.choice([1, 1, 1, 2, 2]))
    person = parent_said(rng, edge)
    parts = {
        "c": list_said(rng, facts, fields, many=rng.random() < 0.65),
        "n": nouns(rng, child),
        "p": person,
        "ps": plural(person),
        "w": found.phrase,
        "w1": found.of_one,
        "s": found.statement.replace(" is ", " ", 1),
        "a": indefinite(person),
    }
    sql = f"SELECT {select(fields)} FROM {either_way(rng, edge)} WHERE {found.sql}"
    if edge.twin:
        if " = " not in found.sql:
            raise Unfit
        return ask(rng, spin(rng, "{c} of [the |all |]{n} whose {p} has {s}", **parts)), sql
    if rng.random() < 0.2:
        verb = rng.choice(["show", "list", "give", "find", "what are"])
        question = spin(rng, "For the {p} {w1}, " + verb + " the {c} of [its|the] {n}.", **parts)
        return (question[:-1] + "?" if verb == "what are" else question), sql
    frames = [
        "{c} of [the |all |]{n} [of|of|for|belonging to] the {p} {w1}",
        "{c} of [the |]{n} that belong to {a} {w1}",
        "{c} of [the |all |]{n} [of|for] {ps} {w}",
        "{c} of [the |all |]{n} whose {p} is {x}",
    ]
    direct = found.phrase.split()[0] in (
        "from",
        "in",
        "located",
        "born",
        "named",
        "called",
        "older",
        "younger",
        "taller",
    )
    return ask(rng, spin(rng, rng.choice(frames if direct else frames[:3]), x=found.phrase, **parts)), sql


def parent_where_child(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    found = condition(rng, facts, edge.child)
    fields = shown(rng, edge.parent, rng.choice([1, 1, 1, 2, 2]))
    person, distinct = parent_said(rng, edge), rng.random() < 0.3
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    different = rng.choice(["different ", "distinct ", "unique "]) if distinct else ""
    frames = [
        "{d}{c} of [the |all |]{q} [that have|with|having] {i} {w1}",
        "{d}{c} of [the |all |]{q} of {n} {w}",
        "{d}{c} of the {p} of [each|every|the] {o} {w1}",
        "{d}{c} of [the |]{q} who have {n} {w}" if edge.parent.person else "{d}{c} of [the |]{q} that have {n} {w}",
    ]
    body = spin(
        rng,
        rng.choice(frames),
        c=columns,
        q=plural(person),
        p=person,
        o=noun(rng, edge.child),
        n=nouns(rng, edge.child),
        w=found.phrase,
        w1=found.of_one,
        i=indefinite(noun(rng, edge.child)),
        d=different,
    )
    return ask(
        rng, body
    ), f"SELECT {'DISTINCT ' if distinct else ''}{select(fields)} FROM {either_way(rng, edge)} WHERE {found.sql}"


def both_tables(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    child, parent, person = edge.child, edge.parent, parent_said(rng, edge)
    mine, theirs = shown(rng, child, rng.choice([1, 1, 2])), shown(rng, parent, 1, avoid=(edge.parent_field,))
    a, b = list_said(rng, facts, mine), list_said(rng, facts, theirs)
    frames = [
        "{a} of [each|every] {o} [and|together with|along with] the {b} of its {p}",
        "{a} of [all |the |]{n} and the {b} of [their|the corresponding] {p}",
        "{a} of each {o} and {its} {p}'s {b}",
    ]
    its = "their" if child.person else "its"
    body = spin(rng, rng.choice(frames), a=a, b=b, o=noun(rng, child), n=nouns(rng, child), p=person, its=its)
    question = ask(rng, body)
    if rng.random() < 0.25:
        question = spin(
            rng,
            "For [each|every] {o}, [show|list|give|find] {its} {a} and the {b} of {its} {p}.",
            o=noun(rng, child),
            a=a,
            b=b,
            p=person,
            its=its,
        )
    sql = f"SELECT {select([*mine, *theirs])} FROM {either_way(rng, edge)}"
    chance = rng.random()
    if chance < 0.2:
        found = condition(rng, facts, child, avoid=tuple(mine))
        body = f"{a} of {nouns(rng, child)} {found.phrase} and the {b} of their {person}"
        return ask(rng, body), f"{sql} WHERE {found.sql}"
    if chance < 0.4:
        field = pick(rng, fields_of(child, "number", "date", "year", "name"))
        suffix, order = direction(rng, said(rng, facts, field), field.role)
        return question.rstrip(".?") + f", {order}" + question[-1], f"{sql} ORDER BY {field.sql}{suffix}"
    return question, sql


def count_of_parent(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    found = condition(rng, facts, edge.parent, avoid=(edge.parent_field,))
    person = parent_said(rng, edge)
    frames = [
        "How many {n} does the {p} {w1} have?",
        "[Count|Find the number of] the {n} of the {p} {w1}.",
        "[Find|Show|Return] the number of {n} [for|of] {q} {w}.",
        "How many {n} [belong to|are there for] {q} {w}?",
        "What is the [total |]number of {n} [of|for] the {p} {w1}?",
    ]
    return spin(
        rng, rng.choice(frames), n=nouns(rng, edge.child), p=person, q=plural(person), w=found.phrase, w1=found.of_one
    ), f"SELECT COUNT(*) FROM {either_way(rng, edge)} WHERE {found.sql}"


def aggregate_of_parent(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    function, value = summable(rng, edge.child)
    found = condition(rng, facts, edge.parent, avoid=(edge.parent_field,))
    person = parent_said(rng, edge)
    frames = [
        "What is the {x} of [the |all |]{n} [of|for] the {p} {w1}?",
        "[Find|Show|Compute|Give] the {x} of [the |]{n} [of|for|belonging to] {q} {w}.",
    ]
    return spin(
        rng,
        rng.choice(frames),
        x=aggregate_said(rng, facts, function, value),
        n=nouns(rng, edge.child),
        p=person,
        q=plural(person),
        w=found.phrase,
        w1=found.of_one,
    ), f"SELECT {function}({value.sql}) FROM {either_way(rng, edge)} WHERE {found.sql}"


def conditions_on_both(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    mine, theirs = condition(rng, facts, edge.child), condition(rng, facts, edge.parent)
    if " OR " in mine.sql + theirs.sql:
        raise Unfit
    person, many = parent_said(rng, edge), nouns(rng, edge.child)
    sql = f"FROM {either_way(rng, edge)} WHERE {theirs.sql} AND {mine.sql}"
    if rng.random() < 0.3:
        return spin(
            rng, "How many {n} {m} does the {p} {w} have?", n=many, m=mine.phrase, p=person, w=theirs.of_one
        ), f"SELECT COUNT(*) {sql}"
    fields = shown(rng, edge.child, rng.choice([1, 1, 2]))
    body = spin(
        rng,
        "[{c} of {n} {m} that belong to {q} {w}|{c} of the {n} of {q} {w}, only those {m}]",
        c=list_said(rng, facts, fields),
        n=many,
        m=mine.phrase,
        q=plural(person),
        w=theirs.phrase,
    )
    return ask(rng, body), f"SELECT {select(fields)} {sql}"


JOINS = (
    (6, child_where_parent),
    (4, parent_where_child),
    (5, both_tables),
    (2.5, count_of_parent),
    (1.2, aggregate_of_parent),
    (1.5, conditions_on_both),
)

"""Families over three tables or one table twice: through a link, along a chain, to its own rows."""

import random

from ..facts import Edge, Entity, Facts, Field
from ..language.conditions import condition
from ..language.naming import plural
from ..language.phrases import (
    Unfit,
    ask,
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
from .joins import either_way, joins, parent_said, title_of
from .single import Pair

Link = tuple[Entity, Edge, Edge, Entity]


def any_link(rng: random.Random, facts: Facts) -> Link:
    """Two tables and the table between them that refers to both."""
    found = [
        (a.parent, a, b, b.parent)
        for a in facts.edges
        for b in facts.edges
        if a.child.name == b.child.name
        and a.parent.name != b.parent.name
        and a.child.name not in (a.parent.name, b.parent.name)
        and not a.twin
        and not b.twin
        and a.parent.spoken
        and b.parent.spoken
    ]
    if not found:
        raise Unfit
    return rng.choice(found)


def bridging(link: Link) -> bool:
    """Whether the table between is only a link, so that `the a's b` is clear without naming it."""
    return not link[1].child.spoken


def through_link(facts: Facts, rng: random.Random) -> Pair:
    """One side of a many-to-many link, filtered by the other."""
    link = any_link(rng, facts)
    start, first, second, end = link
    found = condition(rng, facts, end, avoid=(second.parent_field,))
    path = joins(start, [first, second]) if rng.random() < 0.6 else joins(end, [second, first])
    between = "" if bridging(link) else nouns(rng, first.child)
    parts = {
        "n": nouns(rng, start),
        "e": noun(rng, end),
        "i": indefinite(noun(rng, end)),
        "es": nouns(rng, end),
        "w": found.phrase,
        "w1": found.of_one,
        "b": between,
    }
    if between:
        frames = [
            "{n} in the {b} of the {e} {w1}",
            "{n} in [the |]{b} of {es} {w}",
            "{n} that appear in [the |]{b} of [the {e} {w1}|{es} {w}]",
            "{n} that have {b} with {i} {w1}",
        ]
    else:
        frames = [
            "{n} [of|for|with|that have] the {e} {w1}",
            "{n} [with|that have|linked to] {i} {w1}",
            "{n} for {es} {w}",
            "{n} [associated|connected] with the {e} {w1}",
        ]
    which = spin(rng, rng.choice(frames), **parts)
    if rng.random() < 0.2:
        question = spin(rng, "[How many {x} are there?|How many different {x} are there?|Count the {x}.]", x=which)
        named = found.fields == end.title and " = " in found.sql and " OR " not in found.sql
        counted = (
            "COUNT(*)"
            if named and not between and "different" not in question
            else f"COUNT(DISTINCT {first.parent_field.sql})"
        )
        return question, f"SELECT {counted} FROM {path} WHERE {found.sql}"
    fields, distinct = shown(rng, start, rng.choice([1, 1, 2])), rng.random() < 0.3
    different = rng.choice(["different ", "distinct "]) if distinct else ""
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    article = rng.choice(["the ", "all ", ""]) if not between else "the "
    sql = f"SELECT {'DISTINCT ' if distinct else ''}{select(fields)} FROM {path} WHERE {found.sql}"
    if tuple(fields) == start.title and rng.random() < 0.25:
        return spin(rng, "[List|Show|Find] [all |the ]{d}{x} by {c}.", d=different, x=which, c=columns), sql
    return ask(rng, f"{different}{columns} of {article}{which}"), sql


def pairs_of_link(facts: Facts, rng: random.Random) -> Pair:
    """Names of both sides for every link, with a column of the link sometimes."""
    link = any_link(rng, facts)
    start, first, second, end = link
    a, b, middle = title_of(rng, start), title_of(rng, end), first.child
    path = joins(start, [first, second])
    extra = [f for f in middle.fields if f.role in ("number", "date", "year", "group")]
    field = rng.choice(extra) if extra and rng.random() < 0.4 else None
    parts = {
        "a": list_said(rng, facts, a),
        "n": noun(rng, start),
        "b": list_said(rng, facts, b),
        "m": noun(rng, end),
        "ms": nouns(rng, end),
        "l": noun(rng, middle),
        "f": said(rng, facts, field) if field else "",
    }
    chosen = [*a, *b, field] if field else [*a, *b]
    sql = f"SELECT {select(chosen)} FROM {path}"
    if middle.spoken:
        frame = "For [each|every] {l}, [show|list|give|find] the {a} of the {n}, the {b} of the {m} and the {f}."
        if not field:
            frame = "For [each|every] {l}, [show|list|give|find] the {a} of the {n} and the {b} of the {m}."
        return spin(rng, frame, **parts), sql
    if field:
        return ask(rng, spin(rng, "{a} of each {n}, the {b} of each of its {ms}, and the {f}", **parts)), sql
    return ask(
        rng, spin(rng, "{a} of [each|every] {n} [and|together with|along with] the {b} of [its|the] {ms}", **parts)
    ), sql


def link_counts(facts: Facts, rng: random.Random) -> Pair:
    """For each row of one side, how many of the other: counted in the link table, which is joined once."""
    link = any_link(rng, facts)
    start, first, _, end = link
    if first.child.spoken:  # its rows are what would be counted
        raise Unfit
    title = title_of(rng, start)
    columns, many, person = list_said(rng, facts, title), nouns(rng, end), noun(rng, start)
    base = f"FROM {either_way(rng, first)} GROUP BY {first.parent_field.sql}"
    chance = rng.random()
    if chance < 0.4:
        question = spin(
            rng,
            (
                "[For each {p}, show the {c} and the number of {n}.|How many {n} does each {p} have? List the {c} and "
                "the count.|List the {c} of each {p} and the number of {n}.]"
            ),
            p=person,
            c=columns,
            n=many,
        )
        return question, f"SELECT {select(title)}, COUNT(*) {base}"
    if chance < 0.75:
        question = spin(
            rng,
            (
                "[Which {p} has the most {n}? Give the {c}.|What is the {c} of the {p} with the "
                "[most|largest number of] {n}?|Find the {c} of the {p} that has the [most|highest number of] {n}.]"
            ),
            p=person,
            c=columns,
            n=many,
        )
        return question, f"SELECT {select(title)} {base} ORDER BY COUNT(*) DESC LIMIT 1"
    k = rng.choice([2, 2, 3, 4])
    operator, words = rng.choice([(">", "more than"), (">=", "at least"), ("=", "exactly")])
    return ask(
        rng, f"{columns} of {plural(person)} with {words} {k} {many}"
    ), f"SELECT {select(title)} {base} HAVING COUNT(*) {operator} {k}"


def chain(facts: Facts, rng: random.Random) -> Pair:
    """Grandchildren filtered by their grandparent."""
    found = [
        (a, b)
        for a in facts.edges
        for b in facts.edges
        if a.parent.name == b.child.name
        and not a.twin
        and not b.twin
        and len({a.child.name, a.parent.name, b.parent.name}) == 3
        and a.child.spoken
        and a.parent.spoken
        and b.parent.spoken
    ]
    if not found:
        raise Unfit
    first, second = rng.choice(found)
    path = joins(first.child, [first, second]) if rng.random() < 0.6 else joins(second.parent, [second, first])
    where = condition(rng, facts, second.parent)
    words = spin(
        rng,
        "whose {m} belongs to [a|the] {p} {w1}",
        m=parent_said(rng, first),
        p=parent_said(rng, second),
        w1=where.of_one,
    )
    if rng.random() < 0.5:
        words = spin(
            rng,
            "of the {ms} of the {p} {w1}",
            ms=plural(parent_said(rng, first)),
            p=parent_said(rng, second),
            w1=where.of_one,
        )
    if rng.random() < 0.3:
        return spin(
            rng,
            "[How many {n} are there {x}?|Count the {n} {x}.|What is the number of {n} {x}?]",
            n=nouns(rng, first.child),
            x=words,
        ), f"SELECT COUNT(*) FROM {path} WHERE {where.sql}"
    fields, distinct = shown(rng, first.child, rng.choice([1, 1, 2])), rng.random() < 0.15
    body = f"{'different ' if distinct else ''}{list_said(rng, facts, fields)} of the {nouns(rng, first.child)} {words}"
    return ask(rng, body), f"SELECT {'DISTINCT ' if distinct else ''}{select(fields)} FROM {path} WHERE {where.sql}"


def self_join(facts: Facts, rng: random.Random) -> Pair:
    edges = [e for e in facts.edges if e.child.name == e.parent.name and e.child.title and e.child.spoken]
    if not edges:
        raise Unfit
    edge = rng.choice(edges)
    entity, role = edge.child, edge.nouns[0]

    def of(alias: str, field: Field) -> str:
        return f"{alias}.{field.sql.split('.', 1)[1]}"

    on = f"{of('t1', edge.child_field)} = {of('t2', edge.parent_field)}"
    source = f"FROM {entity.sql} AS t1 JOIN {entity.sql} AS t2 ON {on}"
    title, name = entity.title, list_said(rng, facts, entity.title)
    mine, boss = (", ".join(of(alias, f) for f in title) for alias in ("t1", "t2"))
    chance = rng.random()
    if chance < 0.4:
        question = spin(
            rng,
            (
                "[Show|List|Give|Find] the {c} of [each|every] {o} [and|together with|along with] the {c} of "
                "[its|their|the] {r}."
            ),
            c=name,
            o=noun(rng, entity),
            r=role,
        )
        return question, f"SELECT {mine}, {boss} {source}"
    if chance < 0.65:
        question = spin(
            rng,
            (
                "[For each {r}, how many {n} are there? Show the {c} of the {r} and the count.|List the {c} of "
                "each {r} and the number of {n} they are the {r} of.]"
            ),
            c=name,
            r=role,
            n=nouns(rng, entity),
        )
        return question, f"SELECT {boss}, COUNT(*) {source} GROUP BY {of('t2', edge.parent_field)}"
    value = pick(rng, fields_of(entity, "number"))
    question = spin(
        rng,
        "[Which|What] {n} have a higher {f} than their {r}? [Give|Show|List] their {c}.",
        n=nouns(rng, entity),
        f=said(rng, facts, value),
        r=role,
        c=name,
    )
    return question, f"SELECT {mine} {source} WHERE {of('t1', value)} > {of('t2', value)}"


def beyond_link(facts: Facts, rng: random.Random) -> Pair:
    """Three edges: one side of a link, filtered by what the other side refers to."""
    link = any_link(rng, facts)
    start, first, second, end = link
    further = [
        edge
        for edge in facts.edges
        if edge.child.name == end.name
        and not edge.twin
        and edge.parent.spoken
        and edge.parent.name not in (start.name, end.name, first.child.name)
    ]
    if not further:
        raise Unfit
    third = rng.choice(further)
    found = condition(rng, facts, third.parent, avoid=(third.parent_field,))
    path = joins(start, [first, second, third]) if rng.random() < 0.6 else joins(third.parent, [third, second, first])
    fields = shown(rng, start, rng.choice([1, 1, 2]))
    way = (
        f"in the {nouns(rng, first.child)} of" if not bridging(link) else rng.choice(["of", "for", "with", "linked to"])
    )
    body = spin(
        rng,
        "{d}{c} of [the |all the ]{n} {way} [{es} whose {p} is one {w1}|the {es} of the {p} {w1}]",
        d="different ",
        c=list_said(rng, facts, fields, many=rng.random() < 0.65),
        n=nouns(rng, start),
        way=way,
        es=nouns(rng, end),
        p=parent_said(rng, third),
        w1=found.of_one,
    )
    return ask(rng, body), f"SELECT DISTINCT {select(fields)} FROM {path} WHERE {found.sql}"


LINKS = (
    (8, through_link),
    (2.5, pairs_of_link),
    (3, link_counts),
    (4, chain),
    (1, beyond_link),
    (3, self_join),
)

"""Families that group the rows of one table under the row that they refer to: counts, most, having, aggregates."""

import random

from ..facts import Facts
from ..language.naming import plural
from ..language.phrases import (
    Unfit,
    ask,
    direction,
    extreme,
    fields_of,
    list_said,
    noun,
    nouns,
    pick,
    said,
    select,
    shown,
    spin,
)
from .groups import HAVING
from .joins import any_edge, either_way, parent_said, title_of
from .single import SMALL, Pair, aggregate_said, summable


def parent_counts(facts: Facts, rng: random.Random) -> Pair:
    """For each parent the number of its children."""
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    title, parent, child = title_of(rng, edge.parent), edge.parent, edge.child
    person, many, columns = parent_said(rng, edge), nouns(rng, child), list_said(rng, facts, title)
    base = f"FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql}"
    frames = [
        "For each {p}, [show|list|give|return|find] [its|the] {c} and the number of {n}.",
        "What is the {c} of each {p} and how many {n} does it have?",
        "[List|Show|Give|Return] the {c} [and|along with|together with] the number of {n} [of|for] each {p}.",
        "[Show|List] the {c} of [all |the |]{q} and the number of {n} each has.",
        "How many {n} does each {p} have? [Show|List|Give] the {c} and the [count|number].",
        "[Count|Find] the number of {n} per {p}; [show|give] the {c} and the count.",
    ]
    question = spin(rng, rng.choice(frames), p=person, q=plural(person), c=columns, n=many)
    if parent.person:
        question = question.replace(" does it have", " does that person have").replace("[its|the]", "the")
    if rng.random() < 0.2:
        down = rng.random() < 0.7
        question = question.rstrip(".?") + (", most first" if down else ", fewest first") + question[-1]
        return question, f"SELECT {select(title)}, COUNT(*) {base} ORDER BY COUNT(*){' DESC' if down else ''}"
    return question, f"SELECT {select(title)}, COUNT(*) {base}"


def parent_with_most(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    fields = shown(rng, edge.parent, rng.choice([1, 1, 1, 2, 2]))
    down = rng.random() < 0.75
    k = rng.choice([1, 1, 1, 1, 2, 3, 5])
    person, many = parent_said(rng, edge), nouns(rng, edge.child)
    extremum = rng.choice(
        ["most", "most", "largest number of", "highest number of", "greatest number of"]
        if down
        else ["fewest", "lowest number of", "smallest number of"]
    )
    columns = list_said(rng, facts, fields)
    sql = (
        f"SELECT {select(fields)} FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql} "
        f"ORDER BY COUNT(*){' DESC' if down else ''} LIMIT {k}"
    )
    if k > 1:
        body = spin(
            rng,
            "{c} of the {k} {q} [with|that have] the {e} {n}",
            c=columns,
            k=rng.choice([str(k), SMALL[k]]),
            q=plural(person),
            e=extremum,
            n=many,
        )
        return ask(rng, body), sql
    frames = [
        "Which {p} has the {e} {n}? [Give|Show|List|Return] the {c}.",
        "What [is|is] the {c} of the {p} [with|that has|having] the {e} {n}?",
        "[Find|Show|Return|Give|List] the {c} of the {p} [with|that has|having] the {e} {n}.",
    ]
    if tuple(fields) == edge.parent.title:
        frames += ["Which {p} has the {e} {n}?"]
    question = spin(rng, rng.choice(frames), p=person, e=extremum, n=many, c=columns)
    if rng.random() < 0.15:
        question = spin(
            rng,
            "[Find|Show|Return] the {c} of the {p} with the {e} {n}, and [the number of {n}|how many {n} there are].",
            p=person,
            e=extremum,
            n=many,
            c=columns,
        )
        return question, sql.replace(" FROM ", ", COUNT(*) FROM ", 1)
    return (question.replace("What is", "What are", 1) if len(fields) > 1 else question), sql


def parent_having(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    fields = shown(rng, edge.parent, rng.choice([1, 1, 1, 2]))
    k = rng.choice([1, 2, 2, 2, 3, 3, 4, 5, 6])
    operator, words = rng.choice([(o, w) for o, w in HAVING if o in (">", "=") or k > 1])
    person = parent_said(rng, edge)
    thing = noun(rng, edge.child) if k == 1 and not words.endswith("or more") else nouns(rng, edge.child)
    amount = words.format(k=rng.choice([str(k), str(k), SMALL.get(k, "one")]))
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    frames = ["{c} of [the |all |]{q} [that have|with|having] {h} {n}"]
    question = ask(rng, spin(rng, frames[0], c=columns, q=plural(person), h=amount, n=thing))
    if rng.random() < 0.35:
        question = spin(
            rng,
            "Which {q} have {h} {n}? [Show|List|Give|Return] [their|the] {c}.",
            q=plural(person),
            h=amount,
            n=thing,
            c=columns,
        )
    return (
        question,
        (
            f"SELECT {select(fields)} FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql} HAVING COUNT(*) "
            f"{operator} {k}"
        ),
    )


def parent_aggregate(facts: Facts, rng: random.Random) -> Pair:
    """For each parent an aggregate over its children, or the parent where it is greatest."""
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    function, value = summable(rng, edge.child)
    what, person, many = aggregate_said(rng, facts, function, value), parent_said(rng, edge), nouns(rng, edge.child)
    title = title_of(rng, edge.parent)
    columns = list_said(rng, facts, title)
    base = f"FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql}"
    if rng.random() < 0.4 and function in ("AVG", "SUM") and not value.nulls:
        down = rng.random() < 0.7
        extremum = rng.choice(["highest", "largest", "greatest"] if down else ["lowest", "smallest"])
        if extremum in what:
            raise Unfit
        question = spin(
            rng,
            (
                "[Which {p} has the {e} {x} of {n}? Give the {c}.|What is the {c} of the {p} whose {n} have the {e} "
                "{x}?|Find the {c} of the {p} with the {e} {x} of {n}.]"
            ),
            p=person,
            e=extremum,
            x=what,
            n=many,
            c=columns,
        )
        return (
            question,
            f"SELECT {select(title)} {base} ORDER BY {function}({value.sql}){' DESC' if down else ''} LIMIT 1",
        )
    frames = [
        "For each {p}, [show|list|find|give] the {c} and the {x} of [its|the] {n}.",
        "What is the {c} of each {p} and the {x} of its {n}?",
        "[List|Show|Return] the {c} of [each|every] {p} [along with|together with|and] the {x} of its {n}.",
    ]
    question = spin(rng, rng.choice(frames), p=person, c=columns, x=what, n=many)
    return question.replace(
        "of its", "of their"
    ) if edge.parent.person else question, f"SELECT {select(title)}, {function}({value.sql}) {base}"


def extreme_across(facts: Facts, rng: random.Random) -> Pair:
    """The parent of the child with the extreme value, or children ordered by a parent's column."""
    edge = any_edge(rng, facts)
    descending = rng.random() < 0.65
    value = pick(rng, fields_of(edge.child, "number", "date", "year", nulls=descending))
    _, extremum, name = extreme(rng, facts, value, descending)
    person = parent_said(rng, edge)
    if rng.random() < 0.65:
        fields = shown(rng, edge.parent, rng.choice([1, 1, 2]))
        body = spin(
            rng,
            "[{c} of the {p} of the {o} with the {e} {f}|{c} of the {p} whose {o} has the {e} {f}]",
            c=list_said(rng, facts, fields),
            p=person,
            o=noun(rng, edge.child),
            e=extremum,
            f=name,
        )
        return (
            ask(rng, body),
            (
                f"SELECT {select(fields)} FROM {either_way(rng, edge)} ORDER BY "
                f"{value.sql}{' DESC' if descending else ''} LIMIT 1"
            ),
        )
    other = pick(rng, fields_of(edge.parent, "number", "date", "year", "name", nulls=descending))
    fields = shown(rng, edge.child, rng.choice([1, 1, 2]))
    suffix, order = direction(rng, f"the {said(rng, facts, other)} of their {person}", other.role)
    order = order.replace("of the the", "of the")
    return ask(
        rng, f"{list_said(rng, facts, fields)} of all {nouns(rng, edge.child)}, {order}"
    ), f"SELECT {select(fields)} FROM {either_way(rng, edge)} ORDER BY {other.sql}{suffix}"


def group_of_parent(facts: Facts, rng: random.Random) -> Pair:
    """Children counted by a column of their parent."""
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    group = pick(rng, [f for f in fields_of(edge.parent, "group", "year") if f.distinct > 1])
    name, person, many = said(rng, facts, group), parent_said(rng, edge), nouns(rng, edge.child)
    chance, base = rng.random(), f"FROM {either_way(rng, edge)} GROUP BY {group.sql}"
    if chance < 0.6:
        frames = [
            "For each {p} {f}, [how many {n} are there?|show the number of {n}.|count the {n}.]",
            "[Show|List|Find] each {p} {f} and the number of {n} of {q} with it.",
            "[Count|Find] the number of {n} by the {f} of their {p}.",
        ]
        return spin(
            rng, rng.choice(frames), p=person, q=plural(person), f=name, n=many
        ), f"SELECT {group.sql}, COUNT(*) {base}"
    if chance < 0.75:
        return spin(
            rng, "Which {p} {f} has the most {n}?", p=person, f=name, n=many
        ), f"SELECT {group.sql} {base} ORDER BY COUNT(*) DESC LIMIT 1"
    function, value = summable(rng, edge.child)
    frames = [
        "What is the {x} of {n} for each {p} {f}?",
        "For each {f} of the {p}, [show|find|what is] the {x} of the {n}[.]",
    ]
    return spin(
        rng, frames[0], x=aggregate_said(rng, facts, function, value), n=many, p=person, f=name
    ), f"SELECT {group.sql}, {function}({value.sql}) {base}"


CHILDREN = (
    (3.5, parent_counts),
    (3.5, parent_with_most),
    (3, parent_having),
    (2, parent_aggregate),
    (2, extreme_across),
    (1.5, group_of_parent),
)

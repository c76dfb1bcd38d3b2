"""Families that order one table, take its extremes, or compare its rows with the whole."""

import random

from ..facts import Facts
from ..language.conditions import condition
from ..language.phrases import (
    Unfit,
    ask,
    direction,
    extreme,
    fields_of,
    indefinite,
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
from .single import SMALL, Pair


def ordered(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number", "number", "year", "date", "name", "group")
    fields = shown(rng, entity, rng.choice([1, 1, 2, 2, 3]), avoid=(field,) if rng.random() < 0.6 else ())
    name = said(rng, facts, field)
    suffix, order = direction(rng, name, field.role)
    where, words = "", ""
    if rng.random() < 0.3:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        where, words = f" WHERE {found.sql}", found.phrase
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    body = spin(
        rng,
        rng.choice(
            [
                "{c} of [all |the |all the |]{n} {w}, {d}",
                "{c} of [all |the |]{n} {w} {d}",
                "{c} for [all |the |]{n} {w}, {d}",
            ]
        ),
        c=columns,
        n=nouns(rng, entity),
        w=words,
        d=order,
    )
    question = ask(rng, body)
    if rng.random() < 0.2:
        turned = spin(rng, "[Sort|Order] [the |all |all the |]{n} {w} by {f}", n=nouns(rng, entity), w=words, f=name)
        question = spin(
            rng,
            "{t} in {d} order and [show|list|give] their {c}.",
            t=turned,
            d="descending" if suffix else "ascending",
            c=columns,
        )
    return question, f"SELECT {select(fields)} FROM {entity.sql}{where} ORDER BY {field.sql}{suffix}"


def superlative(facts: Facts, rng: random.Random) -> Pair:
    descending = rng.random() < 0.6
    entity, field = pick_entity(rng, facts, "number", "number", "year", "date", nulls=descending)
    fields = shown(rng, entity, rng.choice([1, 1, 1, 2, 3]), avoid=(field,))
    if rng.random() < 0.2:
        fields = [*fields[:2], field]
    adjective, extremum, name = extreme(rng, facts, field, descending)
    thing = noun(rng, entity)
    where, words = "", ""
    if rng.random() < 0.2:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        where, words = f" WHERE {found.sql}", found.phrase
    columns = list_said(rng, facts, fields)
    sql = (
        f"SELECT {select(fields)} FROM {entity.sql}{where} ORDER BY {field.sql}{' DESC' if descending else ''} LIMIT 1"
    )
    if words:
        return ask(
            rng, f"{columns} of the {thing} with the {extremum} {name} among {nouns(rng, entity)} {words}", single=True
        ), sql
    if adjective and rng.random() < 0.6:
        frames = [
            "[What is|Find|Show|Give|Return] the {c} of the {a} {n}.",
            "Which {n} is the {a}? [Give|Show|Return] [its|the] {c}.",
            "Who is the {a} {n}? [Give|Show] the {c}."
            if entity.person
            else "Find the {a} {n} and [show|give] its {c}.",
        ]
        question = spin(rng, rng.choice(frames), c=columns, a=adjective, n=thing)
        return (question[:-1] + "?" if question.startswith("What is") else question), sql
    frames = [
        "Which {n} has the {e} {f}? [Give|Show|Return|List] [the|its] {c}.",
        "[Find|Show|Return|Give|List] the {c} of the {n} [with|that has|having] the {e} {f}.",
        "What is the {c} of the {n} [with|that has] the {e} {f}?",
        "For the {n} with the {e} {f}, what is the {c}?",
        "What {c} does the {n} with the {e} {f} have?",
    ]
    if len(fields) > 1:
        frames = [frame.replace("What is", "What are").replace("what is", "what are") for frame in frames]
    if tuple(fields) == entity.title:
        frames += [
            "Which {n} has the {e} {f}?",
            "[Who is|Name] the {n} with the {e} {f}?" if entity.person else "Which is the {n} with the {e} {f}?",
        ]
    question = spin(rng, rng.choice(frames), c=columns, n=thing, e=extremum, f=name)
    return (question[:-1] + "." if question.startswith("Name") else question), sql


def top(facts: Facts, rng: random.Random) -> Pair:
    descending = rng.random() < 0.65
    entity, field = pick_entity(rng, facts, "number", "number", "year", "date", nulls=descending)
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field,))
    count = rng.choice([2, 3, 3, 3, 5, 5, 4, 6, 8, 10])
    if count >= entity.rows:
        raise Unfit
    number = rng.choice([str(count), SMALL[count]])
    adjective, extremum, name = extreme(rng, facts, field, descending)
    many, columns = nouns(rng, entity), list_said(rng, facts, fields, many=rng.random() < 0.65)
    frames = ["{c} of the {k} {n} with the {e} {f}", "{c} for the {k} {n} with the {e} {f}"]
    if adjective:
        frames += ["{c} of the {k} {a} {n}"] * 2
    if field.role == "number":
        name = said(rng, facts, field) if extremum in ("most", "fewest") else name
        extremum = {"most": "highest", "fewest": "lowest"}.get(extremum, extremum)
        frames += (
            ["{c} of the top {k} {n} [by|in terms of|ranked by] {f}"]
            if descending
            else ["{c} of the bottom {k} {n} by {f}"]
        )
    body = spin(rng, rng.choice(frames), c=columns, k=number, n=many, e=extremum, f=name, a=adjective)
    return ask(
        rng, body
    ), f"SELECT {select(fields)} FROM {entity.sql} ORDER BY {field.sql}{' DESC' if descending else ''} LIMIT {count}"


def equals_extreme(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number", "year")
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field,))
    function, word = rng.choice([("MAX", "maximum"), ("MIN", "minimum"), ("MAX", "highest"), ("MIN", "lowest")])
    columns, name = list_said(rng, facts, fields, many=rng.random() < 0.65), said(rng, facts, field)
    body = spin(
        rng,
        rng.choice(
            [
                "{c} of all {n} whose {f} [equals|is equal to] the {e} {f}",
                "{c} of [every {o}|all {n}] whose {f} is the {e} of all",
                "{c} of all {n} that [share|have] the {e} {f}, including ties",
            ]
        ),
        c=columns,
        n=nouns(rng, entity),
        o=noun(rng, entity),
        f=name,
        e=word,
    )
    inner = f"(SELECT {function}({field.sql}) FROM {entity.sql})"
    sql = f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} = {inner}"
    return ask(rng, body), sql


def compared_to_average(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number")
    operator, words = rng.choice(
        [
            (">", ["above", "higher than", "greater than", "more than", "larger than"]),
            ("<", ["below", "less than", "lower than", "smaller than"]),
        ]
    )
    word, name, many = rng.choice(words), said(rng, facts, field), nouns(rng, entity)
    inner, scope = f"(SELECT AVG({field.sql}) FROM {entity.sql})", ""
    if rng.random() < 0.2:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        inner, scope = f"(SELECT AVG({field.sql}) FROM {entity.sql} WHERE {found.sql})", f" of {many} {found.phrase}"
    end = spin(
        rng,
        "[whose {f} is|with {g}] {o} the average" + ("" if not scope else " {f}{s}"),
        f=name,
        g=indefinite(name),
        o=word,
        s=scope,
    )
    if not scope and rng.random() < 0.4:
        end += f" {name}"
    if rng.random() < 0.3:
        return spin(
            rng,
            rng.choice(["How many {n} are there {e}?", "[Count|Find] the number of {n} {e}.", "Count the {n} {e}."]),
            n=many,
            e=end,
        ), f"SELECT COUNT(*) FROM {entity.sql} WHERE {field.sql} {operator} {inner}"
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field,))
    body = (
        f"{list_said(rng, facts, fields, many=rng.random() < 0.65)} of {rng.choice(['all ', 'the ', ''])}{many} {end}"
    )
    return ask(rng, body), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} {operator} {inner}"


def above_some(facts: Facts, rng: random.Random) -> Pair:
    """Greater than the least, or the greatest, of a group."""
    entity, field = pick_entity(rng, facts, "number")
    group = pick(rng, fields_of(entity, "group"))
    if not group.frequent:
        raise Unfit
    cell = rng.choice(group.frequent)
    function, every = rng.choice([("MIN", "at least one"), ("MAX", "every"), ("MIN", "some"), ("MAX", "all")])
    thing = noun(rng, entity) if every != "all" else nouns(rng, entity)
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field, group))
    name = said(rng, facts, field)
    those = f"{every} {thing} whose {group.nouns[0]} is {value_said(rng, cell)}"
    body = f"{list_said(rng, facts, fields)} of {nouns(rng, entity)} whose {name} is greater than that of {those}"
    inner = f"(SELECT {function}({field.sql}) FROM {entity.sql} WHERE {group.sql} = {sql_value(cell)})"
    return ask(rng, body), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} > {inner}"


ORDER = (
    (6, ordered),
    (5, superlative),
    (2.5, top),
    (1, equals_extreme),
    (1.5, compared_to_average),
    (0.5, above_some),
)

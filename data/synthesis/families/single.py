"""Families of queries over one table: lists, counts, aggregates, orders, extremes, comparisons with the whole table."""

import random

from ..facts import Entity, Facts, Field
from ..language.conditions import condition, filters, threshold
from ..language.naming import plural
from ..language.phrases import (
    HIGH_ONLY,
    Unfit,
    ask,
    fields_of,
    indefinite,
    joined,
    list_said,
    noun,
    nouns,
    pick,
    pick_entity,
    said,
    select,
    shown,
    spin,
)

Pair = tuple[str, str]
AGGREGATES = {
    "AVG": ("average", "average", "mean"),
    "MAX": ("maximum", "highest", "largest"),
    "MIN": ("minimum", "lowest", "smallest"),
    "SUM": ("total", "total", "sum of the", "combined"),
}
SMALL = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 8: "eight", 10: "ten"}


def any_entity(rng: random.Random, facts: Facts) -> Entity:
    spoken = [entity for entity in facts.entities if entity.spoken]
    if not spoken:
        raise Unfit
    return rng.choice(spoken)


def summable(rng: random.Random, entity: Entity, *functions: str) -> tuple[str, Field]:
    """An aggregate and a column that it makes sense for: years are not added up."""
    function = rng.choice(functions or ("AVG", "AVG", "MAX", "MIN", "SUM"))
    roles = ("number",) if function in ("AVG", "SUM") else ("number", "number", "year", "date")
    field = pick(rng, fields_of(entity, *roles))
    if function == "SUM" and field.nouns[0].split()[-1] in (
        "age",
        "rating",
        "rank",
        "score",
        "year",
        "temperature",
        "percentage",
        "height",
        "price",
        "rate",
        "stars",
        "speed",
        "temp",
        "experience",
        "elevation",
        "ranking",
    ):
        raise Unfit
    return function, field


def aggregate_said(rng: random.Random, facts: Facts, function: str, field: Field) -> str:
    name = said(rng, facts, field)
    if field.role in ("date", "year"):
        return rng.choice(["latest", "most recent"] if function == "MAX" else ["earliest", "first"]) + " " + name
    if name.split()[0] in ("total", "average", "maximum", "minimum"):
        return (
            f"{rng.choice(AGGREGATES[function][:2])} {name}"
            if name.split()[0] not in AGGREGATES[function]
            else _unfit()
        )
    if name.startswith("number of "):
        return {"SUM": "total", "AVG": "average", "MAX": "maximum", "MIN": "minimum"}[function] + f" {name}"
    if function in ("MAX", "MIN") and field.nouns[0].split()[-1] in HIGH_ONLY:
        return f"{rng.choice(AGGREGATES[function][:2])} {name}"
    return f"{rng.choice(AGGREGATES[function])} {name}"


def _unfit() -> str:
    raise Unfit


def list_columns(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    fields = shown(rng, entity, rng.choice([1, 1, 2, 2, 3]))
    columns, many = list_said(rng, facts, fields, many=rng.random() < 0.65), nouns(rng, entity)
    frame = rng.choice(
        [
            "{c} of [all|all the|the|every single one of the] {n}",
            "{c} of all {n}",
            "{c} for [all|each of the] {n}",
            "{c} of each {o}",
            "{c} of every {o}",
        ]
    )
    body = spin(rng, frame, c=columns, n=many, o=noun(rng, entity))
    question = ask(rng, body)
    if rng.random() < 0.3:
        question = spin(rng, "For [each|every] {o}, [what are|show|list|give] the {c}.", o=noun(rng, entity), c=columns)
        question = question.replace(".", "?") if "what" in question else question
    elif len(fields) == 1 and rng.random() < 0.3:
        question = spin(
            rng,
            "[Show|List|Give me|What are] [all the|the] {o} {c}.",
            o=noun(rng, entity),
            c=plural(fields[0].nouns[0]),
        )
        question = question.replace(".", "?") if question.startswith("What") else question
    return question, f"SELECT {select(fields)} FROM {entity.sql}"


def list_everything(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    if rng.random() < 0.5:
        question = spin(
            rng,
            (
                "[Show|List|Give me|Display|Return] [all|all the|every piece of|the complete] information "
                "[about|on|for] [all |the |all the |]{n}."
            ),
            n=nouns(rng, entity),
        )
        return question, f"SELECT * FROM {entity.sql}"
    where, words, _ = filters(rng, facts, entity)
    question = spin(
        rng,
        (
            "[Show|List|Give me|Find|Return] [all|all the] [details|information|columns|data] [of|about|for] [the "
            "|]{n} {w}."
        ),
        n=nouns(rng, entity),
        w=words,
    )
    return question, f"SELECT * FROM {entity.sql} WHERE {where}"


def list_where(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    where, words, used = filters(rng, facts, entity)
    fields = shown(rng, entity, rng.choice([1, 1, 1, 2, 2, 3]), avoid=used if rng.random() < 0.85 else ())
    columns = list_said(rng, facts, fields, many=rng.random() < 0.65)
    many = nouns(rng, entity)
    sql = f"SELECT {select(fields)} FROM {entity.sql} WHERE {where}"
    if tuple(fields) == entity.title and rng.random() < 0.45:  # the title goes without saying
        if words.split()[0] in (
            "from",
            "in",
            "located",
            "born",
            "named",
            "called",
            "older",
            "younger",
            "taller",
            "shorter",
            "longer",
        ):
            return spin(rng, "[Which|What] {n} are {w}?", n=many, w=words), sql
        if words.startswith(("that ", "who ")):
            return spin(rng, "[Which|What] {n} {w}?", n=many, w=words.split(" ", 1)[1]), sql
        return spin(
            rng,
            "[List|Show|Find] [all |the |all the |]{n} {w} [by {c}|and give their {c}].",
            n=many,
            w=words,
            c=list_said(rng, facts, fields),
        ), sql
    if rng.random() < 0.3:
        be = "are" if len(fields) > 1 or columns.endswith("s") else "is"
        frames = [
            "For {n} {w}, what {be} [the|their] {c}?",
            "What {c} do [the |]{n} {w} have?",
            "For [all |the |]{n} {w}, [show|list|give|return] the {c}.",
        ]
        return spin(rng, rng.choice(frames), n=many, w=words, c=columns, be=be), sql
    body = spin(
        rng,
        rng.choice(["{c} of [the |all |all the |]{n} {w}", "{c} of {n} {w}", "{c} for [the |all |]{n} {w}"]),
        c=columns,
        n=many,
        w=words,
    )
    return ask(rng, body), sql


def count_rows(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    frames = [
        "How many {n} are there [in total|in the database|]?",
        "[Count|Find] the number of {n}.",
        "What is the [total |]number of {n}?",
        "How many {n} do we have?",
        "[Show|Give|Return|Tell me] the [count|total number|number] of [all |]{n}.",
        "Count [all |all the |the ]{n}.",
        "Number of {n}",
    ]
    if entity.rows < 2:
        raise Unfit
    return spin(rng, rng.choice(frames), n=nouns(rng, entity)), f"SELECT COUNT(*) FROM {entity.sql}"


def count_where(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    where, words, _ = filters(rng, facts, entity, several=True)
    frames = [
        "How many {n} are there {w}?",
        "How many {n} {w} are there?",
        "[Count|Find|Return] the number of {n} {w}.",
        "What is the [total |]number of {n} {w}?",
        "Count [the |all |]{n} {w}.",
        "[Tell me|Show|Give] the number of {n} {w}.",
        "How many of the {n} are {w}?",
    ]
    frame = rng.choice(frames)
    if frame.startswith("How many of") and words.split()[0] in (
        "with",
        "whose",
        "that",
        "who",
        "having",
        "without",
        "priced",
    ):
        frame = "How many {n} do we have {w}?"
    return spin(rng, frame, n=nouns(rng, entity), w=words), f"SELECT COUNT(*) FROM {entity.sql} WHERE {where}"


def distinct(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "group")
    name, where, words = plural(said(rng, facts, field)), "", ""
    if rng.random() < 0.3:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        where, words = f" WHERE {found.sql}", found.phrase
    many = nouns(rng, entity)
    frames = [
        "What are the [different|distinct|unique] {f} of [the |all |]{n} {w}?",
        "[List|Show|Find|Give|Return] [all the |all |the |][different|distinct|unique] {f} of [the |]{n} {w}.",
        "[Which|What] [different|distinct|unique] {f} [do the {n} {w} have|are there among the {n} {w}]?",
        "[List|Show] the {f} of {n} {w} without [duplicates|repetition].",
    ]
    return spin(
        rng, rng.choice(frames), f=name, n=many, w=words
    ), f"SELECT DISTINCT {field.sql} FROM {entity.sql}{where}"


def count_distinct(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "group", "group", "year")
    name, where, words = plural(said(rng, facts, field)), "", ""
    if rng.random() < 0.25:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        where, words = f" WHERE {found.sql}", found.phrase
    frames = [
        "How many [different|distinct|unique] {f} do the {n} {w} have?",
        "How many [different|distinct|unique] {f} are there among [the |]{n} {w}?",
        "[Count|Find] the number of [different|distinct|unique] {f} of [the |]{n} {w}.",
        "What is the number of [different|distinct] {f} [of|among|for] the {n} {w}?",
    ]
    return spin(
        rng, rng.choice(frames), f=name, n=nouns(rng, entity), w=words
    ), f"SELECT COUNT(DISTINCT {field.sql}) FROM {entity.sql}{where}"


def aggregates(facts: Facts, rng: random.Random) -> Pair:
    entity, _ = pick_entity(rng, facts, "number")
    function, field = summable(rng, entity)
    count = rng.choice([1, 1, 1, 2, 2, 3])
    functions = [function, *rng.sample([f for f in ("AVG", "MAX", "MIN") if f != function], count - 1)]
    if field.role != "number":
        functions = functions[:1]
    parts = [f"{f}({field.sql})" for f in functions]
    if len(functions) > 1:
        named = [rng.choice(AGGREGATES[f][:2]) for f in functions]
        what = joined(named) + " " + said(rng, facts, field)
    else:
        what = aggregate_said(rng, facts, function, field)
        others = [f for f in fields_of(entity, "number") if f != field]
        if others and rng.random() < 0.2:
            second = rng.choice(others)
            again = rng.choice(["AVG", "MAX", "MIN"])
            parts.append(f"{again}({second.sql})")
            what += f" and the {aggregate_said(rng, facts, again, second)}"
    where, words = "", ""
    if rng.random() < 0.45:
        found = condition(rng, facts, entity, avoid=(field,), several=True)
        where, words = f" WHERE {found.sql}", found.phrase
    frames = [
        "What [is|is|was] the {x} of [the |all |all the |]{n} {w}?",
        "[Find|Show|Return|Compute|Calculate|Give] the {x} of [the |all |]{n} {w}.",
        "What is the {x} [across|among|over|for] [all |the |]{n} {w}?",
        "[Show|Give] [me |]the {x} for [the |all |]{n} {w}.",
    ]
    if field.nouns[0] == "age" and function == "AVG" and len(parts) == 1:
        frames.append("How old are the {n} {w} on average?")
    if function == "AVG" and len(parts) == 1 and field.nouns[0] in ("price", "cost"):
        frames.append("How much do {n} {w} cost on average?")
    if len(parts) > 1:
        frames = [frame.replace("What [is|is|was]", "What are").replace("What is", "What are") for frame in frames]
    return spin(
        rng, rng.choice(frames), x=what, n=nouns(rng, entity), w=words
    ), f"SELECT {', '.join(parts)} FROM {entity.sql}{where}"


def arithmetic(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number")
    name, many = said(rng, facts, field), nouns(rng, entity)
    if rng.random() < 0.6:
        found = [f for f in fields_of(entity, "number") if f != field]
        other = pick(rng, found)
        fields = shown(rng, entity, 1, avoid=(field, other))
        a, b = {name.split()[-1]: 1}, other.nouns[0].split()[-1]
        if b not in a and b not in ("price", "cost", "amount", "points", "score", "total"):
            raise Unfit
        gap = f"the difference between its {name} and its {other.nouns[0]}"
        text = f"{list_said(rng, facts, fields)} of each {noun(rng, entity)} and {gap}"
        return ask(rng, text), f"SELECT {select(fields)}, {field.sql} - {other.sql} FROM {entity.sql}"
    body = spin(
        rng,
        "difference between the [highest|maximum|largest] and the [lowest|minimum|smallest] {f} of [the |all |]{n}",
        f=name,
        n=many,
    )
    return ask(rng, body, single=True), f"SELECT MAX({field.sql}) - MIN({field.sql}) FROM {entity.sql}"


def two_sides(facts: Facts, rng: random.Random) -> Pair:
    """Outside a range: below one value or above another."""
    entity, field = pick_entity(rng, facts, "number")
    low, high = sorted((threshold(rng, field), threshold(rng, field)))
    if low == high:
        raise Unfit
    fields, name = shown(rng, entity, rng.choice([1, 2]), avoid=(field,)), said(rng, facts, field)
    words = spin(
        rng,
        "[whose {f} is|with {g}] [less than|below|under] {a} or [more than|above|over|greater than] {b}",
        f=name,
        g=indefinite(name),
        a=str(low),
        b=str(high),
    )
    return ask(
        rng, f"{list_said(rng, facts, fields)} of {nouns(rng, entity)} {words}"
    ), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} < {low} OR {field.sql} > {high}"


SINGLE = (
    (5, list_columns),
    (0.6, list_everything),
    (10, list_where),
    (2, count_rows),
    (5, count_where),
    (4, distinct),
    (2.5, count_distinct),
    (6, aggregates),
    (0.4, arithmetic),
    (0.6, two_sides),
)

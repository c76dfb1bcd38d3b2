"""Families that group one table by one of its columns."""

import random

from ..facts import Entity, Facts, Field
from ..language.conditions import condition
from ..language.naming import plural
from ..language.phrases import Unfit, fields_of, joined, noun, nouns, pick, pick_entity, said, spin
from .single import Pair, aggregate_said, summable

HAVING = (
    (">", "more than {k}"),
    (">=", "at least {k}"),
    (">=", "{k} or more"),
    ("<", "fewer than {k}"),
    (">", "over {k}"),
    ("=", "exactly {k}"),
    ("<=", "at most {k}"),
    (">", "more than {k}"),
    (">=", "at least {k}"),
)


def grouping(rng: random.Random, facts: Facts) -> tuple[Entity, Field]:
    """A table and a column that several of its rows share a value of."""
    entity, field = pick_entity(rng, facts, "group", "group", "year", "flag")
    if not field.frequent or field.distinct < 2:
        raise Unfit
    return entity, field


def _where(rng: random.Random, facts: Facts, entity: Entity, field: Field, chance: float) -> tuple[str, str]:
    if rng.random() >= chance:
        return "", ""
    found = condition(rng, facts, entity, avoid=(field,), several=True)
    return f" WHERE {found.sql}", found.phrase


def group_count(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    where, words = _where(rng, facts, entity, field, 0.2)
    name, many = said(rng, facts, field), nouns(rng, entity)
    if rng.random() < 0.4:
        frames = [
            "How many {n} {w} are there [for|in] each {f}?",
            "[Count|Find|Show] the number of {n} {w} [for each|per|by|of each] {f}.",
            "[What is|Show] the number of {n} {w} [for|of] each {f}, along with the {f}.",
            "How many {n} {w} does each {f} have?",
        ]
        select = f"{field.sql}, COUNT(*)"
        frame = rng.choice(frames)
        if frame.startswith(("How many", "[Count")):
            frame = rng.choice(
                [
                    "How many {n} {w} are there for each {f}? [Show|List|Give] the {f} and the [count|number].",
                    "[Count|Find|Show] the number of {n} {w} [for each|per|by] {f}.",
                    "[Find|Show|Give] the count of {n} {w} [for|in] each {f}.",
                ]
            )
            select = f"{field.sql}, COUNT(*)"
        question = spin(rng, frame, n=many, w=words, f=name)
        if question.startswith("What is"):
            question = question[:-1] + "?"
    else:
        select = f"{field.sql}, COUNT(*)"
        frames = [
            (
                "[Show|List|Give|Return] each {f} [and|with|along with|together with] the number of "
                "{n} {w}[ it has| in it|]."
            ),
            "For each {f}, how many {n} {w} are there?",
            "For each {f}, [show|find|count|return] the number of {n} {w}.",
            (
                "[What are the {p} of {n} {w}, and how many {n} does each have|What are the {p} and the number of {n} "
                "{w} of each]?"
            ),
            "[List|Show|Give] [all |the |]{p} and the [corresponding |]number of {n} {w}[ for each| in each|].",
            "[Show|What is] the {f} and the number of {n} {w} for each {f}[.]",
        ]
        question = spin(rng, rng.choice(frames[:-1]), n=many, w=words, f=name, p=plural(name))
    sql = f"SELECT {select} FROM {entity.sql}{where} GROUP BY {field.sql}"
    if rng.random() < 0.15:
        down = rng.random() < 0.7
        tail = rng.choice(
            ["most first", "in descending order of the count", "largest number first"]
            if down
            else ["fewest first", "in ascending order of the count"]
        )
        return question.rstrip(".?") + f", {tail}" + question[-1], f"{sql} ORDER BY COUNT(*){' DESC' if down else ''}"
    return question, sql


def count_first(facts: Facts, rng: random.Random) -> Pair:
    """The count in front of the group, where the question puts it there."""
    entity, field = grouping(rng, facts)
    where, words = _where(rng, facts, entity, field, 0.15)
    frames = [
        "[Show|List|Give|Return] the number of {n} {w} and the {f} for each {f}.",
        "What [is|are] the number of {n} {w} and the {f} for each {f}?",
        "How many {n} {w} are there for each {f}? [List|Show|Return] the count and the {f}.",
        "Count the {n} {w} in each {f}; show the number first, then the {f}.",
    ]
    return spin(
        rng, rng.choice(frames), n=nouns(rng, entity), w=words, f=said(rng, facts, field)
    ), f"SELECT COUNT(*), {field.sql} FROM {entity.sql}{where} GROUP BY {field.sql}"


def most_common(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    if field.nulls:
        raise Unfit
    where, words = _where(rng, facts, entity, field, 0.15)
    name, many = said(rng, facts, field), nouns(rng, entity)
    chance = rng.random()
    if chance < 0.6:
        frames = [
            "What is the most [common|frequent] {f} [of|among] [the |all |]{n} {w}?",
            "Which {f} [is the most common among|do most of] [the |]{n} {w}[ have|]?",
            "[Find|Return|Give|Show] the {f} [shared by|of] the [most|largest number of] {n} {w}.",
            "[Which|What] {f} has the [most|largest number of|highest number of] {n} {w}?",
            "[Find|Show|Return] the {f} with the [most|greatest number of] {n} {w}.",
        ]
        frame = rng.choice(frames)
        if "do most of" in frame:
            frame = rng.choice(
                [
                    "Which {f} is the most common among [the |]{n} {w}?",
                    "Which {f} [occurs|appears] most often among the {n} {w}?",
                ]
            )
        question, tail = (
            spin(rng, frame.replace("shared by|of", "shared by|with"), f=name, n=many, w=words),
            "ORDER BY COUNT(*) DESC LIMIT 1",
        )
    elif chance < 0.8:
        frames = [
            "What is the least [common|frequent] {f} [of|among] [the |]{n} {w}?",
            "[Which|What] {f} has the [fewest|smallest number of|least number of] {n} {w}?",
            "[Find|Show|Return] the {f} with the [fewest|smallest number of] {n} {w}.",
        ]
        question, tail = spin(rng, rng.choice(frames), f=name, n=many, w=words), "ORDER BY COUNT(*) LIMIT 1"
    else:
        k = rng.choice([2, 3, 3, 4, 5])
        if k >= field.distinct:
            raise Unfit
        frames = [
            "What are the {k} most [common|frequent] {f} [of|among] [the |all |]{n} {w}?",
            "[Show|List|Find] the top {k} {f} by number of {n} {w}.",
            "[Which|What] {k} {f} have the most {n} {w}?",
            "[List|Give] the {k} {f} with the most {n} {w}.",
        ]
        number = rng.choice([str(k), {2: "two", 3: "three", 4: "four", 5: "five"}[k]])
        question, tail = (
            spin(rng, rng.choice(frames), f=plural(name), n=many, w=words, k=number),
            f"ORDER BY COUNT(*) DESC LIMIT {k}",
        )
    columns = field.sql
    if chance < 0.8 and rng.random() < 0.2:
        columns += ", COUNT(*)"
        question += " " + spin(rng, "[Give|Show|Return] the {f} and the [number of {n}|count].", f=name, n=many)
    return question, f"SELECT {columns} FROM {entity.sql}{where} GROUP BY {field.sql} {tail}"


def having_count(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    if field.nulls:
        raise Unfit
    k = rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5, 8, 10, 15, 20])
    operator, words = rng.choice(HAVING)
    if (operator in ("<", "<=") and k < 2) or (operator == ">=" and k < 2):
        raise Unfit
    number = rng.choice([str(k), str(k), {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}.get(k, str(k))])
    where, extra = _where(rng, facts, entity, field, 0.15)
    name, one_noun, many = said(rng, facts, field), noun(rng, entity), nouns(rng, entity)
    thing = one_noun if k == 1 and not words.endswith("or more") else many
    frames = [
        "Which {p} have {h} {n} {w}?",
        "[Show|List|Find|Give|Return] [the |all |all the |]{p} [with|that have|shared by|having] {h} {n} {w}.",
        "What are the {p} [that have|with|of] {h} {n} {w}?",
        "[Find|Show] each {f} [which|that] has {h} {n} {w}.",
        "In which {p} are there {h} {n} {w}?",
    ]
    if rng.random() < 0.3:
        columns = f"{field.sql}, COUNT(*)"
        frames = [
            (
                "[Show|List|Find] the {p} [with|that have] {h} {n} {w}, [and|along with|together with] the "
                "number of {m} in each."
            ),
            "Which {p} have {h} {n} {w}, and how many [{m} |]does each have?",
        ]
    else:
        columns = field.sql
    frame = rng.choice(frames)
    if (
        frame.startswith("In which")
        and field.role not in ("year",)
        and name.split()[-1] not in ("city", "country", "state", "region", "district", "category")
    ):
        frame = frames[0]
    return spin(
        rng, frame, p=plural(name), f=name, h=words.format(k=number), n=thing, m=many, w=extra
    ), f"SELECT {columns} FROM {entity.sql}{where} GROUP BY {field.sql} HAVING COUNT(*) {operator} {k}"


def group_aggregate(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    function, value = summable(rng, entity)
    if value == field:
        raise Unfit
    parts, what = [f"{function}({value.sql})"], [aggregate_said(rng, facts, function, value)]
    chance = rng.random()
    if chance < 0.2 and value.role == "number":
        second = rng.choice([f for f in ("AVG", "MAX", "MIN") if f != function])
        parts.append(f"{second}({value.sql})")
        what.append(aggregate_said(rng, facts, second, value))
    elif chance < 0.3:
        parts.insert(0, "COUNT(*)")
        what.insert(0, f"number of {nouns(rng, entity)}")
    where, words = _where(rng, facts, entity, field, 0.2)
    name, many, text = said(rng, facts, field), nouns(rng, entity), joined([what[0], *(f"the {w}" for w in what[1:])])
    if rng.random() < 0.25:
        select = ", ".join([*parts, field.sql])
        frames = [
            "[Show|Find|List|Return] the {x} of [the |]{n} {w} and the {f}, for each {f}.",
            "What [is|are] the {x} of {n} {w} for each {f}? [Show|List] the {f} last.",
            "For each {f}, [show|list] the {x} of its {n} {w}, followed by the {f}.",
        ]
    else:
        select = ", ".join([field.sql, *parts])
        frames = [
            "For each {f}, what is the {x} of [the |]{n} {w}?",
            "[Show|List|Give|Return|Find] each {f} [and|with|along with] the {x} of [its|the] {n} {w}.",
            "[Show|Find|Compute|Calculate] the {x} of [the |]{n} {w} [for each|per|by|grouped by] {f}.",
            "What is the {x} of {n} {w} [for each|in each|per|by] {f}?",
            "[List|Show] [all |the |]{p} and the {x} of [the |]{n} {w} [in|of|for] each.",
        ]
    question = spin(rng, rng.choice(frames), x=text, n=many, w=words, f=name, p=plural(name))
    if len(parts) > 1:
        question = question.replace("hat is the", "hat are the", 1)
    sql = f"SELECT {select} FROM {entity.sql}{where} GROUP BY {field.sql}"
    if len(parts) == 1 and rng.random() < 0.12:
        down = rng.random() < 0.6
        tail = f", {rng.choice(['sorted by', 'ordered by', 'in order of'])} that value" + (
            ", highest first" if down else ", lowest first"
        )
        return question.rstrip(".?") + tail + question[-1], f"{sql} ORDER BY {parts[0]}{' DESC' if down else ''}"
    return question, sql


def group_extreme(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    if field.nulls:
        raise Unfit
    function, value = summable(rng, entity, "AVG", "AVG", "SUM")
    if value.nulls:
        raise Unfit
    down = rng.random() < 0.65
    what, name, many = aggregate_said(rng, facts, function, value), said(rng, facts, field), nouns(rng, entity)
    extremum = rng.choice(["highest", "largest", "greatest"] if down else ["lowest", "smallest"])
    frames = [
        "[Which|What] {f} has the {e} {x} of {n}?",
        "[Find|Show|Return|Give] the {f} whose {n} have the {e} {x}.",
        "What is the {f} with the {e} {x} of [the |its |]{n}?",
    ]
    if extremum in what:
        raise Unfit
    return (
        spin(rng, rng.choice(frames), f=name, e=extremum, x=what, n=many),
        (
            f"SELECT {field.sql} FROM {entity.sql} GROUP BY {field.sql} ORDER BY "
            f"{function}({value.sql}){' DESC' if down else ''} LIMIT 1"
        ),
    )


def having_aggregate(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    function, value = summable(rng, entity, "AVG", "AVG", "SUM", "MAX", "MIN")
    numbers = sorted(cell for cell in value.cells if isinstance(cell, int | float))
    if value.role != "number" or len(numbers) < 4 or field.nulls:
        raise Unfit
    middle = numbers[len(numbers) // 2]
    limit: int | float = middle * max(2, entity.rows // max(field.distinct, 1)) if function == "SUM" else middle
    limit = int(limit) if isinstance(limit, int) or limit > 20 else round(limit, 1)
    operator, words = rng.choice(
        [(">", "[above|over|more than|greater than]"), ("<", "[below|under|less than]"), (">=", "of at least")]
    )
    what, name, many = aggregate_said(rng, facts, function, value), said(rng, facts, field), nouns(rng, entity)
    frames = [
        "[Which|What] {p} have [a|a|a|a] {x} of {n} " + words + " {k}?",
        "[Show|List|Find|Return] the {p} whose {n} have a {x} " + words + " {k}.",
    ]
    question = spin(rng, rng.choice(frames), p=plural(name), x=what, n=many, k=str(limit))
    return question.replace(
        " a average", " an average"
    ), f"SELECT {field.sql} FROM {entity.sql} GROUP BY {field.sql} HAVING {function}({value.sql}) {operator} {limit}"


def group_distinct(facts: Facts, rng: random.Random) -> Pair:
    entity, field = grouping(rng, facts)
    other = pick(rng, [f for f in fields_of(entity, "group") if f != field])
    name, counted = said(rng, facts, field), plural(said(rng, facts, other))
    frames = [
        "For each {f}, how many [different|distinct] {o} do the {n} have?",
        "[Show|List|Find] each {f} and the number of [different|distinct|unique] {o} [of|among] its {n}.",
        "[Count|Find] the number of [distinct|different] {o} of {n} [for each|per|by] {f}.",
    ]
    return spin(
        rng, rng.choice(frames), f=name, o=counted, n=nouns(rng, entity)
    ), f"SELECT {field.sql}, COUNT(DISTINCT {other.sql}) FROM {entity.sql} GROUP BY {field.sql}"


GROUPS = (
    (4.5, group_count),
    (1, count_first),
    (3, most_common),
    (3, having_count),
    (3.5, group_aggregate),
    (0.8, group_extreme),
    (0.6, having_aggregate),
    (0.5, group_distinct),
)

"""Families of queries over one table: lists, counts, aggregates, orders, extremes, comparisons with the whole table."""

import random

from .conditions import condition, filters, threshold
from .facts import Entity, Facts, Field
from .naming import plural
from .phrases import (
    Unfit,
    ask,
    direction,
    extreme,
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
)  # fmt: skip

Pair = tuple[str, str]
AGGREGATES = {
    "AVG": ("average", "average", "mean"), "MAX": ("maximum", "highest", "largest"), "MIN": ("minimum", "lowest", "smallest"),
    "SUM": ("total", "total", "sum of the", "combined"),
}  # fmt: skip
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
    if function == "SUM" and field.nouns[0].split()[-1] in ("age", "rating", "rank", "score", "year", "temperature", "percentage", "height"):
        raise Unfit
    return function, field


def aggregate_said(rng: random.Random, facts: Facts, function: str, field: Field) -> str:
    name = said(rng, facts, field)
    if field.role in ("date", "year"):
        return rng.choice(["latest", "most recent"] if function == "MAX" else ["earliest", "first"]) + " " + name
    if name.split()[0] in ("total", "average", "maximum", "minimum"):
        return f"{rng.choice(AGGREGATES[function][:2])} {name}" if name.split()[0] not in AGGREGATES[function] else _unfit()
    if function == "SUM" and name.startswith("number of "):
        return f"total {name}"
    return f"{rng.choice(AGGREGATES[function])} {name}"


def _unfit() -> str:
    raise Unfit


def list_columns(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    fields = shown(rng, entity, rng.choice([1, 1, 2, 2, 3]))
    columns, many = list_said(rng, facts, fields, many=rng.random() < 0.5), nouns(rng, entity)
    frame = rng.choice(["{c} of [all|all the|the|every single one of the] {n}", "{c} of all {n}", "{c} for [all|each of the] {n}", "{c} of each {o}", "{c} of every {o}"])
    body = spin(rng, frame, c=columns, n=many, o=noun(rng, entity))
    question = ask(rng, body)
    if rng.random() < 0.3:
        question = spin(rng, "For [each|every] {o}, [what are|show|list|give] the {c}.", o=noun(rng, entity), c=columns)
        question = question.replace(".", "?") if "what" in question else question
    elif len(fields) == 1 and rng.random() < 0.3:
        question = spin(rng, "[Show|List|Give me|What are] [all |the |]{o} {c}.", o=noun(rng, entity), c=plural(fields[0].nouns[0]))
        question = question.replace(".", "?") if question.startswith("What") else question
    return question, f"SELECT {select(fields)} FROM {entity.sql}"


def list_everything(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    if rng.random() < 0.5:
        question = spin(rng, "[Show|List|Give me|Display|Return] [all|all the|every piece of|the complete] information [about|on|for] [all |the |all the |]{n}.", n=nouns(rng, entity))
        return question, f"SELECT * FROM {entity.sql}"
    where, words, _ = filters(rng, facts, entity)
    question = spin(rng, "[Show|List|Give me|Find|Return] [all|all the] [details|information|columns|data] [of|about|for] [the |]{n} {w}.", n=nouns(rng, entity), w=words)
    return question, f"SELECT * FROM {entity.sql} WHERE {where}"


def list_where(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    where, words, used = filters(rng, facts, entity)
    fields = shown(rng, entity, rng.choice([1, 1, 1, 2, 2, 3]), avoid=used if where.count("=") == 1 and " = " in where else ())
    columns = list_said(rng, facts, fields, many=rng.random() < 0.4)
    many, person = nouns(rng, entity), entity.person
    titled = tuple(fields) == entity.title
    if titled and rng.random() < 0.45:
        question = spin(rng, rng.choice(["Which {n} are {w}?", "[Which|What] {n} are there {w}?", "[List|Show|Find] [all |the |all the |]{n} {w} [by {c}|and give their {c}]."]), n=many, w=words, c=columns)
        if (question.startswith("Which") and " are with " in question) or " are whose " in question or " are that " in question or " are who " in question:
            question = spin(rng, "[Which|What] {n} have {w}? [Give|List|Show] their {c}.", n=many, w="", c=columns) if False else ask(rng, f"{columns} of {many} {words}")
        elif " are having " in question:
            raise Unfit
        return question, f"SELECT {select(fields)} FROM {entity.sql} WHERE {where}"
    if rng.random() < 0.3:
        frame = rng.choice(["For {n} {w}, [what are|what is] [the|their] {c}?", "What {c} do [the |]{n} {w} have?", "For [all |the |]{n} {w}, [show|list|give|return] the {c}.", "[Show|Give] [me |]the {n} {w}; [I need|show|return] the {c}."])
        return spin(rng, frame, n=many, w=words, c=columns), f"SELECT {select(fields)} FROM {entity.sql} WHERE {where}"
    body = spin(rng, rng.choice(["{c} of [the |all |all the |][{n}|{n}|{o}] {w}", "{c} of {n} {w}", "{c} for [the |all |]{n} {w}"]), c=columns, n=many, o=noun(rng, entity), w=words)
    body = body.replace("all " + noun(rng, entity) + " ", "all " + many + " ") if not person else body
    return ask(rng, body, single=rng.random() < 0.3 and len(fields) == 1), f"SELECT {select(fields)} FROM {entity.sql} WHERE {where}"


def count_rows(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    frames = ["How many {n} are there [in total|in the database|]?", "[Count|Find] the number of {n}.", "What is the [total |]number of {n}?", "How many {n} do we have?", "[Show|Give|Return|Tell me] the [count|total number|number] of [all |]{n}.", "Count [all |all the |the ]{n}.", "Number of {n}"]
    if entity.rows < 2:
        raise Unfit
    return spin(rng, rng.choice(frames), n=nouns(rng, entity)), f"SELECT COUNT(*) FROM {entity.sql}"


def count_where(facts: Facts, rng: random.Random) -> Pair:
    entity = any_entity(rng, facts)
    where, words, _ = filters(rng, facts, entity)
    frames = ["How many {n} are there {w}?", "How many {n} {w} are there?", "[Count|Find|Return] the number of {n} {w}.", "What is the [total |]number of {n} {w}?", "Count [the |all |]{n} {w}.", "[Tell me|Show|Give] the number of {n} {w}.", "How many of the {n} are {w}?"]
    frame = rng.choice(frames)
    if frame.startswith("How many of") and words.split()[0] in ("with", "whose", "that", "who", "having", "without"):
        frame = "How many {n} do we have {w}?"
    return spin(rng, frame, n=nouns(rng, entity), w=words), f"SELECT COUNT(*) FROM {entity.sql} WHERE {where}"


def distinct(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "group")
    name, where, words = plural(said(rng, facts, field)), "", ""
    if rng.random() < 0.3:
        found = condition(rng, facts, entity, avoid=(field,))
        where, words = f" WHERE {found.sql}", found.phrase
    many = nouns(rng, entity)
    frames = ["What are the [different|distinct|unique] {f} of [the |all |]{n} {w}?", "[List|Show|Find|Give|Return] [all the |all |the |][different|distinct|unique] {f} of [the |]{n} {w}.", "[Which|What] [different|distinct|unique] {f} [do the {n} {w} have|are there among the {n} {w}]?", "[List|Show] the {f} of {n} {w} without [duplicates|repetition]."]
    return spin(rng, rng.choice(frames), f=name, n=many, w=words), f"SELECT DISTINCT {field.sql} FROM {entity.sql}{where}"


def count_distinct(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "group", "group", "year")
    name, where, words = plural(said(rng, facts, field)), "", ""
    if rng.random() < 0.25:
        found = condition(rng, facts, entity, avoid=(field,))
        where, words = f" WHERE {found.sql}", found.phrase
    frames = ["How many [different|distinct|unique] {f} do the {n} {w} have?", "How many [different|distinct|unique] {f} are there among [the |]{n} {w}?", "[Count|Find] the number of [different|distinct|unique] {f} of [the |]{n} {w}.", "What is the number of [different|distinct] {f} [of|among|for] the {n} {w}?"]
    return spin(rng, rng.choice(frames), f=name, n=nouns(rng, entity), w=words), f"SELECT COUNT(DISTINCT {field.sql}) FROM {entity.sql}{where}"


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
        found = condition(rng, facts, entity, avoid=(field,))
        where, words = f" WHERE {found.sql}", found.phrase
    frames = ["What [is|is|was] the {x} of [the |all |all the |]{n} {w}?", "[Find|Show|Return|Compute|Calculate|Give] the {x} of [the |all |]{n} {w}.", "What is the {x} [across|among|over|for] [all |the |]{n} {w}?", "[Show|Give] [me |]the {x} for [the |all |]{n} {w}."]
    if field.nouns[0] == "age" and function == "AVG" and len(parts) == 1:
        frames.append("How old are the {n} {w} on average?")
    if function == "AVG" and len(parts) == 1 and field.nouns[0] in ("price", "cost"):
        frames.append("How much do {n} {w} cost on average?")
    if len(parts) > 1:
        frames = [frame.replace("What [is|is|was]", "What are").replace("What is", "What are") for frame in frames]
    return spin(rng, rng.choice(frames), x=what, n=nouns(rng, entity), w=words), f"SELECT {', '.join(parts)} FROM {entity.sql}{where}"


def ordered(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number", "number", "year", "date", "name", "group")
    fields = shown(rng, entity, rng.choice([1, 1, 2, 2, 3]), avoid=(field,) if rng.random() < 0.6 else ())
    name = said(rng, facts, field)
    suffix, order = direction(rng, f"[the |their |]{name}" if False else name, field.role)
    where, words = "", ""
    if rng.random() < 0.3:
        found = condition(rng, facts, entity, avoid=(field,))
        where, words = f" WHERE {found.sql}", found.phrase
    columns = list_said(rng, facts, fields, many=rng.random() < 0.4)
    body = spin(rng, rng.choice(["{c} of [all |the |all the |]{n} {w}, {d}", "{c} of [all |the |]{n} {w} {d}", "{c} for [all |the |]{n} {w}, {d}"]), c=columns, n=nouns(rng, entity), w=words, d=order)
    question = ask(rng, body)
    if rng.random() < 0.2:
        turned = spin(rng, "[Sort|Order] [the |all |all the |]{n} {w} by {f}", n=nouns(rng, entity), w=words, f=name)
        question = spin(rng, "{t} in {d} order and [show|list|give] their {c}.", t=turned, d="descending" if suffix else "ascending", c=columns)
    return question, f"SELECT {select(fields)} FROM {entity.sql}{where} ORDER BY {field.sql}{suffix}"


def superlative(facts: Facts, rng: random.Random) -> Pair:
    descending = rng.random() < 0.6
    entity, field = pick_entity(rng, facts, "number", "number", "year", "date", nulls=descending)
    fields = shown(rng, entity, rng.choice([1, 1, 1, 2, 3]), avoid=(field,))
    if rng.random() < 0.2:
        fields = [*fields[:2], field]
    adjective, extremum = extreme(rng, field, descending)
    name, thing = said(rng, facts, field), noun(rng, entity)
    where, words = "", ""
    if rng.random() < 0.2:
        found = condition(rng, facts, entity, avoid=(field,))
        where, words = f" WHERE {found.sql}", found.phrase
    columns = list_said(rng, facts, fields)
    sql = f"SELECT {select(fields)} FROM {entity.sql}{where} ORDER BY {field.sql}{' DESC' if descending else ''} LIMIT 1"
    if words:
        return ask(rng, f"{columns} of the {thing} with the {extremum} {name} among {nouns(rng, entity)} {words}", single=True), sql
    if adjective and rng.random() < 0.6:
        frames = ["[What is|Find|Show|Give|Return] the {c} of the {a} {n}.", "Which {n} is the {a}? [Give|Show|Return] [its|the] {c}.", "Who is the {a} {n}? [Give|Show] the {c}." if entity.person else "Find the {a} {n} and [show|give] its {c}."]
        question = spin(rng, rng.choice(frames), c=columns, a=adjective, n=thing)
        return (question[:-1] + "?" if question.startswith("What is") else question), sql
    frames = ["Which {n} has the {e} {f}? [Give|Show|Return|List] [the|its] {c}.", "[Find|Show|Return|Give|List] the {c} of the {n} [with|that has|having] the {e} {f}.", "What is the {c} of the {n} [with|that has] the {e} {f}?", "For the {n} with the {e} {f}, what is the {c}?", "What {c} does the {n} with the {e} {f} have?"]
    if len(fields) > 1:
        frames = [frame.replace("What is", "What are").replace("what is", "what are") for frame in frames]
    if tuple(fields) == entity.title:
        frames += ["Which {n} has the {e} {f}?", "[Who is|Name] the {n} with the {e} {f}?" if entity.person else "Which is the {n} with the {e} {f}?"]
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
    adjective, extremum = extreme(rng, field, descending)
    name, many, columns = said(rng, facts, field), nouns(rng, entity), list_said(rng, facts, fields, many=rng.random() < 0.4)
    frames = ["{c} of the {k} {n} with the {e} {f}", "{c} for the {k} {n} with the {e} {f}"]
    if adjective:
        frames += ["{c} of the {k} {a} {n}"] * 2
    if field.role == "number":
        frames += ["{c} of the top {k} {n} [by|in terms of|ranked by] {f}"] if descending else ["{c} of the bottom {k} {n} by {f}"]
    body = spin(rng, rng.choice(frames), c=columns, k=number, n=many, e=extremum, f=name, a=adjective)
    return ask(rng, body), f"SELECT {select(fields)} FROM {entity.sql} ORDER BY {field.sql}{' DESC' if descending else ''} LIMIT {count}"


def equals_extreme(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number", "year")
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field,))
    function, word = rng.choice([("MAX", "maximum"), ("MIN", "minimum"), ("MAX", "highest"), ("MIN", "lowest")])
    columns, name = list_said(rng, facts, fields, many=rng.random() < 0.5), said(rng, facts, field)
    body = spin(rng, rng.choice(["{c} of all {n} whose {f} [equals|is equal to] the {e} {f}", "{c} of [every {o}|all {n}] whose {f} is the {e} of all", "{c} of all {n} that [share|have] the {e} {f}, including ties"]), c=columns, n=nouns(rng, entity), o=noun(rng, entity), f=name, e=word)
    sql = f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} = (SELECT {function}({field.sql}) FROM {entity.sql})"
    return ask(rng, body), sql


def compared_to_average(facts: Facts, rng: random.Random) -> Pair:
    entity, field = pick_entity(rng, facts, "number")
    operator, words = rng.choice([(">", ["above", "higher than", "greater than", "more than", "larger than"]), ("<", ["below", "less than", "lower than", "smaller than"])])
    word, name, many = rng.choice(words), said(rng, facts, field), nouns(rng, entity)
    inner, scope = f"(SELECT AVG({field.sql}) FROM {entity.sql})", ""
    if rng.random() < 0.2:
        found = condition(rng, facts, entity, avoid=(field,))
        inner, scope = f"(SELECT AVG({field.sql}) FROM {entity.sql} WHERE {found.sql})", f" of {many} {found.phrase}"
    end = spin(rng, "[whose {f} is|with {g}] {o} the average" + ("" if not scope else " {f}{s}"), f=name, g=indefinite(name), o=word, s=scope)
    if not scope and rng.random() < 0.4:
        end += f" {name}"
    if rng.random() < 0.3:
        return spin(rng, rng.choice(["How many {n} are there {e}?", "[Count|Find] the number of {n} {e}.", "Count the {n} {e}."]), n=many, e=end), f"SELECT COUNT(*) FROM {entity.sql} WHERE {field.sql} {operator} {inner}"
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field,))
    body = f"{list_said(rng, facts, fields, many=rng.random() < 0.4)} of {rng.choice(['all ', 'the ', ''])}{many} {end}"
    return ask(rng, body), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} {operator} {inner}"


def above_some(facts: Facts, rng: random.Random) -> Pair:
    """Greater than the least, or the greatest, of a group."""
    entity, field = pick_entity(rng, facts, "number")
    group = pick(rng, fields_of(entity, "group"))
    if not group.frequent:
        raise Unfit
    from .phrases import sql_value, value_said
    cell = rng.choice(group.frequent)
    function, every = rng.choice([("MIN", "at least one"), ("MAX", "every"), ("MIN", "some"), ("MAX", "all")])
    thing = noun(rng, entity) if every != "all" else nouns(rng, entity)
    fields = shown(rng, entity, rng.choice([1, 1, 2]), avoid=(field, group))
    name = said(rng, facts, field)
    body = f"{list_said(rng, facts, fields)} of {nouns(rng, entity)} whose {name} is greater than that of {every} {thing} whose {group.nouns[0]} is {value_said(rng, cell)}"
    inner = f"(SELECT {function}({field.sql}) FROM {entity.sql} WHERE {group.sql} = {sql_value(cell)})"
    return ask(rng, body), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} > {inner}"


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
        text = f"{list_said(rng, facts, fields)} of each {noun(rng, entity)} and the difference between its {name} and its {other.nouns[0]}"
        return ask(rng, text), f"SELECT {select(fields)}, {field.sql} - {other.sql} FROM {entity.sql}"
    body = spin(rng, "difference between the [highest|maximum|largest] and the [lowest|minimum|smallest] {f} of [the |all |]{n}", f=name, n=many)
    return ask(rng, body, single=True), f"SELECT MAX({field.sql}) - MIN({field.sql}) FROM {entity.sql}"


def two_sides(facts: Facts, rng: random.Random) -> Pair:
    """Outside a range: below one value or above another."""
    entity, field = pick_entity(rng, facts, "number")
    low, high = sorted((threshold(rng, field), threshold(rng, field)))
    if low == high:
        raise Unfit
    fields, name = shown(rng, entity, rng.choice([1, 2]), avoid=(field,)), said(rng, facts, field)
    words = spin(rng, "[whose {f} is|with {g}] [less than|below|under] {a} or [more than|above|over|greater than] {b}", f=name, g=indefinite(name), a=str(low), b=str(high))
    return ask(rng, f"{list_said(rng, facts, fields)} of {nouns(rng, entity)} {words}"), f"SELECT {select(fields)} FROM {entity.sql} WHERE {field.sql} < {low} OR {field.sql} > {high}"


SINGLE = (
    (7, list_columns), (0.6, list_everything), (12, list_where), (2, count_rows), (5, count_where), (3, distinct), (2.5, count_distinct),
    (6, aggregates), (7, ordered), (5, superlative), (2.5, top), (1, equals_extreme), (1.5, compared_to_average), (0.5, above_some),
    (0.4, arithmetic), (0.6, two_sides),
)  # fmt: skip

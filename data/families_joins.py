"""Families over two to four tables, joined along foreign keys."""

import random
from collections.abc import Sequence

from .conditions import condition, filters
from .facts import Edge, Entity, Facts, Field
from .families_groups import HAVING
from .families_single import SMALL, Pair, aggregate_said, summable
from .naming import plural
from .phrases import (
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
    said,
    select,
    shown,
    spin,
)  # fmt: skip


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
    return (pick(rng, fields_of(entity, "group", "text", "key", "code")),)


Link = tuple[Entity, Edge, Edge, Entity]


def any_link(rng: random.Random, facts: Facts) -> Link:
    """Two tables and the table between them that refers to both."""
    found = [
        (a.parent, a, b, b.parent)
        for a in facts.edges
        for b in facts.edges
        if a.child.name == b.child.name and a.parent.name != b.parent.name and a.child.name not in (a.parent.name, b.parent.name)
        and not a.twin and not b.twin and a.parent.spoken and b.parent.spoken
    ]  # fmt: skip
    if not found:
        raise Unfit
    return rng.choice(found)


def bridging(link: Link) -> bool:
    """Whether the table between is only a link, so that `the a's b` is clear without naming it."""
    return not link[1].child.spoken


def child_where_parent(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    child, parent = edge.child, edge.parent
    found = condition(rng, facts, parent)
    fields = shown(rng, child, rng.choice([1, 1, 1, 2, 2]))
    columns, many, person = list_said(rng, facts, fields, many=rng.random() < 0.35), nouns(rng, child), parent_said(rng, edge)
    frames = ["{c} of [the |all |]{n} [of|of|for|belonging to] the {p} {w}", "{c} of [the |all |]{n} whose {p} {s}", "{c} of [the |]{n} that belong to [the|a] {p} {w}", "{c} of [the |all |]{n} [of|for] {q} {w}"]
    frame = rng.choice(frames)
    if edge.twin:
        frame = frames[1]
    state = f"has {found.statement.split(' is ', 1)[0]} {found.statement.split(' is ', 1)[1]}" if " is " in found.statement and " = " in found.sql else "is one " + found.phrase
    body = spin(rng, frame, c=columns, n=many, p=person, q=plural(person), w=found.phrase, s=state)
    if rng.random() < 0.2:
        body_question = spin(rng, "For the {p} {w}, [what are|show|list|give] the {c} of [its|the] {n}.", p=person, w=found.phrase, c=columns, n=many)
        question = body_question.replace(".", "?") if "what are" in body_question else body_question
        if edge.twin:
            raise Unfit
    else:
        question = ask(rng, body)
    return question, f"SELECT {select(fields)} FROM {either_way(rng, edge)} WHERE {found.sql}"


def parent_where_child(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    found = condition(rng, facts, edge.child)
    fields = shown(rng, edge.parent, rng.choice([1, 1, 1, 2, 2]))
    person, distinct = parent_said(rng, edge), rng.random() < 0.3
    columns = list_said(rng, facts, fields, many=rng.random() < 0.35)
    different = rng.choice(["different ", "distinct ", "unique "]) if distinct else ""
    frames = ["{d}{c} of [the |all |]{q} [that have|with|having] [a|any] {o} {w}", "{d}{c} of [the |all |]{q} of {n} {w}", "{d}{c} of the {p} of [each|every|the] {o} {w}", "{d}{c} of [the |]{q} who have {n} {w}" if edge.parent.person else "{d}{c} of [the |]{q} that have {n} {w}"]
    body = spin(rng, rng.choice(frames), c=columns, q=plural(person), p=person, o=noun(rng, edge.child), n=nouns(rng, edge.child), w=found.phrase, d=different)
    body = body.replace(" a a", " an a").replace(" a e", " an e").replace(" a i", " an i").replace(" a o", " an o")
    return ask(rng, body), f"SELECT {'DISTINCT ' if distinct else ''}{select(fields)} FROM {either_way(rng, edge)} WHERE {found.sql}"


def both_tables(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    child, parent, person = edge.child, edge.parent, parent_said(rng, edge)
    mine, theirs = shown(rng, child, rng.choice([1, 1, 2])), shown(rng, parent, 1)
    a, b = list_said(rng, facts, mine), list_said(rng, facts, theirs)
    frames = ["{a} of [each|every] {o} [and|together with|along with] the {b} of its {p}", "{a} of [all |the |]{n} and the {b} of [their|the corresponding] {p}", "{a} of each {o} and {its} {p}'s {b}"]
    its = "their" if child.person else "its"
    body = spin(rng, rng.choice(frames), a=a, b=b, o=noun(rng, child), n=nouns(rng, child), p=person, its=its)
    question = ask(rng, body)
    if rng.random() < 0.25:
        question = spin(rng, "For [each|every] {o}, [show|list|give|find] {its} {a} and the {b} of {its} {p}.", o=noun(rng, child), a=a, b=b, p=person, its=its)
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
    where, words, _ = filters(rng, facts, edge.parent)
    person = parent_said(rng, edge)
    frames = ["How many {n} does the {p} {w} have?", "[Count|Find] the [number of |]{n} of the {p} {w}.", "[Find|Show|Return] the number of {n} [for|of] {q} {w}.", "How many {n} [belong to|are there for] {q} {w}?", "What is the [total |]number of {n} [of|for] the {p} {w}?"]
    return spin(rng, rng.choice(frames), n=nouns(rng, edge.child), p=person, q=plural(person), w=words), f"SELECT COUNT(*) FROM {either_way(rng, edge)} WHERE {where}"


def aggregate_of_parent(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    function, value = summable(rng, edge.child)
    found = condition(rng, facts, edge.parent)
    person = parent_said(rng, edge)
    frames = ["What is the {x} of [the |all |]{n} [of|for] the {p} {w}?", "[Find|Show|Compute|Give] the {x} of [the |]{n} [of|for|belonging to] {q} {w}."]
    return spin(rng, rng.choice(frames), x=aggregate_said(rng, facts, function, value), n=nouns(rng, edge.child), p=person, q=plural(person), w=found.phrase), f"SELECT {function}({value.sql}) FROM {either_way(rng, edge)} WHERE {found.sql}"


def parent_counts(facts: Facts, rng: random.Random) -> Pair:
    """For each parent the number of its children."""
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    title, parent, child = title_of(rng, edge.parent), edge.parent, edge.child
    person, many, columns = parent_said(rng, edge), nouns(rng, child), list_said(rng, facts, title)
    base = f"FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql}"
    frames = ["For each {p}, [show|list|give|return|find] [its|the] {c} and the number of {n}.", "What is the {c} of each {p} and how many {n} does it have?", "[List|Show|Give|Return] the {c} [and|along with|together with] the number of {n} [of|for] each {p}.", "[Show|List] the {c} of [all |the |]{q} and the number of {n} each has.", "How many {n} does each {p} have? [Show|List|Give] the {c} and the [count|number].", "[Count|Find] the number of {n} per {p}; [show|give] the {c} and the count."]
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
    extremum = rng.choice(["most", "most", "largest number of", "highest number of", "greatest number of"] if down else ["fewest", "least", "smallest number of"])
    columns = list_said(rng, facts, fields)
    sql = f"SELECT {select(fields)} FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql} ORDER BY COUNT(*){' DESC' if down else ''} LIMIT {k}"
    if k > 1:
        body = spin(rng, "{c} of the {k} {q} [with|that have] the {e} {n}", c=columns, k=rng.choice([str(k), SMALL[k]]), q=plural(person), e=extremum, n=many)
        return ask(rng, body), sql
    frames = ["Which {p} has the {e} {n}? [Give|Show|List|Return] the {c}.", "What [is|is] the {c} of the {p} [with|that has|having] the {e} {n}?", "[Find|Show|Return|Give|List] the {c} of the {p} [with|that has|having] the {e} {n}."]
    if tuple(fields) == edge.parent.title:
        frames += ["Which {p} has the {e} {n}?"]
    question = spin(rng, rng.choice(frames), p=person, e=extremum, n=many, c=columns)
    if rng.random() < 0.15:
        question = spin(rng, "[Find|Show|Return] the {c} of the {p} with the {e} {n}, and [the number of {n}|how many {n} there are].", p=person, e=extremum, n=many, c=columns)
        return question, sql.replace(" FROM ", ", COUNT(*) FROM ", 1)
    return (question.replace("What is", "What are", 1) if len(fields) > 1 else question), sql


def parent_having(facts: Facts, rng: random.Random) -> Pair:
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    fields = shown(rng, edge.parent, rng.choice([1, 1, 1, 2]))
    k = rng.choice([1, 2, 2, 2, 3, 3, 4, 5, 6])
    operator, words = rng.choice([(o, w) for o, w in HAVING if o not in ("<", "<=") or k > 1])
    person = parent_said(rng, edge)
    thing = noun(rng, edge.child) if k == 1 and not words.endswith("or more") else nouns(rng, edge.child)
    amount = words.format(k=rng.choice([str(k), str(k), SMALL.get(k, "one")]))
    columns = list_said(rng, facts, fields, many=rng.random() < 0.4)
    frames = ["{c} of [the |all |]{q} [that have|with|having] {h} {n}"]
    question = ask(rng, spin(rng, frames[0], c=columns, q=plural(person), h=amount, n=thing))
    if rng.random() < 0.35:
        question = spin(rng, "Which {q} have {h} {n}? [Show|List|Give|Return] [their|the] {c}.", q=plural(person), h=amount, n=thing, c=columns)
    return question, f"SELECT {select(fields)} FROM {either_way(rng, edge)} GROUP BY {edge.parent_field.sql} HAVING COUNT(*) {operator} {k}"


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
        question = spin(rng, "[Which {p} has the {e} {x} of {n}? Give the {c}.|What is the {c} of the {p} whose {n} have the {e} {x}?|Find the {c} of the {p} with the {e} {x} of {n}.]", p=person, e=extremum, x=what, n=many, c=columns)
        return question, f"SELECT {select(title)} {base} ORDER BY {function}({value.sql}){' DESC' if down else ''} LIMIT 1"
    frames = ["For each {p}, [show|list|find|give] the {c} and the {x} of [its|the] {n}.", "What is the {c} of each {p} and the {x} of its {n}?", "[List|Show|Return] the {c} of [each|every] {p} [along with|together with|and] the {x} of its {n}."]
    question = spin(rng, rng.choice(frames), p=person, c=columns, x=what, n=many)
    return question.replace("of its", "of their") if edge.parent.person else question, f"SELECT {select(title)}, {function}({value.sql}) {base}"


def extreme_across(facts: Facts, rng: random.Random) -> Pair:
    """The parent of the child with the extreme value, or children ordered by a parent's column."""
    edge = any_edge(rng, facts)
    descending = rng.random() < 0.65
    value = pick(rng, fields_of(edge.child, "number", "date", "year", nulls=descending))
    _, extremum = extreme(rng, value, descending)
    name, person = said(rng, facts, value), parent_said(rng, edge)
    if rng.random() < 0.65:
        fields = shown(rng, edge.parent, rng.choice([1, 1, 2]))
        body = spin(rng, "[{c} of the {p} of the {o} with the {e} {f}|{c} of the {p} whose {o} has the {e} {f}]", c=list_said(rng, facts, fields), p=person, o=noun(rng, edge.child), e=extremum, f=name)
        return ask(rng, body, single=len(fields) == 1), f"SELECT {select(fields)} FROM {either_way(rng, edge)} ORDER BY {value.sql}{' DESC' if descending else ''} LIMIT 1"
    other = pick(rng, fields_of(edge.parent, "number", "date", "year", "name", nulls=descending))
    fields = shown(rng, edge.child, rng.choice([1, 1, 2]))
    suffix, order = direction(rng, f"the {said(rng, facts, other)} of their {person}", other.role)
    order = order.replace("of the the", "of the")
    return ask(rng, f"{list_said(rng, facts, fields)} of all {nouns(rng, edge.child)}, {order}"), f"SELECT {select(fields)} FROM {either_way(rng, edge)} ORDER BY {other.sql}{suffix}"


def group_of_parent(facts: Facts, rng: random.Random) -> Pair:
    """Children counted by a column of their parent."""
    edge = any_edge(rng, facts)
    if edge.twin:
        raise Unfit
    group = pick(rng, [f for f in fields_of(edge.parent, "group", "year") if f.distinct > 1])
    name, person, many = said(rng, facts, group), parent_said(rng, edge), nouns(rng, edge.child)
    chance, base = rng.random(), f"FROM {either_way(rng, edge)} GROUP BY {group.sql}"
    if chance < 0.6:
        frames = ["For each {p} {f}, [how many {n} are there?|show the number of {n}.|count the {n}.]", "[Show|List|Find] each {p} {f} and the number of {n} of {q} with it.", "[Count|Find] the number of {n} by the {f} of their {p}."]
        return spin(rng, rng.choice(frames), p=person, q=plural(person), f=name, n=many), f"SELECT {group.sql}, COUNT(*) {base}"
    if chance < 0.75:
        return spin(rng, "Which {p} {f} has the most {n}?", p=person, f=name, n=many), f"SELECT {group.sql} {base} ORDER BY COUNT(*) DESC LIMIT 1"
    function, value = summable(rng, edge.child)
    frames = ["What is the {x} of {n} for each {p} {f}?", "For each {f} of the {p}, [show|find|what is] the {x} of the {n}[.]"]
    return spin(rng, frames[0], x=aggregate_said(rng, facts, function, value), n=many, p=person, f=name), f"SELECT {group.sql}, {function}({value.sql}) {base}"


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
        return spin(rng, "How many {n} {m} does the {p} {w} have?", n=many, m=mine.phrase, p=person, w=theirs.phrase), f"SELECT COUNT(*) {sql}"
    fields = shown(rng, edge.child, rng.choice([1, 1, 2]))
    body = spin(rng, "[{c} of {n} {m} that belong to {q} {w}|{c} of the {n} of {q} {w}, only those {m}]", c=list_said(rng, facts, fields), n=many, m=mine.phrase, q=plural(person), w=theirs.phrase)
    return ask(rng, body), f"SELECT {select(fields)} {sql}"


def through_link(facts: Facts, rng: random.Random) -> Pair:
    """One side of a many-to-many link, filtered by the other."""
    link = any_link(rng, facts)
    start, first, second, end = link
    found = condition(rng, facts, end)
    between = "" if bridging(link) else f" through their {nouns(rng, first.child)}"
    path = joins(start, [first, second]) if rng.random() < 0.6 else joins(end, [second, first])
    if rng.random() < 0.2:
        frames = ["How many {n} are [linked|connected|related] to the {e} {w}?", "Count the {n} [of|for] the {e} {w}."]
        if between:
            raise Unfit
        return spin(rng, rng.choice(frames), n=nouns(rng, start), e=noun(rng, end), w=found.phrase), f"SELECT COUNT(*) FROM {path} WHERE {found.sql}"
    fields, distinct = shown(rng, start, rng.choice([1, 1, 2])), rng.random() < 0.3
    different = rng.choice(["different ", "distinct "]) if distinct else ""
    frames = ["{d}{c} of [the |all |]{n} [of|for|with|that have] the {e} {w}{b}", "{d}{c} of [the |all |]{n} [with|that have|linked to] {i} {w}{b}", "{d}{c} of [the |]{n} for {es} {w}{b}"]
    end_noun = noun(rng, end)
    body = spin(rng, rng.choice(frames), d=different, c=list_said(rng, facts, fields, many=rng.random() < 0.3), n=nouns(rng, start), e=end_noun, i=indefinite(end_noun), es=plural(end_noun), w=found.phrase, b=between)
    return ask(rng, body), f"SELECT {'DISTINCT ' if distinct else ''}{select(fields)} FROM {path} WHERE {found.sql}"


def pairs_of_link(facts: Facts, rng: random.Random) -> Pair:
    link = any_link(rng, facts)
    start, first, second, end = link
    a, b = title_of(rng, start), title_of(rng, end)
    path = joins(start, [first, second])
    one_noun, other = noun(rng, start), noun(rng, end)
    via = "" if bridging(link) else f" from every {noun(rng, first.child)}"
    extra = [f for f in first.child.fields if f.role in ("number", "date", "year", "group")]
    if extra and rng.random() < 0.35:
        field = rng.choice(extra)
        middle = first.child
        text = spin(rng, "{a} of the {n} and {b} of the {m} together with the {f}{x}", a=list_said(rng, facts, a), n=one_noun, b=list_said(rng, facts, b), m=other, f=said(rng, facts, field), x=f" of each {noun(rng, middle)}" if middle.spoken else "")
        return ask(rng, text), f"SELECT {select([*a, *b, field])} FROM {path}"
    text = spin(rng, "{a} of [each|every] {n} [and|together with|along with] the {b} of [its|their|the] {m}{v}", a=list_said(rng, facts, a), n=one_noun, b=list_said(rng, facts, b), m=other if via else plural(other), v=via)
    return ask(rng, text), f"SELECT {select([*a, *b])} FROM {path}"


def link_counts(facts: Facts, rng: random.Random) -> Pair:
    """For each row of one side, how many of the other: counted in the link table, which is joined once."""
    link = any_link(rng, facts)
    start, first, _, end = link
    if first.child.spoken and rng.random() < 0.8:
        raise Unfit
    title = title_of(rng, start)
    columns, many, person = list_said(rng, facts, title), nouns(rng, end), noun(rng, start)
    base = f"FROM {either_way(rng, first)} GROUP BY {first.parent_field.sql}"
    if first.child.spoken:
        base = f"FROM {joins(start, [first, link[2]])} GROUP BY {first.parent_field.sql}"
    chance = rng.random()
    if chance < 0.4:
        question = spin(rng, "[For each {p}, show the {c} and the number of {n}.|How many {n} does each {p} have? List the {c} and the count.|List the {c} of each {p} and the number of {n}.]", p=person, c=columns, n=many)
        return question, f"SELECT {select(title)}, COUNT(*) {base}"
    if chance < 0.75:
        question = spin(rng, "[Which {p} has the most {n}? Give the {c}.|What is the {c} of the {p} with the [most|largest number of] {n}?|Find the {c} of the {p} that has the [most|highest number of] {n}.]", p=person, c=columns, n=many)
        return question, f"SELECT {select(title)} {base} ORDER BY COUNT(*) DESC LIMIT 1"
    k = rng.choice([2, 2, 3, 4])
    operator, words = rng.choice([(">", "more than"), (">=", "at least"), ("=", "exactly")])
    return ask(rng, f"{columns} of {plural(person)} with {words} {k} {many}"), f"SELECT {select(title)} {base} HAVING COUNT(*) {operator} {k}"


def chain(facts: Facts, rng: random.Random) -> Pair:
    """Grandchildren filtered by their grandparent."""
    found = [(a, b) for a in facts.edges for b in facts.edges if a.parent.name == b.child.name and not a.twin and not b.twin
             and len({a.child.name, a.parent.name, b.parent.name}) == 3 and a.child.spoken and a.parent.spoken and b.parent.spoken]  # fmt: skip
    if not found:
        raise Unfit
    first, second = rng.choice(found)
    path = joins(first.child, [first, second]) if rng.random() < 0.6 else joins(second.parent, [second, first])
    where = condition(rng, facts, second.parent)
    words = spin(rng, "whose {m} belongs to [a|the] {p} {w}", m=parent_said(rng, first), p=parent_said(rng, second), w=where.phrase)
    if rng.random() < 0.5:
        words = spin(rng, "of the {ms} of the {p} {w}", ms=plural(parent_said(rng, first)), p=parent_said(rng, second), w=where.phrase)
    if rng.random() < 0.3:
        return spin(rng, "[How many {n} are there {x}?|Count the {n} {x}.|What is the number of {n} {x}?]", n=nouns(rng, first.child), x=words), f"SELECT COUNT(*) FROM {path} WHERE {where.sql}"
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

    source = f"FROM {entity.sql} AS t1 JOIN {entity.sql} AS t2 ON {of('t1', edge.child_field)} = {of('t2', edge.parent_field)}"
    title, name = entity.title, list_said(rng, facts, entity.title)
    mine, boss = (", ".join(of(alias, f) for f in title) for alias in ("t1", "t2"))
    chance = rng.random()
    if chance < 0.4:
        question = spin(rng, "[Show|List|Give|Find] the {c} of [each|every] {o} [and|together with|along with] the {c} of [its|their|the] {r}.", c=name, o=noun(rng, entity), r=role)
        return question, f"SELECT {mine}, {boss} {source}"
    if chance < 0.65:
        question = spin(rng, "[For each {r}, how many {n} are there? Show the {c} of the {r} and the count.|List the {c} of each {r} and the number of {n} they are the {r} of.]", c=name, r=role, n=nouns(rng, entity))
        return question, f"SELECT {boss}, COUNT(*) {source} GROUP BY {of('t2', edge.parent_field)}"
    value = pick(rng, fields_of(entity, "number"))
    question = spin(rng, "[Which|What] {n} have a higher {f} than their {r}? [Give|Show|List] their {c}.", n=nouns(rng, entity), f=said(rng, facts, value), r=role, c=name)
    return question, f"SELECT {mine} {source} WHERE {of('t1', value)} > {of('t2', value)}"


JOINS = (
    (6, child_where_parent), (4, parent_where_child), (5, both_tables), (2.5, count_of_parent), (1.2, aggregate_of_parent),
    (3.5, parent_counts), (3.5, parent_with_most), (3, parent_having), (2, parent_aggregate), (2, extreme_across), (1.5, group_of_parent),
    (1.5, conditions_on_both), (5, through_link), (1.5, pairs_of_link), (2, link_counts), (2.5, chain), (0.6, self_join),
)  # fmt: skip

"""Which tables a template is about: one table, two along a key, two over a link table, a chain, a table and itself."""

import random
from collections.abc import Sequence
from typing import TypeVar

from ..facts import Edge, Entity, Facts
from ..language.fitness import Unfit
from ..language.nouns import indefinite, plural
from .filling import Filling, key_filling, table_filling

T = TypeVar("T")
FROM_START = 0.6
"""How often a FROM clause over three tables or more begins with the table that is asked for."""


def bind(over: str, facts: Facts, rng: random.Random) -> dict[str, Filling]:
    """Bind the names of a scope, over tables drawn from those that fit. Raises Unfit when there are none."""
    if over == "table":
        return {"row": table_filling(_any(facts.spoken, rng), rng)}
    if over in ("edge", "edge_to_many", "edge_complete", "parallel"):
        edges = facts.parallel_edges if over == "parallel" else facts.edges_spoken
        if over == "edge_to_many":
            edges = facts.edges_to_many
        if over == "edge_complete":
            edges = [edge for edge in edges if not edge.child_field.nulls]
        return _edge(_any(edges, rng), rng)
    if over == "kind":
        return _edge(_any(facts.kinds, rng), rng)
    if over == "chain":
        first, second = _any(facts.chains, rng)
        return {
            "item": table_filling(first.child, rng),
            "middle": table_filling(first.parent, rng, first.nouns),
            "top": table_filling(second.parent, rng, second.nouns),
            "from": _from(rng, first.child, [first, second], second.parent),
        }
    if over in ("self", "self_open"):
        return _self(_any([e for e in facts.self_edges if over == "self" or e.child_field.nulls], rng), rng)
    return _link(over, facts, rng)


def _any(items: Sequence[T], rng: random.Random) -> T:
    if not items:
        raise Unfit
    return rng.choice(items)


def _edge(edge: Edge, rng: random.Random) -> dict[str, Filling]:
    start = rng.choice([edge.child, edge.parent])
    return {
        "item": table_filling(edge.child, rng),
        "parent": table_filling(edge.parent, rng, edge.nouns),
        "item_key": key_filling(edge.child_field),
        "parent_key": key_filling(edge.parent_field),
        "from": Filling(joins(start, [edge])),
    }


def _link(over: str, facts: Facts, rng: random.Random) -> dict[str, Filling]:
    """Two tables and the one between them; `far` goes on to a table that the right one refers to."""
    spoken = over.endswith("junction")
    links = [link for link in facts.links if link[0].child.spoken == spoken]
    first, second = _any(links, rng)
    left, right = first.parent, second.parent
    path, end, names = [first, second], right, {}
    if over.startswith("far"):
        taken = {left.name, right.name, first.child.name}
        third = _any([e for e in facts.edges_spoken if e.child.name == right.name and e.parent.name not in taken], rng)
        path, end = [first, second, third], third.parent
        names = {"top": table_filling(third.parent, rng, third.nouns)}
    return {
        "left": table_filling(left, rng),
        "right": table_filling(right, rng),
        "item": table_filling(first.child, rng),
        "left_key": key_filling(first.parent_field),
        "from": _from(rng, left, path, end),
        "count_from": Filling(joins(rng.choice([first.child, left]), [first])),
        **names,
    }


def _self(edge: Edge, rng: random.Random) -> dict[str, Filling]:
    noun = edge.nouns[0]
    mine, other = key_filling(edge.child_field), key_filling(edge.parent_field)
    return {
        "row": table_filling(edge.child, rng),
        "mine": mine,
        "other": Filling(other.forms["t2"], noun, plural(noun), {"a": indefinite(noun)}),
        "on": Filling(f"{mine.forms['t1']} = {other.forms['t2']}"),
    }


def _from(rng: random.Random, start: Entity, path: list[Edge], end: Entity) -> Filling:
    return Filling(joins(start, path) if rng.random() < FROM_START else joins(end, path[::-1]))


def joins(start: Entity, path: Sequence[Edge]) -> str:
    """Write the FROM clause along a path of edges; the earlier table stands left in every condition.

    Raises Unfit when the path comes to a table twice.
    """
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

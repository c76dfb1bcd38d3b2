"""A foreign key as sentences speak of it: what the parent is to the child."""

import re
from collections.abc import Mapping, Sequence

from ...core.records import ForeignKey
from .facts import Edge, Entity, Field
from .language.naming import is_noun, is_person
from .language.nouns import singular_noun


def read_edge(key: ForeignKey, by_name: Mapping[str, Entity], keys: Sequence[ForeignKey]) -> Edge | None:
    """Return the edge of a foreign key; None where a table has no rows, or the key leads to several."""
    child, parent = by_name.get(key.table.lower()), by_name.get(key.ref_table.lower())
    if child is None or parent is None:
        return None
    child_field = next((f for f in child.fields if f.name.lower() == key.column.lower()), None)
    parent_field = next((f for f in parent.fields if f.name.lower() == key.ref_column.lower()), None)
    if child_field is None or parent_field is None:
        return None
    if parent_field.distinct < parent.rows:
        return None  # a part of a key of several columns leads to several rows
    two = {key.table.lower(), key.ref_table.lower()}
    parallel = sum({k.table.lower(), k.ref_table.lower()} == two for k in keys) > 1
    return Edge(child, child_field, parent, parent_field, _edge_nouns(child, child_field, parent, parallel), parallel)


def _edge_nouns(child: Entity, child_field: Field, parent: Entity, parallel: bool) -> tuple[str, ...]:
    """What the parent is to the child: by the column where that says more than the table (`home team`)."""
    if child.name == parent.name and child_field.nouns[-1] in ("reports to", "report to"):
        return ("manager",)
    spoken = re.sub(r" (id|code|number|key|name|ref|reference)$", "", child_field.nouns[-1])
    noun = " ".join([*spoken.split()[:-1], singular_noun(spoken.split()[-1])]) if spoken else parent.nouns[0]
    if parallel or child.name == parent.name:
        return (noun,)
    known = {word for name in parent.nouns for word in name.split()}
    own = set(noun.split())
    if not is_noun(noun) or own <= known or noun == "id" or len(noun) < 4:
        return parent.nouns
    return (*parent.nouns, noun) if own & known or is_person(noun) else parent.nouns

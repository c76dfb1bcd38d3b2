"""The classes that a query belongs to, by its words: a set of pairs is balanced by them. No parser, for speed."""

import re
from collections import Counter

from .skeleton import skeleton

AGGREGATES = re.compile(r"\b(?:COUNT|SUM|AVG|MIN|MAX) \(")
DATES = re.compile(
    r"\b(?:strftime|date|datetime|julianday|date_part|year|month)\s*\(|'\d{4}-\d\d(?:-\d\d)?", re.IGNORECASE
)
CLASSES = ("plain", "filter", "aggregate", "join", "joins", "group", "having", "order", "top", "nested", "set", "date")
HARDNESS = ("easy", "medium", "hard", "extra")


def query_class(sql: str, shape: str = "") -> tuple[str, ...]:
    """Return the classes of a query, its hardness first; `shape` is its skeleton where that is known.

    Hardness counts parts as Spider's levels do, but by words: easy has at most one of them, medium two, hard three or
    four, extra more. `join` is one join, `joins` are several; `top` is an order with a LIMIT.

    >>> query_class("SELECT COUNT(*) FROM pets")
    ('easy', 'aggregate')
    >>> query_class("SELECT a.x FROM a JOIN b ON a.i = b.i WHERE b.d > '2020-01-01' GROUP BY a.x ORDER BY 1 LIMIT 1")
    ('hard', 'filter', 'join', 'group', 'top', 'date')
    """
    shape = shape or skeleton(sql)
    joins = shape.count("JOIN")
    words = Counter(shape.split())
    selects = words["SELECT"]
    sets = words["UNION"] + words["INTERSECT"] + words["EXCEPT"]
    found = {
        "filter": "WHERE" in shape,
        "aggregate": AGGREGATES.search(shape) is not None,
        "join": joins == 1,
        "joins": joins > 1,
        "group": "GROUP BY" in shape,
        "having": "HAVING" in shape,
        "order": "ORDER BY" in shape and "LIMIT" not in shape,
        "top": "ORDER BY" in shape and "LIMIT" in shape,
        "nested": selects > 1 + sets,
        "set": sets > 0,
        "date": DATES.search(sql) is not None,
    }
    conditions = words["AND"] + words["OR"]
    parts = sum(found[name] for name in ("filter", "group", "having", "order", "top")) + joins + 2 * found["nested"]
    parts += 2 * found["set"] + conditions
    level = HARDNESS[0 if parts <= 1 else 1 if parts == 2 else 2 if parts <= 4 else 3]
    classes = tuple(name for name in CLASSES if found.get(name))
    return (level, *(classes or ("plain",)))


def main_class(classes: tuple[str, ...] | list[str]) -> str:
    """Return the one class that a query is counted under: the rarest kind of work in it.

    >>> main_class(("medium", "filter", "join"))
    'join'
    """
    return next((name for name in MAIN if name in classes), "plain")


MAIN = ("set", "nested", "joins", "date", "having", "group", "top", "join", "order", "aggregate", "filter", "plain")

"""The skeleton of a query: its shape without names and values. Queries that differ in nothing else share one."""

import re

PIECE = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])|(?P<number>\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
    |(?P<word>[^\W\d]\w*)|(?P<blank>\s+|--[^\n]*|/\*.*?\*/)|(?P<mark><>|!=|<=|>=|==|\|\||.)""",
    re.VERBOSE | re.DOTALL,
)
KEYWORDS = frozenset(
    """
    SELECT DISTINCT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET ASC DESC JOIN LEFT RIGHT FULL INNER OUTER CROSS
    NATURAL ON USING UNION ALL INTERSECT EXCEPT AND OR NOT IN EXISTS BETWEEN LIKE GLOB IS NULL CASE WHEN THEN ELSE
    END WITH RECURSIVE CAST OVER PARTITION COUNT SUM AVG MIN MAX NULLS FIRST LAST
    """.split()
)
QUALIFIED = re.compile(r"_(?: \. [_*])+")
"""A qualified name, which is a name."""
ALIAS = re.compile(r"\b(FROM|JOIN|,) _ _\b")
"""A name with an alias without AS."""
MARKS = {"!=": "<>", "==": "="}


def skeleton(sql: str) -> str:
    """Return a query without its names, values and aliases, in one spelling.

    >>> skeleton("select T1.name from pets as T1 where T1.age > 3 order by T1.age desc limit 1")
    'SELECT _ FROM _ WHERE _ > ? ORDER BY _ DESC LIMIT ?'
    >>> skeleton("SELECT pets.name FROM pets WHERE age>4 ORDER BY age DESC LIMIT 1;")
    'SELECT _ FROM _ WHERE _ > ? ORDER BY _ DESC LIMIT ?'
    """
    pieces = []
    for match in PIECE.finditer(sql):
        kind, text = match.lastgroup, match.group()
        if kind == "blank" or text == ";":
            continue
        if kind in ("text", "number"):
            pieces.append("?")
        elif kind == "name" or (kind == "word" and text.upper() not in KEYWORDS and text.upper() != "AS"):
            pieces.append("_")
        else:
            pieces.append(MARKS.get(text, text.upper()))
    written = " ".join(pieces)
    written = QUALIFIED.sub("_", written).replace(" AS _", "")
    return ALIAS.sub(r"\1 _", written).replace("_ (", "_(")

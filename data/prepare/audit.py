"""Marks on pairs whose gold query looks wrong although it runs. A mark is a suspicion: the recipe decides.

- `empty`: the query returns nothing on the real rows, and each of its tables has some. The question may still be good.
- `unnamed-column`: the query shows a column that the question names in no way.
- `tie`: a LIMIT cuts between rows that are equal in the order, so that another right query returns other rows.

How often a mark is right was measured: docs/data.md.
"""

import re
from collections.abc import Callable, Sequence

from ...core.records import Column, Schema
from ...sql.name_words import words
from ...sql.names import fold
from ..synthesis.language.naming import column_nouns, table_words
from ..synthesis.language.nouns import singular_noun
from ..synthesis.language.spoken import UNDERSTOOD

MARKS = ("empty", "unnamed-column", "tie")

Ran = Callable[[str], Sequence[Sequence[object]] | None]
"""Runs a query over the real rows; None where it fails or there are none."""

SELECTED = re.compile(r"SELECT (?:DISTINCT )?(.*?) FROM ", re.DOTALL)
PLAIN_COLUMN = re.compile(r'("(?:[^"]|"")*"|\w+)\.("(?:[^"]|"")*"|\w+)\Z')
READ = re.compile(r' (?:FROM|JOIN) ("(?:[^"]|"")*"|\w+)')
TOP = re.compile(r" ORDER BY (.+?) LIMIT (\d+)\Z", re.DOTALL)
SHOWN_ANYHOW = frozenset("id name title code key".split())
"""A row is known by these, so that a question need not name them."""
COMMON = frozenset("the of and a an in on for to by is are was were with each all".split())
ASKED = {
    "when": "date year time day month born", "where": "city country location address place state region street",
    "day": "date", "male": "sex gender", "female": "sex gender", "rating": "stars", "score": "result points stars",
    "place": "origin city location venue", "man": "sex gender", "woman": "sex gender",
    "who": "name",
    "long": "length duration time milliseconds seconds minutes", "old": "age birth",
    "tall": "height", "heavy": "weight",
    "far": "distance", "cost": "price", "expensive": "price cost", "cheap": "price cost", "big": "size area population",
    "large": "size area population", "much": "price cost amount total salary", "rich": "income money earnings",
    "contact": "email phone telephone", "reach": "email phone", "live": "city address country",
}  # fmt: skip
"""Words of a question, and what they ask for."""
EVERYTHING = re.compile(r"\b(?:information|info|details?|everything|all (?:the )?(?:data|columns|fields|attributes))\b")


def audit(question: str, sql: str, schema: Schema, ran: Ran) -> tuple[str, ...]:
    """Return the marks of a pair whose `sql` is in plain style; none where nothing is suspected."""
    marks = []
    rows = ran(sql)
    if rows is not None and not rows and not _reads_an_empty_table(sql, ran):
        marks.append("empty")
    if _shows_what_nobody_asked(question, sql, schema):
        marks.append("unnamed-column")
    if rows and _ties(sql, ran):
        marks.append("tie")
    return tuple(marks)


def _reads_an_empty_table(sql: str, ran: Ran) -> bool:
    """Tell whether a table of the query has no rows at all: then any query over it returns nothing."""
    asked = (ran(f"SELECT 1 FROM {name} LIMIT 1") for name in sorted(set(READ.findall(sql))))
    return any(rows is not None and not rows for rows in asked)


def _ties(sql: str, ran: Ran) -> bool:
    """Tell whether the row behind the LIMIT equals the last one before it in the order, and shows other cells."""
    match = TOP.search(sql)
    if match is None or re.search(r" (?:UNION|INTERSECT|EXCEPT) ", sql) or "(" in sql[: sql.index(" FROM ")]:
        return False
    keys = [re.sub(r" (?:ASC|DESC)\Z", "", key.strip()) for key in _parts(match[1])]
    limit = int(match[2])
    head, tail = sql[: match.start()], f" ORDER BY {match[1]} LIMIT 1 OFFSET "
    shown = re.sub(SELECTED, f"SELECT {', '.join(keys)} FROM ", head, count=1)
    last, following = ran(f"{shown}{tail}{limit - 1}"), ran(f"{shown}{tail}{limit}")
    if not last or not following or last[0] != following[0]:
        return False
    seen = ran(f"{head}{tail}{limit - 1}")
    return not seen or seen != ran(f"{head}{tail}{limit}")


def _parts(listed: str) -> list[str]:
    """The parts of a list, cut at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(listed):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            parts.append(listed[start:place])
            start = place + 1
    return [*parts, listed[start:]]


def _shows_what_nobody_asked(question: str, sql: str, schema: Schema) -> bool:
    """Tell whether the first select list shows a bare column that no word of the question can mean."""
    match = SELECTED.match(sql)
    if match is None or EVERYTHING.search(question.lower()):
        return False
    asked = _stems(re.findall(r"[^\W_]+", question.lower()))
    asked |= {stem for word, meant in ASKED.items() if singular_noun(word) in asked for stem in _stems(meant.split())}
    columns = {(fold(t.name), fold(c.name)): (t.name, c) for t in schema.tables for c in t.columns}
    for part in _parts(match[1]):
        plain = PLAIN_COLUMN.match(part.strip())
        known = columns.get((_bare(plain[1]), _bare(plain[2]))) if plain else None
        if known is not None and not _is_named(known[0], known[1], asked):
            return True
    return False


def _is_named(table: str, column: Column, asked: set[str]) -> bool:
    named = _stems(words(column.name))
    if not named or named <= SHOWN_ANYHOW | COMMON or named & SHOWN_ANYHOW or column.primary_key:
        return True
    if named & asked or any(_alike(a, b) for a in named for b in asked):
        return True
    for noun in column_nouns(column.name, table):
        for said in (noun, *UNDERSTOOD.get(noun, ())):
            if _stems(said.split()) & asked:
                return True
    of_table = _stems(table_words(table))
    # a table's only word stands for its column of that name
    return named <= of_table or all(_is_short_for(word, asked) for word in named)


def _is_short_for(word: str, asked: set[str]) -> bool:
    """Tell whether a word of a column is short for one asked for: `lat` for latitude, `dphone` for a phone, `stuid`."""
    shown = asked | SHOWN_ANYHOW
    return any(
        (len(word) >= 3 and other.startswith(word)) or (word.endswith(other) and len(word) - len(other) <= 3)
        for other in shown
        if other
    )


def _alike(first: str, second: str) -> bool:
    """Tell whether two words share a long beginning: `nation` and `nationality`, `pub` and `publisher` not."""
    least = min(len(first), len(second))
    if least > 6 and first[:6] == second[:6]:  # director, directed
        return True
    return least >= 4 and first[: max(4, least - 1)] == second[: max(4, least - 1)]


def _stems(listed: Sequence[str]) -> set[str]:
    return {singular_noun(word) for word in listed if word not in COMMON}


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name

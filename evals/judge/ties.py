"""Which rows the gold's ORDER BY leaves tied: their order, and which of them a LIMIT keeps, is the database's choice.

The gold is run once more without its LIMIT and with one more column that numbers its rows by their sort keys. Rows of
one number are tied. A prediction is right when, place by place, its rows are of the number that stands there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...core.records import ResultSet
from ...sql.compare import TOKEN, all_among, same_loosely, same_result
from ...sql.guard import one_statement
from ...sql.names import fold

MOST_TRIES = 500  # orders of columns that are tried where a LIMIT cuts through tied rows
COMPOUND = {"union", "intersect", "except"}
AFTER_SELECT = ("from", "where", "group", "having", "window", "order", *sorted(COMPOUND))
SORTS = {"asc", "desc", "nulls", "first", "last", "collate"}


@dataclass(frozen=True)
class Keyed:
    """A query that returns what the gold does, without its LIMIT and with `keys` more columns, sorted by them.

    The gold's first row is its row `start`, from 0.
    """

    sql: str
    keys: int
    start: int


@dataclass(frozen=True)
class Ties:
    """All rows that a gold has without its LIMIT, and the number of each: tied rows have the same."""

    rows: tuple[tuple[Any, ...], ...]
    groups: tuple[int, ...]
    start: int


def ties(gold: ResultSet, keyed: Keyed, numbered: ResultSet) -> Ties | None:
    """Return the tied rows, from what a `keyed` query returned; None when the gold returned other or too many rows."""
    width = len(gold.columns)
    if len(numbered.columns) != width + keyed.keys or gold.truncated:
        return None
    groups = [0] * len(numbered.rows)
    for place in range(1, len(numbered.rows)):
        groups[place] = groups[place - 1] + (numbered.rows[place][width:] != numbered.rows[place - 1][width:])
    end = keyed.start + len(gold.rows)
    if end > len(groups) or (numbered.truncated and end and groups[end - 1] == groups[-1]):
        return None
    known = Ties(tuple(row[:width] for row in numbered.rows), tuple(groups), keyed.start)
    return known if agrees(known, gold) else None


def agrees(known: Ties, answer: ResultSet, *, loosely: bool = False) -> bool:
    """Return whether rows are the gold's but for the order of tied ones, and for which of them a LIMIT keeps."""
    marks = known.groups[known.start : known.start + len(answer.rows)]
    if answer.truncated or len(marks) < len(answer.rows):
        return False
    touched = set(marks)
    wanted = [(*row, _mark(at)) for row, at in zip(known.rows, known.groups, strict=True) if at in touched]
    rows = [(*row, _mark(at)) for row, at in zip(answer.rows, marks, strict=True)]
    if len(rows) == len(wanted):
        names = (*answer.columns, "group")
        same = same_loosely if loosely else same_result
        return same(ResultSet(names, tuple(wanted)), ResultSet(names, tuple(rows)), False)
    if not loosely:
        return all_among(rows, wanted)
    return any(
        all_among([(*[row[at] for at in order], row[-1]) for row in rows], wanted) for order in _orders(wanted, rows)
    )


def _mark(group: int) -> str:
    """What no cell holds, so that it is compared with its like alone."""
    return f"\0group {group}"


def _orders(wanted: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, ...]]:
    """Orders of the columns of `rows` in which each column's cells are among the wanted one's; at most MOST_TRIES."""
    width = len(wanted[0]) - 1
    fits = [
        [
            other
            for other in range(width)
            if all_among([(row[other], row[-1]) for row in rows], [(row[place], row[-1]) for row in wanted])
        ]
        for place in range(width)
    ]
    left = MOST_TRIES

    def search(taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        nonlocal left
        if len(taken) == width:
            left -= 1
            yield taken
            return
        for other in fits[len(taken)]:
            if other not in taken and left > 0:
                yield from search((*taken, other))

    return search(())


def settles(gold: str) -> bool:
    """Return whether only the top level leaves a choice to the database: no LIMIT or window function further in."""
    tokens = _tokens(gold)
    return not any(token.word == "over" or (token.word == "limit" and token.depth) for token in tokens)


@dataclass(frozen=True)
class _Token:
    """A word or sign of a query; `word` in lower case, `depth` in brackets around it."""

    word: str
    begin: int
    end: int
    depth: int


@dataclass(frozen=True)
class _Item:
    """A selected column or a sort key: its text, its words, and its alias or what says how it sorts."""

    text: str
    words: tuple[str, ...]
    extra: str = ""


@lru_cache(maxsize=64)
def keyed_queries(gold: str, columns: tuple[str, ...]) -> tuple[Keyed, ...]:
    """Return queries that may show which rows are tied, the likeliest first; some may fail, and there may be none.

    `columns` are the gold's as it returns them. Not covered: DISTINCT or UNION sorted by something that is no column of
    the result, an OFFSET that is no sum of numbers. Read off the words alone: a parser takes longer to load than all
    queries.

    >>> keyed_queries("SELECT name AS n FROM t ORDER BY size DESC LIMIT 2 OFFSET 1", ("n",))[0].sql.split("\\n")
    ['SELECT name AS n, DENSE_RANK() OVER (ORDER BY size DESC) AS tied', ' FROM t ', 'ORDER BY 2']
    """
    sql = one_statement(gold)
    tokens = _tokens(sql)
    top = {token.word: at for at, token in reversed(list(enumerate(tokens))) if not token.depth}
    sorts = [at for at, token in enumerate(tokens) if token.word == "order" and not token.depth]
    start = _start(tokens[top["limit"] + 1 :]) if "limit" in top else 0
    if "select" not in top or not sorts or start is None:
        return ()
    order = sorts[-1]
    keys = [_key(sql, part) for part in _split(tokens[order + 2 : top.get("limit", len(tokens))])]
    bare = sql[: tokens[order].begin]
    first = top["select"] + 1 + (tokens[top["select"] + 1].word in ("distinct", "all"))
    after = min((top[word] for word in AFTER_SELECT if top.get(word, 0) > first), default=order)
    items = [_selected(sql, part) for part in _split(tokens[first:after])]
    made = []
    rank = f"ORDER BY {len(columns) + 1}"
    if not COMPOUND & top.keys() and tokens[top["select"] + 1].word != "distinct":
        for deep in (False, True):
            own = _unaliased(keys, items, deep)
            if own is not None and any("over" in item.words for item in (*keys, *items)):
                # a window function stands in no other: it is a column of a query around which the other stands
                outer = [f"c{place}" for place in range(1, len(columns) + 1)]
                inner = [f"k{place}" for place in range(1, len(own) + 1)]
                texts = (text.removesuffix(key.extra) for text, key in zip(own, keys, strict=True))
                added = "".join(f", {text} AS {name}" for text, name in zip(texts, inner, strict=True))
                by = ", ".join(name + key.extra for name, key in zip(inner, keys, strict=True))
                at = tokens[after - 1].end
                whole = f"WITH tied({', '.join((*outer, *inner))}) AS ({bare[:at]}{added}\n{bare[at:]}\n)"
                made.append(f"{whole} SELECT {', '.join(outer)}, DENSE_RANK() OVER (ORDER BY {by}) FROM tied {rank}")
            elif own is not None:
                column = f", DENSE_RANK() OVER (ORDER BY {', '.join(own)}) AS tied"
                at = tokens[after - 1].end
                made.append(f"{bare[:at]}{column}\n{bare[at:]}\n{rank}")
    by_place = _by_column(keys, items, columns)
    if by_place is not None:
        names = ", ".join(f"c{place}" for place in range(1, len(columns) + 1))
        ranked = f"SELECT *, DENSE_RANK() OVER (ORDER BY {', '.join(by_place)}) FROM tied {rank}"
        made.append(f"WITH tied({names}) AS ({bare}\n) {ranked}")
    return tuple(Keyed(query, 1, start) for query in dict.fromkeys(made))


def _tokens(sql: str) -> list[_Token]:
    """The words and signs of a query, without blanks and comments."""
    out = []
    depth = 0
    for match in TOKEN.finditer(sql):
        text = match.group()
        if not text.isspace() and not text.startswith(("--", "/*")):
            depth -= text == ")"
            out.append(_Token(text.lower(), match.start(), match.end(), depth))
            depth += text == "("
    return out


def _split(tokens: Sequence[_Token]) -> list[list[_Token]]:
    """The parts between the commas of the outermost level."""
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.word == "," and not token.depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _start(after: Sequence[_Token]) -> int | None:
    """The row that the words after LIMIT begin at, below 0 read as 0; None when that is not told by numbers alone."""
    outer = [token.word if not token.depth else "" for token in after]
    if "," in outer:
        offset = after[: outer.index(",")]
    elif "offset" in outer:
        offset = after[outer.index("offset") + 1 :]
    else:
        return 0
    text = "".join(token.word for token in offset)
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    if not re.fullmatch(r"[+-]?[0-9]{1,12}(?:[+-][0-9]{1,12}){0,9}", text):
        return None
    return max(0, sum(int(term) for term in re.findall(r"[+-]?[0-9]+", text)))


def _key(sql: str, part: Sequence[_Token]) -> _Item:
    """A sort key, and the words after it that say how it sorts."""
    end = len(part)
    while end > 1 and (part[end - 1].word in SORTS or part[end - 2].word == "collate"):
        end -= 1
    words = tuple(token.word for token in part[:end])
    return _Item(sql[part[0].begin : part[end - 1].end], words, sql[part[end - 1].end : part[-1].end])


def _selected(sql: str, part: Sequence[_Token]) -> _Item:
    """A selected column, and its alias if it has one."""
    end = len(part)
    if end > 2 and part[-2].word == "as":
        end -= 2
    elif end > 1 and _is_name(part[-1].word) and (part[-2].word == ")" or _is_name(part[-2].word)):
        end -= 1
    words = tuple(token.word for token in part[:end])
    return _Item(sql[part[0].begin : part[end - 1].end], words, _bare(part[-1].word) if end < len(part) else "")


def _is_name(word: str) -> bool:
    return word != "end" and re.fullmatch(r"[^\W\d]\w*|[\"`\[].+", word, re.DOTALL) is not None


def _bare(word: str) -> str:
    """A name without its quotes."""
    return word[1:-1] if word[0] in '"`[' else word


def _place(key: _Item) -> int | None:
    """The number of a column that is named by its place."""
    return int(key.text) if len(key.words) == 1 and key.text.isdecimal() else None


def _unaliased(keys: Sequence[_Item], items: Sequence[_Item], deep: bool) -> list[str] | None:
    """Sort keys as they can stand among the selected columns: places and aliases are what they stand for.

    `deep`: aliases inside of an expression too, where a column of that name may be meant.
    """
    aliases = {item.extra: f"({item.text})" for item in items if item.extra}
    out = []
    for key in keys:
        place = _place(key)
        if place is not None:
            before = items[:place]
            if len(before) < place or any(item.words[-1] == "*" for item in before):
                return None
            out.append(f"({before[-1].text}){key.extra}")
        elif len(key.words) == 1:
            out.append(aliases.get(_bare(key.words[0]), key.text) + key.extra)
        elif deep:
            out.append(_with_aliases(key.text, aliases) + key.extra)
        else:
            out.append(key.text + key.extra)
    return out


def _with_aliases(text: str, aliases: Mapping[str, str]) -> str:
    tokens = _tokens(text)
    out, at = "", 0
    for place, token in enumerate(tokens):
        beside = {tokens[place - 1].word if place else "", tokens[place + 1].word if place + 1 < len(tokens) else ""}
        out += text[at : token.begin]
        alias = aliases.get(_bare(token.word)) if "." not in beside else None
        out += alias if alias and _is_name(token.word) else text[token.begin : token.end]
        at = token.end
    return out


def _by_column(keys: Sequence[_Item], items: Sequence[_Item], columns: Sequence[str]) -> list[str] | None:
    """Sort keys over columns c1, c2, ...; None unless each of them is a column of the result."""
    names = [fold(name) for name in columns]
    spelled = [item.words for item in items] if len(items) == len(columns) else []
    out = []
    for key in keys:
        place = _place(key)
        if place is None and len(key.words) == 1 and _bare(key.words[0]) in names:
            place = names.index(_bare(key.words[0])) + 1
        if place is None and key.words in spelled:
            place = spelled.index(key.words) + 1
        if place is None or not 0 < place <= len(columns):
            return None
        out.append(f"c{place}{key.extra}")
    return out

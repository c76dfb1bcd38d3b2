"""Double-quoted words that SQLite takes for texts, since they name nothing: which are texts, and which are mistakes.

A name in backticks is never taken for a text. So a word is one when the query fails with backticks around it.
"""

import re
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.records import Schema
from ...databases.requote import TOKEN
from ...sql.names import fold
from ...sql.normalise_simple import ONE as CONDITION
from ...sql.normalise_simple import QUERY as PLAIN_QUERY
from ...sql.normalise_simple import ROW_IDS
from .trial_database import bare

if TYPE_CHECKING:
    from sqlglot import exp

MARKED = "quoted_text_{}_here"
WORD = re.compile(r"[A-Za-z_]\w*\Z")
COMPARED = re.compile(r"(?:[=<>]|\b(?:LIKE|GLOB|IN\s*\(|BETWEEN))\s*\Z", re.IGNORECASE)
EQUALS = re.compile(r"\b(?:WHERE|AND)\s+(?:\w+\.)?(\w+)\s*(?:=|<>|!=|LIKE)\s*\Z", re.IGNORECASE)
JOINS = re.compile(r"\bJOIN\b", re.IGNORECASE)
OF_NUMBERS = ("int", "real")


def quote_texts(text: str, connection: sqlite3.Connection, schema: Schema) -> str | None:
    """Put single quotes around the texts of a query that runs; None when a text can only mean a column."""
    places = [(token.start(), token.end()) for token in TOKEN.finditer(text) if token.group().startswith('"')]
    names = [text[begin + 1 : end - 1].replace('""', '"') for begin, end in places]
    if not places:
        return text
    texts = _sure_texts(text, [begin for begin, _ in places], names, schema)
    if texts is not None:
        return _put(text, {places[n]: "'" + names[n].replace("'", "''") + "'" for n in texts})
    ticked = ["`" + name.replace("`", "``") + "`" for name in names]
    if _runs(connection, _put(text, dict(zip(places, ticked, strict=True)))):
        return text
    texts = [n for n, place in enumerate(places) if not _runs(connection, _put(text, {place: ticked[n]}))]
    marked = _put(text, {places[n]: MARKED.format(n) for n in texts})
    at_sight = _at_sight(text, [places[n][0] for n in texts], schema)
    if not at_sight and not _all_plausible(marked, {MARKED.format(n): names[n] for n in texts}, schema):
        return None
    return _put(text, {places[n]: "'" + names[n].replace("'", "''") + "'" for n in texts})


def _sure_texts(text: str, begins: Sequence[int], names: Sequence[str], schema: Schema) -> list[int] | None:
    """Which of the quoted words are texts, where one look says it of all of them; None where SQLite must be asked.

    Only in the simplest queries, which have no names but those of the schema.
    """
    query = PLAIN_QUERY.match(text)
    if query is None:
        return None
    kinds = _kinds(schema)
    known = set(kinds) | {fold(table.name) for table in schema.tables} | ROW_IDS
    texts = [n for n, name in enumerate(names) if fold(name) not in known]
    compared = {found.start(3): bare(found[1]) for found in CONDITION.finditer(text, max(0, query.start(5)))}
    for n in texts:
        of = kinds.get(fold(compared.get(begins[n], "")), set())
        if "text" not in of and (not of or WORD.match(names[n])):
            return None
    return texts


def _runs(connection: sqlite3.Connection, text: str) -> bool:
    try:
        connection.execute(f"EXPLAIN {text}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return False
    return True


def _put(text: str, pieces: dict[tuple[int, int], str]) -> str:
    out, at = [], 0
    for (begin, end), piece in pieces.items():
        out += [text[at:begin], piece]
        at = end
    return "".join([*out, text[at:]])


def _all_plausible(marked: str, texts: dict[str, str], schema: Schema) -> bool:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(marked, read="sqlite")
    except (SqlglotError, RecursionError):
        return all(COMPARED.search(marked[: marked.index(mark)]) for mark in texts)
    kinds = _kinds(schema)
    numbers = {name for name, types in kinds.items() if types <= set(OF_NUMBERS)}
    nodes = {node.name: node for node in tree.find_all(exp.Column) if node.name in texts}
    return all(mark in nodes and _plausible(nodes[mark], texts, numbers) for mark in texts)


def _kinds(schema: Schema) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for table in schema.tables:
        for column in table.columns:
            kinds.setdefault(fold(column.name), set()).add(column.type)
    return kinds


def _at_sight(text: str, begins: Sequence[int], schema: Schema) -> bool:
    """Whether each text stands after `column =` of a column of texts: most do, and no tree need be built for them."""
    if JOINS.search(text):
        return False
    kinds = _kinds(schema)
    before = (EQUALS.search(text, max(0, begin - 100), begin) for begin in begins)
    return all(match is not None and "text" in kinds.get(fold(match[1]), ()) for match in before)


def _plausible(node: "exp.Expr", texts: dict[str, str], numbers: set[str]) -> bool:
    """Tell whether a text makes sense where it stands: compared with a column, in a list, in a function."""
    from sqlglot import exp

    value = texts[node.name]
    parent = node.parent
    while isinstance(parent, exp.Paren | exp.Collate):
        node, parent = parent, parent.parent
    if isinstance(parent, exp.Like | exp.ILike | exp.Glob | exp.Match | exp.RegexpLike | exp.Escape):
        return node.arg_key != "this" or isinstance(parent, exp.Escape)
    if isinstance(parent, exp.In | exp.Between):
        return node.arg_key != "this" and _compares(value, [parent.this], texts, numbers)
    if isinstance(parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Is | exp.NullSafeEQ):
        other = parent.right if node is parent.left else parent.left
        return _compares(value, [other], texts, numbers) and not _joins_alone(parent, texts)
    if isinstance(parent, exp.DPipe):
        return WORD.match(value) is None
    if isinstance(
        parent, exp.If
    ):  # of a CASE: its `this` is a condition, or what the CASE's own `this` is compared with
        case = parent.parent
        return node.arg_key != "this" or (isinstance(case, exp.Case) and case.args.get("this") is not None)
    if isinstance(parent, exp.Case):
        return node.arg_key == "default"
    adds_up = exp.AggFunc | exp.Connector | exp.Cast | exp.Abs | exp.Round
    groups = isinstance(parent, exp.GroupConcat) and node.arg_key == "separator"
    return groups or (isinstance(parent, exp.Func) and not isinstance(parent, adds_up))


def _compares(value: str, others: "Sequence[exp.Expr]", texts: dict[str, str], numbers: set[str]) -> bool:
    """Tell whether a column is on the other side, and not a number when the text is only a word."""
    from sqlglot import exp

    for other in others:
        columns = [column for column in other.find_all(exp.Column) if column.name not in texts]
        counts = isinstance(other, exp.Count | exp.Sum | exp.Avg)
        of_number = counts or (isinstance(other, exp.Column) and fold(other.name) in numbers)
        if of_number and WORD.match(value):
            return False
        if not columns and not counts and other.find(exp.Select) is None:
            return False
    return True


def _joins_alone(compared: "exp.Expr", texts: dict[str, str]) -> bool:
    """Tell whether it stands in an ON that compares no two columns otherwise."""
    from sqlglot import exp

    join = compared.find_ancestor(exp.Join, exp.Select)
    on = join.args.get("on") if isinstance(join, exp.Join) else None
    if on is None:
        return False
    return not any(
        isinstance(equality.left, exp.Column)
        and isinstance(equality.right, exp.Column)
        and not {equality.left.name, equality.right.name} & set(texts)
        for equality in on.find_all(exp.EQ)
    )

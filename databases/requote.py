"""An answer's names put right: written as the schema has them, in quotes where SQL needs quotes.

A small model writes `FROM order` whatever its prompt says. Names that match a name of the schema but for quotes or for
the case of letters beyond ASCII are rewritten; all other text stays as it is, to the last blank.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..core.records import Schema
from ..sql.names import RESERVED, fold, identifier, quoted
from .sqlite import allow_queries, open_table_functions
from .sqlite_errors import error_kind

TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>'(?:[^']|'')*'?)"""
    r"""|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?P<word>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<sign>.)""",
    re.DOTALL,
)
TABLE_FOLLOWS = frozenset(("from", "join"))
OPERAND_FOLLOWS = frozenset(
    "select distinct where and or not on by having case when then else between like glob is in using as with recursive "
    "limit offset".split()
)
"""After these words, and after an operator, a comma or a bracket, a query goes on with an expression."""
BEGINS_OPERAND = frozenset("select distinct all not case null between in exists".split())
"""Keywords that may begin an expression, or stand where one is expected."""
ODD_NAME = re.compile(r"\w(?:[\w ()/%#&-]*[\w)%#])?")
"""Names that are looked for without quotes although they are no word: others could be a part of any query."""
COMPARES = frozenset(("=", "<", ">", "!", "like", "glob", "in", "match"))


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    @property
    def name(self) -> str:
        """Return the name without quotes, and a keyword in lower case."""
        if self.kind == "quoted":
            close = "]" if self.text[0] == "[" else self.text[0]
            return self.text[1:-1].replace(close * 2, close)
        return self.text


class _Names:
    """The names of a schema: as SQLite compares them, by what they are called when all case is ignored."""

    def __init__(self, names: Iterable[str]) -> None:
        self.exact = {fold(name) for name in names}
        self.loose: dict[str, str] = {}
        for name in sorted(self.exact):
            self.loose.setdefault(name.casefold(), name)

    def find(self, written: str) -> str:
        """Return the schema's name that is meant, or ''."""
        low = fold(written)
        return low if low in self.exact else self.loose.get(written.casefold(), "")


def requote(sql: str, schema: Schema) -> str:
    """Return the query with its names as the schema has them; one that SQLite understands keeps every bare word.

    Of another a word is taken for a name where a dot, FROM or JOIN says so, or where the query needs an expression and
    the word is a keyword that begins none. What comes out is kept only when SQLite understands more of it.

    >>> from ..core.records import Column, Table
    >>> shop = Schema((Table("order", (Column("index", "int"), Column("from", "text"), Column("unit price", "real"))),))
    >>> requote("SELECT order.index, unit price FROM order WHERE from = 'order' ORDER BY order.from", shop)
    'SELECT "order"."index", "unit price" FROM "order" WHERE "from" = \\'order\\' ORDER BY "order"."from"'
    """
    tables = _Names(table.name for table in schema.tables)
    columns = _Names(column.name for table in schema.tables for column in table.columns)
    sql = _respelled(sql, tables, columns, kinds=("quoted",))
    before = _understood(sql, schema)
    if before == WHOLLY:
        return sql
    joined = _join_words(sql, sorted(tables.exact | columns.exact, key=len, reverse=True), columns)
    changed = _respelled(joined, tables, columns, kinds=("word", "quoted"))
    return changed if changed != sql and _understood(changed, schema) > before else sql


SYNTAX, NAMES, WHOLLY = range(3)
"""How far SQLite understands a query: not its syntax, not its names (or functions), all of it."""


def understood(sql: str, schema: Schema) -> bool:
    """Tell whether SQLite takes a query over empty tables of a schema."""
    return _understood(sql, schema) == WHOLLY


def _understood(sql: str, schema: Schema) -> int:
    try:
        _empty(schema).execute(f"EXPLAIN {sql}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return SYNTAX if error_kind(error)[0] == "syntax" else NAMES
    return WHOLLY


@lru_cache(maxsize=16)
def _empty(schema: Schema) -> sqlite3.Connection:
    """A database in memory with the tables of a schema and no rows, on which queries are only prepared."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for table in schema.tables:
        with contextlib.suppress(sqlite3.Error):  # more columns than SQLite makes, or a name of its own
            connection.execute(
                f"CREATE TABLE {quoted(table.name)} ({', '.join(quoted(c.name) for c in table.columns)})"
            )
    open_table_functions(connection)
    allow_queries(connection)  # some PRAGMAs take effect when they are prepared, for the whole process
    return connection


def _respelled(sql: str, tables: "_Names", columns: "_Names", kinds: tuple[str, ...]) -> str:
    """The query with tokens of these kinds spelled as the names that they stand for."""
    tokens = [_Token(str(match.lastgroup), match.group()) for match in TOKEN.finditer(sql)]
    real = [place for place, token in enumerate(tokens) if token.kind != "skip"]
    out = [token.text for token in tokens]
    for turn, place in enumerate(real):
        token = tokens[place]
        if token.kind not in kinds:
            continue
        before = [tokens[other] for other in real[max(0, turn - 2) : turn]]
        after = [tokens[other] for other in real[turn + 1 : turn + 2]]
        meant = _meant(token, before, after, tables, columns)
        if meant and not _is_right(token, meant):
            out[place] = identifier(meant)
        if meant:
            tokens[place] = _Token("quoted", quoted(meant))  # for what follows it is no keyword any more
    return "".join(out)


def _is_right(token: _Token, meant: str) -> bool:
    """Whether SQLite reads the token as that name already."""
    return fold(token.name) == meant and (token.kind == "quoted" or meant not in RESERVED)


def _meant(token: _Token, before: Sequence[_Token], after: Sequence[_Token], tables: _Names, columns: _Names) -> str:
    """The name of the schema that a word or a quotation stands for; '' where it is none, or a keyword."""
    last = before[-1] if before else _Token("sign", ";")
    following = after[0].text if after else ""
    if last.text == ".":
        return columns.find(token.name) or tables.find(token.name)
    if following == ".":
        return tables.find(token.name)
    if fold(last.text) in TABLE_FOLLOWS:
        return tables.find(token.name)
    if token.kind == "quoted":
        # in double quotes it may be a text as well
        compared = fold(last.text) in COMPARES or (last.text == "(" and fold(before[0].text) == "in")
        return "" if compared else columns.find(token.name) or tables.find(token.name)
    word = fold(token.text)
    if word not in RESERVED:
        return columns.find(token.text) or tables.find(token.text)
    if last.text == ")" and word in ("order", "group") and fold(following) != "by":  # the alias of a sub-query
        return columns.find(token.text) or tables.find(token.text)
    if following == "(" or not _needs_operand(before):
        return ""
    if word in BEGINS_OPERAND or (fold(following) == "by" and word in ("order", "group")):
        return ""
    return columns.find(token.text) or tables.find(token.text)


def _needs_operand(before: Sequence[_Token]) -> bool:
    """Whether an expression, or a table, must come next."""
    if not before:
        return False
    last = before[-1]
    if last.kind == "word":
        return fold(last.text) in OPERAND_FOLLOWS
    if last.text == "*" and len(before) > 1:  # of all columns, or times
        left = before[-2]
        return (
            left.kind in ("quoted", "number")
            or left.text == ")"
            or (left.kind == "word" and fold(left.text) not in ("select", "distinct", "all"))
        )
    return last.kind == "sign" and last.text not in (")", ";", ".")


def _join_words(sql: str, names: Sequence[str], columns: _Names) -> str:
    """Put quotes around bare names of several words or with signs in them, longest first."""
    odd = [name for name in names if ODD_NAME.fullmatch(name) and not re.fullmatch(r"[^\W\d]\w*", name)]
    odd = [name for name in odd if not _is_expression(name, columns)]
    if not odd:
        return sql
    shapes = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in odd)
    pattern = re.compile(
        rf"""'(?:[^']|'')*'?|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|(?<!\w)({shapes})(?!\w)""", re.IGNORECASE
    )
    known = {" ".join(name.split()).casefold(): name for name in reversed(odd)}

    def put(match: re.Match[str]) -> str:
        meant = known.get(" ".join(match[1].split()).casefold()) if match[1] else None
        return identifier(meant) if meant else match[0]

    return pattern.sub(put, sql)


def _is_expression(name: str, columns: _Names) -> bool:
    """Whether a name such as `a-b`, `not a` or `2019` may be meant as an expression."""
    parts = re.findall(r"\w+", name)
    if len(parts) == 1:
        return name.isdigit()
    return all(part.isdigit() or fold(part) in RESERVED or columns.find(part) for part in parts)

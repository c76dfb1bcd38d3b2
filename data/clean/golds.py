"""Which answers of a file of pairs are learnt: one query that reads, over tables and columns that its schema has.

SQLite is the judge. The tables are made in memory as the prompt shows them, with a few rows; the answer must run there,
and what is learnt must return what the answer does. Everything else is left out with its reason.
"""

import contextlib
import logging
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...core.errors import DataError, QueryError
from ...core.records import Schema, Table
from ...databases.requote import requote
from ...databases.sqlite import READS, query
from ...sql.compare import orders
from ...sql.ddl.render import render_ddl
from ...sql.guard import check, one_statement
from ...sql.names import columns_of, fold, quoted
from ...sql.normalise import normalise
from .quoted_texts import told

LONGEST = 10_000  # characters of an answer; the longest of Spider has 577
DEEPEST = 40  # brackets in brackets: parsers take long over more
SECONDS = 1.0  # that an answer may take over a few rows
ROWS = 6  # of each table
OTHERS = ("postgres", "tsql", "mysql")
"""Dialects in which an answer is read that SQLite does not understand."""

WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "SELECT INTO", "COPY", "TRUNCATETABLE")
CHANGES = ("CREATE", "DROP", "ALTER", "ALTERTABLE")
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]")
COMMENT = re.compile(r"--|/\*")
NAME = r'("(?:[^"]|"")*"|\w+)'
COMPARED = re.compile(rf"{NAME}\.{NAME} (?:NOT )?(?:[<>=]+|LIKE|BETWEEN|IN \() ?('(?:[^']|'')*'|-?\d+(?:\.\d+)?)")
SPACES = re.compile(r"""(\w+)[\]"`]?\s*\.|\b(?:SCHEMA|DATABASE|USE)\s+(?:IF\s+NOT\s+EXISTS\s+)?[\["`]?(\w+)""", re.I)
TIMES = ("datetime", "timestamp", "timestamptz", "timestampltz", "time", "timetz")
DATE_CAST = re.compile(r"\bCAST\s*\(.*?\bAS\s+(?:DATE|TIME)\w*", re.IGNORECASE | re.DOTALL)
TEXT_ADDED = re.compile(r"''\s*\+|\+\s*''")
FULL_TEXT = re.compile(r"""[\w"`\]]\s+MATCH\s*['(]""", re.IGNORECASE)
MAIN = re.compile(r"\b(?:main|temp)\W{0,2}\.", re.IGNORECASE)
JSON_TABLES = frozenset(("json_each", "json_tree"))
USUAL_SPACES = frozenset(("public", "dbo", "main"))


class LeftOut(Exception):
    """Why a pair is not learnt: one of few short reasons, which are counted."""


@dataclass
class Ground:
    """A database in memory with the tables of one schema; `asked` collects what the query in hand reads."""

    connection: sqlite3.Connection
    schema: Schema
    tables: frozenset[str]
    columns: frozenset[str]
    asked: set[str] = field(default_factory=set)

    def watch(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        """SQLite's authorizer: notes the tables that are read, and lets nothing else happen."""
        if action == sqlite3.SQLITE_READ and first:
            self.asked.add(fold(first))
        return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY


@contextlib.contextmanager
def ground(schema: Schema) -> Iterator[Ground]:
    """The database of one schema while its answers are looked at. Raises DataError when SQLite cannot make it."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.executescript(render_ddl(schema))
            for place, table in enumerate(schema.tables):
                _fill(connection, table, place)
        except (sqlite3.Error, ValueError) as error:  # ValueError: a NUL in a name
            raise DataError(f"the schema cannot be made ({error})", fix="give CREATE TABLE statements") from None
        columns = frozenset(name for names in columns_of(schema).values() for name in names)
        yield Ground(connection, schema, frozenset(columns_of(schema)), columns)


@contextlib.contextmanager
def quiet_parser() -> Iterator[None]:
    """Keep sqlglot's warnings off the console: what it cannot read is counted here."""
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def gold(answer: str, on: Ground, ddl: str) -> str:
    """The SQL to learn for an answer, in plain style where that returns the same rows. Raises LeftOut.

    `ddl` says which qualifiers (`mine.seam`) there are.
    """
    text = one_statement(answer.lstrip("\ufeff \t\r\n")).strip()
    if not text:
        raise LeftOut("empty answer")
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        raise LeftOut("too long or too deep")
    _check(text)
    bare_text = re.sub(r"'(?:[^']|'')*'", "''", text)
    if FULL_TEXT.search(bare_text):
        raise LeftOut("full-text search")  # runs over no table that is made here
    if TEXT_ADDED.search(bare_text):
        raise LeftOut("not SQLite's SQL")  # it runs, and adds up numbers
    failed = _fails(text, on)
    if failed or MAIN.search(bare_text) or DATE_CAST.search(bare_text):
        text = _in_sqlite(text, on, ddl, failed)
    said = told(text, on.connection, on.schema)
    if said is None:
        raise LeftOut("no such column")
    return _plain(said, on)


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in re.findall(r"[()]", QUOTED.sub("", text)):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _check(text: str, dialect: str = "sqlite") -> None:
    try:
        check(text, dialect)
    except QueryError as error:
        raise LeftOut(refusal(error)) from None


def refusal(error: QueryError) -> str:
    """The reason to count for an answer that sql/guard.py refuses."""
    said = error.message
    kind = said.rpartition(" not ")[2]
    if "statements" in said or "more than one statement" in said:
        return "several statements"
    if "no query" in said:
        return "empty answer"
    if "locks rows" in said:
        return "locks rows"
    if "the function" in said:
        return "function that is not for queries"
    return "writes" if kind in WRITES else "changes the schema" if kind in CHANGES else "not a query"


def _fails(text: str, on: Ground) -> str:
    """What SQLite says against a query, and empty when it would run. Raises LeftOut for tables that no schema shows."""
    on.asked.clear()
    on.connection.set_authorizer(on.watch)
    try:
        on.connection.execute(f"EXPLAIN {text}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return str(error) or "fails"
    finally:
        on.connection.set_authorizer(None)
    if any(name not in JSON_TABLES and not _is_named(name, text) for name in on.asked - on.tables):
        raise LeftOut("no such table")  # as sqlite_master, which SQLite knows and the prompt does not
    if not on.asked & on.tables:
        raise LeftOut("reads no table")
    return ""


def _is_named(name: str, text: str) -> bool:
    """Whether WITH gives a query this name."""
    given = rf"""(?<!\w){re.escape(name)}["`\]]?\s*(?:\([^()]*\)\s*)?AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\("""
    return re.search(given, text, re.IGNORECASE) is not None


def _in_sqlite(text: str, on: Ground, ddl: str, failed: str) -> str:
    """The query without qualifiers and in SQLite's words, where it says the same there. Raises LeftOut."""
    import sqlglot
    from sqlglot import ErrorLevel, exp
    from sqlglot.errors import SqlglotError

    again = requote(text, on.schema) if failed else text
    if failed and not _fails(again, on):
        return again
    spaces = USUAL_SPACES | {fold(found[1] or found[2]) for found in SPACES.finditer(ddl)}
    read = False
    for dialect in ("sqlite", *OTHERS):
        try:
            tree = sqlglot.parse_one(text, read=dialect)
        except (SqlglotError, RecursionError):
            continue
        _check(text, dialect)
        read = read or isinstance(tree, exp.Query)
        for node in tree.find_all(exp.Table, exp.Column):
            named = node.table if isinstance(node, exp.Column) else node.name
            if node.text("db") and fold(node.text("db")) in spaces and fold(named) in on.tables:
                node.set("db", None)
                node.set("catalog", None)
        if _means_else(tree, dialect):
            raise LeftOut("not SQLite's SQL")
        try:
            again = tree.sql("sqlite", unsupported_level=ErrorLevel.RAISE, comments=False)
        except (SqlglotError, RecursionError, ValueError):
            continue
        if not _fails(again, on):
            return again
    if not failed and not DATE_CAST.search(text):
        return text
    raise LeftOut(_reason(failed, read))


def _means_else(tree: object, dialect: str) -> bool:
    """Whether SQLite would take the words of this query for something else, though it runs."""
    from sqlglot import exp

    assert isinstance(tree, exp.Expr)
    if any(found.parent and not found.parent.args.get("limit") for found in tree.find_all(exp.Offset)):
        return True  # SQLite has none without LIMIT; in public sets it is what is left of a number: `< 1 OFFSET 780`
    # a cast to a date becomes DATE(...); one to a time has no such word, and SQLite's own cast gives a number
    if any(found.is_type(*TIMES) for found in tree.find_all(exp.Cast)):
        return True
    if any(not isinstance(found.parent, exp.Ordered) for found in tree.find_all(exp.Rand)):
        return True  # between 0 and 1 elsewhere, any whole number in SQLite
    if dialect == "sqlite":
        return False
    if tree.find(exp.Interval):
        return True
    return any(one.is_string for found in tree.find_all(exp.Add) for one in (found.left, found.right))


def _reason(failed: str, read: bool) -> str:
    for said in ("no such table", "no such column", "no such function"):
        if failed.startswith(said):
            return said
    if failed.startswith("ambiguous column"):
        return "ambiguous column"
    if "statement at a time" in failed:
        return "several statements"
    if "not authorized" in failed or "prohibited" in failed:
        return "not a query"
    syntax = "syntax error" in failed or "incomplete input" in failed or "unrecognized token" in failed
    if syntax:
        return "not SQLite's SQL" if read else "cannot be parsed"
    if not failed:
        return "not SQLite's SQL"
    return "fails in SQLite"


def _plain(text: str, on: Ground) -> str:
    """The query in plain style, or as it is where that would return other rows."""
    try:
        plain = normalise(text, on.schema)
    except (DataError, RecursionError):
        plain = ""
    ordered = orders(text)
    wanted = _rows(text, on, plain, ordered)
    if isinstance(wanted, QueryError):
        raise LeftOut("takes too long" if wanted.kind in ("timeout", "memory") else "fails in SQLite")
    if plain:
        got = _rows(plain, on, plain, ordered)
        if not isinstance(got, QueryError) and (got == wanted or "RANDOM()" in plain):
            return plain
    return one_line(text)


def one_line(text: str) -> str:
    """A query on one line; its texts keep every blank. Raises LeftOut for comments, which would not end."""
    if COMMENT.search(QUOTED.sub("", text)):
        raise LeftOut("cannot be parsed")
    pieces = re.split(f"({QUOTED.pattern})", text)
    pieces[::2] = [re.sub(r"\s+", " ", piece) for piece in pieces[::2]]
    return "".join(pieces).strip()


def _rows(text: str, on: Ground, plain: str, ordered: bool) -> list[str] | QueryError:
    """What a query returns over the rows there are and those that the query in plain style asks for."""
    on.connection.execute("BEGIN")
    try:
        _plant(on, plain)
        rows = list(map(repr, query(on.connection, text, timeout=SECONDS, max_rows=5000).rows))
        return rows if ordered else sorted(rows)
    except QueryError as error:
        return error
    finally:
        on.connection.set_authorizer(None)
        on.connection.set_progress_handler(None, 0)
        on.connection.execute("ROLLBACK")


def _plant(on: Ground, plain: str) -> None:
    """A row of what each column is compared with, and one beside it: over other rows most queries return nothing."""
    wishes: dict[str, dict[str, str]] = {}
    for table, column, literal in COMPARED.findall(plain):
        wishes.setdefault(bare(table), {})[bare(column)] = literal
    for table, cells in wishes.items():
        if table in on.tables:
            names = ", ".join(map(quoted, cells))
            for values in (cells.values(), (_beside(literal) for literal in cells.values())):
                with contextlib.suppress(sqlite3.Error):  # a key that is taken, a column of another table
                    on.connection.execute(f"INSERT INTO {quoted(table)} ({names}) VALUES ({', '.join(values)})")


def bare(name: str) -> str:
    """A name of SQL in plain style without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _beside(literal: str) -> str:
    return literal if literal.startswith("'") else f"{literal} + 1"


WORDS = ("alpha", "beta", "gamma", "Delta")


def _fill(connection: sqlite3.Connection, table: Table, place: int) -> None:
    """A few rows that repeat cells and leave some out; the cells of a column differ from those of the next."""
    marks = ", ".join("?" * len(table.columns))
    names = ", ".join(quoted(fold(column.name)) for column in table.columns)
    rows = []
    for row in range(ROWS):
        cells: list[object] = []
        for at, column in enumerate(table.columns):
            turn = row if column.primary_key else (row * (at + 1) + place + at) % 4
            if not column.primary_key and (row + at) % 7 == 5:
                cells.append(None)
            elif column.type == "text":
                cells.append(WORDS[turn % 4] + (str(row) if column.primary_key else ""))
            elif column.type == "date":
                cells.append(f"202{turn}-0{turn + 1}-1{turn}")
            else:
                cells.append(turn + 1.5 if column.type == "real" else turn % 2 if column.type == "bool" else turn + 1)
        rows.append(cells)
    connection.executemany(f"INSERT OR IGNORE INTO {quoted(fold(table.name))} ({names}) VALUES ({marks})", rows)

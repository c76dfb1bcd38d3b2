"""A database with rows from the DDL of a question file, whatever dialect the DDL is in.

What SQLite takes is made as it stands. Other DDL is read by sql/ddl/parse.py and made from its columns and keys. SQLite
has no schemas: `mine.seam` is made as `seam`, and `unqualified` takes `mine.` out of the queries. Tables of full-text
search and R*Trees are filled with simple rows.
"""

import contextlib
import hashlib
import itertools
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...core.errors import DataError, QueryError
from ...core.files import atomic
from ...core.settings import settings
from ...databases.sqlite import FORBIDDEN_FUNCTIONS, INNER_PRAGMAS, LONGEST_VALUE, connect, run
from ...sql.ddl.parse import parse_ddl
from ...sql.ddl.render import render_ddl
from ...sql.ddl.tokens import without_rows
from ...sql.extract import NAME
from ...sql.guard import PIECE
from ...sql.names import fold, quoted
from ..fuzz.fuzz import fuzz

DDL_SECONDS = 5.0  # that a schema may take to be made
DDL_PAGES = 2**14  # of 4 KiB, that it may fill

CHAIN = rf"{NAME}(?:\s*\.\s*{NAME})*"
QUALIFIED = re.compile(rf"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|({CHAIN})|.", re.DOTALL)
CREATED = re.compile(
    rf"\bcreate\b(?:\s+\w+){{0,4}}?\s+(?:table|view)\s+(?:if\s+not\s+exists\s+)?({CHAIN})", re.IGNORECASE
)
SCHEMA = re.compile(
    rf"(?:\bcreate\s+(?:schema|database)(?:\s+if\s+not\s+exists)?|^\s*use|;\s*use|\bset\s+search_path\s*(?:to\b|=))"
    rf"\s+({NAME})",
    re.IGNORECASE,
)
FINAL = re.compile(
    r"not authorized|authorization|already exists|interrupted|is full|too big|out of memory|null character",
    re.IGNORECASE,
)
"""What SQLite says of DDL that is refused for safety, takes too long or is no better in any other dialect."""

INTERNAL = re.compile(
    r"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?[\"'`\[]?sqlite_\w+[\"'`\]]?\s*\([^;]*(?:;|\Z)", re.IGNORECASE
)
"""SQLite's own tables, which it makes itself, and which a list of all its CREATE statements holds."""
TEMPORARY = re.compile(r"\b(create)\s+temp(?:orary)?\s+(table|view)\b", re.IGNORECASE)
MODULES = ("fts3", "fts4", "fts5", "rtree")
"""Of virtual tables, those that reach nothing outside of their own database."""
TEXT_IN_QUERY = re.compile(r"'((?:[^']|'')*)'")
WORDS = ("red", "green", "blue", "north", "south", "first", "second")
"""What full-text tables are filled with, beside the words that the golds look for."""

GOES_ON = re.compile(
    r"\s*(?:[,;)(]|\Z|(?:where|join|inner|left|right|full|cross|natural|on|using|group|order|having|limit|union|"
    r"intersect|except|window)\b)",
    re.IGNORECASE,
)
"""What may follow a table that has no other name."""

Qualified = frozenset[tuple[str, str, str]]
"""A schema, a table in it, both folded, and what the table is called in the database."""


class Unmade(Exception):
    """Why no database with rows can be made from a schema, in one line."""


def from_schema(ddl: str, golds: Sequence[str], gold: str) -> Path:
    """Return a database that these CREATE statements make, with rows that tell the golds from other queries.

    Golds are `unqualified`. Both the empty database and the one with rows are made once and kept in the cache folder.
    Raises Unmade.
    """
    return _filled(_from_ddl(ddl), golds, gold)


def qualified(ddl: str) -> Qualified:
    """Return the schemas that DDL names, each with the tables in it; none where the DDL names no schema.

    Of two tables of one name the second is called by its schema too.

    >>> sorted(qualified("CREATE SCHEMA Mine; CREATE TABLE Mine.Seam (id INT); CREATE TABLE old.seam (id INT)"))
    [('mine', 'seam', 'seam'), ('old', 'seam', 'old_seam')]
    """
    tables = [_parts(match.group(1)) for match in CREATED.finditer(ddl)]
    over_all = {_parts(match.group(1))[0] for match in SCHEMA.finditer(ddl)}
    plain: dict[str, str] = {}
    names: dict[tuple[str, str], str] = {}
    for parts in tables:
        own = parts[-2] if len(parts) > 1 else ""
        first = plain.setdefault(parts[-1], own)
        for schema in (own,) if own else over_all:
            names[schema, parts[-1]] = parts[-1] if first == own else f"{own}_{parts[-1]}"
    for parts in tables:  # CREATE DATABASE shop, and dbo.x in it
        for schema in over_all:
            names.setdefault((schema, parts[-1]), parts[-1])
    return frozenset((*pair, name) for pair, name in names.items() if pair[0] not in ("main", "temp", ""))


def unqualified(sql: str, names: Qualified) -> str:
    """Return a query, or DDL, without the schemas before its tables.

    >>> mine = qualified("CREATE TABLE mine.seam (id INT)")
    >>> unqualified("SELECT mine.seam.depth FROM Mine.seam WHERE a = 'mine.seam'", mine)
    "SELECT seam.depth FROM seam WHERE a = 'mine.seam'"
    """
    if not names:
        return sql
    known = {(schema, table): name for schema, table, name in names}
    chains = [match.group(1) for match in QUALIFIED.finditer(sql) if match.group(1)]
    prefixes = {tuple(_parts(chain)[:-1]) for chain in chains}
    aliases = {fold(name) for name in re.findall(rf"\bas\s+({NAME})", sql, re.IGNORECASE)}
    return "".join(_bare(match, known, aliases, prefixes) for match in QUALIFIED.finditer(sql))


def _bare(
    match: re.Match[str], known: Mapping[tuple[str, str], str], aliases: set[str], prefixes: set[tuple[str, ...]]
) -> str:
    """One name of a query; a table that is called otherwise keeps its own name where columns are asked by it."""
    chain = match.group(1)
    if not chain or "." not in chain:
        return match.group()
    written, parts = re.findall(NAME, chain), _parts(chain)
    read_from = re.search(
        r"\b(?:from|join)\s*\Z", match.string[max(0, match.start() - 40) : match.start()], re.IGNORECASE
    )
    for place, pair in enumerate(itertools.pairwise(parts)):
        if pair in known and (read_from or len(parts) > 2 or parts[0] not in aliases):
            name, rest = known[pair], written[place + 2 :]
            bare = ".".join([written[place + 1] if name == pair[1] else quoted(name), *rest])
            by_other_name = (pair[1],) in prefixes and pair not in prefixes
            renamed = name != pair[1] and not rest and by_other_name and GOES_ON.match(match.string, match.end())
            return f"{bare} AS {written[place + 1]}" if renamed else bare
    return chain


def _parts(chain: str) -> list[str]:
    """The names of a chain, folded and without quotes."""
    return [fold(name[1:-1] if name[0] in '"`[' else name) for name in re.findall(NAME, chain)]


def _filled(database: Path, golds: Sequence[str], gold: str) -> Path:
    """A copy with rows that tell these queries from others; the empty database where the gold fails anyway.

    Raises Unmade where no rows can be made for which the golds return any: over none, every query would be right.
    """
    virtual = _virtual(database)
    if virtual:
        path = _with_virtual(database, virtual, golds)
        with contextlib.suppress(QueryError):  # a gold that fails is asked all the same
            if not run(str(path), gold, timeout=DDL_SECONDS, max_rows=1).rows:
                raise Unmade("no rows can be made that the reference query returns")
        return path
    made = fuzz(database, golds, 1)
    if not made.paths and gold not in made.failed:  # count(*) has no neighbours that rows tell it from
        with contextlib.closing(connect(str(database))) as connection:
            connection.set_authorizer(None)
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        made = fuzz(database, [*golds, *(f"SELECT * FROM {quoted(name)}" for (name,) in names)], 1)
        if not made.paths:
            raise Unmade("no rows can be made that the reference query returns")
    return next(iter(made.paths), database)


def _virtual(database: Path) -> tuple[tuple[str, str], ...]:
    """The virtual tables of a database, each with the statement that makes it."""
    with contextlib.closing(connect(str(database))) as connection:
        connection.set_authorizer(None)
        virtual = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%' ORDER BY rowid"
        ).fetchall()
    return tuple((str(name), str(sql)) for name, sql in virtual)


def _with_virtual(database: Path, virtual: Sequence[tuple[str, str]], golds: Sequence[str]) -> Path:
    """A copy with rows in its virtual tables too, which fuzzing leaves out; made once and kept in the cache."""
    known = hashlib.sha256("\0".join((database.stem, *sorted(set(golds)))).encode()).hexdigest()[:24]
    path = settings().cache / "schemas" / f"{known}.sqlite"
    if path.is_file():
        return path
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(database.read_bytes())
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {quoted(trigger)}")  # what it does is the data file's choice
        tables = connection.execute("SELECT schema, name, type FROM pragma_table_list").fetchall()
        plain = [
            name for schema, name, kind in tables if schema == "main" and kind == "table" and name[:7] != "sqlite_"
        ]
        made = fuzz(database, [f"SELECT * FROM {quoted(name)}" for name in plain], 1) if plain else None
        until = time.monotonic() + DDL_SECONDS
        for other in made.paths if made else ():
            connection.execute("ATTACH ? AS filled", (str(other),))
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            for name in plain:
                with contextlib.suppress(sqlite3.Error):  # generated columns: it stays empty
                    connection.execute(f"DELETE FROM main.{quoted(name)}")
                    connection.execute(f"INSERT INTO main.{quoted(name)} SELECT * FROM filled.{quoted(name)}")
            connection.set_progress_handler(None, 0)
            connection.execute("DETACH filled")
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)  # a table's content may be a view
        words = [word for gold in golds for text in TEXT_IN_QUERY.findall(gold) for word in re.findall(r"\w+", text)]
        for name, sql in virtual:
            _fill_virtual(connection, name, "rtree" in sql.lower(), list(dict.fromkeys((*words[:50], *WORDS))))
        connection.set_progress_handler(None, 0)
        data = connection.serialize()
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path


def _fill_virtual(connection: sqlite3.Connection, name: str, boxes: bool, words: Sequence[str]) -> None:
    """Rows in a virtual table that has none: boxes beside each other, or texts of one to four of the words."""
    with contextlib.suppress(sqlite3.Error):  # a table that takes no rows stays empty
        width = len(connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall())
        if connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchone():
            return
        insert = f"INSERT INTO {quoted(name)} VALUES ({', '.join('?' * width)})"
        for row in range(2 * len(words)):
            edges = [row + (place > 0 and place % 2 == 0) for place in range(width)]
            step = row % 4 + 1
            texts = [
                " ".join(words[(row + place * 3 + n * step) % len(words)] for n in range(1 + (row + place) % 4))
                for place in range(width)
            ]
            connection.execute(insert, edges if boxes else texts)


def _from_ddl(ddl: str) -> Path:
    """A database with this schema, made once and kept in the cache; raises Unmade."""
    path = settings().cache / "schemas" / f"{hashlib.sha256(ddl.encode()).hexdigest()[:24]}.sqlite"
    if path.is_file():
        return path
    ddl = TEMPORARY.sub(r"\1 \2", INTERNAL.sub("", without_rows(ddl)))
    try:
        made = _run(ddl)
    except Unmade as error:
        if FINAL.search(str(error)):
            raise
        try:
            made = _run(render_ddl(parse_ddl(unqualified(ddl, qualified(ddl)))), rows=tuple(_inserts(ddl)))
        except (DataError, Unmade):
            raise error from None
    with atomic(path) as temporary:
        temporary.write_bytes(made)
    return path


def _run(ddl: str, rows: Sequence[str] = ()) -> bytes:
    """The database that DDL makes, with those of the rows that SQLite takes; raises Unmade."""
    until = time.monotonic() + DDL_SECONDS
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.execute(f"PRAGMA max_page_count = {DDL_PAGES}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            connection.set_authorizer(_only_create)
            connection.executescript(ddl)
            for row in rows:
                with contextlib.suppress(sqlite3.Error, sqlite3.Warning):  # of another dialect; other rows are made
                    connection.execute(row)
                if time.monotonic() > until:
                    break
            connection.set_authorizer(None)
            connection.set_progress_handler(None, 0)
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
            if not tables:
                raise Unmade("it makes no table")
            return connection.serialize()
        except (sqlite3.Error, ValueError) as error:
            raise Unmade(" ".join(str(error).split())) from None


def _inserts(ddl: str) -> Iterator[str]:
    """The statements that insert rows, without schemas."""
    names = qualified(ddl)
    statement = ""
    for piece in [*PIECE.findall(ddl), ";"]:
        if piece != ";":
            statement += "" if piece.startswith(("--", "/*")) else piece
        elif re.match(r"\s*insert\b", statement, re.IGNORECASE):
            yield unqualified(statement, names)
            statement = ""
        else:
            statement = ""


def _only_create(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """The schema comes from a data file: it must not attach, load or write files. A dump's settings are passed over."""
    if action in (sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT):
        return sqlite3.SQLITE_IGNORE
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in INNER_PRAGMAS and second is None else sqlite3.SQLITE_IGNORE
    if action == sqlite3.SQLITE_CREATE_VTABLE:
        return sqlite3.SQLITE_OK if (second or "").lower() in MODULES else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    refused = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_DENY if action in refused else sqlite3.SQLITE_OK

"""A database with rows from the DDL of a question file, whatever dialect the DDL is in.

What SQLite takes is made as it stands. Other DDL is read by core/ddl.py and made from its columns and keys. SQLite has
no schemas: `mine.seam` is made as `seam`, and `unqualified` takes `mine.` out of the queries.
"""

import contextlib
import hashlib
import itertools
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..core.database import LONGEST_VALUE, connect
from ..core.ddl import parse_ddl, render_ddl
from ..core.errors import DataError
from ..core.files import atomic
from ..core.names import fold, quoted
from ..core.settings import settings
from ..core.sqlcheck import PIECE
from .fuzz import fuzz

DDL_SECONDS = 5.0  # that a schema may take to be made
DDL_PAGES = 2**14  # of 4 KiB, that it may fill

NAME = r"""(?:"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\w+)"""
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
OTHER_DIALECT = re.compile(
    r"syntax error|unknown database|unknown table option|unrecognized token|autoincrement|no such|has no column|"
    r"constraint|not constant|deterministic|values for|prohibited in",
    re.IGNORECASE,
)
"""What SQLite says of DDL that is not its own; what it refuses for safety, or that takes too long, is none of these."""

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
    """A database that these CREATE statements make, with rows that tell the golds from other queries.

    Golds are `unqualified`. Both the empty database and the one with rows are made once and kept in the cache folder.
    Raises Unmade.
    """
    return _filled(_from_ddl(ddl), golds, gold)


def qualified(ddl: str) -> Qualified:
    """The schemas that DDL names, each with the tables in it; none where the DDL names no schema.

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
    """A query, or DDL, without the schemas before its tables.

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
            asked = (pair[1],) in prefixes and pair not in prefixes
            renamed = name != pair[1] and not rest and asked and GOES_ON.match(match.string, match.end())
            return f"{bare} AS {written[place + 1]}" if renamed else bare
    return chain


def _parts(chain: str) -> list[str]:
    """The names of a chain, folded and without quotes."""
    return [fold(name[1:-1] if name[0] in '"`[' else name) for name in re.findall(NAME, chain)]


def _filled(database: Path, golds: Sequence[str], gold: str) -> Path:
    """A copy with rows that tell these queries from others; the empty database where the gold fails anyway.

    Raises Unmade where no rows can be made for which the golds return any: over none, every query would be right.
    """
    made = fuzz(database, golds, 1)
    if not made.paths and gold not in made.failed:  # count(*) has no neighbours that rows tell it from
        with contextlib.closing(connect(str(database))) as connection:
            connection.set_authorizer(None)
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        made = fuzz(database, [*golds, *(f"SELECT * FROM {quoted(name)}" for (name,) in names)], 1)
        if not made.paths:
            raise Unmade("no rows can be made that the gold returns")
    return next(iter(made.paths), database)


def _from_ddl(ddl: str) -> Path:
    """A database with this schema, made once and kept in the cache; raises Unmade."""
    path = settings().cache / "schemas" / f"{hashlib.sha256(ddl.encode()).hexdigest()[:24]}.sqlite"
    if path.is_file():
        return path
    try:
        made = _run(ddl)
    except Unmade as error:
        if not OTHER_DIALECT.search(str(error)):
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
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
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
            connection.commit()
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


def _only_create(action: int, first: str | None, *_: str | None) -> int:
    """The schema comes from a data file: it must not attach, load or run anything."""
    refused = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_PRAGMA)
    bad_function = action == sqlite3.SQLITE_FUNCTION and (_[0] or "").lower() in ("load_extension", "writefile")
    return sqlite3.SQLITE_DENY if action in refused or bad_function else sqlite3.SQLITE_OK

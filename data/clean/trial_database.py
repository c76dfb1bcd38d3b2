"""A database in memory with the tables of one schema and a few rows, on which answers are tried."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...core.errors import DataError, QueryError
from ...core.records import Schema, Table
from ...databases.sqlite import LONGEST_VALUE, READS, query
from ...sql.ddl.render import render_ddl
from ...sql.names import columns_of, fold, quoted
from .ddl_rows import insert_rows
from .left_out import LeftOut

SECONDS = 1.0  # for one answer over a few rows
ROWS = 6  # of each table
MOST_ROWS = 5000  # rows of a result that are compared
WORDS = ("alpha", "beta", "gamma", "Delta")
NAME = r'("(?:[^"]|"")*"|\w+)'
COMPARED = re.compile(rf"{NAME}\.{NAME} (?:NOT )?(?:[<>=]+|LIKE|BETWEEN|IN \() ?('(?:[^']|'')*'|-?\d+(?:\.\d+)?)")
JSON_TABLES = frozenset(("json_each", "json_tree"))


@dataclass
class TrialDatabase:
    """A database in memory with the tables of one schema; `read` collects the tables that the query in hand reads."""

    connection: sqlite3.Connection
    schema: Schema
    tables: frozenset[str]
    columns: frozenset[str]
    read: set[str] = field(default_factory=set)
    given: bool = False
    """Whether the DDL came with rows for every table."""

    def given_rows(self, sql: str) -> list[tuple[object, ...]] | None:
        """Return what a query returns over the rows of the DDL; None where it has none or the query fails."""
        if not self.given:
            return None
        try:
            return list(query(self.connection, sql, timeout=SECONDS, max_rows=MOST_ROWS).rows)
        except QueryError:
            return None
        finally:
            self.connection.set_authorizer(None)
            self.connection.set_progress_handler(None, 0)

    def watch(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        """Note the tables that are read and forbid everything else; SQLite calls this as its authorizer."""
        if action == sqlite3.SQLITE_READ and first:
            self.read.add(fold(first))
        return sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY


@contextlib.contextmanager
def trial_database(schema: Schema, ddl: str = "") -> Iterator[TrialDatabase]:
    """Make the database of one schema while its answers are tried. Raises DataError when SQLite cannot make it.

    Tables have the rows that `ddl` inserts, and those without any a few made-up ones.
    """
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        try:
            connection.executescript(render_ddl(schema))
            given = insert_rows(connection, ddl, schema)
            for place, table in enumerate(schema.tables):
                if fold(table.name) not in given:
                    _fill(connection, table, place)
        except (sqlite3.Error, ValueError) as error:  # ValueError: a NUL in a name
            raise DataError(f"the schema cannot be made ({error})", fix="give CREATE TABLE statements") from None
        columns = frozenset(name for names in columns_of(schema).values() for name in names)
        yield TrialDatabase(
            connection, schema, frozenset(columns_of(schema)), columns, given=len(given) == len(schema.tables)
        )


def failure(text: str, trial: TrialDatabase) -> str:
    """Say what SQLite has against a query; empty when it would run.

    Raises LeftOut for a query that uses no table, or a table that the schema does not show.
    """
    trial.read.clear()
    trial.connection.set_authorizer(trial.watch)
    try:
        trial.connection.execute(f"EXPLAIN {text}").close()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return str(error) or "fails"
    finally:
        trial.connection.set_authorizer(None)
    if any(name not in JSON_TABLES and not _is_named(name, text) for name in trial.read - trial.tables):
        raise LeftOut("no such table")  # as sqlite_master, which SQLite knows and the prompt does not
    if not trial.read & trial.tables:
        raise LeftOut("uses no table")
    return ""


def _is_named(name: str, text: str) -> bool:
    """Tell whether WITH gives a query this name."""
    given = rf"""(?<!\w){re.escape(name)}["`\]]?\s*(?:\([^()]*\)\s*)?AS\s*(?:(?:NOT\s+)?MATERIALIZED\s*)?\("""
    return re.search(given, text, re.IGNORECASE) is not None


def trial_rows(texts: Sequence[str], trial: TrialDatabase, plain: str, ordered: bool) -> list[list[str] | QueryError]:
    """Run queries over the rows there are and those that the query in plain style asks for: their rows, or errors."""
    found: list[list[str] | QueryError] = []
    trial.connection.execute("BEGIN")
    try:
        _plant(trial, plain)
        for text in texts:
            try:
                rows = list(map(repr, query(trial.connection, text, timeout=SECONDS, max_rows=MOST_ROWS).rows))
                found.append(rows if ordered else sorted(rows))
            except QueryError as error:
                found.append(error)
            trial.connection.set_authorizer(None)
        return found
    finally:
        trial.connection.set_authorizer(None)
        trial.connection.set_progress_handler(None, 0)
        trial.connection.execute("ROLLBACK")


def _plant(trial: TrialDatabase, plain: str) -> None:
    """A row of what each column is compared with, and one beside it: over other rows most queries return nothing."""
    compared: dict[str, dict[str, str]] = {}
    for table, column, literal in COMPARED.findall(plain):
        compared.setdefault(bare(table), {})[bare(column)] = literal
    for table, cells in compared.items():
        if table in trial.tables:
            names = ", ".join(map(quoted, cells))
            for values in (cells.values(), (_beside(literal) for literal in cells.values())):
                with contextlib.suppress(sqlite3.Error):  # a key that is taken, a column of another table
                    trial.connection.execute(f"INSERT INTO {quoted(table)} ({names}) VALUES ({', '.join(values)})")


def bare(name: str) -> str:
    """Take the quotes off a name of SQL in plain style."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _beside(literal: str) -> str:
    return literal if literal.startswith("'") else f"{literal} + 1"


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

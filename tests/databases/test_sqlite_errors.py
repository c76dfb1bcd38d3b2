"""Every way in which SQLite does not run a query has a kind; real SQLite is asked."""

import contextlib
import doctest
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.errors import QueryError
from sql_llama.databases import sqlite, sqlite_errors
from sql_llama.databases.sqlite import connect, query, run

FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"


def failure(url: Path, sql: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        run(str(url), sql, timeout=0.2 if sql == FOREVER else 60)
    return caught.value


@pytest.mark.parametrize(
    ("sql", "kind", "name"),
    [
        ("", "no_query", ""),
        ("DELETE FROM pets", "refused", ""),
        ("PRAGMA user_version", "refused", ""),
        ("SELECT load_extension('x')", "refused", ""),
        ("SELECT 1; SELECT 2", "refused", ""),
        ("SELEC 1", "syntax", ""),
        ("SELECT name FROM pets WHERE", "syntax", ""),
        ("SELECT 'open", "syntax", ""),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "syntax", ""),
        ("SELECT '\ud800'", "syntax", ""),
        ("SELECT * FROM dogs", "missing_table", "dogs"),
        ("SELECT * FROM main.dogs", "missing_table", "main.dogs"),
        ('SELECT * FROM "two words"', "missing_table", "two words"),
        ("SELECT nick FROM pets", "missing_column", "nick"),
        ("SELECT T1.nick FROM pets AS T1", "missing_column", "T1.nick"),
        ("SELECT pets.name FROM owners", "missing_column", "pets.name"),
        (FOREVER, "timeout", ""),
        ("SELECT zeroblob(2000000000)", "too_large", ""),
        ("SELECT hex(zeroblob(9000000))", "too_large", ""),
        ("SELECT abs(-9223372036854775808)", "other", ""),
        ("SELECT nofunction(1)", "other", ""),
        ("SELECT 1 UNION SELECT 1, 2", "other", ""),
        ("SELECT name FROM pets JOIN owners", "other", ""),
    ],
)
def test_why_a_query_does_not_run(pets: Path, sql: str, kind: str, name: str) -> None:
    error = failure(pets, sql)
    assert (error.kind, error.name) == (kind, name)


def test_a_query_that_needs_too_much_memory(pets: Path) -> None:
    """In a process of its own, since a limit of memory can only be lowered while a process lives."""
    script = f"""
from sql_llama.core.errors import QueryError
from sql_llama.databases import sqlite
sqlite.MOST_MEMORY = 2**20
try:
    sqlite.run({str(pets)!r}, "SELECT group_concat(hex(zeroblob(400000))) FROM pets")
except QueryError as error:
    print(error.kind, error.message, sep=": ")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "memory: stopped: the query needs too much memory"


def test_a_database_that_another_program_writes_to(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "LOCK_TIME", 0.1)
    with contextlib.closing(connect(str(pets))) as ours, contextlib.closing(sqlite3.connect(pets)) as theirs:
        theirs.isolation_level = None
        theirs.execute("BEGIN EXCLUSIVE")
        with pytest.raises(QueryError) as caught:
            query(ours, "SELECT * FROM pets")
        theirs.execute("ROLLBACK")
    assert caught.value.kind == "locked"


def test_a_database_whose_pages_are_torn(pets: Path) -> None:
    size = pets.stat().st_size
    with pets.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    assert failure(pets, "SELECT * FROM pets").kind == "unreadable"


def test_examples() -> None:
    assert doctest.testmod(sqlite_errors).failed == 0

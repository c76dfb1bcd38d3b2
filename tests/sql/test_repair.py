"""Queries that a database does not understand, mended without a model."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.records import Column, ForeignKey, Schema, Table
from sql_llama.sql.guard import check
from sql_llama.sql.repair import rejoin, repair

from ..golden import Case, golden

DDL = """
CREATE TABLE stadium (stadium_id INTEGER PRIMARY KEY, name TEXT, capacity INTEGER);
CREATE TABLE concert (concert_id INTEGER PRIMARY KEY, concert_name TEXT, stadium_id INTEGER, year INTEGER);
CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, country TEXT, birth_year INTEGER);
CREATE TABLE singer_in_concert (concert_id INTEGER, singer_id INTEGER);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "unit price" REAL, singer_id INTEGER);
CREATE TABLE city (id INTEGER PRIMARY KEY, mayor TEXT);
"""
KEYS = [
    ("concert", "stadium_id", "stadium"),
    ("singer_in_concert", "concert_id", "concert"),
    ("singer_in_concert", "singer_id", "singer"),
    ("order", "singer_id", "singer"),
]


def schema() -> Schema:
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(DDL)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        tables = tuple(
            Table(name, tuple(Column(row[1], "text") for row in connection.execute(f'PRAGMA table_info("{name}")')))
            for name in names
        )
    connection.close()
    return Schema(tables, tuple(ForeignKey(table, column, ref, column) for table, column, ref in KEYS))


def understood(sql: str) -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(DDL)
        connection.execute(f"EXPLAIN {sql}")
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.parametrize("case", golden(Path(__file__).parent / "repair.sql", "wrong", "mended"))
def test_what_is_wrong_is_mended(case: Case) -> None:
    assert not understood(case["wrong"])
    mended = repair(case["wrong"], schema())
    assert mended is not None and mended.sql == case["mended"], case.place
    assert mended.changes and understood(mended.sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT singer.name FROM singer",
        "SELECT name FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id",
        "SELECT s.name FROM (SELECT name FROM singer) AS s",
        "WITH old AS (SELECT * FROM singer) SELECT name FROM old ORDER BY name",
        "SELECT country, COUNT(*) AS n FROM singer GROUP BY country HAVING n > 1 ORDER BY n",
        "SELECT name FROM singer UNION SELECT name FROM stadium ORDER BY name",
        "SELECT a.name FROM singer AS a JOIN singer AS b ON a.country = b.country WHERE a.singer_id < b.singer_id",
        "SELECT name FROM singer WHERE EXISTS (SELECT 1 FROM singer_in_concert WHERE singer_id = singer.singer_id)",
    ],
)
def test_what_is_understood_is_left_alone(sql: str) -> None:
    assert understood(sql) and repair(sql, schema()) is None


@pytest.mark.parametrize("case", golden(Path(__file__).parent / "rejoin.sql", "wrong", "joined"))
def test_what_compares_other_columns_is_joined_by_keys(case: Case) -> None:
    assert understood(case["wrong"])
    joined = rejoin(case["wrong"], schema())
    assert joined is not None and joined.sql == case["joined"], case.place
    assert joined.changes and understood(joined.sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id",
        "SELECT 1 FROM singer_in_concert AS a JOIN singer AS b ON a.singer_id = b.singer_id",
        # the same name of several words, without a key
        'SELECT 1 FROM singer_in_concert JOIN "order" ON singer_in_concert.singer_id = "order".singer_id',
        # more than a link table away, and no way at all
        "SELECT 1 FROM singer JOIN stadium ON singer.name = stadium.name",
        "SELECT 1 FROM singer JOIN city ON singer.name = city.mayor",
        # a table with itself, other comparisons, outer joins
        "SELECT 1 FROM singer AS a JOIN singer AS b ON a.country = b.country",
        "SELECT 1 FROM singer JOIN concert ON singer.birth_year < concert.year",
        "SELECT 1 FROM stadium LEFT JOIN concert ON stadium.stadium_id = concert.concert_id",
    ],
)
def test_other_joins_are_left_alone(sql: str) -> None:
    assert understood(sql) and rejoin(sql, schema()) is None


@pytest.mark.parametrize("sql", ["", "no query", "SELECT (", "DELETE FROM singers", "PRAGMA user_version", "(" * 2000])
def test_what_is_no_query_is_not_mended(sql: str) -> None:
    assert repair(sql, schema()) is None


WORDS = st.sampled_from(
    "select from where join on and or ( ) , . = * singer singers concert s1 s2 as name names year yr count having "
    "group by order limit 1 'x' in not exists union stadium capacity stadium_id with delete drop into".split()
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=25))
def test_nothing_but_one_query_that_reads_comes_out(words: list[str]) -> None:
    sql = " ".join(["SELECT", *words])
    mended = repair(sql, schema())
    if mended is not None:
        assert mended.sql.upper().startswith(("SELECT", "WITH", "(")), mended.sql
        check(mended.sql)

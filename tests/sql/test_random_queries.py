"""Plain style says the same: random queries over random databases return the same rows before and after."""

import sqlite3
from contextlib import closing, suppress
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.errors import DataError
from sql_llama.databases.sqlite_schema import sqlite_schema
from sql_llama.sql.compare import orders
from sql_llama.sql.names import columns_of
from sql_llama.sql.normalise import normalise
from sql_llama.sql.normalise_simple import normalise_simple

from .random_queries import Writer, random_database

SEEDS = st.integers(0, 2**40)


def rows(connection: sqlite3.Connection, sql: str, ordered: bool) -> list[str] | str:
    try:
        found = [repr(row) for row in connection.execute(sql)]
    except sqlite3.Error as error:
        return str(error)
    return found if ordered else sorted(found)


@settings(max_examples=40)
@given(SEEDS)
def test_a_random_query_returns_the_same_rows_in_plain_style(seed: int) -> None:
    rng = Random(seed)
    made = random_database(rng)
    with closing(made.open()) as connection:
        schema = sqlite_schema(connection)
        for _ in range(4):
            sql = Writer(made, rng).query()
            before = rows(connection, sql, orders(sql))
            if isinstance(before, str):  # a name that is ambiguous, a sum too large: no query that is learnt
                continue
            try:
                plain = normalise(sql, schema)
            except DataError:  # then the query stays as it is
                continue
            assert rows(connection, plain, orders(sql)) == before, plain
            with suppress(DataError):
                assert normalise(plain, schema) == plain, "plain style stays as it is"


@settings(max_examples=60)
@given(SEEDS)
def test_the_simplest_queries_are_written_the_same_without_a_parser(seed: int) -> None:
    rng = Random(seed)
    made = random_database(rng)
    with closing(made.open()) as connection:
        schema = sqlite_schema(connection)
        for _ in range(8):
            sql = Writer(made, rng).simple()
            plain = normalise_simple(sql, columns_of(schema))
            if plain is None or isinstance(rows(connection, sql, False), str):
                continue
            assert rows(connection, plain, False) == rows(connection, sql, False), plain
            assert normalise(sql.rstrip("; \n") + " /* for the parser */", schema) == plain


def test_most_random_queries_can_be_written_in_plain_style() -> None:
    """Else the tests above would say little."""
    rng, written, whole, simple = Random(1), 0, 0, 0
    for _ in range(40):
        made = random_database(rng)
        with closing(made.open()) as connection:
            schema = sqlite_schema(connection)
            for _ in range(3):
                sql = Writer(made, rng).query()
                if not isinstance(rows(connection, sql, False), str):
                    whole += 1
                    with suppress(DataError):
                        written += bool(normalise(sql, schema))
            simple += normalise_simple(Writer(made, rng).simple(), columns_of(schema)) is not None
    assert written > 0.75 * whole and whole > 80 and simple > 3

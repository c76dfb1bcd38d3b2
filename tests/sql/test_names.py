"""Names fold and are quoted as SQLite does it: whatever a table or column is called, what we write runs."""

import doctest
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.sql import names
from sql_llama.sql.names import RESERVED, fold, identifier, quoted

# every keyword of SQLite 3.53, from its list (lang_keywords.html)
KEYWORDS = (
    "abort action add after all alter always analyze and as asc attach autoincrement before begin between by "
    "cascade case cast check collate column commit conflict constraint create cross current current_date "
    "current_time current_timestamp database default deferrable deferred delete desc detach distinct do drop "
    "each else end escape except exclude exclusive exists explain fail filter first following for foreign from "
    "full generated glob group groups having if ignore immediate in index indexed initially inner insert "
    "instead intersect into is isnull join key last left like limit match materialized natural no not nothing "
    "notnull null nulls of offset on or order others outer over partition plan pragma preceding primary query "
    "raise range recursive references regexp reindex release rename replace restrict returning right rollback "
    "row rows savepoint select set table temp temporary then ties to transaction trigger unbounded union "
    "unique update using vacuum values view virtual when where window with without true false stored rowid"
).split()
USES = (
    "SELECT * FROM {n}",
    "SELECT {n}.{n}, count(*) FROM {n} JOIN other ON {n}.b = other.b GROUP BY {n}.{n} ORDER BY {n}.{n}",
    "SELECT {n} FROM {n} WHERE {n} = 'x' AND {n} IN ('x') ORDER BY {n}",
    "SELECT b FROM other WHERE b IN (SELECT b FROM {n}) UNION SELECT b FROM {n}",
    "SELECT other.b FROM other LEFT JOIN {n} ON other.b = {n}.b",
)


def test_examples() -> None:
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize("word", KEYWORDS)
def test_every_keyword_is_quoted_where_sqlite_needs_it(word: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE {quoted(word)} ({quoted(word)} TEXT, b)")
    connection.execute(f"INSERT INTO {quoted(word)} VALUES ('x', 2)")
    connection.execute("CREATE TABLE other (b)")
    connection.execute("INSERT INTO other VALUES (2)")
    for use in USES:
        assert connection.execute(use.format(n=identifier(word))).fetchall()
    if word in RESERVED:  # and no word is quoted for nothing
        with pytest.raises(sqlite3.OperationalError):
            for use in USES:
                connection.execute(use.format(n=word))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_name_written_by_us_is_the_table_s(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE {quoted('t' + name)} ({quoted(name)} INT)")
    connection.execute(f"INSERT INTO {identifier('t' + name)} VALUES (7)")
    found = connection.execute(f"SELECT {identifier('t' + name)}.{identifier(name)} FROM {identifier('t' + name)}")
    assert found.fetchall() == [(7,)]


def test_letters_beyond_ascii_keep_their_case() -> None:
    assert [fold(name) for name in ("ÖFFNUNG", "Клиенты", "İller", "AbC")] == ["Öffnung", "Клиенты", "İller", "abc"]

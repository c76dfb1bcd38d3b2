"""Names that an answer spells otherwise than the schema are put right; everything else is left alone."""

import doctest
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.records import Column, Schema, Table
from sql_llama.databases import requote as module
from sql_llama.databases.requote import requote
from sql_llama.sql.names import RESERVED, quoted


def schema(**tables: str) -> Schema:
    return Schema(
        tuple(
            Table(name, tuple(Column(column, "text") for column in names.split("|"))) for name, names in tables.items()
        )
    )


SHOP = schema(
    order="id|index|from|values|group|limit|table|case|between",
    group="id|table|name|max(id)",
    **{"Übungen": "Größe|ÖFFNUNG|id", "pet shops": "pet name|e-mail|2nd"},
)


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("SELECT COUNT(*) FROM order", 'SELECT COUNT(*) FROM "order"'),
        ("select order.index from order", 'select "order"."index" from "order"'),
        ("SELECT index, group FROM order", 'SELECT "index", "group" FROM "order"'),
        ("SELECT o.index FROM order AS o GROUP BY o.index", 'SELECT o."index" FROM "order" AS o GROUP BY o."index"'),
        ("SELECT * FROM order ORDER BY order.from", 'SELECT * FROM "order" ORDER BY "order"."from"'),
        ("SELECT COUNT(from) FROM order", 'SELECT COUNT("from") FROM "order"'),
        ("SELECT MAX(values) FROM order GROUP BY group ORDER BY group", None),
        ("SELECT limit FROM order WHERE limit > 5 LIMIT 3", 'SELECT "limit" FROM "order" WHERE "limit" > 5 LIMIT 3'),
        ("SELECT 1 FROM order JOIN group ON order.group = group.id", None),
        ("SELECT id FROM order WHERE id IN (SELECT group.id FROM group)", None),
        ("SELECT order.case FROM order", 'SELECT "order"."case" FROM "order"'),
        ("SELECT id FROM order WHERE NOT index = 1 AND table IS NULL", None),
        ("SELECT count(*) FROM übungen", 'SELECT count(*) FROM "Übungen"'),
        ('SELECT "größe" FROM "übungen"', None),
        ("SELECT übungen.öffnung FROM übungen", 'SELECT "Übungen"."ÖFFnung" FROM "Übungen"'),
        ("SELECT id * limit, 2 * index FROM order", None),
        ("SELECT CASE index WHEN 1 THEN 2 END FROM order WHERE id IS limit", None),
        ("WITH order AS (SELECT 1 AS a) SELECT * FROM order", None),
        ("SELECT * FROM (SELECT 1 AS a) order", None),
        ("SELECT pet name FROM pet shops", 'SELECT "pet name" FROM "pet shops"'),
        ("SELECT Pet Shops.E-Mail FROM Pet Shops", 'SELECT "pet shops"."e-mail" FROM "pet shops"'),
        ("SELECT 2nd FROM `pet shops`", 'SELECT "2nd" FROM `pet shops`'),
    ],
)
def test_a_name_of_the_schema_is_quoted(written: str, right: str | None) -> None:
    found = requote(written, SHOP)
    connection = made(SHOP)
    connection.execute(found)
    if right is not None:
        assert found.casefold() == right.casefold()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'from order' FROM \"order\" -- from order",
        "SELECT id FROM \"group\" WHERE name = 'index' ORDER BY id LIMIT 1",
        'SELECT id FROM "group" WHERE name = "order"',
        'SELECT CASE WHEN id THEN 1 ELSE 2 END FROM "group" GROUP BY id HAVING COUNT(*) > 1',
        'SELECT DISTINCT id FROM "group" WHERE id IN (1, 2) AND NOT EXISTS (SELECT 1 FROM "order")',
        'SELECT a.* FROM "group" AS a, "order" AS b WHERE a.id BETWEEN 1 AND 2 UNION SELECT * FROM "group"',
        "VALUES (1), (2)",
        "SELECT `from` FROM [order]",
        'SELECT CAST(id AS text) FROM "group"',
        'SELECT id IS NOT DISTINCT FROM 3 FROM "order"',
        'SELECT id NOT BETWEEN 1 AND 2 FROM "order"',
        'SELECT max(id) FROM "order"',
        "no query at all: from order, 'unclosed",
    ],
)
def test_what_is_right_is_left_alone(sql: str) -> None:
    if not sql.startswith("no query"):
        made(SHOP).execute(sql)
        assert requote(sql, SHOP) == sql
    requote(sql, SHOP)


def test_a_query_is_only_looked_at() -> None:
    limit = "PRAGMA hard_heap_limit"
    before = sqlite3.connect(":memory:").execute(limit).fetchone()
    for sql in (f"{limit} = 123456789", "ATTACH 'x.sqlite' AS x", 'DELETE FROM "order"', "PRAGMA temp_store = 1"):
        assert requote(sql, SHOP) == sql
    assert sqlite3.connect(":memory:").execute(limit).fetchone() == before


def made(schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for table in schema.tables:
        connection.execute(f"CREATE TABLE {quoted(table.name)} ({', '.join(quoted(c.name) for c in table.columns)})")
    return connection


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(RESERVED)), st.sampled_from(sorted(RESERVED)))
def test_any_keyword_works_as_table_and_as_column(table: str, column: str) -> None:
    one = schema(**{table: f"{column}|b"})
    connection = made(one)
    for sql in (
        f"SELECT {table}.{column} FROM {table} WHERE {table}.{column} > 1 ORDER BY {table}.{column} DESC LIMIT 1",
        f"SELECT a.{column}, count(*) FROM {table} AS a JOIN {table} AS b ON a.b = b.{column} GROUP BY a.{column}",
    ):
        connection.execute(requote(sql, one))

"""Double quotes hold names, and in SQLite also texts: which is which in an answer that is learnt."""

import sqlite3
from pathlib import Path

import pytest
from sql_llama.core.records import Schema
from sql_llama.data.clean.gold import plain
from sql_llama.data.clean.learnable_sql import learnable_sql, quiet_parser
from sql_llama.data.clean.left_out import LeftOut
from sql_llama.data.clean.trial_database import trial_database
from sql_llama.databases.introspect import introspect
from sql_llama.sql.ddl.parse import parse_ddl

DDL = "CREATE TABLE t (id INT PRIMARY KEY, name TEXT, v REAL); CREATE TABLE u (t_id INT, kind TEXT)"
SCHEMA: Schema = parse_ddl(DDL)


def learnt(sql: str) -> str:
    """The SQL that is learnt, or why none is."""
    with quiet_parser(), trial_database(SCHEMA) as trial:
        try:
            return learnable_sql(sql, trial, DDL)
        except LeftOut as reason:
            return f"left out: {reason}"


@pytest.mark.parametrize("alias", ['AS "most"', "AS most", "AS `most`", "AS [most]", "most", "AS 'most'"])
def test_an_alias_in_quotes_stays_a_name_however_it_is_given(alias: str) -> None:
    sql = f'SELECT name, COUNT(*) {alias} FROM t GROUP BY name ORDER BY "most" DESC'
    assert learnt(sql) == "SELECT t.name, COUNT(*) AS most FROM t GROUP BY t.name ORDER BY most DESC"


@pytest.mark.parametrize(
    "sql, plain_sql",
    [
        (
            'SELECT COUNT(*) AS "group" FROM t ORDER BY "group"',
            'SELECT COUNT(*) AS "group" FROM t ORDER BY "group"',
        ),
        (
            'SELECT q."x" FROM (SELECT v AS "x" FROM t) AS q ORDER BY "x"',
            "SELECT q.x FROM (SELECT t.v AS x FROM t) AS q ORDER BY x",
        ),
        ('WITH c("x") AS (SELECT v FROM t) SELECT "x" FROM c', "WITH c(x) AS (SELECT t.v FROM t) SELECT x FROM c"),
        (
            'SELECT "count(*)" FROM (SELECT count(*) FROM t)',
            'SELECT "count(*)" FROM (SELECT COUNT(*) FROM t)',
        ),
        ('SELECT "rowid" FROM t', "SELECT rowid FROM t"),
    ],
)
def test_what_a_query_names_itself_is_no_text(sql: str, plain_sql: str) -> None:
    assert learnt(sql) == plain_sql


@pytest.mark.parametrize(
    "where",
    [
        'WHERE "pric" > 5',
        'WHERE "foo" = 1',
        'WHERE "foo" = "bar"',
        'WHERE "foo" LIKE "b%"',
        'WHERE "foo" IN (1, 2)',
        'WHERE "foo" BETWEEN 1 AND 2',
        'WHERE "foo"',
        'WHERE v > "pric" * 2',
        'JOIN u ON t.id = "u_id"',
        'JOIN u ON t.name = "u_name"',
        'GROUP BY "foo"',
        'ORDER BY "foo"',
        'GROUP BY id HAVING SUM("pric") > 3',
        'GROUP BY id HAVING "total" > 3',
        'WHERE CAST("pric" AS REAL) > 3',
    ],
)
def test_a_name_that_nothing_has_is_no_text_where_a_column_is_meant(where: str) -> None:
    assert learnt(f"SELECT name FROM t {where}") == "left out: no such column"


def test_a_name_that_nothing_has_is_no_text_in_the_result() -> None:
    assert learnt('SELECT name, "foo" FROM t') == "left out: no such column"
    assert learnt('SELECT name || "last" FROM t') == "left out: no such column"


@pytest.mark.parametrize(
    "where",
    [
        "WHERE t.name = {}",
        "WHERE {} = t.name",
        "WHERE t.name <> {} COLLATE NOCASE",
        "WHERE t.name LIKE {}",
        "WHERE t.name IN ({}, {})",
        "WHERE t.name BETWEEN {} AND {}",
        "WHERE LOWER(t.name) = LOWER({})",
        "WHERE (SELECT u.kind FROM u LIMIT 1) = {}",
        "WHERE COALESCE(t.name, {}) IS NULL",
        "JOIN u ON t.id = u.t_id AND u.kind = {}",
    ],
)
def test_a_text_in_double_quotes_is_learnt_in_single_ones(where: str) -> None:
    written, plain_sql = where.replace("{}", '"Bob"'), where.replace("{}", "'Bob'")
    assert learnt(f"SELECT t.name FROM t {written}") == f"SELECT t.name FROM t {plain_sql}"


def test_texts_between_the_parts_of_a_name_and_in_a_case_are_texts() -> None:
    assert learnt('SELECT name || " " || v FROM t') == "SELECT t.name || ' ' || t.v FROM t"
    assert learnt('SELECT CASE WHEN v > 2 THEN "it\'s" ELSE "low" END FROM t') == (
        "SELECT CASE WHEN t.v > 2 THEN 'it''s' ELSE 'low' END FROM t"
    )


def test_plain_style_keeps_the_order_of_a_gold_that_orders(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t (id INT, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'b')")
    connection.close()
    sql = 'SELECT name, COUNT(*) AS "many" FROM t GROUP BY name ORDER BY "many" DESC'
    assert plain(sql, path, introspect(str(path), "t")) == (
        "SELECT t.name, COUNT(*) AS many FROM t GROUP BY t.name ORDER BY many DESC"
    )

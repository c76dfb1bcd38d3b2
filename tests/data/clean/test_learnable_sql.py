"""Which answers are learnt, over one small schema, and as what."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_llama.core.records import Column, Schema, Table
from sql_llama.data.clean.learnable_sql import learnable_sql, one_line, quiet_parser
from sql_llama.data.clean.left_out import LeftOut
from sql_llama.data.clean.trial_database import trial_database
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.ddl.render import render_ddl
from sql_llama.sql.names import quoted

DDL = """
    CREATE SCHEMA mine;
    CREATE TABLE mine.seam (id INT PRIMARY KEY, name VARCHAR(50), depth FLOAT, dug DATE, "order" INT);
    CREATE TABLE mine."group" (id INT, seam_id INT REFERENCES mine.seam, label TEXT);
"""
SCHEMA = parse_ddl(DDL)


def learnt(sql: str) -> str:
    """The SQL that is learnt, or why none is."""
    with quiet_parser(), trial_database(SCHEMA) as trial:
        try:
            return learnable_sql(sql, trial, DDL)
        except LeftOut as reason:
            return f"left out: {reason}"


@pytest.mark.parametrize(
    "sql, reason",
    [
        ("DELETE FROM seam", "writes"),
        ("INSERT INTO seam (id) VALUES (1) RETURNING id", "writes"),
        ("UPDATE seam SET id = 2", "writes"),
        ("REPLACE INTO seam (id) VALUES (1)", "writes"),
        ("DELETE TOP (5) FROM seam", "writes"),
        ("WITH gone AS (DELETE FROM seam RETURNING *) SELECT * FROM gone", "writes"),
        ("SELECT name INTO copy FROM seam", "writes"),
        ("CREATE VIEW v AS SELECT 1", "changes the schema"),
        ("DROP TABLE seam", "changes the schema"),
        ("ALTER TABLE seam ADD x INT", "changes the schema"),
        ("PRAGMA table_info(seam)", "not a query"),
        ("EXPLAIN SELECT name FROM seam", "not a query"),
        ("ATTACH 'x' AS y", "not a query"),
        ("SHOW TABLES", "not a query"),
        ("SELECT id FROM seam; SELECT name FROM seam", "several statements"),
        ("", "empty answer"),
        (" ;; ", "empty answer"),
        ("\ufeff", "empty answer"),
        ("-- nothing", "empty answer"),
        ("SELECT planet FROM galaxy", "no such table"),
        ("SELECT name FROM yours.seam", "no such table"),
        ("SELECT name FROM sqlite_master", "no such table"),
        ("SELECT planet FROM seam", "no such column"),
        ('SELECT "planet" FROM seam', "no such column"),
        ('SELECT name FROM seam ORDER BY "planet"', "no such column"),
        ("SELECT seam.label FROM seam", "no such column"),
        ('SELECT id FROM seam, "group" WHERE seam_id = 1', "ambiguous column"),
        ("SELECT 1", "uses no table"),
        ("VALUES (1)", "uses no table"),
        ("SELECT YEAR(dug) FROM seam", "no such function"),
        ("SELECT name FROM seam WHERE dug > NOW() - INTERVAL '1 year'", "not SQLite's SQL"),
        ("SELECT name FROM seam WHERE CAST(dug AS TIMESTAMP) > '2020'", "not SQLite's SQL"),
        ("SELECT name + ' ' + name FROM seam", "not SQLite's SQL"),
        ("SELECT name FROM seam WHERE depth > ANY (SELECT depth FROM seam)", "not SQLite's SQL"),
        ("SELECT name FROM seam WHERE depth < 1 OFFSET 780", "not SQLite's SQL"),
        ("SELECT RAND() * depth FROM seam", "not SQLite's SQL"),
        ("SELECT id FROM seam UNION SELECT id, name FROM seam", "fails in SQLite"),
        ("SELECT name FROM seam FOR UPDATE", "locks rows"),
        ("SELECT load_extension('x') FROM seam", "function that is not for queries"),
        ("I do not know", "cannot be parsed"),
        ("SELECT name FROM seam WHERE", "cannot be parsed"),
        ("SELECT name FROM seam WHERE name = 'x", "cannot be parsed"),
        ("SELECT " + "(" * 500 + "1" + ")" * 500 + " FROM seam", "too long or too many nested brackets"),
        ("SELECT name FROM seam WHERE id IN (" + "1, " * 5000 + "1)", "too long or too many nested brackets"),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c, seam", "takes too long"),
        ("SELECT name\0 FROM seam", "fails in SQLite"),
    ],
)
def test_what_is_no_reading_query_over_the_schema_is_left_out_with_its_reason(sql: str, reason: str) -> None:
    assert learnt(sql).startswith(f"left out: {reason}")


@pytest.mark.parametrize(
    "sql, plain",
    [
        ("select Name from SEAM where depth > 3;;", "SELECT seam.name FROM seam WHERE seam.depth > 3"),
        ("\ufeff SELECT name FROM seam", "SELECT seam.name FROM seam"),
        ("SELECT name /* c */ FROM seam; -- done", "SELECT seam.name FROM seam"),
        ('SELECT name FROM seam WHERE name = "it\'s"', "SELECT seam.name FROM seam WHERE seam.name = 'it''s'"),
        ("SELECT name FROM seam WHERE name = 'a + '", "SELECT seam.name FROM seam WHERE seam.name = 'a + '"),
        ("SELECT mine.seam.name FROM mine.seam", "SELECT seam.name FROM seam"),
        ("SELECT name FROM main.seam", "SELECT seam.name FROM seam"),
        ("SELECT [name] FROM [mine].[seam]", "SELECT seam.name FROM seam"),
        ("SELECT order FROM seam", 'SELECT seam."order" FROM seam'),
        ("SELECT COUNT(*) FROM group", 'SELECT COUNT(*) FROM "group"'),
        (
            "WITH x AS (SELECT id FROM seam) SELECT COUNT(*) FROM x",
            "WITH x AS (SELECT seam.id FROM seam) SELECT COUNT(*) FROM x",
        ),
        ("SELECT TOP 5 name FROM seam ORDER BY depth", "SELECT seam.name FROM seam ORDER BY seam.depth LIMIT 5"),
        ("SELECT ISNULL(name, 'x') FROM seam", "SELECT COALESCE(seam.name, 'x') FROM seam"),
        (
            "SELECT name FROM seam WHERE dug::date > '2020-01-01'",
            "SELECT seam.name FROM seam WHERE DATE(seam.dug) > '2020-01-01'",
        ),
        (
            "SELECT name FROM seam WHERE CAST(dug AS DATE) > '2020-01-01'",
            "SELECT seam.name FROM seam WHERE DATE(seam.dug) > '2020-01-01'",
        ),
        ("SELECT name FROM seam ORDER BY RAND() LIMIT 1", "SELECT seam.name FROM seam ORDER BY RANDOM() LIMIT 1"),
    ],
)
def test_a_query_is_learnt_in_plain_style_and_in_sqlites_words(sql: str, plain: str) -> None:
    assert learnt(sql) == plain


def test_a_query_that_plain_style_would_change_stays_as_it_is_on_one_line() -> None:
    assert one_line("SELECT  a\n FROM t WHERE b = 'x  \n y'") == "SELECT a FROM t WHERE b = 'x  \n y'"
    with pytest.raises(LeftOut):
        one_line("SELECT a -- and on\nFROM t")


NAMES = st.one_of(
    st.sampled_from(["order", "group", "index", "Table", "a b", "Übung", "名前", 'q"q', "t", "select"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=6),
)


@settings(max_examples=100, deadline=None)
@given(NAMES, NAMES, st.sampled_from(["int", "text", "real"]))
def test_whatever_tables_and_columns_are_called_the_pair_runs_on_its_schema(table: str, column: str, kind: str) -> None:
    if table.lower().startswith("sqlite_"):
        return
    schema = parse_ddl(render_ddl(Schema((Table(table, (Column(column, kind),)),))))
    with quiet_parser(), trial_database(schema) as trial:
        sql = learnable_sql(
            f"SELECT {quoted(column)} FROM {quoted(table)} AS x WHERE x.{quoted(column)} > 1", trial, ""
        )
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(render_ddl(schema))
        connection.execute(f"INSERT INTO {quoted(schema.tables[0].name)} VALUES (2)")
        assert connection.execute(sql).fetchall() != []
    finally:
        connection.close()

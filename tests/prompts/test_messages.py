"""What the model is shown, and how its SQL is taken out of what it says."""

import doctest

import pytest
from sql_llama.core.records import Column, Hint, Schema, Table
from sql_llama.prompts import messages as prompt
from sql_llama.prompts.messages import messages
from sql_llama.sql.extract import extract_sql

PETS = Schema((Table("Pets", (Column("Name", "text", samples=("Rex",)), Column("Age", "int"))),))


def test_examples() -> None:
    assert doctest.testmod(prompt).failed == 0


def test_question_stands_before_and_after_the_schema() -> None:
    system, user = messages(PETS, "How  old\nis Rex?", hints=[Hint("Pets", "Name", "Rex")])
    assert system.content == "You answer questions about a database with one SQLite query."
    assert user.content == (
        "Question: How old is Rex?\npets.name text ['Rex']\npets.age int\n"
        "values: pets.name = 'Rex'\nQuestion: How old is Rex?"
    )


@pytest.mark.parametrize(
    ("said", "sql"),
    [
        # plain
        ("SELECT a FROM t", "SELECT a FROM t"),
        ("  select a\n  from t\n  where b = 1 ;\n", "select a from t where b = 1"),
        ("WITH x AS (SELECT 1) SELECT * FROM x;", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("WITH RECURSIVE n(i) AS (SELECT 1) SELECT i FROM n", "WITH RECURSIVE n(i) AS (SELECT 1) SELECT i FROM n"),
        # fences
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        ("```\nSELECT 1\n```", "SELECT 1"),
        ("```SQLite\nSELECT 1;\nSELECT 2;\n```", "SELECT 1"),
        ("```sql\nSELECT 1", "SELECT 1"),
        ("SELECT 1\n```\nThis is it.", "SELECT 1"),
        ("```python\nprint(1)\n```\nand\n```sql\nSELECT 2\n```", "SELECT 2"),
        (
            "Sure!\n```sql\n-- select the names\nSELECT name FROM t -- don't stop\nWHERE a = 1\n```",
            "SELECT name FROM t WHERE a = 1",
        ),
        # prose around
        ("The answer is:\nSELECT a FROM t\n\nIt reads t.", "SELECT a FROM t"),
        ("SELECT a FROM t\nThis query reads all rows.", "SELECT a FROM t"),
        ("SELECT a\n\nFROM t", "SELECT a FROM t"),
        ("I will select the names. SELECT name FROM t", "SELECT name FROM t"),
        ("To select names, use this: select name from t;", "select name from t"),
        ("Use `SELECT a FROM t`, which reads `t`.", "SELECT a FROM t"),
        ("Use `SELECT `a` FROM t`.", "SELECT `a` FROM t"),
        ('It is "SELECT a FROM t".', "SELECT a FROM t"),
        ("SQL: SELECT 1", "SELECT 1"),
        # quotes and comments
        (
            'WITH "my cte" AS (SELECT 1 AS a) SELECT a FROM "my cte"',
            'WITH "my cte" AS (SELECT 1 AS a) SELECT a FROM "my cte"',
        ),
        ("SELECT [a;b], [c -- d] FROM t; rest", "SELECT [a;b], [c -- d] FROM t"),
        ("SELECT 'a  b', \"c;d\" FROM t; rest", "SELECT 'a  b', \"c;d\" FROM t"),
        ("SELECT 'it''s; ok' FROM t", "SELECT 'it''s; ok' FROM t"),
        ("SELECT a /* ; */ FROM t", "SELECT a FROM t"),
        ("SELECT a - 1 FROM t", "SELECT a - 1 FROM t"),
        ("SELECT a/b FROM t", "SELECT a/b FROM t"),
        # a statement that writes stays one
        ("INSERT INTO t SELECT * FROM u", "INSERT INTO t SELECT * FROM u"),
        ("insert into t\nselect * from u", "insert into t select * from u"),
        ("CREATE TABLE x AS SELECT 1", "CREATE TABLE x AS SELECT 1"),
        ("DELETE FROM t WHERE a IN (SELECT 1);", "DELETE FROM t WHERE a IN (SELECT 1)"),
        (
            "WITH g AS (DELETE FROM t RETURNING 1) SELECT * FROM g",
            "WITH g AS (DELETE FROM t RETURNING 1) SELECT * FROM g",
        ),
        # no query
        ("", ""),
        ("  ;", ""),
        ("I do not know.", "I do not know."),
        ("DROP TABLE t;", "DROP TABLE t"),
    ],
)
def test_sql_is_found_in_what_a_model_says(said: str, sql: str) -> None:
    assert extract_sql(said) == sql


def test_what_was_extracted_is_extracted_unchanged() -> None:
    sql = "SELECT t.a, 'x  y' FROM t JOIN u ON t.id = u.id WHERE u.b >= 3 ORDER BY t.a DESC LIMIT 1"
    assert extract_sql(sql) == sql
    assert extract_sql(extract_sql(f"```sql\n{sql};\n```")) == sql

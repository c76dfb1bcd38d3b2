"""An answer of another dialect is written as SQLite says it, or left out where SQLite would say something else."""

import pytest
from sql_llama.data.clean.in_sqlite import in_sqlite
from sql_llama.data.clean.learnable_sql import quiet_parser
from sql_llama.data.clean.left_out import LeftOut
from sql_llama.data.clean.trial_database import failure, trial_database
from sql_llama.sql.ddl.parse import parse_ddl

DDL = "CREATE SCHEMA mine; CREATE TABLE mine.seam (id INT, name TEXT, depth REAL, dug DATE)"


def rewritten(sql: str) -> str:
    """The query in SQLite's words, or why it is left out."""
    with quiet_parser(), trial_database(parse_ddl(DDL)) as trial:
        try:
            result = in_sqlite(sql, trial, DDL, failure(sql, trial))
        except LeftOut as reason:
            return f"left out: {reason}"
        assert failure(result, trial) == ""
        return result


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name FROM seam", "SELECT name FROM seam"),
        ("SELECT name FROM mine.seam", "SELECT name FROM seam"),
        ("SELECT mine.seam.name FROM mine.seam", "SELECT seam.name FROM seam"),
        ("SELECT name FROM public.seam", "SELECT name FROM seam"),
        ("SELECT TOP 3 name FROM seam", "SELECT name FROM seam LIMIT 3"),
        ("SELECT [name] FROM [dbo].[seam]", 'SELECT "name" FROM "seam"'),
        ("SELECT depth::int FROM seam", "SELECT CAST(depth AS INTEGER) FROM seam"),
    ],
)
def test_what_sqlite_can_say(sql: str, expected: str) -> None:
    assert rewritten(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM seam WHERE dug > CURRENT_DATE - INTERVAL '1 day'",
        "SELECT CAST(dug AS TIMESTAMP) FROM seam",
        "SELECT random() FROM seam",
        "SELECT TOP 3 name + 'x' FROM seam",
    ],
)
def test_what_sqlite_would_take_for_something_else_is_left_out(sql: str) -> None:
    assert rewritten(sql) == "left out: not SQLite's SQL"


def test_a_query_of_another_schema_is_left_out() -> None:
    assert rewritten("SELECT name FROM other.seam").startswith("left out: ")

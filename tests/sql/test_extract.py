"""The SQL that is taken out of what a model answers; the cases are in extract.sql."""

import doctest
from pathlib import Path

import pytest
from sql_llama.sql import extract
from sql_llama.sql.extract import extract_sql

from ..golden import Case, golden


def test_examples() -> None:
    assert doctest.testmod(extract).failed == 0


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("extract.sql"), "answer", "sql"))
def test_the_sql_in_an_answer(case: Case) -> None:
    assert extract_sql(case["answer"]) == case["sql"], case.place
    assert extract_sql(f"{case['answer']}\n") == case["sql"], f"{case.place}: with a line break at the end"


def test_what_was_extracted_is_extracted_unchanged() -> None:
    sql = "SELECT t.a, 'x  y' FROM t JOIN u ON t.id = u.id WHERE u.b >= 3 ORDER BY t.a DESC LIMIT 1"
    assert extract_sql(sql) == sql
    assert extract_sql(extract_sql(f"```sql\n{sql};\n```")) == sql

"""Comparisons with the text null, which small models write for missing values."""

import pytest
from sql_llama.core.records import Column, Schema, Table
from sql_llama.sql.nulls import mend_nulls

SHOP = Schema(
    (
        Table("customer", (Column("name", "text"), Column("email", "text"))),
        Table("note", (Column("body", "text", samples=("NULL", "x")),)),
    )
)


@pytest.mark.parametrize(
    ("sql", "mended"),
    [
        ("SELECT name FROM customer WHERE email = 'null'", "SELECT name FROM customer WHERE email IS NULL"),
        ("SELECT name FROM customer WHERE email = 'NULL'", "SELECT name FROM customer WHERE email IS NULL"),
        ("SELECT name FROM customer WHERE email <> 'null'", "SELECT name FROM customer WHERE NOT email IS NULL"),
        (
            "SELECT name FROM customer WHERE name = 'Ann' OR (email != 'Null' AND name > 'A')",
            "SELECT name FROM customer WHERE name = 'Ann' OR (NOT email IS NULL AND name > 'A')",
        ),
    ],
)
def test_the_text_null_is_a_missing_value(sql: str, mended: str) -> None:
    found = mend_nulls(sql, SHOP)
    assert found is not None and found.sql == mended
    assert found.changes == ("email is compared with NULL, not with the text 'null'",)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT body FROM note WHERE body = 'NULL'",  # that text is there
        "SELECT name FROM customer WHERE email IS NULL",
        "SELECT name FROM customer WHERE name LIKE '%null'",
        "SELECT 'null' FROM customer",
        "SELECT name FROM customer WHERE name = 'nullable'",
        "SELECT ( WHERE email = 'null'",
    ],
)
def test_other_queries_are_left_alone(sql: str) -> None:
    assert mend_nulls(sql, SHOP) is None

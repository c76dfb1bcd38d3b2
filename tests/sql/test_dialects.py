"""Queries as the models write them, for other engines."""

import pytest
from sql_llama.core.records import Column, Schema, Table
from sql_llama.sql.dialects import to_dialect

KEY, CODE, MADE = Column("Id", "int", True), Column("code", "text"), Column("made", "date")
ITEMS = Table("Items", (KEY, CODE, MADE, Column("ok", "bool")))
PARTS = Table("parts", (Column("id", "int", True), Column("item_id", "int"), Column("code", "text")))
SCHEMA = Schema((ITEMS, PARTS))
FULL = {"Items": ("public", "Items"), "parts": ("stock", "parts")}


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        (
            "postgres",
            "SELECT items.code FROM items JOIN parts ON parts.item_id = items.id",
            'SELECT "Items"."code" FROM "Items" JOIN "stock"."parts" ON "parts"."item_id" = "Items"."Id"',
        ),
        ("postgres", "SELECT items.id FROM items WHERE items.code = 5", '"Items"."code" = \'5\''),
        ("postgres", "SELECT items.id FROM items WHERE items.ok = 1", '"Items"."ok" = TRUE'),
        ("postgres", "SELECT items.id FROM items WHERE items.code LIKE 'a%'", "ILIKE 'a%'"),
        (
            "postgres",
            "SELECT items.code, count(*) FROM items GROUP BY items.id",
            '"Items"."Id", "Items"."code"',
        ),
        ("duckdb", "SELECT items.id FROM items WHERE items.made > date('now', '-7 days')", "INTERVAL '7' DAY"),
        ("mysql", "SELECT items.code || '!' FROM items", "CONCAT("),
        ("mysql", "SELECT count(*) FROM parts LIMIT 1", "FROM `parts`"),
    ],
)
def test_a_query_is_written_for_an_engine(dialect: str, sql: str, expected: str) -> None:
    assert expected in to_dialect(sql, SCHEMA, dialect, FULL)


def test_what_is_no_query_stays() -> None:
    assert to_dialect("SELECT FROM (", SCHEMA, "postgres", FULL) == "SELECT FROM ("

"""What a column is called does not change which one it is."""

import doctest
from pathlib import Path

import pytest
import sqlglot
from sql_llama.databases.introspect import introspect
from sql_llama.evals.queries import columns as module
from sql_llama.evals.queries.columns import Columns, Item, TooMuch
from sql_llama.sql.names import columns_of
from sqlglot import exp


def first_item(sql: str, pets: Path) -> Item:
    tree = sqlglot.parse_one(sql, read="sqlite")
    assert isinstance(tree, exp.Query)
    columns = Columns(tree, columns_of(introspect(str(pets))))
    columns.settle()
    return columns.item(columns.selects[0].selects[0], columns.selects[0])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT NAME FROM Pets", "pets.name"),
        ("SELECT p.name AS n FROM pets AS p", "pets.name"),
        ("SELECT `Name` FROM [pets]", "pets.name"),
        ('SELECT "name" FROM pets', "pets.name"),
        ('SELECT "Rex" FROM pets', "Rex"),
        ("SELECT weight FROM owners, pets", "pets.weight"),
        ("SELECT n FROM (SELECT name AS n FROM pets) AS x", "pets.name"),
        ("SELECT x.name FROM (SELECT * FROM (SELECT * FROM pets)) AS x", "pets.name"),
        ("SELECT m FROM (SELECT max(weight) AS m FROM pets)", "max(pets.weight)"),
        ("WITH x(n) AS (SELECT name FROM pets) SELECT n FROM x", "pets.name"),
        ("SELECT count(DISTINCT kind) FROM pets", "count(distinct pets.kind)"),
        ("SELECT count(kind) FROM pets", "count(*)"),
        ("SELECT weight + id FROM pets", "add(pets.id,pets.weight)"),
        ("SELECT unheard FROM pets", "unheard"),
        ("SELECT z.unheard FROM pets", "z.unheard"),
    ],
)
def test_a_column_by_any_name(sql: str, expected: str, pets: Path) -> None:
    assert str(first_item(sql, pets)) == expected


def test_a_table_that_stands_twice_is_told_apart_by_what_it_is_joined_by(pets: Path) -> None:
    tables = {"city": ["id", "name"], "flight": ["source", "target"]}
    sql = "SELECT {}.name FROM city a JOIN flight ON a.id = source JOIN city b ON b.id = target"
    said = []
    for alias in "ab":
        tree = sqlglot.parse_one(sql.format(alias), read="sqlite")
        assert isinstance(tree, exp.Query)
        columns = Columns(tree, tables)
        (select,) = columns.selects
        for join in columns.joins[id(select)]:
            left, right = columns.place(join.args["on"].this, select), columns.place(join.args["on"].expression, select)
            assert left and right
            columns.equate(left, right)
        columns.settle()
        said.append(str(columns.item(select.selects[0], select)))
    assert said == ["city[flight.source].name", "city[flight.target].name"]


def test_a_hundred_tables_are_too_many(pets: Path) -> None:
    with pytest.raises(TooMuch):
        first_item("SELECT 1 FROM " + ", ".join(f"pets p{i}" for i in range(100)), pets)


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0

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

from ...golden import Case, golden


def first_item(sql: str, pets: Path) -> Item:
    tree = sqlglot.parse_one(sql, read="sqlite")
    assert isinstance(tree, exp.Query)
    columns = Columns(tree, columns_of(introspect(str(pets))))
    columns.settle()
    return columns.item(columns.selects[0].selects[0], columns.selects[0])


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("columns.sql"), "query", "item"))
def test_a_column_by_any_name(case: Case, pets: Path) -> None:
    assert str(first_item(case["query"], pets)) == case["item"], case.place


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

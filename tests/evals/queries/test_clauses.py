"""A query taken apart; two ways to write it come out alike."""

import doctest
from pathlib import Path
from typing import Any

import pytest
from sql_llama.databases.introspect import introspect
from sql_llama.evals.queries import clauses as module
from sql_llama.evals.queries.clauses import clauses

from ...golden import Case, golden


def tuples(value: Any) -> Any:
    """Arrays of TOML as tuples, as the clauses hold them."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("clauses.toml"), "sql", "part", "expected"))
def test_a_part_of_a_query(case: Case, pets: Path) -> None:
    taken_apart = clauses(case["sql"], introspect(str(pets)))
    assert taken_apart is not None, case.place
    assert getattr(taken_apart, case["part"]) == tuples(case["expected"]), case.place


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("conditions.toml"), "condition", "filters"))
def test_conditions(case: Case, pets: Path) -> None:
    taken_apart = clauses(f"SELECT 1 FROM pets WHERE {case['condition']}", introspect(str(pets)))
    assert taken_apart is not None, case.place
    filters = [f"{condition.item} {condition.op} {condition.value}" for condition in taken_apart.filters]
    assert filters == case["filters"], case.place


@pytest.mark.parametrize("sql", ["", "DELETE FROM pets", "SELECT (", "SELECT 1 " + " " * 10_000, "SELECT " + "(" * 99])
def test_what_cannot_be_read_is_none(sql: str, pets: Path) -> None:
    assert clauses(sql, introspect(str(pets))) is None


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0

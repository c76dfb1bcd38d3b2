"""Spider's four levels of difficulty, and the features of a query."""

import doctest
import json
from pathlib import Path

import pytest
from sql_llama.evals.queries import hardness as module
from sql_llama.evals.queries.hardness import FEATURES, HARDNESS, features, hardness

from ...golden import Case, golden


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("hardness.sql"), "query", "level"))
def test_levels(case: Case) -> None:
    assert hardness(case["query"]) == case["level"], case.place
    assert case["level"] in HARDNESS, case.place


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("features.sql"), "query", "features"))
def test_features(case: Case) -> None:
    expected = tuple(filter(None, case["features"].split(", ")))
    assert features(case["query"]) == expected, case.place
    assert set(expected) <= set(FEATURES), case.place


OFFICIAL = {"easy": 126, "medium": 218, "hard": 81, "extra": 58}  # Spider's evaluator over the `sql` of the same file


@pytest.mark.shared
def test_levels_of_spider_are_those_of_its_evaluator(shared: Path) -> None:
    rows = json.loads((shared / "spider" / "dev_shared.json").read_text(encoding="utf-8"))
    found = [hardness(row["query"]) for row in rows]
    assert {level: found.count(level) for level in OFFICIAL} == OFFICIAL

"""Queries that are nearly the gold: each runs, none is the gold, and the usual near misses are among them."""

import contextlib
import doctest
import sqlite3
from pathlib import Path

import pytest
from sql_llama.evals.fuzz import neighbours as module
from sql_llama.evals.fuzz.neighbours import MOST, neighbours

PETS = {"pets": ["id", "name", "kind", "weight", "owner_id"], "owners": ["id", "name", "city"]}


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("sql", "near"),
    [
        ("SELECT name FROM pets WHERE weight > 4", "SELECT name FROM pets WHERE weight >= 4"),
        ("SELECT name FROM pets WHERE weight > 4", "SELECT name FROM pets WHERE weight > 5"),
        ("SELECT name FROM pets WHERE kind = 'cat'", "SELECT name FROM pets WHERE kind = 'CAT'"),
        ("SELECT name FROM pets WHERE kind = 'cat'", "SELECT name FROM pets WHERE kind LIKE 'cat'"),
        ('SELECT name FROM pets WHERE kind = "cat"', "SELECT name FROM pets WHERE kind = 'CAT'"),
        ("SELECT kind FROM pets", "SELECT DISTINCT kind FROM pets"),
        ("SELECT max(weight) FROM pets", "SELECT MIN(weight) FROM pets"),
        ("SELECT count(DISTINCT kind) FROM pets", "SELECT COUNT(kind) FROM pets"),
        (
            "SELECT name FROM pets ORDER BY weight DESC LIMIT 1",
            "SELECT name FROM pets WHERE weight = (SELECT MAX(weight) FROM pets)",
        ),
        (
            "SELECT name FROM pets UNION SELECT name FROM owners",
            "SELECT name FROM pets UNION ALL SELECT name FROM owners",
        ),
        (
            "SELECT o.name FROM owners AS o JOIN pets AS p ON o.id = p.owner_id",
            "SELECT o.name FROM owners AS o LEFT JOIN pets AS p ON o.id = p.owner_id",
        ),
        ("SELECT name FROM pets WHERE id = 1 OR id = 2", "SELECT name FROM pets WHERE id = 1 AND id = 2"),
        ("SELECT name FROM pets WHERE id NOT IN (1)", "SELECT name FROM pets WHERE id IN (1)"),
    ],
)
def test_near_misses(sql: str, near: str, pets: Path) -> None:
    made = neighbours(sql, PETS)
    assert near in made
    ran = 0
    connection = sqlite3.connect(pets)
    for one in made:
        with contextlib.suppress(sqlite3.OperationalError):  # a column of the other table
            connection.execute(one)
            ran += 1
    connection.close()
    assert ran >= len(made) / 2


@pytest.mark.parametrize(
    ("sql", "same"),
    [
        ("SELECT count(*) FROM pets", "SELECT DISTINCT COUNT(*) FROM pets"),
        ("SELECT kind FROM pets GROUP BY kind", "SELECT DISTINCT kind FROM pets GROUP BY kind"),
        (
            "SELECT o.name FROM owners AS o JOIN pets AS p ON o.id = p.owner_id WHERE p.kind = 'cat'",
            "SELECT o.name FROM owners AS o LEFT JOIN pets AS p ON o.id = p.owner_id WHERE p.kind = 'cat'",
        ),
    ],
)
def test_what_means_the_same_is_no_neighbour(sql: str, same: str) -> None:
    assert same not in neighbours(sql, PETS)


def test_the_same_neighbours_each_time_and_never_too_many() -> None:
    long = "SELECT name, kind, weight FROM pets WHERE " + " AND ".join(f"weight > {place}" for place in range(30))
    assert neighbours(long, PETS) == neighbours(long, PETS)
    assert 20 < len(neighbours(long, PETS)) <= MOST
    assert long not in neighbours(long, PETS)


@pytest.mark.parametrize("sql", ["", "The answer is 42.", "SELECT FROM WHERE", "DROP TABLE pets", "((((", "SELECT 'a"])
def test_what_is_no_query_has_none(sql: str) -> None:
    assert neighbours(sql, PETS) == ()

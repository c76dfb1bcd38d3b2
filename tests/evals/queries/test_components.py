"""Spider's component match, and the match of queries whose spelling is made alike."""

import doctest
import json
import sqlite3
from pathlib import Path

import pytest
from sql_llama.databases.introspect import introspect
from sql_llama.evals.queries import components
from sql_llama.evals.queries.components import component_match, normalised_match
from sql_llama.sql.ddl.parse import parse_ddl
from sql_llama.sql.normalise import normalise

from ...golden import Case, golden
from ...work import at_most_calls
from .test_syntax import HOSTILE

SCHEMA = parse_ddl(
    """
    CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER);
    CREATE TABLE pets (pet_id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL, owner_id INTEGER,
                       FOREIGN KEY (owner_id) REFERENCES owners(id));
    """
)


def test_examples() -> None:
    assert doctest.testmod(components).failed == 0


def parts(gold: str, predicted: str) -> set[str]:
    """The components in which two queries differ."""
    found = component_match(gold, predicted, SCHEMA)
    assert found is not None
    names = {name for name in type(found).__dataclass_fields__ if not getattr(found, name)}
    assert found.overall is not bool(names)
    return names


JOINED = "FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id"


@pytest.mark.parametrize("case", golden(Path(__file__).with_name("components.sql"), "gold", "predicted", "differ"))
def test_the_components_in_which_two_queries_differ(case: Case) -> None:
    expected = set() if case["differ"] == "nothing" else set(case["differ"].split(", "))
    assert parts(case["gold"], case["predicted"]) == expected, case.place
    assert parts(case["predicted"], case["gold"]) == expected, f"{case.place}: the other way round"


@pytest.mark.parametrize(
    "predicted",
    [
        "no idea",
        "",
        "SELECT owners.weight FROM owners",
        "SELECT name FROM owners WHERE nothing = 1",
        "SELECT T3.name FROM owners AS T1",
        "SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner",
    ],
)
def test_what_cannot_be_read_has_no_components(predicted: str) -> None:
    assert component_match("SELECT name FROM owners", predicted, SCHEMA) is None


def test_normalised_match_sees_the_query_behind_its_spelling() -> None:
    gold = f"SELECT T1.name {JOINED} WHERE T2.weight > 1"
    assert normalised_match(gold, "SELECT owners.name FROM pets, owners WHERE owner_id = id AND 1 < weight", SCHEMA)
    assert not normalised_match(gold, gold.replace("> 1", "> 2"), SCHEMA)


def test_what_cannot_be_parsed_matches_by_its_text() -> None:
    assert normalised_match("SELECT FROM x", "select  from X", SCHEMA)
    assert not normalised_match("SELECT FROM x", "SELECT FROM y", SCHEMA)
    assert not normalised_match("SELECT name FROM owners", "", SCHEMA)


@pytest.mark.parametrize("sql", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_answer_takes_little_work_and_raises_nothing(sql: str) -> None:
    with at_most_calls(4_000_000):
        for gold in ("SELECT name FROM owners", sql):
            component_match(gold, sql, SCHEMA)
            normalised_match(gold, sql, SCHEMA)


@pytest.mark.shared
def test_the_projects_own_style_is_the_same_query(shared: Path, tmp_path: Path) -> None:
    """All of Spider's shared golds, in the style that the model answers in."""
    rows = json.loads((shared / "spider" / "dev_shared.json").read_text(encoding="utf-8"))
    described = json.loads((shared / "spider" / "tables.json").read_text(encoding="utf-8"))
    schemas = {}
    for entry in described:
        if entry["db_id"] in {row["db_id"] for row in rows}:
            path = tmp_path / f"{entry['db_id']}.sqlite"
            with sqlite3.connect(path) as connection:
                for place, table in enumerate(entry["table_names_original"]):
                    columns = [f'"{name}" TEXT' for owner, name in entry["column_names_original"] if owner == place]
                    connection.execute(f'CREATE TABLE "{table}" ({", ".join(columns)})')
            connection.close()
            schemas[entry["db_id"]] = introspect(str(path))
    for row in rows:
        schema = schemas[row["db_id"]]
        plain = normalise(row["query"], schema)
        assert normalised_match(row["query"], plain, schema), plain
        found = component_match(row["query"], plain, schema)
        assert found is not None and found.overall, plain

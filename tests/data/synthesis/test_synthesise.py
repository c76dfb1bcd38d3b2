"""Synthesised pairs: they run, they say something, they are in plain style, and the seed decides them."""

import os
import random
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sql_llama.core.records import Example
from sql_llama.data.synthesis.synthesise import synthesise
from sql_llama.data.synthesis.worlds.worlds import World, build_worlds
from sql_llama.databases.introspect import introspect
from sql_llama.databases.sqlite import run
from sql_llama.sql.normalise import normalise


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    return build_worlds(tmp_path_factory.mktemp("worlds"))


@pytest.fixture(scope="module")
def pairs(worlds: list[World]) -> list[Example]:
    rng = random.Random(1)
    made: list[Example] = []
    for world in worlds:
        made += synthesise(str(world.path), introspect(str(world.path), world.name), 25, rng, name=world.name)
    return made


def test_every_world_gives_as_many_pairs_as_asked(worlds: list[World], pairs: list[Example]) -> None:
    assert len(pairs) == 25 * len(worlds)
    assert {pair.database for pair in pairs} == {world.name for world in worlds}


def test_all_queries_run_and_few_return_nothing(worlds: list[World], pairs: list[Example]) -> None:
    paths = {world.name: str(world.path) for world in worlds}
    empty = sum(not run(paths[pair.database], pair.sql).rows for pair in pairs)
    assert empty <= 0.05 * len(pairs)


def test_queries_are_in_the_style_that_the_normaliser_writes(pairs: list[Example]) -> None:
    changed = [(pair.sql, again) for pair in pairs if (again := normalise(pair.sql, pair.schema)) != pair.sql]
    assert changed == []


def test_queries_parse_and_come_back_as_the_same_text(pairs: list[Example]) -> None:
    import sqlglot

    for pair in pairs:
        text = sqlglot.parse_one(pair.sql, read="sqlite").sql(dialect="sqlite", normalize_functions="upper")
        assert re.sub(r"\bNOT ([\w.\"]+) (IN \(|LIKE )", r"\1 NOT \2", text) == pair.sql


def test_no_and_stands_beside_an_or(pairs: list[Example]) -> None:
    """AND binds more than OR, and a question does not say which is meant."""
    for pair in pairs:
        bare = re.sub(r"BETWEEN \S+ AND", "BETWEEN", re.sub(r"'[^']*'", "x", pair.sql))
        for part in re.split(" UNION | INTERSECT | EXCEPT ", bare):
            assert not (" AND " in part and " OR " in part), pair.sql


def test_every_column_is_qualified(pairs: list[Example]) -> None:
    import sqlglot
    from sqlglot import exp

    for pair in pairs:
        for column in sqlglot.parse_one(pair.sql, read="sqlite").find_all(exp.Column):
            assert column.table, pair.sql


def test_no_question_and_no_query_twice_in_a_database(pairs: list[Example]) -> None:
    assert len({(pair.database, pair.question.lower()) for pair in pairs}) == len(pairs)
    assert len({(pair.database, pair.sql) for pair in pairs}) == len(pairs)


def test_questions_are_clean_sentences(pairs: list[Example]) -> None:
    for pair in pairs:
        assert not re.search(r"[\[\]{}|_]|  | [?.,]|\bthe the\b|\bof of\b", pair.question), pair.question


def test_values_in_the_query_stand_in_the_question(pairs: list[Example]) -> None:
    for pair in pairs:
        for value in re.findall(r" = '((?:[^']|'')+)'", pair.sql):
            if len(value) > 2:
                assert value.replace("''", "'").lower() in pair.question.lower(), pair


def test_cells_that_the_question_names_come_as_hints(pairs: list[Example]) -> None:
    named = [pair for pair in pairs if re.search(r" = '[A-Za-z]{3,}'", pair.sql)]
    assert len(named) > 0.1 * len(pairs)
    assert all(pair.hints for pair in named)


def test_the_same_seed_gives_the_same_pairs(worlds: list[World]) -> None:
    url = str(worlds[0].path)
    schema = introspect(url, worlds[0].name)
    first, second, other = (list(synthesise(url, schema, 20, random.Random(seed))) for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_the_same_seed_gives_the_same_pairs_in_any_process(worlds: list[World]) -> None:
    code = (
        "import random, sys; from sql_llama.data.synthesis.synthesise import synthesise;"
        "from sql_llama.databases.introspect import introspect; url = sys.argv[1];"
        "print([(one.question, one.sql) for one in synthesise(url, introspect(url), 40, random.Random(3))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(worlds[0].path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "SELECT" in outputs.pop()


def test_a_database_too_small_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "tiny.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE colours (colour TEXT)")
        connection.execute("INSERT INTO colours VALUES ('red'), ('blue')")
    connection.close()
    made = list(synthesise(str(path), introspect(str(path), "tiny"), 5_000, random.Random(1)))
    assert 5 < len(made) < 5_000
    assert {pair.database for pair in made} == {"tiny"}


def test_an_empty_database_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    assert list(synthesise(str(path), introspect(str(path)), 5, random.Random(1))) == []

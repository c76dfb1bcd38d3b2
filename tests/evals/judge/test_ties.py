"""Rows that the gold leaves tied: in any order, any of them, but never beyond their tie."""

import doctest
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_llama.evals.judge import ties as module
from sql_llama.evals.judge.bench import Bench
from sql_llama.evals.judge.verdict import Task

TEAMS = [("Ants", 9, "N", None), ("Bees", 7, "S", 2), ("Cats", 7, "N", 1), ("Dogs", 7, "n", None), ("Eels", 3, "S", 1)]


def database(path: Path, teams: Sequence[tuple[Any, ...]] = TEAMS) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE team (name TEXT, points INT, side TEXT COLLATE NOCASE, cups INT)")
        connection.executemany("INSERT INTO team VALUES (?, ?, ?, ?)", teams)
    connection.close()
    return path


@pytest.fixture
def league(tmp_path: Path) -> Path:
    return database(tmp_path / "league.sqlite")


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(60.0)
    yield made
    for connection in made.connections.values():
        connection.close()


def values(*rows: Any) -> str:
    """A query that returns these rows in this order."""
    said = ", ".join(
        f"({', '.join(repr(cell) for cell in (row if isinstance(row, tuple) else (row,)))})" for row in rows
    )
    return f"SELECT * FROM (VALUES {said})"


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("gold", "right", "wrong"),
    [
        (
            "SELECT name FROM team ORDER BY points DESC",
            values("Ants", "Dogs", "Bees", "Cats", "Eels"),
            values("Dogs", "Ants", "Bees", "Cats", "Eels"),
        ),
        (
            "SELECT name FROM team ORDER BY points ASC, cups DESC",
            values("Eels", "Bees", "Cats", "Dogs", "Ants"),
            values("Eels", "Cats", "Bees", "Dogs", "Ants"),
        ),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 2", values("Ants", "Dogs"), values("Dogs", "Ants")),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 2", values("Ants", "Bees"), values("Ants", "Eels")),
        (
            "SELECT name FROM team ORDER BY points DESC LIMIT 3",
            values("Ants", "Dogs", "Cats"),
            values("Ants", "Dogs", "Dogs"),
        ),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 1 OFFSET 2", values("Dogs"), values("Ants")),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 1, 2", values("Dogs", "Bees"), values("Dogs", "Eels")),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 2 OFFSET 3", values("Bees", "Eels"), values("Eels", "Bees")),
        ("SELECT name AS n FROM team ORDER BY side, n DESC LIMIT 2", values("Dogs", "Cats"), values("Cats", "Dogs")),
        (
            "SELECT name FROM team ORDER BY side",
            values("Dogs", "Ants", "Cats", "Eels", "Bees"),
            values("Bees", "Ants", "Cats", "Dogs", "Eels"),
        ),
        (
            "SELECT name FROM team ORDER BY cups IS NULL, cups",
            values("Eels", "Cats", "Bees", "Dogs", "Ants"),
            values("Ants", "Dogs", "Eels", "Cats", "Bees"),
        ),
        (
            "SELECT side, count(*) FROM team WHERE name <> 'Ants' GROUP BY side ORDER BY count(*) DESC LIMIT 1",
            values(("S", 2)),
            values(("N", 3)),
        ),
        (
            "SELECT side FROM team GROUP BY side HAVING count(*) > 1 ORDER BY max(points) - max(points)",
            values("S", "N"),
            values("S", "S"),
        ),
        (
            "SELECT points AS p, count(*) AS n FROM team GROUP BY points ORDER BY n LIMIT 1",
            values((3, 1)),
            values((7, 3)),
        ),
        (
            "SELECT points AS p, count(*) AS n FROM team GROUP BY points ORDER BY n + 0 LIMIT 2",
            values((3, 1), (9, 1)),
            values((3, 1), (7, 3)),
        ),
        (
            "SELECT name, points FROM team ORDER BY 2 LIMIT 2",
            values(("Eels", 3), ("Dogs", 7)),
            values(("Dogs", 7), ("Eels", 3)),
        ),
        (
            "SELECT DISTINCT name, points FROM team ORDER BY points LIMIT 2",
            values(("Eels", 3), ("Cats", 7)),
            values(("Eels", 3), ("Ants", 9)),
        ),
        (
            "SELECT name, points FROM team WHERE cups IS NULL UNION SELECT name, points FROM team ORDER BY points",
            values(("Eels", 3), ("Dogs", 7), ("Cats", 7), ("Bees", 7), ("Ants", 9)),
            values(("Dogs", 7), ("Eels", 3), ("Cats", 7), ("Bees", 7), ("Ants", 9)),
        ),
        (
            "SELECT * FROM team WHERE points = 7 ORDER BY 2",
            "SELECT * FROM team WHERE points = 7 ORDER BY name DESC",
            "SELECT * FROM team ORDER BY name DESC LIMIT 3",
        ),
        (
            "WITH t AS (SELECT * FROM team) SELECT t.name FROM t ORDER BY t.points DESC LIMIT 2",
            values("Ants", "Dogs"),
            values("Bees", "Dogs"),
        ),
        (
            "SELECT name FROM team ORDER BY points DESC LIMIT 3;;",
            values("Ants", "Dogs", "Bees"),
            values("Ants", "Ants", "Bees"),
        ),
        (
            "SELECT name FROM team ORDER BY name COLLATE NOCASE",
            "SELECT name FROM team ORDER BY name",
            values("Bees", "Ants", "Cats", "Dogs", "Eels"),
        ),
        (
            "SELECT name, rank() OVER (ORDER BY points DESC) FROM team ORDER BY 2",
            values(("Ants", 1), ("Dogs", 2), ("Cats", 2), ("Bees", 2), ("Eels", 5)),
            values(("Dogs", 2), ("Ants", 1), ("Cats", 2), ("Bees", 2), ("Eels", 5)),
        ),
        (
            "SELECT name FROM team WHERE points < 9 ORDER BY rank() OVER (ORDER BY points DESC) LIMIT 1",
            values("Dogs"),
            values("Eels"),
        ),
        (
            "SELECT name AS n FROM team WINDOW w AS (ORDER BY points) ORDER BY rank() OVER w DESC, side LIMIT 2",
            values("Ants", "Dogs"),
            values("Ants", "Bees"),
        ),
        (
            "SELECT name FROM team ORDER BY points DESC LIMIT 2 OFFSET -1",
            values("Ants", "Dogs"),
            values("Ants", "Eels"),
        ),
        ("SELECT name FROM team ORDER BY points DESC LIMIT (1) OFFSET (0+1)", values("Dogs"), values("Ants")),
        ("SELECT name FROM team ORDER BY points DESC LIMIT 2 - 1, 1", values("Dogs"), values("Eels")),
    ],
)
def test_tied_rows_are_the_databases_choice(bench: Bench, league: Path, gold: str, right: str, wrong: str) -> None:
    for predicted, is_right in (
        (gold, True),
        (f"SELECT * FROM ({gold.rstrip(';')})", True),
        (right, True),
        (wrong, False),
    ):
        verdict = bench.verdict(Task(league, gold, predicted, (league,)))
        assert not verdict.gold_error and not verdict.error
        assert (verdict.correct, verdict.lenient, verdict.suite) == (is_right, is_right, is_right), predicted


def test_columns_in_another_order_are_only_leniently_right(bench: Bench, league: Path) -> None:
    for gold in (
        "SELECT name, points FROM team ORDER BY points",
        "SELECT name, points FROM team ORDER BY points LIMIT 2",
    ):
        turned = gold.replace("name, points", "points, name").replace("ORDER BY points", "ORDER BY points, name DESC")
        verdict = bench.verdict(Task(league, gold, turned, (league,)))
        assert (verdict.correct, verdict.lenient, verdict.suite) == (False, True, True)
    mixed = values((3, "Eels"), ("Dogs", 7))
    assert not bench.verdict(Task(league, gold, mixed)).lenient


def test_a_choice_further_in_is_found_by_reading_rows_backwards(bench: Bench, league: Path) -> None:
    gold = "SELECT name FROM team WHERE name IN (SELECT name FROM team ORDER BY points DESC LIMIT 2) ORDER BY name"
    other = gold.replace("points DESC LIMIT", "points DESC, name DESC LIMIT")
    assert bench.verdict(Task(league, gold, gold + " ", (league,))).suite
    assert not bench.verdict(Task(league, gold, "SELECT name FROM team ORDER BY name LIMIT 3", (league,))).suite
    assert bench.verdict(Task(league, gold, other)).valid


def test_too_many_rows_and_an_order_that_cannot_be_asked_for_are_judged_as_they_come(
    bench: Bench, league: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = "SELECT DISTINCT side FROM team ORDER BY abs(points)"
    assert module.keyed_queries(gold, ("side",)) == ()
    assert bench.verdict(Task(league, gold, f"{gold} ", (league,))).suite
    assert module.keyed_queries("SELECT a FROM t ORDER BY a LIMIT 1 OFFSET (SELECT 1)", ("a",)) == ()


CELL = st.one_of(st.none(), st.integers(0, 2))
KEYS = st.lists(
    st.sampled_from(["a", "b DESC", "a DESC", "b", "a + b", "b IS NULL"]), min_size=1, max_size=2, unique=True
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=7),
    keys=KEYS,
    limit=st.integers(1, 7),
    offset=st.integers(0, 3),
    rng=st.randoms(use_true_random=False),
)
def test_any_order_within_ties_is_right_and_no_other(
    tmp_path: Path, cells: list[tuple[Any, Any]], keys: list[str], limit: int, offset: int, rng: Any
) -> None:
    path = tmp_path / f"{uuid.uuid4()}.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (name TEXT, a INT, b INT)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(f"n{n}", *cell) for n, cell in enumerate(cells)])
        order = ", ".join(keys)
        rank = connection.execute(f"SELECT name, dense_rank() OVER (ORDER BY {order}) FROM t ORDER BY 2").fetchall()
    connection.close()
    made = Bench(60.0)
    gold = f"SELECT name FROM t ORDER BY {order} LIMIT {limit} OFFSET {offset}"
    tie = rng.choice(["name", "name DESC", "a * 7 + b", "length(name), b, a"])
    ours = f"SELECT name FROM t ORDER BY {order}, {tie} LIMIT {limit} OFFSET {offset}"
    assert made.verdict(Task(path, gold, ours)).correct
    window = rank[offset : offset + limit]
    if window:
        picked = rng.sample([name for name, _ in rank], len(window))
        group = dict(rank)
        right = [group[name] for name in picked] == [number for _, number in window]
        assert made.verdict(Task(path, gold, values(*picked))).correct is right
    for open_ in made.connections.values():
        open_.close()

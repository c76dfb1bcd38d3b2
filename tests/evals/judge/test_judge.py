"""Verdicts of running two queries, in processes that no query can hang, kill for good, or write with."""

import contextlib
import doctest
import hashlib
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sql_llama.core.errors import SqlLlamaError
from sql_llama.evals.judge import bench as verdicts
from sql_llama.evals.judge import judge as module
from sql_llama.evals.judge.bench import Bench
from sql_llama.evals.judge.judge import judge, judged
from sql_llama.evals.judge.verdict import Task, Verdict, efficiency

PLENTY = 60.0  # seconds for a query that ends, on a machine however busy
NAMES = "SELECT name FROM pets"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
# one call of a function that SQLite's clock cannot look into: minutes of comparing
STUCK = "SELECT instr(zeroblob(9000000), CAST(zeroblob(4500000) || x'01' AS BLOB))"
CROSS = "WITH t(i) AS (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) SELECT count(*) FROM " + ", ".join(
    f"t AS t{place}" for place in range(12)
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PLENTY)
    yield made
    for connection in made.connections.values():
        connection.close()


def said(bench: Bench, database: Path, gold: str, predicted: str, *variants: Path) -> Verdict:
    return bench.verdict(Task(database, gold, predicted, variants))


def test_examples() -> None:
    assert doctest.testmod(verdicts).failed == 0


def test_a_verdict_has_all_that_running_says(bench: Bench, pets: Path) -> None:
    right = said(bench, pets, NAMES, "SELECT name FROM pets WHERE 1 = 1")
    assert (right.valid, right.correct, right.lenient, right.exact) == (True, True, True, False)
    assert (right.overlap, right.columns_overlap, right.suite) == (1, 1, None)
    assert right.sql_seconds is not None and right.sql_seconds > 0 and right.gold_seconds is not None
    turned = said(bench, pets, "SELECT name, kind FROM pets", "SELECT kind, name FROM pets")
    assert (turned.valid, turned.correct, turned.lenient, turned.columns_overlap) == (True, False, True, 1)
    half = said(bench, pets, NAMES, "SELECT name FROM pets WHERE kind = 'cat'")
    assert (half.correct, half.lenient, half.overlap) == (False, False, 0.8)
    wrong = said(bench, pets, NAMES, "SELECT colour FROM pets")
    assert wrong == Verdict(
        False,
        False,
        False,
        "no such column: colour",
        gold_seconds=wrong.gold_seconds,
        error_kind="missing_column",
        error_name="colour",
    )
    assert said(bench, pets, NAMES, f"{NAMES};").exact


def test_a_gold_that_fails_is_said_whatever_is_predicted(bench: Bench, pets: Path) -> None:
    for predicted in (NAMES, "nonsense", "SELECT colour FROM pets"):
        verdict = said(bench, pets, "SELECT colour FROM pets", predicted)
        assert not verdict.correct and verdict.gold_error == "no such column: colour"


def test_the_suite_needs_every_variant(bench: Bench, pets: Path, tmp_path: Path) -> None:
    variant = tmp_path / "variant.sqlite"
    variant.write_bytes(pets.read_bytes())
    with sqlite3.connect(variant) as connection:
        connection.execute("UPDATE pets SET name = 'Kit' WHERE name = 'Tom'")
    connection.close()
    lucky = "SELECT DISTINCT name FROM pets"
    assert said(bench, pets, NAMES, lucky).correct
    assert said(bench, pets, NAMES, lucky, pets).suite is True
    found = said(bench, pets, NAMES, lucky, pets, variant)
    assert (found.correct, found.lenient, found.suite) == (True, True, False)
    assert said(bench, pets, NAMES, "SELECT name FROM pets AS p", pets, variant).suite is True
    assert said(bench, pets, NAMES, "nonsense", pets, variant).suite is False


def test_which_of_tied_rows_comes_first_is_not_held_against_anyone(bench: Bench, pets: Path, tmp_path: Path) -> None:
    tied = tmp_path / "tied.sqlite"
    tied.write_bytes(pets.read_bytes())
    with sqlite3.connect(tied) as connection:
        connection.execute("UPDATE pets SET weight = 20.5 WHERE name = 'Tom'")
    connection.close()
    gold = "SELECT name FROM pets ORDER BY weight DESC LIMIT 1"
    other = "SELECT name FROM (SELECT name, weight FROM pets ORDER BY id DESC) ORDER BY weight DESC LIMIT 1"
    assert said(bench, pets, gold, other, tied).suite is True
    all_of_them = "SELECT name FROM pets WHERE weight = (SELECT max(weight) FROM pets)"
    verdict = said(bench, pets, gold, all_of_them, tied)
    assert verdict.correct and verdict.suite is False


def test_slow_right_answers_are_timed_several_times(bench: Bench, pets: Path) -> None:
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT max(i) > 9 FROM n"
    verdict = said(bench, pets, count.format(3000), count.format(300_000))
    assert verdict.correct and verdict.gold_seconds and verdict.sql_seconds
    assert verdict.sql_seconds > 5 * verdict.gold_seconds
    assert 0 < efficiency(verdict) < 0.5 and efficiency(Verdict(True, False, False)) == 0


def test_results_kept_are_bounded(bench: Bench, pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "KEPT", 4000)
    for number in range(40):
        assert said(bench, pets, f"SELECT {number}", f"SELECT {number} + 0").correct
    assert len(bench.results) < 10 and bench.size <= 4000


ATTACKS = {
    "": "no query",
    ";": "no query",
    "The pets are Rex, Tom and Kit.": "syntax error",
    "DELETE FROM pets": "only queries that read",
    "WITH gone AS (SELECT 1) DELETE FROM pets": "only queries that read",
    "INSERT INTO pets (name) SELECT name FROM owners": "only queries that read",
    "SELECT 1; DROP TABLE pets": "2 statements",
    "ATTACH 'stolen.sqlite' AS s": "only queries that read",
    "PRAGMA writable_schema = 1": "only queries that read",
    "SELECT * FROM pragma_table_info('pets')": "only queries that read",
    "VACUUM INTO 'copy.sqlite'": "only queries that read",
    "EXPLAIN SELECT 1": "only queries that read",
    "SELECT load_extension('evil')": "load_extension",
    "SELECT zeroblob(2000000000)": "too big",
    "SELECT 'a\x00b' FROM pets": "",
    "SELECT '\ud800'": "no text|cannot read this text",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000: "",
    "SELECT name FROM pets WHERE " + " OR ".join(["id = 1"] * 12_000): "longer than|too large|depth",
    "SELECT * FROM " + ", ".join(f"pets AS p{place}" for place in range(70)): "at most 64",
}


def test_attacks_are_refused_and_nothing_is_written(pets: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(pets.read_bytes()).digest(), sorted(tmp_path.iterdir())
    tasks = [Task(pets, NAMES, attack) for attack in ATTACKS]
    tasks += [Task(pets, attack, NAMES) for attack in ATTACKS]
    verdicts = list(judged([*tasks, Task(pets, NAMES, NAMES)], workers=2, timeout=PLENTY))
    assert verdicts[-1].correct
    for (attack, wanted), verdict in zip(ATTACKS.items(), verdicts, strict=False):
        assert not verdict.valid and not verdict.correct, attack[:80]
        assert verdict.error and any(one in verdict.error for one in wanted.split("|")), (attack[:80], verdict.error)
    for attack, verdict in zip(ATTACKS, verdicts[len(ATTACKS) :], strict=False):
        assert not verdict.correct and verdict.valid and verdict.gold_error, attack[:80]
    assert (hashlib.sha256(pets.read_bytes()).digest(), sorted(tmp_path.iterdir())) == before


def test_a_flood_of_rows_and_values_is_cut(pets: Path) -> None:
    flood = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    blobs = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT zeroblob(9000000) FROM n"
    tasks = [Task(pets, NAMES, attack) for attack in (flood, blobs)]
    first, second, fine = judged([*tasks, Task(pets, NAMES, NAMES)], workers=1, timeout=PLENTY)
    assert fine.correct and not (first.correct or second.correct)
    assert first.valid and second.valid  # cut, and so never the same as a whole result


def test_endless_queries_are_stopped_in_time(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query of three rows ends before SQLite looks at the clock for the first time."""
    monkeypatch.setattr(module, "GRACE", PLENTY)
    sort = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n ORDER BY -i"
    tasks = [Task(pets, NAMES, endless) for endless in (ENDLESS, CROSS, sort)]
    tasks += [Task(pets, ENDLESS, NAMES), Task(pets, NAMES, NAMES)]
    *stopped, gold, fine = judged(tasks, workers=2, timeout=0.2)
    assert [verdict.error for verdict in stopped] == ["stopped after 0.2 s"] * 3
    assert gold.gold_error == "stopped after 0.2 s"
    assert fine.correct


def test_a_query_that_no_clock_stops_loses_its_process_and_no_more(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._Worker, "_limit", lambda self, task: 0.5 if task.predicted == STUCK else PLENTY)
    tasks = [Task(pets, NAMES, NAMES), Task(pets, NAMES, STUCK), *[Task(pets, NAMES, NAMES)] * 6]
    verdicts = list(judged(tasks, workers=1))
    assert [one.correct for one in verdicts] == [True, False, *[True] * 6]
    assert verdicts[1].error == "did not stop in time"
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_replaced_and_only_its_question_is_wrong(pets: Path) -> None:
    seen: list[Verdict] = []

    def tasks() -> Iterator[Task]:
        yield from [Task(pets, NAMES, NAMES)] * 3
        yield Task(pets, NAMES, ENDLESS)
        while len(seen) < 3:  # until it is at the endless one
            time.sleep(0.05)
            yield Task(pets, NAMES, NAMES)
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        yield from [Task(pets, NAMES, NAMES)] * 5

    for verdict in judged(tasks(), workers=1, timeout=60.0):
        seen.append(verdict)
    assert [place for place, one in enumerate(seen) if not one.correct] == [3]
    assert "crashed" in seen[3].error


def test_a_judge_that_dies_is_replaced(pets: Path) -> None:
    with judge() as ask:
        assert ask(pets, "SELECT 1", "SELECT 1").correct
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        said = ask(pets, "SELECT 1", "SELECT 1")
        assert not said.valid and "crashed" in said.error
        assert ask(pets, "SELECT 1", "SELECT 1.0").correct
    assert multiprocessing.active_children() == []


def test_verdicts_come_in_order_and_as_early_as_they_can(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The questions end only when the first verdict is there."""
    monkeypatch.setattr(module, "AHEAD", 10**9)
    arrived = threading.Event()
    drawn: list[int] = []

    def tasks() -> Iterator[Task]:
        while not arrived.is_set() or len(drawn) < 30:
            drawn.append(len(drawn))
            yield Task(pets, f"SELECT {drawn[-1]}", f"SELECT {drawn[-1] if drawn[-1] % 3 else -1}")
            time.sleep(0.01)  # a model thinks

    verdicts = judged(tasks(), workers=2)
    first = next(verdicts)
    arrived.set()
    assert [verdict.correct for verdict in (first, *verdicts)] == [bool(number % 3) for number in drawn]


def test_whoever_stops_early_leaves_no_process_behind(pets: Path) -> None:
    with contextlib.closing(judged([Task(pets, NAMES, NAMES)] * 50, workers=2)) as verdicts:
        assert next(verdicts).correct
    assert multiprocessing.active_children() == []
    with pytest.raises(ZeroDivisionError):
        list(judged(Task(pets, str(1 // 0), "") for _ in range(3)))
    assert multiprocessing.active_children() == []


def test_a_database_that_cannot_be_read_is_said_and_no_answer_is_right_or_wrong(pets: Path, tmp_path: Path) -> None:
    gone = Task(tmp_path / "gone.sqlite", NAMES, NAMES)
    first, second, third = judged([gone, Task(pets, NAMES, NAMES), gone], workers=1)
    assert second.correct and not second.unreadable
    assert "no such database" in first.unreadable and first.unreadable == third.unreadable
    with judge() as ask:
        assert "no such database" in ask(gone.database, NAMES, NAMES).unreadable


def test_a_copy_with_other_rows_that_is_gone_is_an_error(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(SqlLlamaError, match="no such database"):
        list(judged([Task(pets, NAMES, f"{NAMES} WHERE 1", (tmp_path / "gone.sqlite",))]))


def test_a_torn_page_is_the_databases_fault(bench: Bench, tmp_path: Path) -> None:
    torn = tmp_path / "torn.sqlite"
    with sqlite3.connect(torn) as connection:
        connection.execute("CREATE TABLE good (a)")
        connection.execute("CREATE TABLE bad (a)")
        connection.execute("INSERT INTO good VALUES (1)")
        connection.execute("INSERT INTO bad SELECT zeroblob(900) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8))")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'bad'").fetchone()[0]
    connection.close()
    with torn.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    assert said(bench, torn, "SELECT a FROM good", "SELECT a + 0 FROM good").correct
    for gold, predicted in (("SELECT a FROM bad", "SELECT 1"), ("SELECT a FROM good", "SELECT a FROM bad")):
        assert said(bench, torn, gold, predicted).unreadable


def test_an_answer_that_makes_a_sound_database_look_broken_is_wrong(bench: Bench, pets: Path) -> None:
    verdict = said(bench, pets, "SELECT 1", 'SELECT b FROM "the image is malformed"')
    assert "image is malformed" in verdict.error and not verdict.unreadable


def test_one_by_one_it_says_the_same(pets: Path) -> None:
    with judge(timeout=PLENTY) as ask:
        assert ask(pets, NAMES, "SELECT name FROM pets AS p", (pets,)).suite is True
        assert not ask(pets, NAMES, "DELETE FROM pets").valid


@pytest.mark.parametrize(
    ("gold", "predicted", "agrees"),
    [  # pairs of our own after the published behaviour of Spider's test-suite evaluator
        ("SELECT name, kind FROM pets", "SELECT kind, name FROM pets", True),
        ("SELECT name FROM pets", "SELECT name FROM pets ORDER BY weight", True),
        ("SELECT name FROM pets ORDER BY weight", "SELECT name FROM pets", False),
        ("SELECT name FROM pets ORDER BY weight", "SELECT name FROM pets ORDER BY weight ASC", True),
        ("SELECT kind FROM pets", "SELECT DISTINCT kind FROM pets", False),
        ("SELECT count(*) FROM pets", "SELECT count(id) FROM pets", True),
        ("SELECT count(*) FROM pets", "SELECT 3.0", True),
        ("SELECT count(*) FROM pets", "SELECT '3'", False),
        ("SELECT name FROM pets WHERE id = 9", "SELECT city FROM owners WHERE id = 9", True),
        ("SELECT name, kind FROM pets", "SELECT name, kind, kind FROM pets", False),
        ("SELECT name FROM pets", "SELECT name FROM pet", False),
    ],
)
def test_lenient_agrees_with_the_official_evaluator(
    bench: Bench, pets: Path, gold: str, predicted: str, agrees: bool
) -> None:
    assert said(bench, pets, gold, predicted).lenient is agrees


def test_where_lenient_is_not_the_official_evaluator(bench: Bench, pets: Path) -> None:
    nothing = "SELECT name FROM pets WHERE id = 9"
    assert not said(bench, pets, nothing, "SELECT name, kind FROM pets WHERE id = 9").lenient  # there: no rows, right
    inner = "SELECT name FROM pets WHERE id IN (SELECT id FROM pets ORDER BY id LIMIT 2)"
    assert said(bench, pets, inner, f"{inner} ORDER BY weight").lenient  # there: any ORDER BY makes order count
    assert said(bench, pets, "SELECT 0.1 + 0.2", "SELECT 0.3").lenient  # there: to the last digit

"""What is kept of one answer, whatever a model says."""

import json
from pathlib import Path

import pytest
from sql_llama.core.records import Answer
from sql_llama.databases.introspect import introspect
from sql_llama.evals.grade import grade
from sql_llama.evals.judge.judge import judge
from sql_llama.evals.queries.causes import CAUSES
from sql_llama.evals.questions.questions import Question

GOLD = "SELECT name FROM pets WHERE kind = 'cat' ORDER BY weight LIMIT 1"
KEYS = (
    "question gold raw sql valid correct database lenient suite exact normalised components tree overlap"
    " columns_overlap hardness features cause error gold_error confidence seconds tokens sql_seconds gold_seconds"
).split()


def graded(pets: Path, sql: str, gold: str = GOLD) -> dict[str, object]:
    with judge() as ask:
        verdict = ask(pets, gold, sql)
    return grade(Question("q", gold, pets), Answer(sql, 7, 0.12345, True, 0.5), sql, verdict, introspect(str(pets)))


def test_a_right_answer(pets: Path) -> None:
    row = graded(pets, "SELECT T1.name FROM pets AS T1 WHERE T1.kind = 'cat' ORDER BY T1.weight ASC LIMIT 1")
    assert list(row) == KEYS
    assert (row["valid"], row["correct"], row["lenient"], row["exact"], row["normalised"]) == (
        *(True,) * 3,
        False,
        True,
    )
    assert (row["components"], row["cause"], row["suite"], row["database"]) == (True, "", None, "pets")
    assert row["hardness"] in ("medium", "hard") and {"order", "limit"} <= set(row["features"])  # type: ignore[call-overload]
    assert (row["confidence"], row["seconds"], row["tokens"]) == (0.5, 0.123, 7)
    assert row["tree"] > 0.5 and row["overlap"] == 1  # type: ignore[operator]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "I do not know.",
        "SELECT",
        "DELETE FROM pets",
        "SELECT colour FROM pets",
        "SELECT name FROM dogs; DROP TABLE pets",
        "SELECT name, kind FROM pets",
        "SELECT '" + "x" * 5000,
        "SELECT " + "(" * 300 + "1" + ")" * 300,
        "SELECT name FROM pets WHERE " + "NOT " * 500 + "1",
        "SELECT 'a\x00b'",
        "多少 🦙",
    ],
)
def test_a_wrong_answer_has_a_cause_and_can_be_written(pets: Path, sql: str) -> None:
    row = graded(pets, sql)
    assert list(row) == KEYS and not row["correct"] and row["cause"] in CAUSES
    assert 0 <= row["tree"] <= 1 and not row["normalised"] and json.loads(json.dumps(row)) == row  # type: ignore[operator]


def test_a_gold_that_fails_is_said(pets: Path) -> None:
    row = graded(pets, "SELECT name FROM pets", gold="SELECT colour FROM pets")
    assert (row["valid"], row["correct"]) == (True, False) and "colour" in str(row["gold_error"])
    assert graded(pets, "SELECT 1", gold="SELEC nonsense")["hardness"] == "unknown"

"""Every answer gets grades, whatever a model writes."""

import json
from pathlib import Path

import pytest
from sql_llama.databases.introspect import introspect
from sql_llama.evals.grade import grade
from sql_llama.evals.judge.judge import judge
from sql_llama.evals.judged_answer import GradedAnswer, JudgedAnswer, to_line
from sql_llama.evals.queries.causes import CAUSES

GOLD = "SELECT name FROM pets WHERE kind = 'cat' ORDER BY weight LIMIT 1"


def grades(pets: Path, sql: str, gold: str = GOLD) -> GradedAnswer:
    with judge() as ask:
        verdict = ask(pets, gold, sql)
    answer = JudgedAnswer(question="q", gold=gold, database="pets", sql=sql, verdict=verdict, raw=sql, tokens=7)
    return grade(answer, introspect(str(pets)))


def test_a_right_answer(pets: Path) -> None:
    answer = grades(pets, "SELECT T1.name FROM pets AS T1 WHERE T1.kind = 'cat' ORDER BY T1.weight ASC LIMIT 1")
    assert answer.verdict.valid and answer.correct and not answer.verdict.exact and answer.normalised
    assert (answer.components, answer.cause, answer.tokens) == (True, "", 7)
    assert answer.hardness in ("medium", "hard") and {"order", "limit"} <= set(answer.features)
    assert answer.tree > 0.5 and answer.verdict.overlap == 1


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
    answer = grades(pets, sql)
    assert not answer.correct and answer.cause in CAUSES
    assert 0 <= answer.tree <= 1 and not answer.normalised
    line = to_line(answer)
    assert json.loads(json.dumps(line)) == line


def test_a_reference_query_that_fails_is_named(pets: Path) -> None:
    answer = grades(pets, "SELECT name FROM pets", gold="SELECT colour FROM pets")
    assert (answer.verdict.valid, answer.correct, answer.cause) == (True, False, "gold fails")
    assert "colour" in answer.verdict.gold_error
    assert grades(pets, "SELECT 1", gold="SELEC nonsense").hardness == "unknown"

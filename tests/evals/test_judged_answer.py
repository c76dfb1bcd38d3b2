"""What is kept of an answer is read back as it was, and so is a line of before there were versions."""

import json

import pytest
from sql_llama.core.errors import DataError
from sql_llama.evals.judge.verdict import Verdict
from sql_llama.evals.judged_answer import LINE_VERSION, JudgedAnswer, from_line, to_line

from .answers import graded

VERDICT = Verdict(
    False,
    False,
    False,
    error="no such column: nick",
    suite=False,
    gold_seconds=0.25,
    error_kind="missing_column",
    error_name="nick",
)
ANSWER = JudgedAnswer(
    question="q",
    gold="SELECT 1",
    database="pets",
    sql="SELECT nick FROM pets",
    verdict=VERDICT,
    raw="SELECT nick FROM pets;",
    evidence="e",
    tokens=7,
    seconds=0.5,
    confidence=0.25,
    wall=0.75,
)
OLD = {
    "question": "q", "gold": "g", "raw": "r", "sql": "s", "valid": True, "correct": True, "database": "d",
    "lenient": True, "suite": None, "exact": False, "normalised": True, "components": True, "tree": 0.5, "overlap": 1.0,
    "columns_overlap": 1.0, "hardness": "easy", "features": ["join"], "cause": "", "error": "", "gold_error": "",
    "confidence": None, "seconds": 0.1, "tokens": 3, "sql_seconds": 0.2, "gold_seconds": 0.3, "wall": 0.4,
}  # fmt: skip


def through_json(answer: JudgedAnswer) -> JudgedAnswer:
    return from_line(json.loads(json.dumps(to_line(answer))))


def test_an_answer_and_its_verdict_come_back_and_grades_do_not() -> None:
    fields = {name: getattr(ANSWER, name) for name in ANSWER.__dataclass_fields__ if name != "verdict"}
    answer = graded(False, **fields, **vars(VERDICT) | {"correct": False}, cause="invented column", tree=0.5)
    line = to_line(answer)
    assert (line["cause"], line["tree"], line["version"]) == ("invented column", 0.5, LINE_VERSION)
    assert through_json(answer) == ANSWER
    failure = through_json(answer).verdict.failure
    assert failure is not None and (failure.kind, failure.name) == ("missing_column", "nick")


def test_an_answer_whose_database_cannot_be_read_comes_back() -> None:
    lost = JudgedAnswer(
        question="q", gold="g", database="d", sql="", verdict=Verdict(False, False, False, unreadable="gone"), wall=0.1
    )
    assert through_json(lost) == lost and to_line(lost)["unreadable"] == "gone"


def test_a_line_without_a_version_is_read() -> None:
    answer = from_line(OLD)
    assert answer == JudgedAnswer(
        question="q",
        gold="g",
        database="d",
        sql="s",
        raw="r",
        tokens=3,
        seconds=0.1,
        wall=0.4,
        verdict=Verdict(
            True, True, False, lenient=True, overlap=1, columns_overlap=1, sql_seconds=0.2, gold_seconds=0.3
        ),
    )
    assert set(OLD) < set(to_line(graded(True)))


@pytest.mark.parametrize("change", [{"correct": None}, {"correct": "yes"}, {"question": None}, {"sql": 3}])
def test_a_line_of_other_types_is_no_answer(change: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        from_line(OLD | change)


@pytest.mark.parametrize("key", ["question", "gold", "database", "sql", "valid", "correct", "exact", "wall"])
def test_a_line_without_one_of_these_is_no_answer(key: str) -> None:
    with pytest.raises(KeyError):
        from_line({name: value for name, value in OLD.items() if name != key})


@pytest.mark.parametrize("version", [LINE_VERSION + 1, "2", None])
def test_a_line_of_another_version_is_an_error(version: object) -> None:
    with pytest.raises(DataError, match="written by a later sql-llama"):
        from_line(OLD | {"version": version})

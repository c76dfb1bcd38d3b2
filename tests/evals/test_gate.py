"""The gate passes a model that is better than its base and as good as its F16 form, and says why when it does not."""

import json
from typing import Any

import pytest
from sql_llama.core.errors import DataError
from sql_llama.evals.gate import TOLERANCE, gate, render
from sql_llama.evals.judged_answer import GradedAnswer

from .answers import changed, graded

DATABASES = 10


def rows(*runs: tuple[int, bool], valid: bool = True) -> list[GradedAnswer]:
    """Answers of which so many in a row are right or wrong; questions are spread over the databases."""
    right = [good for count, good in runs for _ in range(count)]
    return [
        graded(
            good,
            question=f"question {place}",
            gold=f"SELECT {place}",
            database=f"db{place % DATABASES}",
            valid=valid or good,
        )
        for place, good in enumerate(right)
    ]


def test_better_by_more_than_luck_passes() -> None:
    verdict = gate(rows((100, False)), rows((30, True), (70, False)))
    (check,) = verdict.checks
    assert verdict.passed and check.passed
    assert (check.n, check.first, check.second, check.gained, check.lost) == (100, 0.0, 0.3, 30, 0)
    assert check.difference == pytest.approx(30) and 20 < check.low < 30 < check.high < 41
    assert check.p == 2 / 2**30 and check.helps == ()


def test_better_by_luck_does_not_pass_and_hears_how_many_questions_would_tell() -> None:
    """Five more right and none lost is p = 0.0625. Where 10 % are gained, 78 questions give six in 80.4 % of all cases,
    77 in 79.4 %."""
    verdict = gate(rows((45, False), (5, True)), rows((40, False), (10, True)))
    (check,) = verdict.checks
    assert not verdict.passed and check.p == 2 / 32
    assert check.detectable is not None and check.detectable > check.difference > 0
    assert check.helps[0].startswith(f"ask more questions: 50 can only show gains of {check.detectable:.1f} points")
    assert check.helps[0].endswith("; a gain of 10.0 points needs about 78 questions")
    assert "sql-llama verify" in check.helps[-1]


def test_one_more_right_answer_of_six_decides() -> None:
    assert gate(rows((10, False)), rows((6, True), (4, False))).passed
    assert not gate(rows((10, False)), rows((5, True), (5, False))).passed


def test_surely_worse_is_told_from_not_better() -> None:
    (worse,) = gate(rows((60, True), (40, False)), rows((40, True), (60, False))).checks
    assert not worse.passed and worse.difference == pytest.approx(-20) and "worse" in worse.helps[0]
    assert "sql-llama verify" in worse.helps[0] and "learning_rate" in worse.helps[1]
    (same,) = gate(rows((60, True), (40, False)), rows((60, True), (40, False))).checks
    assert not same.passed and same.p == 1.0 and "train.epochs" in same.helps[0]


def test_three_questions_cannot_pass_anything() -> None:
    (check,) = gate(rows((3, False)), rows((3, True))).checks
    assert not check.passed and check.detectable is None
    assert check.helps[0] == "ask more questions: 3 cannot show any difference between two models"


def test_where_no_answer_is_right_one_should_read_them() -> None:
    (check,) = gate(rows((50, False)), rows((50, False))).checks
    assert not check.passed and "--out" in check.helps[0]


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (2, True), (3, True), (4, False)])
def test_a_quant_may_lose_the_tolerance_and_no_more(lost: int, passed: bool) -> None:
    whole, quant = rows((70, True), (30, False)), rows((70 - lost, True), (30 + lost, False))
    verdict = gate(rows((100, False)), quant, whole_rows=whole)
    better, kept = verdict.checks
    assert better.passed and TOLERANCE == 3.0
    assert (kept.passed, verdict.passed, kept.tolerance) == (passed, passed, 3.0)
    assert kept.difference == pytest.approx(-lost)
    assert bool(kept.helps) != passed


def test_the_tolerance_is_measured_loss_not_proof() -> None:
    """A loss of 4 points in 100 questions (p = 0.125) fails, and one within the tolerance passes with a warning."""
    whole = rows((70, True), (30, False))
    kept = gate(rows((100, False)), rows((66, True), (34, False)), whole_rows=whole).checks[1]
    assert not kept.passed and kept.p == 0.125
    assert "the loss may be chance" in kept.helps[0] and "--quant Q8_0" in kept.helps[1]
    kept = gate(rows((100, False)), rows((68, True), (32, False)), whole_rows=whole).checks[1]
    assert kept.passed and "cannot rule out a loss of up to" in kept.notes[0]


def test_a_failure_states_one_rule() -> None:
    """Four of five is a gain of 80 points, and luck still gives it once in eight."""
    (check,) = gate(rows((5, False)), rows((4, True), (1, False))).checks
    assert check.said == (
        "4 of 5 right, the base 0 (4 gained, 0 lost, +80.0 points): the difference may be chance "
        "(p = 0.12, it must be below 0.05)"
    )


@pytest.mark.parametrize(
    ("gained", "lost", "passed"),
    [(0, 0, True), (0, 4, True), (0, 5, False), (1, 6, True), (1, 7, False), (2, 8, True), (2, 9, False), (9, 2, True)],
)
def test_of_24_questions_the_start_may_have_so_many_more(gained: int, lost: int, passed: bool) -> None:
    rest = 24 - gained - lost
    start, tuned = rows((rest, True), (gained, False), (lost, True)), rows((rest, True), (gained, True), (lost, False))
    verdict = gate(rows((24, False)), tuned, start_rows=start)
    better, kept = verdict.checks
    assert better.passed and (kept.against, kept.passed, verdict.passed) == ("start", passed, passed)
    assert bool(kept.helps) != passed and (kept.gained, kept.lost) == (gained, lost)


def test_of_many_questions_the_start_may_still_be_better_by_the_tolerance() -> None:
    """29 of 1000 lost are no luck and less than three points; 31 are more."""
    start = rows((700, True), (300, False))
    few, many = (
        gate(rows((1000, False)), rows((700 - lost, True), (300 + lost, False)), start_rows=start).checks[1]
        for lost in (29, 31)
    )
    assert few.passed and few.p < 0.0001 and few.said.endswith("3 points may be lost")
    assert not many.passed and many.said.endswith("the loss is more than chance (p < 0.0001)")


def test_a_tolerance_of_ones_own() -> None:
    whole, quant = rows((70, True), (30, False)), rows((60, True), (40, False))
    assert gate(rows((100, False)), quant, whole_rows=whole, tolerance=10).passed
    assert not gate(rows((100, False)), quant, whole_rows=whole, tolerance=9.9).passed


def test_a_quant_better_than_f16_passes() -> None:
    assert gate(rows((9, False)), rows((9, True)), whole_rows=rows((8, True), (1, False)), tolerance=0).passed


def test_a_base_that_writes_no_sql_is_said_so() -> None:
    base = rows((10, True), (90, False), valid=False)
    (check,) = gate(base, rows((9, True), (1, False), (50, True), (40, False))).checks
    assert check.passed
    assert check.notes[0].startswith("only 10 of the base's 100 answers are SQL that runs; of these, 10 are right")
    assert check.notes[0].endswith("and the tuned model has 9 right")


def test_a_gain_in_few_databases_is_said_so() -> None:
    """Twelve questions of one database of ten: McNemar calls it clear, other databases may not see it."""
    base = rows((120, False))
    tuned = [changed(row, correct=row.database == "db3") for row in base]
    (check,) = gate(base, tuned).checks
    assert check.passed and check.by_database is not None and check.by_database[0] == 0.0
    assert "few of the databases" in check.notes[0]


def test_four_databases_are_too_few_to_resample() -> None:
    one, other = ([changed(row, database="shop") for row in rows((20, good))] for good in (False, True))
    assert gate(one, other).checks[0].by_database is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"question": "another"}, "question 2 is 'another' for the base, 'question 1' for the tuned model"),
        ({"gold": "SELECT 9"}, "reference query 2 is 'SELECT 9' for the base"),
        ({"database": "other"}, "database 2 is 'other' for the base"),
    ],
)
def test_answers_to_other_questions_are_not_compared(change: dict[str, Any], says: str) -> None:
    base, tuned = rows((3, False)), rows((3, True))
    base[1] = changed(base[1], **change)
    with pytest.raises(DataError, match=says):
        gate(base, tuned)


def test_lists_of_other_lengths_are_not_compared() -> None:
    with pytest.raises(DataError, match="4 answers of the base and 3 of the tuned model"):
        gate(rows((4, False)), rows((3, True)))
    with pytest.raises(DataError, match="2 answers of F16 and 3 of the tuned model"):
        gate(rows((3, False)), rows((3, True)), whole_rows=rows((2, True)))
    with pytest.raises(DataError, match="no answers"):
        gate([], [])


def test_it_is_rendered_a_line_for_each_check() -> None:
    verdict = gate(rows((100, False)), rows((30, True), (70, False)), whole_rows=rows((34, True), (66, False)))
    assert render(verdict).splitlines() == [
        "pass  better than the base: 30 of 100 right, the base 0 (30 gained, 0 lost, +30.0 points):"
        " the difference is more than chance (p < 0.0001)",
        "FAIL  as good as F16: 30 of 100 right, F16 34 (0 gained, 4 lost, -4.0 points): at most 3 points may be lost",
        "      try: ask more questions: with 100, the loss may be chance",
        "      try: export a larger type: sql-llama export RUN --quant Q8_0",
        "      try: check that both files are of one run: sql-llama verify RUN",
    ]


def test_it_can_be_written_as_json() -> None:
    tree = json.loads(json.dumps(gate(rows((10, False)), rows((10, True))).as_json()))
    assert (tree["verdict"], tree["passed"], tree["checks"][0]["gained"]) == ("pass", True, 10)

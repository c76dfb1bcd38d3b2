"""Each metric from rows: what it counts, what it leaves out, and when a difference is more than luck."""

import pytest
from scipy import stats
from sql_llama.evals.numbers.metrics import KINDS, difference, hash_questions, metrics, same_questions

from ..answers import graded


def test_shares_are_means_with_wilsons_interval() -> None:
    found = metrics([graded(place < 8) for place in range(10)])
    assert [kind.name for kind in KINDS if kind.name not in found] == ["test_suite", "component", "embedding"]
    assert found["execution_accuracy"].value == 0.8 and found["execution_accuracy"].n == 10
    wanted = stats.binomtest(8, 10).proportion_ci(method="wilson")
    assert found["execution_accuracy"].low == pytest.approx(wanted.low)
    assert found["execution_accuracy"].high == pytest.approx(wanted.high)


def test_what_was_not_asked_for_is_left_out() -> None:
    rows = [graded(True, suite=None, lenient=True), graded(True, suite=False, lenient=True)]
    found = metrics(rows)
    assert found["test_suite"].n == 1 and found["test_suite"].value == 0 and found["lenient"].n == 2
    assert "test_suite" not in metrics([graded(True, suite=None)])


def test_an_answer_that_cannot_be_parsed_does_not_match_and_a_gold_that_cannot_is_left_out() -> None:
    parsed, answer, gold = (
        graded(True, components=True, hardness="easy"),
        graded(False, components=None, hardness="easy"),
        graded(True, components=None, hardness="unknown"),
    )
    found = metrics([parsed, answer, gold])["component"]
    assert (found.value, found.n) == (0.5, 2)


def test_efficiency_is_birds_and_over_all_answers() -> None:
    rows = [
        graded(True, gold_seconds=0.4, sql_seconds=0.1),
        graded(True, gold_seconds=0.1, sql_seconds=0.4),
        graded(False, gold_seconds=None, sql_seconds=None),
        graded(True, gold_seconds=1e-5, sql_seconds=2e-5),
    ]
    assert metrics(rows)["efficiency"].value == pytest.approx((2 + 0.5 + 0 + 1) / 4)
    assert metrics([*rows, graded(True, gold_seconds=0.1, sql_seconds=None)])["efficiency"].n == 4


def test_means_have_an_interval_except_of_one_question() -> None:
    found = metrics([graded(True, tree=place / 50) for place in range(50)])["tree"]
    assert found.low is not None and found.high is not None
    assert found.low < found.value < found.high
    single = metrics([graded(True, tree=0.5)])["tree"]
    assert (single.value, single.low, single.high) == (0.5, None, None)


def test_a_difference_is_paired_and_tested() -> None:
    base, tuned = [graded(place < 3) for place in range(20)], [graded(2 <= place < 12) for place in range(20)]
    found = difference(base, tuned, KINDS[0])
    assert found is not None and found.value == pytest.approx(7 / 20)
    assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue) and not found.beyond_luck
    more = difference([graded(False)] * 20, [graded(True)] * 20, KINDS[0])
    assert more is not None and more.beyond_luck
    strict = difference([graded(False)] * 6, [graded(True)] * 6, KINDS[0], 0.01)
    assert strict is not None and strict.p == pytest.approx(2 / 64) and not strict.beyond_luck


def test_questions_that_tell_of_one_model_only_are_not_compared() -> None:
    suite = next(kind for kind in KINDS if kind.name == "test_suite")
    assert difference([graded(True, suite=None)], [graded(True, suite=True)], suite) is None


def test_the_same_questions_are_known_by_question_gold_and_database() -> None:
    one = [graded(True), graded(False)]
    assert same_questions(one, [graded(False), graded(True)]) and hash_questions(one) == hash_questions(
        [graded(True)] * 2
    )
    for other in ([graded(True)], [graded(True), graded(True, gold="h")], [graded(True), graded(True, database="e")]):
        assert not same_questions(one, other) and hash_questions(one) != hash_questions(other)

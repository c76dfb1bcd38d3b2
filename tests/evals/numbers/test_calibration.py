"""Calibration: cases worked by hand, and the rank statistic against scipy's."""

import doctest
import json
from dataclasses import asdict

import numpy as np
import pytest
import scipy.stats
from sql_llama.core.errors import DataError
from sql_llama.evals.numbers import calibration as module
from sql_llama.evals.numbers.calibration import Bin, Coverage, answered_at, calibration


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_two_bins_worked_by_hand() -> None:
    """Below a half: mean 0.3, half right, 0.2 off. Above: mean 0.8, one of three right, 0.4667 off."""
    found = calibration([0.2, 0.4, 0.7, 0.8, 0.9], [True, False, False, True, False], bins=2)
    assert found is not None
    low, high = found.bins
    assert (low.low, low.high, low.n, low.right, low.confidence) == (0.0, 0.5, 2, 1, pytest.approx(0.3))
    assert (high.low, high.high, high.n, high.right, high.confidence) == (0.5, 1.0, 3, 1, pytest.approx(0.8))
    assert found.error == pytest.approx((2 * 0.2 + 3 * (0.8 - 1 / 3)) / 5)
    assert found.brier == pytest.approx((0.8**2 + 0.4**2 + 0.7**2 + 0.2**2 + 0.9**2) / 5)
    assert found.auroc == pytest.approx(2 / 6)  # 0.8 is above 0.4 and 0.7; 0.2 is above none


def test_the_rank_statistic_is_mann_and_whitneys() -> None:
    rng = np.random.default_rng(1)
    confidences = np.round(rng.uniform(size=300), 2)  # many are alike
    correct = rng.uniform(size=300) < confidences
    found = calibration(confidences.tolist(), correct.tolist())
    expected = scipy.stats.mannwhitneyu(confidences[correct], confidences[~correct]).statistic
    assert found is not None and found.auroc == pytest.approx(expected / (correct.sum() * (~correct).sum()))
    # these confidences are true, and 300 answers in 10 bins are off by no more than chance makes them
    assert found.error < 0.1


def test_the_surest_and_right_model_has_no_error() -> None:
    found = calibration([1.0, 1.0, 0.0], [True, True, False])
    assert found is not None
    assert (found.error, found.brier, found.auroc) == (0.0, 0.0, 1.0)
    assert found.bins == (Bin(0.0, 0.1, 1, 0, 0.0), Bin(0.9, 1.0, 2, 2, 1.0))


def test_the_curve_gives_the_most_confident_answers_first() -> None:
    found = calibration([0.1, 0.9, 0.5, 0.5], [False, True, True, False], steps=4)
    assert found is not None
    # the two of the same confidence cannot be told apart: they come together
    assert found.curve == (
        Coverage(0.9, 1, 1, 0.25, 1.0),
        Coverage(0.5, 3, 2, 0.75, 2 / 3),
        Coverage(0.1, 4, 2, 1.0, 0.5),
    )


def test_the_curve_ends_with_every_answer() -> None:
    found = calibration([place / 997 for place in range(997)], [place % 3 > 0 for place in range(997)])
    assert found is not None and len(found.curve) == 20
    assert [point.coverage for point in found.curve] == pytest.approx([step / 20 for step in range(1, 21)], abs=0.002)
    assert found.curve[-1].n == 997


def test_unknown_confidences_are_counted_and_left_out() -> None:
    found = calibration([None, 0.5, None], [True, True, False])
    assert found is not None and (found.n, found.unknown) == (1, 2)
    assert calibration([None], [True]) is None
    assert calibration([], []) is None


def test_all_right_leaves_nothing_to_rank() -> None:
    found = calibration([0.5, 0.6], [True, True])
    assert found is not None and found.auroc is None


@pytest.mark.parametrize("odd", [1.2, -0.1, float("nan")])
def test_what_is_no_probability_is_an_error(odd: float) -> None:
    with pytest.raises(DataError, match="not a probability"):
        calibration([0.5, odd], [True, False])


def test_it_can_be_written_as_json() -> None:
    found = calibration([0.5, 0.6], [True, False])
    assert found is not None and json.loads(json.dumps(asdict(found)))["curve"][-1]["coverage"] == 1.0


def test_the_share_that_can_be_answered_keeps_the_promise() -> None:
    right = [True] * 9 + [False] + [True] * 2 + [False] * 8
    confidences = [1 - place / 20 for place in range(20)]
    assert answered_at(confidences, right, 0.9) == 12 / 20  # 11 of 12 are right, 11 of 13 are not enough
    assert answered_at(confidences, right, 1.0) == 9 / 20
    assert answered_at([0.5] * 20, right, 0.9) == 0  # all at once, or none
    assert answered_at([], [], 0.9) == 0

"""Intervals and tests agree with scipy's, with published cases, and with cases worked by hand."""

import doctest
import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pytest
import scipy.stats
from sql_llama.core.errors import DataError
from sql_llama.core.wilson import wilson
from sql_llama.evals.numbers import statistics as module
from sql_llama.evals.numbers.statistics import bootstrap, detectable, error_reduction, mcnemar, needed


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Two models' answers with these counts."""
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return first, second


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


class TestWilson:
    @pytest.mark.parametrize("n", [1, 2, 7, 50, 483, 10_000])
    def test_it_is_scipys(self, n: int) -> None:
        for right in {0, 1, n // 3, n // 2, n - 1, n}:
            expected = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
            assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-9)

    def test_none_right_leaves_z_squared_over_n_plus_z_squared(self) -> None:
        z = 1.959963984540054
        assert wilson(0, 10) == (0.0, pytest.approx(z * z / (10 + z * z)))
        assert wilson(10, 10) == (pytest.approx(10 / (10 + z * z)), 1.0)

    def test_nothing_asked_says_nothing(self) -> None:
        assert wilson(0, 0) == (0.0, 1.0)


class TestBootstrap:
    def test_it_is_scipys_percentile_interval(self) -> None:
        values = np.random.default_rng(3).exponential(size=200)
        expected = scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=4).confidence_interval
        found = bootstrap(values.tolist(), seed=1)
        assert found.value == pytest.approx(values.mean()) and found.n == 200
        slack = (expected.high - expected.low) / 20
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=slack)

    def test_two_databases_worked_by_hand(self) -> None:
        """Means of the four draws: 0, 1/3 twice, 1. The interval's ends lie in the outer quarters."""
        found = bootstrap([0, 0, 1], seed=1, clusters=["a", "a", "b"])
        assert (found.value, found.low, found.high) == (pytest.approx(1 / 3), 0.0, 1.0)

    def test_questions_that_stand_and_fall_with_their_database_say_less(self) -> None:
        values = [float(database % 2) for database in range(20) for _ in range(10)]
        names = [f"db{database:02}" for database in range(20) for _ in range(10)]
        alone, together = bootstrap(values), bootstrap(values, clusters=names)
        assert alone.low and alone.high and together.low and together.high
        assert alone.value == together.value == 0.5
        # ten questions that always agree are worth one: the interval is sqrt(10) = 3.2 times as wide
        assert 2.8 < (together.high - together.low) / (alone.high - alone.low) < 3.6

    def test_databases_of_one_question_are_questions(self) -> None:
        values = [1.0, 0.5, 0.0, 0.25, 1.0, 0.75]
        assert bootstrap(values, clusters=list("abcdef")) == bootstrap(values)

    def test_a_statistic_is_made_of_means(self) -> None:
        """The ratio of two totals, as scipy resamples it in pairs."""
        rng = np.random.default_rng(5)
        top, bottom = rng.uniform(0, 1, 150), rng.uniform(1, 2, 150)
        found = bootstrap(np.stack([top, bottom], axis=1).tolist(), lambda means: means[..., 0] / means[..., 1])

        def ratio(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
            return one.mean(axis=axis) / other.mean(axis=axis)

        drawn = scipy.stats.bootstrap((top, bottom), ratio, paired=True, method="percentile", rng=6)
        expected = drawn.confidence_interval
        assert found.value == pytest.approx(top.mean() / bottom.mean())
        assert (found.low, found.high) == pytest.approx(tuple(expected), abs=(expected.high - expected.low) / 20)

    def test_the_seed_decides(self) -> None:
        values = [math.sin(place) for place in range(60)]
        assert bootstrap(values, seed=1) == bootstrap(values, seed=1) != bootstrap(values, seed=2)

    def test_one_question_or_one_database_has_no_interval(self) -> None:
        assert (bootstrap([0.5]).low, bootstrap([0.5]).high) == (None, None)
        assert bootstrap([0.0, 1.0], clusters=["a", "a"]).low is None

    def test_no_question_is_an_error(self) -> None:
        with pytest.raises(DataError, match="no questions"):
            bootstrap([])

    def test_it_can_be_written_as_json(self) -> None:
        assert json.loads(json.dumps(asdict(bootstrap([0.0, 1.0]))))["value"] == 0.5


class TestMcNemar:
    def test_the_test_is_scipys_binomial_one(self) -> None:
        counts = [*itertools.product(range(0, 24, 3), range(1, 24, 3)), (300, 340), (700, 600), (2000, 2101)]
        for worse, better in counts:
            expected = scipy.stats.binomtest(worse, worse + better).pvalue
            assert mcnemar(*answers(3, worse, better, 4)).p == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize(
        ("worse", "better", "p"),
        [(0, 5, 2 / 32), (0, 6, 2 / 64), (1, 7, 2 * (1 + 8) / 256), (4, 4, 1.0), (0, 0, 1.0), (0, 1, 1.0)],
    )
    def test_cases_worked_by_hand(self, worse: int, better: int, p: float) -> None:
        assert mcnemar(*answers(10, worse, better, 2)).p == p

    def test_with_many_answers_it_comes_near_the_chi_square_one(self) -> None:
        found = mcnemar(*answers(4000, 480, 550, 3000))
        chi_square = scipy.stats.chi2.sf((abs(480 - 550) - 1) ** 2 / (480 + 550), 1)
        assert found.p == pytest.approx(chi_square, rel=0.01)

    def test_the_interval_is_the_published_one(self) -> None:
        """Complete response before and after consolidation therapy (Cavo et al. 2012), in Fagerland, Lydersen and
        Laake, Statistical Analysis of Contingency Tables, chapter 8: Newcombe's square-and-add interval, mid-P."""
        found = mcnemar(*answers(59, 6, 16, 80))
        assert round(found.difference, 4) == 0.0621
        assert (round(found.low, 4), round(found.high, 4)) == (0.0046, 0.1186)
        assert found.p - scipy.stats.binom.pmf(6, 22, 0.5) == pytest.approx(0.034690, abs=1e-6)

    def test_without_correlation_it_is_that_of_two_shares(self) -> None:
        """A base that is never right: no correlation, so the two Wilson intervals are joined as they are."""
        found = mcnemar(*answers(0, 0, 70, 30))
        (_, top), (low, high) = wilson(0, 100), wilson(70, 100)
        assert found.low == pytest.approx(0.7 - math.hypot(0.7 - low, top))
        assert found.high == pytest.approx(high)

    def test_it_holds_the_truth_95_times_of_100(self) -> None:
        rng = np.random.default_rng(7)
        shares = [0.45, 0.05, 0.12, 0.38]
        held = 0
        for counts in rng.multinomial(100, shares, size=1000):
            found = mcnemar(*answers(*map(int, counts)))
            held += found.low <= 0.12 - 0.05 <= found.high
        assert 930 <= held <= 985

    def test_the_other_way_round_it_is_mirrored(self) -> None:
        first, second = answers(20, 3, 9, 18)
        one, other = mcnemar(first, second), mcnemar(second, first)
        assert (other.difference, other.p) == (-one.difference, one.p)
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
        assert one.discordant == 12 / 50

    def test_models_that_answer_alike_are_not_surely_alike(self) -> None:
        found = mcnemar(*answers(30, 0, 0, 20))
        assert found.p == 1.0 and found.low < 0 < found.high
        assert found.high - found.low < 0.1

    def test_every_count_gives_an_interval_around_the_difference(self) -> None:
        for counts in itertools.product((0, 1, 5), repeat=4):
            if sum(counts):
                found = mcnemar(*answers(*counts))
                assert -1 - 1e-9 <= found.low <= found.difference <= found.high <= 1 + 1e-9

    def test_answers_to_other_questions_cannot_be_paired(self) -> None:
        with pytest.raises(ValueError):
            mcnemar([True], [True, False])
        with pytest.raises(DataError, match="no questions"):
            mcnemar([], [])


def power(n: int, gained: float, lost: float) -> float:
    """How often p < 0.05 in favour of the second, over every outcome, with scipy's distributions."""
    total = 0.0
    for better, worse in itertools.product(range(n + 1), repeat=2):
        if worse < better <= n - worse and scipy.stats.binomtest(better, better + worse).pvalue < 0.05:
            total += scipy.stats.multinomial.pmf(
                [better, worse, n - better - worse], n, [gained, lost, 1 - gained - lost]
            )
    return total


class TestDetectable:
    def test_six_questions_worked_by_hand(self) -> None:
        """Only six of six better answers give p < 0.05: gain ** 6 = 0.8."""
        assert detectable(6, 0.0) == pytest.approx(0.8 ** (1 / 6), abs=1e-4)

    def test_five_questions_tell_nothing(self) -> None:
        assert detectable(5, 0.0) is None
        assert detectable(0, 0.5) is None

    def test_what_is_always_right_cannot_be_beaten(self) -> None:
        assert detectable(1000, 1.0) is None
        assert detectable(50, 0.95) is None

    def test_that_gain_is_found_in_four_of_five_tests(self) -> None:
        gain = detectable(40, 0.4)
        assert gain is not None
        assert power(40, 0.6 * (0.4 + gain), 0.4 * (0.6 - gain)) == pytest.approx(0.8, abs=1e-3)
        gain = detectable(40, 0.4, discordant=0.35)
        assert gain is not None
        assert power(40, (0.35 + gain) / 2, (0.35 - gain) / 2) == pytest.approx(0.8, abs=1e-3)

    @pytest.mark.parametrize("discordant", [0.1, 0.3])
    def test_with_many_questions_it_comes_near_connors_formula(self, discordant: float) -> None:
        """Connor (1987), for the test without the exact one's caution: it promises a little more."""
        gain = detectable(3000, 0.5, discordant)
        assert gain is not None
        formula = (1.959964 * math.sqrt(discordant) + 0.841621 * math.sqrt(discordant - gain**2)) ** 2 / gain**2
        assert 0.94 * 3000 < formula < 3000

    def test_more_questions_and_fewer_differing_answers_show_smaller_gains(self) -> None:
        gains = [detectable(n, 0.7) for n in (50, 200, 483, 1034, 30_000)]
        assert None not in gains and gains == sorted(gains, key=lambda gain: -(gain or 0))
        assert (detectable(483, 0.7, 0.05) or 1) < (detectable(483, 0.7, 0.2) or 0) < (detectable(483, 0.7) or 0)

    def test_needed_is_the_other_way_round(self) -> None:
        gain = detectable(483, 0.7, 0.2)
        assert gain is not None
        assert needed(gain, 0.2) == pytest.approx(483, rel=0.05)
        assert needed(0.0, 0.2) is None and needed(-0.1, 0.2) is None and needed(0.0001, 0.2) is None
        assert needed(1.0, 0.0) == 6


class TestErrorReduction:
    def test_a_quarter_of_the_errors_is_left(self) -> None:
        first, second = answers(50, 0, 30, 10)
        found = error_reduction(first, second)
        assert (found.n, found.base_wrong, found.tuned_wrong, found.percent, found.why) == (90, 40, 10, 75.0, "")

        def cut(base: np.ndarray, tuned: np.ndarray, axis: int) -> np.ndarray:
            return 100 * (1 - (1 - tuned).mean(axis=axis) / (1 - base).mean(axis=axis))

        data = np.array(first, float), np.array(second, float)
        expected = scipy.stats.bootstrap(data, cut, paired=True, method="percentile", rng=1).confidence_interval
        assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1.5)

    def test_more_errors_than_before_are_a_negative_reduction(self) -> None:
        found = error_reduction(*answers(50, 20, 0, 20))
        assert found.percent == -100.0
        assert found.high is not None and found.high < 0

    @pytest.mark.parametrize(
        ("counts", "why"),
        [
            ((10, 0, 0, 0), "the base makes no error"),
            ((10, 2, 0, 0), "the base makes no error"),
            ((0, 0, 0, 0), "no error"),
        ],
    )
    def test_without_errors_of_the_base_it_is_undefined(self, counts: Sequence[int], why: str) -> None:
        found = error_reduction(*answers(*counts))
        assert (found.percent, found.low, found.high) == (None, None, None) and why in found.why

    def test_of_few_errors_it_has_no_interval(self) -> None:
        found = error_reduction(*answers(100, 0, 6, 3))
        assert found.percent == pytest.approx(200 / 3)
        assert found.low is None and found.high is None and "only 9 errors" in found.why

    def test_random_answers_are_not_reduced(self) -> None:
        rng = random.Random(1)
        first, second = ([rng.random() < 0.5 for _ in range(400)] for _ in range(2))
        found = error_reduction(first, second)
        assert found.low is not None and found.high is not None and found.low < 0 < found.high

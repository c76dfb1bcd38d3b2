"""How sure a number is: intervals, tests between models, and what n questions can show.

Every interval is two-sided and of 95 %, every test two-sided at 5 %. All but the cluster bootstrap take questions to
be independent. Questions of one database are not quite: a model that misreads a schema fails on many of them. For what
would happen on other databases, resample databases (`bootstrap` with `clusters`); with few of them even that interval
is too narrow.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.errors import DataError
from ...core.wilson import wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.05  # of every test; intervals are of 1 - LEVEL
POWER = 0.8  # how often a difference that is there should be found
ROUNDS = 10_000  # of the bootstrap: the ends of an interval then move by a fiftieth of its width from seed to seed
BLOCK = 500  # rounds at a time: a thousand questions then take 4 MB
FEWEST_ERRORS = 10  # a ratio of fewer errors has no interval worth showing
MOST_QUESTIONS = 20_000  # that anybody would ask


@dataclass(frozen=True)
class Estimate:
    """A number measured on `n` questions, with its interval; None where there was a single thing to resample."""

    value: float
    low: float | None
    high: float | None
    n: int


def bootstrap(
    values: "Sequence[float] | Sequence[Sequence[float]]",
    statistic: "Callable[[NDArray[np.float64]], NDArray[np.float64]] | None" = None,
    *,
    seed: int = 1,
    rounds: int = ROUNDS,
    clusters: Sequence[str] | None = None,
) -> Estimate:
    """Return the percentile bootstrap's interval (Efron 1979) of a mean over questions, or of something made of means.

    `values` has one number a question, or one row of numbers. `statistic` is handed the means of the columns, as an
    array whose last axis is the columns, and gives one number for each; by default it is the first mean. `clusters`
    names each question's database: then whole databases are resampled. Rounds in which the statistic is not finite are
    left out. Values that are all alike give an interval without width: for shares take `wilson`.

    >>> found = bootstrap([0.0, 1.0, 1.0, 0.0, 1.0], seed=1)
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (0.6, 0.2, 1.0)
    """
    import numpy as np

    columns = np.asarray(values, dtype=np.float64)
    n = len(columns)
    if n == 0:
        raise DataError("no questions to resample", fix="give a question file with at least one question")
    columns = columns.reshape(n, -1)
    sums, sizes = columns, np.ones(n)
    if clusters is not None:
        names, place = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
        if len(place) != n:
            raise ValueError(f"{len(place)} clusters for {n} values")
        sizes = np.bincount(place, minlength=len(names)).astype(np.float64)
        sums = np.stack([np.bincount(place, weights=column) for column in columns.T], axis=1)
    rng = np.random.default_rng(seed)
    means = np.empty((rounds, columns.shape[1]))
    for start in range(0, rounds, BLOCK):
        picks = rng.integers(0, len(sums), (min(BLOCK, rounds - start), len(sums)))
        means[start : start + BLOCK] = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = columns.mean(axis=0)
        value = float(statistic(middle) if statistic else middle[0])
        resampled = statistic(means) if statistic else means[:, 0]
    resampled = resampled[np.isfinite(resampled)]
    if len(sums) == 1 or not len(resampled):
        return Estimate(value, None, None, n)
    low, high = np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2])
    return Estimate(value, float(low), float(high), n)


@dataclass(frozen=True)
class Paired:
    """Two models on the same questions: how many each got right, and how far the second is ahead.

    `difference`, `low` and `high` are shares, second minus first; `p` is McNemar's exact one.
    """

    n: int
    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def discordant(self) -> float:
        """Return the share of questions that one of the two got right and the other did not."""
        return (self.only_first + self.only_second) / self.n


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compare two models' right and wrong answers to the same questions, in the same order.

    The test is McNemar's (1947) in its exact form: were the two equally good, each question that only one of them got
    right would be a toss of a coin. It holds its level for any n. The interval is Newcombe's (1998, method 10):
    Wilson's for each share, put together with the pairs' correlation. It has a width even where no answer differs.

    >>> found = mcnemar([False] * 10, [True] * 7 + [False] * 3)
    >>> found.only_second, found.difference, found.p
    (7, 0.7, 0.015625)
    >>> round(found.low, 3), round(found.high, 3)
    (0.289, 0.892)
    """
    pairs = list(zip(map(bool, first), map(bool, second), strict=True))
    n = len(pairs)
    if n == 0:
        raise DataError("no questions to compare two models on", fix="give a question file with at least one question")
    both, only_first = pairs.count((True, True)), pairs.count((True, False))
    only_second, neither = pairs.count((False, True)), pairs.count((False, False))
    difference = (only_second - only_first) / n
    before, after = both + only_first, both + only_second
    (low_before, high_before), (low_after, high_after) = wilson(before, n), wilson(after, n)
    margins = before * (n - before) * after * (n - after)
    product = both * neither - only_first * only_second
    # Newcombe's continuity correction: a small correlation for the better is taken for none
    phi = 0.0 if margins == 0 else (max(product - n / 2, 0.0) if product > 0 else product) / math.sqrt(margins)
    down = _joined(after / n - low_after, high_before - before / n, phi)
    up = _joined(high_after - after / n, before / n - low_before, phi)
    p = _coin(min(only_first, only_second), only_first + only_second)
    return Paired(n, both, only_first, only_second, neither, difference, difference - down, difference + up, p)


def _joined(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def _coin(fewer: int, tosses: int) -> float:
    """How likely a fair coin falls at least this unevenly, in whole numbers: 2 * P(at most `fewer` heads)."""
    ways, total = 1, 0
    for heads in range(fewer + 1):
        total += ways
        ways = ways * (tosses - heads) // (heads + 1)
    return min(1.0, 2 * total / (1 << tosses))


def detectable(n: int, share: float, discordant: float | None = None) -> float | None:
    """Return the smallest gain over a model that is right in `share` of cases which n paired questions can show.

    To show means: a model better by that much, as a share, gets p < LEVEL from `mcnemar` in POWER of all such tests.
    The power is computed exactly (Duffy 1984): the number of questions whose answers differ is binomial, and so are,
    among them, those that the better model got right. `discordant` is the share of questions on which the two differ,
    as measured; it is raised to the gain itself where that is more. Without it the two models are taken to be right and
    wrong independently of each other; models of one family agree more, and then a smaller gain can be shown. None where
    not even a model that is always right would be told apart.

    >>> round(detectable(50, 0.7), 2), round(detectable(483, 0.7), 3), round(detectable(483, 0.7, discordant=0.1), 3)
    (0.23, 0.081, 0.041)
    >>> detectable(5, 0.0) is None  # five answers better, none worse: p is 0.06
    True
    """

    def seen(gain: float) -> bool:
        if discordant is None:
            return _power(n, (1 - share) * (share + gain), share * (1 - share - gain)) >= POWER
        return _power(n, *_split(gain, discordant)) >= POWER

    low, high = 0.0, 1 - share
    if n < 1 or high <= 0 or not seen(high):
        return None
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def needed(difference: float, discordant: float) -> int | None:
    """Return about how many paired questions show a gain of `difference`, when models differ on a share `discordant`.

    The same power as in `detectable`; None when it would take more than MOST_QUESTIONS.

    >>> needed(0.041, 0.1), needed(0.0, 0.1)
    (493, None)
    """
    if difference <= 0:
        return None
    split = _split(difference, discordant)
    low, high = 0, MOST_QUESTIONS
    if _power(high, *split) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, *split) >= POWER else (middle, high)
    return high


def _split(gain: float, discordant: float) -> tuple[float, float]:
    """The shares of questions gained and lost when `gain` is their difference and `discordant` their sum."""
    changed = max(discordant, gain)
    return (changed + gain) / 2, (changed - gain) / 2


def _power(n: int, gained: float, lost: float) -> float:
    """How often `mcnemar` says that the second is better when it gains and loses these shares of questions."""
    import numpy as np

    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # of the factorials

    def binomial(wins: Any, tosses: Any, share: float) -> Any:
        share = min(max(share, 1e-300), 1 - 1e-16)  # so that 0 * log(0) is 0
        ways = logs[tosses] - logs[wins] - logs[tosses - wins]
        return np.exp(ways + wins * math.log(share) + (tosses - wins) * math.log1p(-share))

    changed = np.arange(n + 1)
    bound = np.array(_bounds(max(n, MOST_QUESTIONS))[: n + 1])
    before, after = bound[:-1], bound[1:]
    better = gained / (gained + lost)
    # P(at least `bound` wins of m), from m to m + 1: one toss more, and sometimes a higher bound
    steps = better * binomial(before - 1, changed[:-1], better)
    steps = steps - np.where(after > before, binomial(before, changed[1:], better), 0.0)
    tails = np.concatenate([[0.0], np.cumsum(steps)])
    return float(np.sum(binomial(changed, n, gained + lost) * tails))


@functools.cache
def _bounds(most: int) -> tuple[int, ...]:
    """For 0 to `most` changed answers, how many must be for the better until p < LEVEL; more than all: it cannot."""
    bounds, tail = [1], 0.0  # tail: P(at least bounds[-1] heads) of a fair coin
    for tosses in range(1, most + 1):
        bound = bounds[-1]
        tail += _fair(bound - 1, tosses - 1) / 2
        if 2 * tail >= LEVEL:
            tail -= _fair(bound, tosses)
            bound += 1
        bounds.append(bound)
    return tuple(bounds)


def _fair(heads: int, tosses: int) -> float:
    ways = math.lgamma(tosses + 1) - math.lgamma(heads + 1) - math.lgamma(tosses - heads + 1)
    return math.exp(ways - tosses * math.log(2))


@dataclass(frozen=True)
class ErrorReduction:
    """How many percent fewer wrong answers; negative when there are more. `why` says why a number is None."""

    n: int
    base_wrong: int
    tuned_wrong: int
    percent: float | None
    low: float | None
    high: float | None
    why: str = ""


def error_reduction(
    base: Sequence[bool], tuned: Sequence[bool], *, seed: int = 1, rounds: int = ROUNDS
) -> ErrorReduction:
    """Return by how many percent tuning cut the wrong answers: 100 * (1 - wrong tuned / wrong base), paired.

    A base without wrong answers leaves nothing to cut: undefined. Of fewer than FEWEST_ERRORS there is no interval.

    >>> found = error_reduction([False] * 40 + [True] * 10, [True] * 30 + [False] * 10 + [True] * 10)
    >>> found.percent, round(found.low), round(found.high)
    (75.0, 61, 88)
    >>> error_reduction([True], [False]).why
    'the base makes no error that could be cut'
    """
    wrong = [
        (float(not base_right), float(not tuned_right)) for base_right, tuned_right in zip(base, tuned, strict=True)
    ]
    before, after = (int(sum(column)) for column in zip(*wrong, strict=True)) if wrong else (0, 0)
    counts = len(wrong), before, after
    if before == 0:
        return ErrorReduction(*counts, None, None, None, "the base makes no error that could be cut")
    if before < FEWEST_ERRORS:
        few = f"no interval: the base makes only {before} errors"
        return ErrorReduction(*counts, 100 * (1 - after / before), None, None, few)
    estimate = bootstrap(wrong, lambda means: 100 * (1 - means[..., 1] / means[..., 0]), seed=seed, rounds=rounds)
    return ErrorReduction(*counts, estimate.value, estimate.low, estimate.high)

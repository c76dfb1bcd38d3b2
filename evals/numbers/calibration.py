"""Does a model's confidence say how often it is right? Calibration error, Brier score, AUROC, coverage curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from ...core.errors import DataError


@dataclass(frozen=True)
class Bin:
    """Answers whose confidence is from `low` to below `high` (the last bin holds 1 too), and their mean confidence."""

    low: float
    high: float
    n: int
    right: int
    confidence: float


@dataclass(frozen=True)
class Coverage:
    """When only answers of at least this confidence are given: how many, which share of all, how many of them right."""

    threshold: float
    n: int
    right: int
    coverage: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Whether confidence says how often the model is right, over the `n` answers whose confidence is known.

    `error` is the expected calibration error, `brier` the mean squared distance of confidence and truth (0 is best for
    both). `auroc` is the chance that a right answer is more confident than a wrong one (0.5: confidence says nothing),
    None when all are right or all wrong.
    """

    n: int
    unknown: int
    error: float
    brier: float
    auroc: float | None
    bins: tuple[Bin, ...]
    curve: tuple[Coverage, ...]


def calibration(
    confidences: Sequence[float | None], correct: Sequence[bool], *, bins: int = 10, steps: int = 20
) -> Calibration | None:
    """Measure confidences against truth; None when no confidence is known.

    The expected calibration error (Naeini et al. 2015) is over `bins` of equal width, empty ones left out. The curve
    has up to `steps` points, each with as many of the most confident answers as make that share; answers of the same
    confidence are given together. Raises DataError for a confidence that is not a probability.

    >>> found = calibration([0.9, 0.8, 0.7, 0.2], [True, True, False, False], steps=4)
    >>> round(found.error, 3), round(found.brier, 3), found.auroc
    (0.3, 0.145, 1.0)
    >>> [(point.coverage, round(point.accuracy, 2)) for point in found.curve]
    [(0.25, 1.0), (0.5, 1.0), (0.75, 0.67), (1.0, 0.5)]
    """
    known = [(c, bool(right)) for c, right in zip(confidences, correct, strict=True) if c is not None]
    if not known:
        return None
    odd = next((c for c, _ in known if not 0 <= c <= 1), None)
    if odd is not None:
        raise DataError(
            f"a confidence of {odd} is not a probability", fix="evaluate again with an empty folder as --out"
        )
    n = len(known)
    filled = []
    for place in range(bins):
        inside = [(c, right) for c, right in known if min(int(c * bins), bins - 1) == place]
        if inside:
            right, mean = sum(good for _, good in inside), sum(c for c, _ in inside) / len(inside)
            filled.append(Bin(place / bins, (place + 1) / bins, len(inside), right, mean))
    return Calibration(
        n=n,
        unknown=len(confidences) - n,
        error=sum(abs(part.right - part.n * part.confidence) for part in filled) / n,
        brier=sum((c - right) ** 2 for c, right in known) / n,
        auroc=_auroc(known),
        bins=tuple(filled),
        curve=_curve(known, steps),
    )


def answered_at(confidences: Sequence[float | None], correct: Sequence[bool], promise: float = 0.9) -> float:
    """Return the largest share of all answers that can be given, most confident first, with that share of them right.

    Answers of the same confidence are given together; one whose confidence is unknown is never given. The threshold is
    chosen on these very answers, so on others somewhat fewer may be right.

    >>> answered_at([0.9, 0.8, 0.7, 0.2, None], [True, True, False, False, True])
    0.4
    """
    known = sorted(((c, good) for c, good in zip(confidences, correct, strict=True) if c is not None), reverse=True)
    given = right = best = 0
    for _, group in groupby(known, key=itemgetter(0)):
        here = [good for _, good in group]
        given, right = given + len(here), right + sum(here)
        if right >= promise * given:
            best = given
    return best / len(confidences) if confidences else 0.0


def _auroc(known: Sequence[tuple[float, bool]]) -> float | None:
    """Mann and Whitney's (1947) share of pairs, right and wrong, in the right order; equal confidence counts half."""
    right = sum(good for _, good in known)
    wrong = len(known) - right
    if not right or not wrong:
        return None
    below, won = 0, 0.0
    for _, group in groupby(sorted(known), key=itemgetter(0)):
        here = [good for _, good in group]
        lost = len(here) - sum(here)
        won += sum(here) * (below + lost / 2)
        below += lost
    return won / (right * wrong)


def _curve(known: Sequence[tuple[float, bool]], steps: int) -> tuple[Coverage, ...]:
    falling = sorted((c for c, _ in known), reverse=True)
    shares = [math.ceil(len(known) * step / steps) for step in range(1, steps + 1)]
    points = []
    for threshold in dict.fromkeys(falling[count - 1] for count in shares):
        given = [good for c, good in known if c >= threshold]
        share, accuracy = len(given) / len(known), sum(given) / len(given)
        points.append(Coverage(threshold, len(given), sum(given), share, accuracy))
    return tuple(points)

"""How sure a share of right answers is."""

import math

Z = 1.959963984540054  # the normal distribution's quantile at 0.975: intervals are of 95 %


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the interval of a share, after Wilson (1927): right for few questions and near 0 and 1 too.

    Without questions it is (0, 1).

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    if n == 0:
        return 0.0, 1.0
    share, base = right / n, 1 + Z * Z / n
    middle = (share + Z * Z / (2 * n)) / base
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / base
    # the ends at 0 and 1 are exact, but not in floating point
    return 0.0 if right == 0 else middle - half, 1.0 if right == n else middle + half

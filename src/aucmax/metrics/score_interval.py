"""Score intervals: limits that need no variance estimate from the data, for rates and AUCs.

They are the values that the observed one does not contradict, so they never shrink to a point: not
at 0 of 10, not at AUC = 1, not with one positive.
"""

import math
from collections.abc import Callable

from ._inputs import check_level
from ._quantiles import quantile
from .results import Interval

FEW = 10  # positives (or negatives) below which DeLong's interval is checked against this one


def wilson_interval(successes: int, total: int, *, level: float = 0.95) -> Interval:
    r"""Wilson's interval of a binomial proportion.

    .. math:: \frac{1}{n + z^2} \left(k + \frac{z^2}{2}
              \pm z \sqrt{\frac{k (n - k)}{n} + \frac{z^2}{4}}\right)

    Args:
        successes: k, 0 <= k <= n.
        total: n >= 1.
        level: confidence level in (0, 1).

    Returns:
        k / n with its limits.

    Raises:
        ValueError: if a count or the level is outside its range.

    Source: Wilson, JASA 22 (1927), https://doi.org/10.1080/01621459.1927.10502953

    >>> print(wilson_interval(9, 10))
    0.900 [0.596, 0.982]
    """
    check_level(level)
    if not (total >= 1 and 0 <= successes <= total):
        raise ValueError(f"need 0 <= successes <= total >= 1, got {successes} of {total}")
    z = quantile(level)
    centre = (successes + z * z / 2) / (total + z * z)
    spread = z * math.sqrt(successes * (total - successes) / total + z * z / 4) / (total + z * z)
    low = centre - spread if successes else 0.0
    high = centre + spread if successes < total else 1.0
    return Interval(successes / total, max(low, 0.0), min(high, 1.0), level)


def score_limits(auc: float, positives: int, negatives: int, level: float) -> tuple[float, float]:
    r"""Limits of an AUC: the A with ``|auc - A| <= z SE(A)``, SE of Hanley and McNeil.

    .. math:: SE^2(A) = \frac{A(1-A)}{mn}\left(1 + k\frac{1-A}{2-A} + k\frac{A}{1+A}\right),
              \quad k = \frac{m+n}{2} - 1

    Method 5 of Newcombe, Statist. Med. 25 (2006), https://doi.org/10.1002/sim.2324
    """
    z = quantile(level)
    k = (positives + negatives) / 2 - 1

    def excess(a: float) -> float:
        spread = a * (1 - a) * (1 + k * (1 - a) / (2 - a) + k * a / (1 + a))
        return abs(auc - a) - z * math.sqrt(max(spread, 0.0) / (positives * negatives))

    return _crossing(excess, 0.0, auc), _crossing(excess, 1.0, auc)


def _crossing(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Bisect between a point beyond the limit and one within it."""
    if excess(outside) <= 0:
        return outside
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if excess(middle) > 0 else (outside, middle)
    return (outside + inside) / 2


def score_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error that the 95 % score interval implies: the farther limit's distance / 1.96."""
    low, high = score_limits(auc, positives, negatives, 0.95)
    return max(high - auc, auc - low) / quantile(0.95)

"""Score intervals: limits that need no variance estimate from the data, for rates and AUCs.

They are the values that the observed one does not contradict, so they never shrink to a point: not
at 0 of 10, not at AUC = 1, not with one positive.
"""

import math
from collections.abc import Callable

import numpy as np

from ._inputs import Bools, Codes, check_level
from ._quantiles import quantile
from .results import Interval

FEW = 10
"""Expected misplaced units below which an interval is compared with its score interval: as with the
rule of ten successes and ten failures of a proportion, variances are reliable above it."""

PERFECT = 0.3
"""Expected misplaced units below which an AUC is as good as perfect, in a paired test."""


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
    return _wilson(successes / total, total, level)


def _wilson(share: float, size: float, level: float) -> Interval:
    """Wilson's interval; ``size`` need not be a whole number."""
    z = quantile(level)
    centre = (share * size + z * z / 2) / (size + z * z)
    spread = z * math.sqrt(share * (1 - share) * size + z * z / 4) / (size + z * z)
    low = centre - spread if share > 0 else 0.0
    high = centre + spread if share < 1 else 1.0
    return Interval(share, max(low, 0.0), min(high, 1.0), level)


def rate_interval(hits: Bools, groups: Codes | None, level: float) -> Interval:
    """Wilson's interval of the share of rows that are hits; nan if there are none.

    With ``groups`` its n is the number of independent rows that would say as much.
    """
    if not len(hits):
        return Interval(math.nan, math.nan, math.nan, level)
    share = int(np.count_nonzero(hits)) / len(hits)
    size = len(hits) if groups is None else effective_size(hits, groups, level)
    return _wilson(share, size, level)


def effective_size(hits: Bools, groups: Codes, level: float) -> float:
    r"""How many independent rows are as good as these, for the share of hits p.

    .. math:: n' = \frac{p (1 - p)}{v} \left(\frac{t_{n-1}}{t_{G-1}}\right)^2, \quad
              v = \frac{1}{n^2} \sum_g (k_g - p n_g)^2,
              \quad \frac{n^2}{\sum_g n_g^2} \le n' \le n

    v is the variance by groups: G of them, with k_g hits in n_g rows. Student's quantiles make up
    for few groups. The lower bound is what remains if all rows of a group are alike; it stands
    alone where p is 0 or 1. So copies of rows change nothing, and groups of one row neither.

    Sources: Rao and Scott, Biometrics 48 (1992), https://doi.org/10.2307/2532311; Korn and
    Graubard, Survey Methodology 24 (1998) (Student's quantiles)
    """
    n, sizes, found = len(hits), np.bincount(groups), np.bincount(groups, weights=hits)
    alike = n**2 / float((sizes * sizes).sum())
    share, count = float(hits.mean()), int(np.count_nonzero(sizes))
    if share in (0, 1) or count == 1:
        return alike
    variance = float(((found - share * sizes) ** 2).sum()) / n**2
    doubt = (quantile(level, n - 1) / quantile(level, count - 1)) ** 2
    size = doubt * share * (1 - share) / variance if variance > 0 else n
    return min(max(size, alike), n)


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

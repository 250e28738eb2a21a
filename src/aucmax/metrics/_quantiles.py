"""Normal and Student quantiles and tail probabilities, without scipy."""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL_FROM = 1e6  # degrees of freedom at which Student's t is the normal to six digits


@lru_cache(maxsize=4096)
def quantile(level: float, freedom: float = math.inf) -> float:
    """Two-sided quantile q of Student's t: P(|T| <= q) = level; normal at infinite freedom."""
    normal = NormalDist().inv_cdf((1 + level) / 2)
    if freedom > _NORMAL_FROM:
        return normal
    low = high = normal  # t has the heavier tails: its quantile is never smaller
    while tail(high, freedom) > 1 - level:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if tail(middle, freedom) > 1 - level else (low, middle)
    return (low + high) / 2


def tail(statistic: float, freedom: float = math.inf) -> float:
    """Two-sided p-value P(|T| >= |statistic|) of Student's t; normal at infinite freedom."""
    if freedom > _NORMAL_FROM or math.isinf(statistic):
        return math.erfc(abs(statistic) / math.sqrt(2))
    square = statistic * statistic
    return _beta_ratio(freedom / (freedom + square), square / (freedom + square), freedom / 2, 0.5)


def _beta_ratio(x: float, rest: float, a: float, b: float) -> float:
    """Regularised incomplete beta I_x(a, b); ``rest`` is 1 - x, given to keep its digits."""
    if x <= 0 or rest <= 0:
        return float(rest <= 0)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - _beta_ratio(rest, x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * _log(x, rest) + b * _log(rest, x)
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _log(x: float, rest: float) -> float:
    return math.log1p(-rest) if rest < 0.5 else math.log(x)


def _fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method."""
    tiny = 1e-300
    value = c = 1.0
    d = 0.0
    for k in range(1, 100_000):
        m = k // 2
        if k % 2:
            term = -(a + m) * (a + b + m) * x / ((a + k - 1) * (a + k))
        else:
            term = m * (b - m) * x / ((a + k - 1) * (a + k))
        d = 1 / ((1 + term * d) or tiny)
        c = (1 + term / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value

"""DeLong's interval of an AUC, and his paired test, for independent or grouped rows."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Codes, as_groups, as_rows, check_level
from ._quantiles import quantile, tail
from .influence import CONSTANT, Estimate, Part, difference, influences
from .results import Interval, PairedTest
from .score_interval import FEW, PERFECT, score_limits

Groups = ArrayLike | Sequence[str] | None


def auroc_interval(
    scores: ArrayLike, target: ArrayLike, *, level: float = 0.95, groups: Groups = None
) -> Interval | list[Interval]:
    r"""AUC with DeLong's confidence interval, on the logit scale so that it stays within [0, 1].

    .. math:: \operatorname{logit}^{-1}\left(\operatorname{logit} A \pm z \frac{SE}{A(1-A)}\right),
              \quad SE^2 = \frac{\widehat{Var}_+(V)}{m} + \frac{\widehat{Var}_-(V)}{n}

    With ``groups`` the rows of one group (a patient) may depend on each other: their influence is
    summed before it is squared (Obuchowski; the cross term takes the geometric mean of the two
    small-sample factors, so the variance cannot become negative).

    DeLong's variance is 0 for perfect or constant scores, undefined for one positive, and too small
    for a few. There Newcombe's score interval takes over: alone where DeLong sees no variation, and
    with z replaced by Student's t and the wider limits of the two where fewer than ten units (rows
    or groups) are expected on the wrong side: m min(A, 1 - A), with m units in the smaller class.
    The simulated coverage of all intervals is in the documentation.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, infinities allowed, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level in (0, 1).
        groups: (n,) any labels, one per row; None: all rows are independent.

    Returns:
        An interval; for L labels a list of L, nan (with an :class:`UndefinedMetricWarning`) for a
        label that has one class only.

    Raises:
        ValueError: as for :func:`auroc`, or for a level or groups that do not fit.

    Sources: DeLong et al., Biometrics 44 (1988), https://doi.org/10.2307/2531595; Sun and Xu, IEEE
    SPL 21 (2014), https://doi.org/10.1109/LSP.2014.2337313 (speed); Obuchowski, Biometrics 53
    (1997), https://doi.org/10.2307/2533958 (groups)

    >>> print(auroc_interval([1, 4, 3, 7, 2, 6, 5, 8], [0, 0, 1, 1, 0, 0, 1, 1]))
    0.812 [0.165, 0.990]
    """
    check_level(level)
    rows = as_rows(scores, target)
    codes = as_groups(groups, len(rows.scores))
    found = [
        undefined_interval(level)
        if e is None
        else auc_interval(e, e.variance(codes), level, interval_freedom(e, codes))
        for e in influences(rows, codes)
    ]
    return found[0] if rows.single else found


def auroc_test(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    groups: Groups = None,
) -> PairedTest | list[PairedTest]:
    r"""DeLong's paired test of two models on the same rows.

    .. math:: z = \frac{A_a - A_b}{SE(A_a - A_b)}, \quad SE^2 = \sum_i (\psi_{ai} - \psi_{bi})^2

    The reference is Student's t with :math:`2 (\sum u^2)^2 / \sum u^4` degrees of freedom, u the
    terms of the sum, and at most the units of the smaller class less one. The interval of the
    difference is cut at -1 and 1. Models that rank all rows alike have difference 0 and p = 1. What
    the score interval of a model that is as good as perfect, or has one positive, has in excess of
    DeLong's is added in square.

    Args:
        scores_a: (n,), (n, 1) or (n, L) of model a, any real scale, higher = more positive.
        scores_b: same shape, of model b, on a scale of its own.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level of the difference's interval, in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The test; for L labels a list of L, nan (with an :class:`UndefinedMetricWarning`) for a
        label that has one class only.

    Raises:
        ValueError: as for :func:`auroc_interval`.

    Source: DeLong et al., Biometrics 44 (1988), https://doi.org/10.2307/2531595

    >>> target = [0, 0, 0, 0, 1, 1, 1, 1]
    >>> print(auroc_test([1, 2, 3, 5, 4, 6, 7, 8], [1, 6, 3, 5, 2, 4, 7, 8], target))
    0.250 [-0.433, 0.813], p = 0.33
    """
    check_level(level)
    rows_a, rows_b = as_rows(scores_a, target, "scores_a"), as_rows(scores_b, target, "scores_b")
    codes = as_groups(groups, len(rows_a.scores))
    pairs = zip(influences(rows_a, codes), influences(rows_b, codes), strict=True)
    tests = []
    for a, b in pairs:
        if a is None or b is None:
            tests.append(PairedTest(undefined_interval(level), math.nan, math.nan))
        else:
            gap = difference(a, b)
            tests.append(paired_test(gap, gap.variance(codes), level, gap.freedom(codes)))
    return tests[0] if rows_a.single else tests


def undefined_interval(level: float) -> Interval:
    """The interval of a label that has one class only."""
    return Interval(math.nan, math.nan, math.nan, level)


def auc_interval(
    estimate: Estimate, variance: float, level: float, freedom: float = math.inf
) -> Interval:
    """Interval of a mean of AUCs; Student's t where ``freedom`` is finite.

    Limits on the logit scale for what varies between rows. What the score limits of the parts add
    to it is added in square to the distances from the estimate.
    """
    value, error = estimate.value, math.sqrt(variance)
    q, visible = quantile(level, freedom), error > CONSTANT and 0 < value < 1
    below, above = _logit_distances(value, error, q) if visible else (0.0, 0.0)
    scale = partial(_logit_distances, q=q)
    unseen = _unseen(estimate.parts, level, FEW, visible=visible, scale=scale)
    low = value - math.hypot(below, unseen[0])
    high = value + math.hypot(above, unseen[1])
    return Interval(value, max(low, 0.0), min(high, 1.0), level)


def interval_freedom(estimate: Estimate, groups: Codes | None) -> float:
    """Degrees of freedom of an interval's quantile: infinite unless misplaced units are few.

    At least four: where there are fewer, the score limits are the better judges.
    """
    if any(part.misplaced >= FEW for part in estimate.parts):
        return math.inf
    return max(estimate.freedom(groups), 4.0)


Distances = Callable[[float, float], tuple[float, float]]


def _logit_distances(value: float, error: float, q: float) -> tuple[float, float]:
    """How far the limits of an AUC lie below and above it: symmetric for its logit."""
    centre, spread = math.log(value / (1 - value)), q * error / (value * (1 - value))
    return value - _expit(centre - spread), _expit(centre + spread) - value


def _linear_distances(value: float, error: float, q: float) -> tuple[float, float]:
    del value
    return q * error, q * error


def _unseen(
    parts: Sequence[Part], level: float, few: float, *, visible: bool, scale: Distances
) -> NDArray[np.float64]:
    r"""Distances (2,) below and above a sum of AUCs that its variance does not account for.

    For each part with fewer than ``few`` units on the wrong side, or where DeLong sees no
    variation, that is what its score limit has in excess of DeLong's, :math:`\sqrt{s^2 - d^2}`. The
    excesses of a sum add as correlated errors do (Zou and Donner, Statist. Med. 27 (2008),
    https://doi.org/10.1002/sim.3095), with the correlation of the rows' influence. Where that is
    unknown, the worst is assumed: 1 within a mean, 0 within a difference.
    """
    signed = np.zeros((len(parts), 2))
    for k, part in enumerate(parts):
        seen = visible and part.estimable and 0 < part.auc < 1
        if seen and part.misplaced >= few:
            continue
        low, high = score_limits(part.auc, part.positives, part.negatives, level)
        score = np.array([part.auc - low, high - part.auc])
        own = np.array(scale(part.auc, part.error) if seen else (0.0, 0.0))
        excess = np.sqrt(np.maximum(score**2 - own**2, 0))
        signed[k] = part.weight * (excess if part.weight > 0 else excess[::-1])
    if not signed.any():
        return np.zeros(2)
    total = np.einsum("ks,kl,ls->s", signed, _correlation(parts, visible), signed)
    return np.sqrt(np.maximum(total, 0))


def _correlation(parts: Sequence[Part], visible: bool) -> NDArray[np.float64]:
    """(P, P) correlations of the parts' influence on the same rows; the worst where unknown."""
    rows = np.stack([part.rows for part in parts])
    norms = np.sqrt((rows * rows).sum(axis=1))
    seen = (norms > 0) & visible
    signs = np.sign([part.weight for part in parts])
    worst = (np.outer(signs, signs) > 0).astype(np.float64)
    scaled = rows / np.where(norms > 0, norms, 1)[:, None]
    found = np.clip(scaled @ scaled.T, 0, 1)
    return np.where(np.outer(seen, seen), found, worst)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def paired_test(
    gap: Estimate, variance: float, level: float, freedom: float = math.inf
) -> PairedTest:
    """Test of a difference with its variance; Student's t where ``freedom`` is finite."""
    value, error = gap.value, math.sqrt(variance)
    visible = error > CONSTANT
    if not visible and abs(value) <= CONSTANT and all(part.estimable for part in gap.parts):
        # The models rank all rows alike.
        return PairedTest(Interval(value, value, value, level), 0.0, 1.0)
    below, above = _gap_distances(gap, error, level, freedom)
    interval = Interval(value, max(value - below, -1.0), min(value + above, 1.0), level)
    toward_zero = _gap_distances(gap, error, 0.95, freedom)[0 if value > 0 else 1]
    z = value * quantile(0.95, freedom) / toward_zero
    return PairedTest(interval, z, tail(z, freedom))


def _gap_distances(
    gap: Estimate, error: float, level: float, freedom: float
) -> NDArray[np.float64]:
    scale = partial(_linear_distances, q=quantile(level))
    unseen = _unseen(gap.parts, level, PERFECT, visible=error > CONSTANT, scale=scale)
    return np.hypot(quantile(level, freedom) * error, unseen)

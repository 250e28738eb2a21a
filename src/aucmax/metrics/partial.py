"""Areas under parts of the ROC curve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, CurveMetric, counts, rates
from ._inputs import binary

Range = tuple[float, float]


@dataclass(frozen=True)
class PartialAUC:
    """One partial area on the three scales in use, so that they cannot be confused."""

    raw: float
    """The area itself, in [0, width of the range]."""
    normalised: float
    """Area over width, in [0, 1]: the mean of the other rate within the range."""
    mcclish: float
    """McClish's scale: 0.5 for a random ranking, 1 for a perfect one; below 0.5 if worse."""


def partial_auroc(
    scores: ArrayLike, target: ArrayLike, *, fpr: Range | None = None, tpr: Range | None = None
) -> PartialAUC:
    r"""Area under the part of the ROC curve with false- or true-positive rates in a range.

    .. math:: \int_a^b TPR \, dFPR \quad\text{or}\quad \int_a^b (1 - FPR) \, dTPR

    Exact: the curve is interpolated linearly at the ends of the range. ``fpr=(0, x)`` on McClish's
    scale is scikit-learn's ``roc_auc_score(max_fpr=x)``; ``tpr=(0.8, 1)`` raw, in [0, 0.2], is
    the score of the ISIC 2024 challenge.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).
        fpr: range (a, b) of false-positive rates, 0 <= a < b <= 1.
        tpr: range (a, b) of true-positive rates; give exactly one of the two.

    Returns:
        The area on three scales.

    Raises:
        ValueError: as for :func:`auroc`, for several labels, for a range outside [0, 1], and
            unless exactly one range is given.

    Source: McClish, Med. Decis. Making 9 (1989), https://doi.org/10.1177/0272989X8900900307

    >>> partial_auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], fpr=(0, 0.5))
    PartialAUC(raw=0.25, normalised=0.5, mcclish=0.666...)
    """
    ends = tpr if fpr is None else fpr
    if ends is None or (fpr is not None and tpr is not None):
        raise ValueError(f"give exactly one of fpr and tpr, got fpr={fpr} and tpr={tpr}")
    start, stop = _check_range(ends, "tpr" if fpr is None else "fpr")
    return _partial(counts(*binary(scores, target)), start, stop, of_tpr=fpr is None)


def _partial(count: Counts, start: float, stop: float, *, of_tpr: bool) -> PartialAUC:
    x, y = rates(count)
    if of_tpr:  # the same curve with the two classes swapped
        start, stop, x, y = 1 - stop, 1 - start, (1 - y)[::-1], (1 - x)[::-1]
    raw = _area_between(x, y, start, stop)
    width, chance = stop - start, (stop**2 - start**2) / 2
    return PartialAUC(raw, raw / width, 0.5 * (1 + (raw - chance) / (width - chance)))


def mcclish_up_to(max_fpr: float) -> CurveMetric:
    """Partial AUC with false-positive rates in (0, max_fpr), on McClish's scale, as a metric."""
    start, stop = _check_range((0.0, max_fpr), "fpr")
    return CurveMetric(lambda count: _partial(count, start, stop, of_tpr=False).mcclish)


def _check_range(ends: Range, name: str) -> Range:
    low, high = ends
    if not 0 <= low < high <= 1:
        raise ValueError(f"{name} must be a range (a, b) with 0 <= a < b <= 1, got {ends}")
    return float(low), float(high)


def _area_between(
    x: NDArray[np.float64], y: NDArray[np.float64], start: float, stop: float
) -> float:
    """Integral over [start, stop] of the polyline through (x, y), x rising, steps allowed."""
    total = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])

    def up_to(end: float) -> float:
        k = min(int(np.searchsorted(x, end, side="right")), len(x) - 1)
        run = x[k] - x[k - 1]
        slope = (y[k] - y[k - 1]) / run if run > 0 else 0.0
        step = end - x[k - 1]
        return float(total[k - 1] + step * (y[k - 1] + slope * step / 2))

    return up_to(stop) - up_to(start)


def two_way_partial_auroc(
    scores: ArrayLike, target: ArrayLike, *, max_fpr: float, min_tpr: float
) -> float:
    r"""AUC of the hard corner: few false positives and yet many true ones, normalised to [0, 1].

    .. math:: \frac{1}{\beta (1 - \alpha)} \int_0^\beta \max(0, TPR - \alpha) \, dFPR,
        \qquad \beta = \text{max\_fpr},\ \alpha = \text{min\_tpr}

    Without ties, and where n beta and m alpha are whole numbers of negatives and positives, it is
    the AUC of the ``m (1 - alpha)`` lowest positives against the ``n beta`` highest negatives, as
    it is mostly defined. Those rows are not well defined when scores tie: counting tied pairs half,
    constant scores would get 0.5, far above a random ranking, which is close to 0. The area follows
    the slanted pieces of the ROC curve instead, as :func:`partial_auroc` does, and gives constant
    scores at most ``max(0, beta - alpha)^2 / (2 beta (1 - alpha))``. ``max_fpr=1, min_tpr=0`` is
    :func:`auroc`.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).
        max_fpr: highest false-positive rate of interest, in (0, 1].
        min_tpr: lowest true-positive rate of interest, in [0, 1).

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: as for :func:`auroc`, and for rates outside their range.

    Source: Yang et al., ICML 2021, https://proceedings.mlr.press/v139/yang21k.html

    >>> two_way_partial_auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], max_fpr=0.5, min_tpr=0.5)
    0.0
    """
    return two_way_metric(max_fpr, min_tpr)(scores, target)


def two_way_metric(max_fpr: float, min_tpr: float) -> CurveMetric:
    """:func:`two_way_partial_auroc` of one corner, as a metric."""
    if not (0 < max_fpr <= 1 and 0 <= min_tpr < 1):
        raise ValueError(
            f"max_fpr must lie in (0, 1] and min_tpr in [0, 1), got {max_fpr} and {min_tpr}"
        )
    return CurveMetric(lambda count: _corner(count, max_fpr, min_tpr))


def _corner(count: Counts, max_fpr: float, min_tpr: float) -> float:
    x, y = rates(count)
    low = y <= min_tpr
    if not low.all():  # let the curve pass through the height min_tpr, and lie nowhere below it
        k = int(np.argmin(low))  # the first point above; the curve starts at 0, which is not above
        run, rise = x[k] - x[k - 1], y[k] - y[k - 1]
        crossing = x[k - 1] + run * (min_tpr - y[k - 1]) / rise
        x, y = np.insert(x, k, crossing), np.insert(y, k, min_tpr)
    raw = _area_between(x, np.maximum(y - min_tpr, 0), 0.0, max_fpr)
    return float(raw / (max_fpr * (1 - min_tpr)))

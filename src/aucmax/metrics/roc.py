"""The ROC curve and the area under it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, CurveMetric, counts, rates
from ._inputs import Bools, Floats, binary, per_label
from ._keys import sorted_keys


@dataclass(frozen=True)
class ROCCurve:
    """Vertices of a ROC curve, from (0, 0) at threshold infinity to (1, 1) at the lowest score."""

    fpr: NDArray[np.float64]
    """False-positive rate of the rule ``score >= threshold``, rising."""
    tpr: NDArray[np.float64]
    """True-positive rate of the same rule, rising."""
    thresholds: NDArray[np.float64]
    """Infinity, then every distinct score once, falling."""


def auroc(scores: ArrayLike, target: ArrayLike) -> float | NDArray[np.float64]:
    r"""Area under the ROC curve: the chance that a positive outscores a negative, ties half.

    .. math:: \frac{1}{mn} \sum_{i \in +} \sum_{j \in -} 1[s_i > s_j] + \tfrac12 1[s_i = s_j]

    Exact in O(n log n): one sort of 64-bit integers, integer counts, one division.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, infinities allowed, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).

    Returns:
        A float in [0, 1]; for L labels an array (L,), nan (with an
        :class:`UndefinedMetricWarning`) for a label that has one class only.

    Raises:
        ValueError: if shapes differ, scores hold NaN, target holds something else, or the only
            label has one class.

    Source: Hanley and McNeil, Radiology 143 (1982), https://doi.org/10.1148/radiology.143.1.7063747

    >>> auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    return per_label(area, scores, target)


def area(scores: Floats, positive: Bools) -> float:
    """AUC of checked arrays that hold both classes."""
    keys = sorted_keys(scores, positive)
    places = np.flatnonzero((keys & keys.dtype.type(1)).astype(bool))
    m = len(places)
    not_above = int(places.sum()) - m * (m - 1) // 2  # pairs whose negative is below or tied
    doubled = 2 * not_above - _tied_pairs(keys)
    return doubled / (2 * m * (len(keys) - m))  # Python integers: one rounding in all


def _trapezoids(count: Counts) -> float:
    x, y = rates(count)
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2)


AUROC = CurveMetric(_trapezoids)


def _tied_pairs(keys: NDArray[Any]) -> int:
    """Pairs of a positive and a negative with one score; 2k, 2k+1 adjacent mark each such tie."""
    last = np.flatnonzero((keys[1:] ^ keys[:-1]) == 1)  # the last negative of every mixed tie
    if not last.size:
        return 0
    first = np.searchsorted(keys, keys[last], side="left")
    end = np.searchsorted(keys, keys[last + 1], side="right")
    return int(((last + 1 - first) * (end - last - 1)).sum())


def roc_curve(scores: ArrayLike, target: ArrayLike) -> ROCCurve:
    """ROC curve with one vertex per distinct score: tied rows move together, none is dropped.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).

    Returns:
        The vertices; joined by straight lines they enclose :func:`auroc`.

    Raises:
        ValueError: as for :func:`auroc`, and for several labels: pass one column.

    >>> roc_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).tpr
    array([0. , 0.5, 0.5, 1. , 1. ])
    """
    count = counts(*binary(scores, target))
    fpr, tpr = rates(count)
    return ROCCurve(fpr, tpr, np.concatenate([[np.inf], count.thresholds]))

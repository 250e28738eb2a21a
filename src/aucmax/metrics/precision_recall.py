"""Precision, recall and the average precision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, CurveMetric, counts
from ._inputs import Bools, Floats, binary, per_label


@dataclass(frozen=True)
class PRCurve:
    """Precision and recall at every distinct score, in falling order of the threshold."""

    precision: NDArray[np.float64]
    """Share of positives among the rows with ``score >= threshold``."""
    recall: NDArray[np.float64]
    """Share of the positives that reach the threshold, rising to 1."""
    thresholds: NDArray[np.float64]
    """Every distinct score once, falling."""


def average_precision(scores: ArrayLike, target: ArrayLike) -> float | NDArray[np.float64]:
    r"""Average precision: the step-wise area under the precision-recall curve, not interpolated.

    .. math:: \sum_k (R_k - R_{k-1}) P_k, \quad k = 1, 2, \dots \text{ the distinct scores, falling}

    A random ranking has about the prevalence, so report that beside it.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, infinities allowed, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).

    Returns:
        A float in (0, 1]; for L labels an array (L,), nan (with an
        :class:`UndefinedMetricWarning`) for a label that has one class only.

    Raises:
        ValueError: as for :func:`auroc`.

    Source: Boyd, Eng and Page, ECML PKDD 2013, https://doi.org/10.1007/978-3-642-40994-3_29

    >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]), 4)
    0.8333
    """
    return per_label(_average_precision, scores, target)


def _average_precision(scores: Floats, positive: Bools) -> float:
    return _area(counts(scores, positive))


def _area(count: Counts) -> float:
    precision, recall = _rates(count)
    return float(np.diff(recall, prepend=0.0) @ precision)


AVERAGE_PRECISION = CurveMetric(_area)


def _rates(count: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _, true, false = count
    return true / np.maximum(true + false, 1e-300), true / true[-1]


def precision_recall_curve(scores: ArrayLike, target: ArrayLike) -> PRCurve:
    """Precision and recall of the rule ``score >= t`` for every distinct score t.

    Tied rows move together. No point (recall 0, precision 1) is invented: nothing was measured
    there.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).

    Returns:
        Arrays of one length, one entry per distinct score.

    Raises:
        ValueError: as for :func:`auroc`, and for several labels: pass one column.

    >>> precision_recall_curve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).recall
    array([0.5, 0.5, 1. , 1. ])
    """
    count = counts(*binary(scores, target))
    return PRCurve(*_rates(count), count.thresholds)

"""Macro averages over labels: the mean AUC, its interval and its paired test."""

import numpy as np
from numpy.typing import ArrayLike

from ._inputs import as_groups, as_rows, check_level, per_label
from .influence import Estimate, difference, influences, mean
from .intervals import Groups, auc_interval, interval_freedom, paired_test
from .results import Interval, PairedTest
from .roc import area


def macro_auroc(scores: ArrayLike, target: ArrayLike) -> float:
    r"""Mean AUC over the labels that have both classes.

    .. math:: \frac{1}{|K|} \sum_{k \in K} A_k

    Args:
        scores: (n, L), any real scale, higher = more positive; (n,) is one label.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).

    Returns:
        A float in [0, 1]; labels with one class are left out, with an
        :class:`UndefinedMetricWarning`.

    Raises:
        ValueError: as for :func:`auroc`, and if no label has both classes.

    >>> macro_auroc([[1, 8], [4, 3], [3, 2], [7, 5]], [[0, 1], [0, 0], [1, 0], [1, 1]])
    0.875
    """
    values = np.atleast_1d(per_label(area, scores, target))
    _require_any(~np.isnan(values))
    return float(np.nanmean(values))


def macro_auroc_interval(
    scores: ArrayLike, target: ArrayLike, *, level: float = 0.95, groups: Groups = None
) -> Interval:
    r"""Mean AUC over labels with an interval that knows that the labels share their rows.

    .. math:: SE^2 = \sum_i \Bigl(\frac{1}{|K|} \sum_{k \in K} \psi_{ik}\Bigr)^2

    One label gives :func:`auroc_interval`. What the score limits of a label with few misplaced rows
    have in excess of DeLong's is added in square, with the correlation of the labels' influence; a
    label on which DeLong sees no variation (perfect, or one positive) adds all of them.

    Args:
        scores: (n, L), any real scale, higher = more positive; (n,) is one label.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The interval, on the logit scale; labels with one class are left out, with an
        :class:`UndefinedMetricWarning`.

    Raises:
        ValueError: as for :func:`auroc_interval`, and if no label has both classes.

    >>> scores = [[1, 8], [4, 3], [3, 2], [7, 5]]
    >>> print(macro_auroc_interval(scores, [[0, 1], [0, 0], [1, 0], [1, 1]]))
    0.875 [0.016, 0.998]
    """
    check_level(level)
    rows = as_rows(scores, target)
    codes = as_groups(groups, len(rows.scores))
    estimate = macro(influences(rows, codes))
    freedom = interval_freedom(estimate, codes)
    return auc_interval(estimate, estimate.variance(codes), level, freedom)


def macro_auroc_test(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    groups: Groups = None,
) -> PairedTest:
    """Paired test of the mean AUC over labels of two models on the same rows.

    The influence of a row is its mean over the labels, of model a minus model b; one label gives
    :func:`auroc_test`.

    Args:
        scores_a: (n, L) of model a, any real scale, higher = more positive; (n,) is one label.
        scores_b: same shape, of model b, on a scale of its own.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level of the difference's interval, in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The test; labels with one class are left out, with an :class:`UndefinedMetricWarning`.

    Raises:
        ValueError: as for :func:`auroc_test`, and if no label has both classes.

    >>> target = [[0, 1], [0, 0], [1, 0], [1, 1]]
    >>> a, b = [[1, 8], [4, 3], [3, 2], [7, 5]], [[1, 8], [4, 3], [3, 9], [7, 5]]
    >>> print(macro_auroc_test(a, b, target).difference.estimate)
    0.25
    """
    check_level(level)
    rows_a, rows_b = as_rows(scores_a, target, "scores_a"), as_rows(scores_b, target, "scores_b")
    codes = as_groups(groups, len(rows_a.scores))
    gap = difference(macro(influences(rows_a, codes)), macro(influences(rows_b, codes)))
    return paired_test(gap, gap.variance(codes), level, gap.freedom(codes))


def macro(estimates: list[Estimate | None]) -> Estimate:
    """Mean over the labels that are defined."""
    defined = [e for e in estimates if e is not None]
    _require_any(np.array([e is not None for e in estimates]))
    return mean(defined)


def _require_any(defined: np.ndarray) -> None:
    if not defined.any():
        raise ValueError(f"no label of target has both classes, got {len(defined)} labels")

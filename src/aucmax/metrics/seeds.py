"""Means over training seeds: uncertain as the test set is finite, and as seeds are few."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._inputs import as_groups, as_rows, as_scores, check_level, to_numpy, with_nan
from .influence import Estimate, difference, influences, mean
from .intervals import Groups, auc_interval, interval_freedom, paired_test
from .multilabel import macro
from .results import Interval, PairedTest


def auroc_interval_over_seeds(
    scores: ArrayLike, target: ArrayLike, *, level: float = 0.95, groups: Groups = None
) -> Interval:
    r"""Mean AUC of S training runs, with an interval for "another test set and other seeds".

    .. math:: SE^2 = \sum_i \bar\psi_i^2 + \frac{s^2}{S}, \quad
              s^2 = \frac{1}{S-1} \sum_s (A_s - \bar A)^2

    The first term is DeLong's variance of the mean (sampling of test rows), the second that of the
    seeds. The part of s^2 that single test rows cause is in both, so the sum errs on the wide side.
    The quantile is Student's with Satterthwaite's degrees of freedom, (S-1) (SE^2 / (s^2/S))^2,
    where only the seeds' term counts as estimated. One seed gives exactly :func:`auroc_interval`,
    which says nothing about other seeds.

    Args:
        scores: (S, n), or (S, n, L) for the mean over labels; any real scale.
        target: (n,) or (n, L), 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The interval of the mean, on the logit scale.

    Raises:
        ValueError: as for :func:`macro_auroc_interval`, or if scores lack the leading seed axis.

    Source: Satterthwaite, Biometrics Bulletin 2 (1946), https://doi.org/10.2307/3002019

    >>> scores = [[1, 4, 3, 7, 2, 6, 5, 8], [1, 5, 6, 7, 2, 3, 4, 8]]
    >>> print(auroc_interval_over_seeds(scores, [0, 0, 1, 1, 0, 0, 1, 1]))
    0.875 [0.290, 0.992]
    """
    check_level(level)
    per_seed, codes = _seeds(scores, target, groups, "scores")
    rows = mean(per_seed)
    freedom_of_rows = interval_freedom(rows, codes)
    estimate, variance, freedom = _combine(per_seed, rows.variance(codes), freedom_of_rows)
    return auc_interval(estimate, variance, level, freedom)


def auroc_test_over_seeds(
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    groups: Groups = None,
) -> PairedTest:
    """Paired test of the mean AUC of two methods, each trained with S seeds, on the same rows.

    Run s of a is paired with run s of b, so what they share (seed, split) cancels. The variance and
    the degrees of freedom are those of :func:`auroc_interval_over_seeds` with differences in place
    of AUCs; ``z`` is the t statistic. One seed gives exactly :func:`auroc_test`.

    Args:
        scores_a: (S, n), or (S, n, L) for the mean over labels, of method a.
        scores_b: same shape, of method b, on a scale of its own.
        target: (n,) or (n, L), 0, 1 or NaN (unknown: the row does not count for that label).
        level: confidence level of the difference's interval, in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The test of the mean difference, a minus b.

    Raises:
        ValueError: as for :func:`auroc_interval_over_seeds`, or if the numbers of seeds differ.

    >>> target = [0, 0, 0, 0, 1, 1, 1, 1]
    >>> a, b = [[1, 2, 3, 5, 4, 6, 7, 8]] * 2, [[1, 6, 3, 5, 2, 4, 7, 8], [1, 2, 6, 5, 3, 4, 7, 8]]
    >>> auroc_test_over_seeds(a, b, target).difference.estimate
    0.21875
    """
    check_level(level)
    a, codes = _seeds(scores_a, target, groups, "scores_a")
    b, _ = _seeds(scores_b, target, groups, "scores_b")
    if len(a) != len(b):
        raise ValueError(
            f"runs are paired by seed, got {len(a)} in scores_a and {len(b)} in scores_b"
        )
    gaps = [difference(x, y) for x, y in zip(a, b, strict=True)]
    rows = mean(gaps)
    gap, variance, freedom = _combine(gaps, rows.variance(codes), rows.freedom(codes))
    return paired_test(gap, variance, level, freedom)


def _seeds(scores: Any, target: Any, groups: Any, name: str) -> tuple[list[Estimate], Any]:
    """One (macro) estimate per seed, and the groups' codes."""
    runs, labels = as_scores(scores, name), to_numpy(with_nan(target), "target")
    if runs.ndim != labels.ndim + 1:
        raise ValueError(
            f"{name} must be (S, n) for target (n,) or (S, n, L) for target (n, L), got "
            f"{runs.shape} and {labels.shape}; one run is {name}[None]"
        )
    codes = as_groups(groups, len(labels))
    return [macro(influences(as_rows(run, labels, name), codes)) for run in runs], codes


def _combine(
    per_seed: list[Estimate], variance: float, freedom: float = math.inf
) -> tuple[Estimate, float, float]:
    """Mean over seeds, its variance, and the degrees of freedom of that.

    ``variance`` and ``freedom`` are those of the mean for the same seeds and other rows.
    """
    estimate, seeds = mean(per_seed), len(per_seed)
    if seeds == 1:
        return estimate, variance, freedom
    between = float(np.var([e.value for e in per_seed], ddof=1)) / seeds
    total = variance + between
    if between <= 1e-9 * total:
        return estimate, total, freedom
    spread = between**2 / (seeds - 1) + variance**2 / freedom
    return estimate, total, total**2 / spread

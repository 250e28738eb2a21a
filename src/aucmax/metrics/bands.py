"""Pointwise confidence bands of ROC and precision-recall curves, for figures."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, rates, tie_ends
from ._inputs import Bools, Codes, Rows, as_rows
from .bootstrap import check_settings, draws, prepare
from .intervals import Groups

Curve = Callable[[Counts, NDArray[np.float64]], NDArray[np.float64]]


class Band(NamedTuple):
    """Limits and estimate at each point of the grid, each (g,)."""

    low: NDArray[np.float64]
    estimate: NDArray[np.float64]
    high: NDArray[np.float64]


def roc_band(
    scores: ArrayLike,
    target: ArrayLike,
    *,
    grid: ArrayLike,
    level: float = 0.95,
    replicates: int = 500,
    seed: int = 0,
    groups: Groups = None,
) -> Band:
    """True-positive rate at given false-positive rates, with pointwise bootstrap limits.

    Limits are percentiles at each grid point by itself: the whole curve lies within the band less
    often than ``level``. Where the curve is vertical its upper end is taken.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).
        grid: (g,) false-positive rates in [0, 1].
        level: confidence level in (0, 1).
        replicates: number of draws, >= 2, made as in :func:`bootstrap_interval`.
        seed: of the draws' own generator.
        groups: (n,) any labels, one per row; rows of one group are drawn together.

    Returns:
        (low, estimate, high), each (g,).

    Raises:
        ValueError: as for :func:`roc_curve`, or for settings outside their range.

    >>> scores, target = [1, 4, 3, 7, 2, 6, 5, 8], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> roc_band(scores, target, grid=[0, 0.25, 1]).estimate
    array([0.5 , 0.75, 1.  ])
    """
    return _band(_sensitivity, scores, target, grid, level, replicates, seed, groups)


def precision_recall_band(
    scores: ArrayLike,
    target: ArrayLike,
    *,
    grid: ArrayLike,
    level: float = 0.95,
    replicates: int = 500,
    seed: int = 0,
    groups: Groups = None,
) -> Band:
    """Precision at given recalls, with pointwise bootstrap limits.

    The precision at recall r is that of the highest threshold whose recall is at least r (above 0
    for r = 0): the steps whose area is :func:`average_precision`. Draws by class keep the
    prevalence.

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).
        grid: (g,) recalls in [0, 1].
        level: confidence level in (0, 1).
        replicates: number of draws, >= 2, made as in :func:`bootstrap_interval`.
        seed: of the draws' own generator.
        groups: (n,) any labels, one per row; rows of one group are drawn together.

    Returns:
        (low, estimate, high), each (g,).

    Raises:
        ValueError: as for :func:`roc_band`.

    >>> scores, target = [1, 4, 3, 7, 2, 6, 5, 8], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> precision_recall_band(scores, target, grid=[0, 0.5, 0.75]).estimate
    array([1.  , 1.  , 0.75])
    """
    return _band(_precision, scores, target, grid, level, replicates, seed, groups)


def _sensitivity(count: Counts, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(grid, *rates(count))


def _precision(count: Counts, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    true, false = count.true_positives, count.false_positives
    wanted = np.maximum(np.ceil(grid * true[-1] - 1e-9), 1)  # positives to find: at least one
    at = np.searchsorted(true, wanted)
    return true[at] / (true[at] + false[at])


def _band(
    curve: Curve,
    scores: ArrayLike,
    target: ArrayLike,
    grid: ArrayLike,
    level: float,
    replicates: int,
    seed: int,
    groups: Groups,
) -> Band:
    check_settings(level, replicates)
    at = np.asarray(grid, dtype=np.float64)
    if at.ndim != 1 or not at.size or not ((at >= 0) & (at <= 1)).all():
        raise ValueError(f"grid must be (g,) rates in [0, 1], got {grid}")
    rows, codes = _falling_rows(scores, target, groups)
    positive, ends = rows.positive[:, 0], tie_ends(rows.scores[:, 0])
    values = np.empty((replicates, len(at)))
    for k, chosen in enumerate(draws(rows, codes, replicates, seed)):
        weights = np.bincount(chosen, minlength=len(positive))
        values[k] = curve(_weighted(positive, ends, weights), at)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    once = np.ones(len(positive), dtype=np.intp)
    return Band(low, curve(_weighted(positive, ends, once), at), high)


def _falling_rows(
    scores: ArrayLike, target: ArrayLike, groups: Groups
) -> tuple[Rows, Codes | None]:
    """Known rows in falling order of their score: sorted once, for all draws."""
    given = as_rows(scores, target)
    given.require_single("scores")
    rows, _, codes = prepare(given, groups)
    order = np.argsort(rows.scores[:, 0])[::-1]
    ordered = Rows(rows.scores[order], rows.positive[order], None, single=True)
    return ordered, None if codes is None else codes[order]


def _weighted(positive: Bools, ends: Codes, weights: Codes) -> Counts:
    """Counts at the distinct scores when row i occurs ``weights[i]`` times; no thresholds."""
    true = np.cumsum(weights * positive)[ends]
    return Counts(np.empty(0), true, np.cumsum(weights)[ends] - true)

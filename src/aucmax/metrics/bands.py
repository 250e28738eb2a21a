"""Pointwise confidence bands of ROC and precision-recall curves, for figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, rates
from ._inputs import as_rows
from .intervals import Groups
from .resampling import SortedRows, check_settings, draws, prepare
from .shift_model import FAR, Floats64, Noise, ShiftModel, arrange, shift_quantiles


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
    return _band(_ROC, scores, target, grid, level, replicates, seed, groups)


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
    return _band(_PRECISION, scores, target, grid, level, replicates, seed, groups)


@dataclass(frozen=True)
class _Curve:
    """A curve over a grid, and what the model of two logistic classes says about its points."""

    values: Callable[[Counts, Floats64], Floats64]
    """(g,): the curve at the grid."""
    reached: Callable[[Noise, Floats64, Floats64, bool], Floats64]
    """(g,): the d at which a draw of the model reaches (or, if asked, exceeds) these values."""
    population: Callable[[Floats64, Floats64, float], Floats64]
    """(g,): the curve of the model at the grid, for d at each point, and a share of positives."""


def _sensitivity(count: Counts, grid: Floats64) -> Floats64:
    return np.interp(grid, *rates(count))


def _sensitivity_reached(noise: Noise, grid: Floats64, values: Floats64, beyond: bool) -> Floats64:
    positives, negatives = noise  # falling, rising
    m, n = len(positives), len(negatives)
    allowed = np.floor(grid * n + 1e-9).astype(np.intp)  # negatives above the threshold
    threshold = np.append(negatives[::-1], -np.inf)[allowed]
    # Enough positives are above it if the last that is needed is.
    needed = np.floor(values * m + 1e-9) + 1 if beyond else np.ceil(values * m - 1e-9)
    last = np.concatenate([[0.0], positives, [0.0]])[np.minimum(needed, m + 1).astype(int)]
    return np.where(needed > m, np.inf, np.where(needed < 1, -np.inf, threshold - last))


def _sensitivity_of_model(grid: Floats64, d: Floats64, share: float) -> Floats64:
    del share
    return grid / (grid + np.exp(-d) * (1 - grid))


def _precision(count: Counts, grid: Floats64) -> Floats64:
    true, false = count.true_positives, count.false_positives
    wanted = np.maximum(np.ceil(grid * true[-1] - 1e-9), 1)  # positives to find: at least one
    at = np.searchsorted(true, wanted)
    return true[at] / (true[at] + false[at])


def _precision_reached(noise: Noise, grid: Floats64, values: Floats64, beyond: bool) -> Floats64:
    positives, negatives = noise
    n = len(negatives)
    wanted = np.maximum(np.ceil(grid * len(positives) - 1e-9), 1)
    alarms = wanted * (1 - values) / values  # at most so many negatives above the last positive
    allowed = np.ceil(alarms - 1e-9) - 1 if beyond else np.floor(alarms + 1e-9)
    above = np.append(negatives[::-1], -np.inf)[np.clip(allowed, 0, n).astype(np.intp)]
    return np.where(allowed < 0, np.inf, above - positives[wanted.astype(np.intp) - 1])


def _precision_of_model(grid: Floats64, d: Floats64, share: float) -> Floats64:
    fall = np.exp(-d)  # false-positive rate over recall, times a factor that is 1 at recall 0
    return share / (share + (1 - share) * fall / (1 - grid + grid * fall))


_ROC = _Curve(_sensitivity, _sensitivity_reached, _sensitivity_of_model)
_PRECISION = _Curve(_precision, _precision_reached, _precision_of_model)


def _band(
    curve: _Curve,
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
    given = as_rows(scores, target)
    given.require_single("scores")
    rows, _, codes = prepare(given, groups)
    ordered = SortedRows.of(rows)
    values = np.empty((replicates, len(at)))
    for k, chosen in enumerate(draws(rows, codes, replicates, seed)):
        weights = np.bincount(chosen, minlength=len(rows.positive))
        values[k] = curve.values(ordered.counts(weights), at)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    estimate = curve.values(ordered.counts(), at)
    score = _score_band(curve, ShiftModel(rows, codes, seed), at, estimate, level)
    return Band(
        np.minimum(np.minimum(low, score[0]), estimate),
        estimate,
        np.maximum(np.maximum(high, score[1]), estimate),
    )


def _score_band(
    curve: _Curve, model: ShiftModel, grid: Floats64, estimate: Floats64, level: float
) -> tuple[Floats64, Floats64]:
    """Score limits at each grid point, as :meth:`ShiftModel.limits` finds them for a number."""
    positive = model.rows.positive[:, 0]
    noise = [arrange(positive, *draw) for draw in model.noise()]
    low, high = shift_quantiles(
        np.stack([curve.reached(draw, grid, estimate, False) for draw in noise]),
        np.stack([curve.reached(draw, grid, estimate, True) for draw in noise]),
        level,
    )
    share = float(positive.mean())
    ends = (np.clip(d, -FAR, FAR) for d in (low, high))
    lower, upper = (curve.population(grid, d, share) for d in ends)
    return lower, upper

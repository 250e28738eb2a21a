"""Bootstrap intervals and paired tests for any metric of (scores, target).

With few rows, and where draws cannot differ, the limits are at least as wide as the score limits of
:mod:`.shift_model`.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, CurveMetric
from ._inputs import Codes, Rows, UndefinedMetricWarning, as_rows
from ._quantiles import quantile, tail
from .influence import Part, influences
from .intervals import Groups
from .precision_recall import AVERAGE_PRECISION, average_precision
from .resampling import SortedRows, check_settings, draws, prepare, squeeze
from .results import Interval, PairedTest
from .roc import AUROC, auroc
from .score_interval import FEW, PERFECT
from .shift_model import OfCounts, OfScores, ShiftModel

Metric = Callable[[Any, Any], Any]  # (scores, target) -> float, as all of ours are


def bootstrap_interval(
    metric: Metric,
    scores: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    groups: Groups = None,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of any metric.

    Positives and negatives are drawn separately, each with replacement to its own number. With
    ``groups`` whole groups are drawn, and with several labels whole rows; such a draw in which a
    label lost one of its classes is drawn again.

    Args:
        metric: called with (scores, target) as numpy arrays, returns a number.
        scores: (n,), (n, 1) or (n, L), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown; with one label such rows are dropped first).
        level: confidence level in (0, 1).
        replicates: number of draws, >= 2; the limits are their percentiles.
        groups: (n,) any labels, one per row; rows of one group are drawn together.
        seed: of the draws' own generator.

    Returns:
        The metric on the data, with its limits.

    Raises:
        ValueError: as for :func:`auroc`, for settings outside their range, if the metric is nan, or
            if almost no draw holds both classes of every label.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16

    >>> from aucmax.metrics import average_precision
    >>> scores, target = [1, 4, 3, 7, 2, 6, 5, 8], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> bootstrap_interval(average_precision, scores, target, replicates=99).estimate
    0.854...
    """
    check_settings(level, replicates)
    sample = _Sample.of(metric, as_rows(scores, target), groups)
    values = np.array([sample.value(d) for d in sample.draws(replicates, seed)])
    return sample.interval(values, level, seed)


def bootstrap_test(
    metric: Metric,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    target: ArrayLike,
    *,
    level: float = 0.95,
    replicates: int = 2000,
    groups: Groups = None,
    seed: int = 0,
) -> PairedTest:
    """Paired bootstrap test of ``metric(scores_a, target) - metric(scores_b, target)``.

    Both models are judged on the same draws, made as in :func:`bootstrap_interval`. ``z`` is the
    difference over the standard deviation of its draws; ``p_value`` is twice the smaller share of
    draws on either side of 0, each counted with one more, so it is at least 2 / (replicates + 1).

    Args:
        metric: called with (scores, target) as numpy arrays, returns a number.
        scores_a: (n,), (n, 1) or (n, L) of model a, any real scale, higher = more positive.
        scores_b: same shape, of model b.
        target: same shape, 0, 1 or NaN (unknown; with one label such rows are dropped first).
        level: confidence level in (0, 1).
        replicates: number of draws, >= 2.
        groups: (n,) any labels, one per row; rows of one group are drawn together.
        seed: of the draws' own generator.

    Returns:
        The test, with a percentile interval of the difference.

    Raises:
        ValueError: as for :func:`bootstrap_interval`.

    >>> from aucmax.metrics import auroc
    >>> a, b, target = [1, 2, 3, 5, 4, 6], [1, 6, 3, 5, 2, 4], [0, 0, 0, 1, 1, 1]
    >>> bootstrap_test(auroc, a, b, target, replicates=99).difference.estimate
    0.444...
    """
    check_settings(level, replicates)
    a = _Sample.of(metric, as_rows(scores_a, target, "scores_a"), groups)
    b = _Sample.of(metric, as_rows(scores_b, target, "scores_b"), groups)
    values = np.array([(a.value(d), b.value(d)) for d in a.draws(replicates, seed)])
    return _paired_test(a, b, values, level, seed)


@dataclass(frozen=True, eq=False)
class _Sample:
    """A metric with the rows of one model to draw from."""

    metric: Metric
    of_counts: Callable[[Counts], float] | None  # the same, where it is known to be of that form
    rows: Rows
    labels: NDArray[np.float64]
    codes: Codes | None

    @classmethod
    def of(cls, metric: Metric, given: Rows, groups: Groups) -> "_Sample":
        """Drop the unknown rows of a single label; use the fast form of our own metrics."""
        fast = next((own for known, own in _FAST if known is metric), metric)
        of_counts = fast.of_counts if given.single and isinstance(fast, CurveMetric) else None
        return cls(metric, of_counts, *prepare(given, groups))

    def draws(self, replicates: int, seed: int) -> Iterator[Codes]:
        """Row numbers of each replicate."""
        return draws(self.rows, self.codes, replicates, seed)

    def value(self, chosen: Codes) -> float:
        """The metric of some rows."""
        if self.of_counts is not None:
            weights = np.bincount(chosen, minlength=len(self.labels))
            return self.of_counts(self.sorted_rows.counts(weights))
        return _evaluate(
            self.metric, squeeze(self.rows.scores[chosen], self.rows), self.labels[chosen]
        )

    @cached_property
    def sorted_rows(self) -> "SortedRows":
        """The rows in falling order, for metrics of one label."""
        return SortedRows.of(self.rows)

    @cached_property
    def estimate(self) -> float:
        """The metric of all rows."""
        return _evaluate(self.metric, squeeze(self.rows.scores, self.rows), self.labels)

    @cached_property
    def _parts(self) -> list[Part]:
        """The AUC of each label that has both classes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            return [e.parts[0] for e in influences(self.rows, self.codes) if e is not None]

    @cached_property
    def misplaced(self) -> float:
        """Units on the wrong side, in the label that has most of them."""
        return max((part.misplaced for part in self._parts), default=math.inf)

    @cached_property
    def units(self) -> int:
        """Rows, or groups, of the smallest class."""
        return min((min(p.positives, p.negatives) for p in self._parts), default=2)

    def interval(self, values: NDArray[np.float64], level: float, seed: int) -> Interval:
        """Percentiles, or score limits where these are wider and may be needed."""
        low, high = _percentiles(values, level)
        if self.misplaced < FEW or not low < self.estimate < high:
            score = self.score_limits(level, seed)
            low, high = min(low, score[0]), max(high, score[1])
        return Interval(self.estimate, low, high, level)

    def score_limits(self, level: float, seed: int) -> tuple[float, float]:
        """Limits by the model of two logistic classes."""
        model = ShiftModel(self.rows, self.codes, seed)
        if self.of_counts is not None:
            fast = OfCounts(self.of_counts, self.rows.positive[:, 0])
            return model.limits(fast, self.estimate, level)

        def function(scores: NDArray[np.float64]) -> float:
            return _evaluate(self.metric, squeeze(scores, self.rows), self.labels)

        return model.limits(OfScores(function, self.rows), self.estimate, level)


_FAST = ((average_precision, AVERAGE_PRECISION), (auroc, AUROC))


def _paired_test(
    a: _Sample, b: _Sample, values: NDArray[np.float64], level: float, seed: int
) -> PairedTest:
    """Test of the difference from the draws (replicates, 2) of both models."""
    gap, gaps = a.estimate - b.estimate, values[:, 0] - values[:, 1]
    error = float(gaps.std(ddof=1))
    tails = min(int((gaps <= 0).sum()), int((gaps >= 0).sum())) + 1
    p_value = min(1.0, 2 * tails / (len(gaps) + 1))
    if not gap and not error and _rank_alike(a.rows, b.rows):
        return PairedTest(Interval(gap, gap, gap, level), 0.0, 1.0)
    # Percentiles are those of a normal distribution; with few units Student's are farther out.
    freedom = max(a.units - 1, 1)
    stretch = quantile(level, freedom) / quantile(level)
    low, high = _percentiles(gaps, level)
    below, above = stretch * max(gap - low, 0), stretch * max(high - gap, 0)
    unseen = [0.0, 0.0]
    if min(a.misplaced, b.misplaced) < PERFECT or not error:
        (low_a, high_a), (low_b, high_b) = (sample.score_limits(level, seed) for sample in (a, b))
        unseen = [
            math.hypot(a.estimate - low_a, high_b - b.estimate),
            math.hypot(high_a - a.estimate, b.estimate - low_b),
        ]
    below, above = math.hypot(below, unseen[0]), math.hypot(above, unseen[1])
    if any(unseen) and gap:
        toward_zero = below if gap > 0 else above
        p_value = max(p_value, tail(gap * quantile(level, freedom) / toward_zero, freedom))
    z = gap / error if error else math.copysign(math.inf, gap)
    return PairedTest(Interval(gap, gap - below, gap + above, level), z if gap else 0.0, p_value)


def _rank_alike(a: Rows, b: Rows) -> bool:
    ranks = [
        [np.unique(column, return_inverse=True)[1] for column in rows.scores.T] for rows in (a, b)
    ]
    return all(np.array_equal(x, y) for x, y in zip(*ranks, strict=True))


def _evaluate(metric: Metric, scores: NDArray[Any], target: NDArray[np.float64]) -> float:
    with warnings.catch_warnings():  # a label that is undefined was warned of once already
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        value = float(metric(scores, target))
    if math.isnan(value):
        raise ValueError(f"metric must return a number, got nan on {len(scores)} rows")
    return value


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

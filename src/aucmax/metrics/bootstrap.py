"""Bootstrap intervals and paired tests for any metric of (scores, target)."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Codes, Rows, UndefinedMetricWarning, as_groups, as_rows, check_level
from .intervals import Groups
from .results import Interval, PairedTest

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
    rows, labels, codes = prepare(as_rows(scores, target), groups)
    values = np.empty(replicates)
    for k, chosen in enumerate(draws(rows, codes, replicates, seed)):
        values[k] = _evaluate(metric, _squeeze(rows.scores[chosen], rows), labels[chosen])
    estimate = _evaluate(metric, _squeeze(rows.scores, rows), labels)
    return _percentile_interval(estimate, values, level)


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
    rows, labels, codes = prepare(as_rows(scores_a, target, "scores_a"), groups)
    other, _, _ = prepare(as_rows(scores_b, target, "scores_b"), groups)

    def gap(chosen: Any) -> float:
        a, b = _squeeze(rows.scores[chosen], rows), _squeeze(other.scores[chosen], rows)
        return _evaluate(metric, a, labels[chosen]) - _evaluate(metric, b, labels[chosen])

    values = np.array([gap(chosen) for chosen in draws(rows, codes, replicates, seed)])
    interval = _percentile_interval(gap(slice(None)), values, level)
    tail = min(int((values <= 0).sum()), int((values >= 0).sum())) + 1
    error = float(values.std(ddof=1))
    z = interval.estimate / error if error else math.copysign(math.inf, interval.estimate)
    return PairedTest(
        interval, z if interval.estimate else 0.0, min(1.0, 2 * tail / (replicates + 1))
    )


def draws(rows: Rows, groups: Codes | None, replicates: int, seed: int) -> Iterator[Codes]:
    """Row numbers of each replicate: by class, by group, or by row for several labels."""
    generator = np.random.default_rng(seed)
    if rows.single and groups is None:
        classes = [np.flatnonzero(rows.positive[:, 0]), np.flatnonzero(~rows.positive[:, 0])]
        for _ in range(replicates):
            yield np.concatenate([c[generator.integers(len(c), size=len(c))] for c in classes])
        return
    members = Members(np.arange(len(rows.scores)) if groups is None else groups)
    needed, failures = rows.both_classes(), 0
    for _ in range(replicates):
        while not _holds(rows, chosen := members.draw(generator), needed):
            failures += 1
            if failures > 10 * replicates:
                raise ValueError(
                    "almost no draw holds both classes of every label; leave out labels with only "
                    "a few positives or negatives (or groups of them)"
                )
        yield chosen


class Members:
    """Rows sorted by group, so that drawing whole groups needs no loop over them."""

    def __init__(self, codes: Codes) -> None:
        self.rows = np.argsort(codes, kind="stable")
        self.sizes = np.bincount(codes)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def draw(self, generator: np.random.Generator) -> Codes:
        """Rows of as many groups as there are, drawn with replacement."""
        chosen = generator.integers(len(self.sizes), size=len(self.sizes))
        sizes = self.sizes[chosen]
        offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.rows[np.repeat(self.starts[chosen], sizes) + offset]


def _holds(rows: Rows, chosen: Codes, needed: NDArray[np.bool_]) -> bool:
    known = None if rows.known is None else rows.known[chosen]
    drawn = Rows(rows.scores[chosen], rows.positive[chosen], known, rows.single)
    return bool((drawn.both_classes() | ~needed).all())


def prepare(rows: Rows, groups: Groups) -> tuple[Rows, NDArray[np.float64], Codes | None]:
    """Rows to draw from (of one label: the known ones), the target for the metric, groups."""
    codes = as_groups(groups, len(rows.scores))
    rows.defined()
    if rows.single and rows.known is not None:
        kept = rows.known[:, 0]
        rows = Rows(rows.scores[kept], rows.positive[kept], None, single=True)
        codes = None if codes is None else np.unique(codes[kept], return_inverse=True)[1]
    labels = rows.positive.astype(np.float64)
    if rows.known is not None:
        labels[~rows.known] = np.nan
    return rows, _squeeze(labels, rows), codes


def _squeeze(array: NDArray[Any], rows: Rows) -> NDArray[Any]:
    return array[:, 0] if rows.single else array


def _evaluate(metric: Metric, scores: NDArray[Any], target: NDArray[np.float64]) -> float:
    with warnings.catch_warnings():  # a label that is undefined was warned of once already
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        value = float(metric(scores, target))
    if math.isnan(value):
        raise ValueError(f"metric must return a number, got nan on {len(scores)} rows")
    return value


def _percentile_interval(estimate: float, values: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level)


def check_settings(level: float, replicates: int) -> None:
    """Refuse a level or a number of replicates outside its range."""
    check_level(level)
    if replicates < 2:
        raise ValueError(f"replicates must be >= 2, got {replicates}; 2000 give stable limits")

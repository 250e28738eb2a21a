"""One threshold: what the classifier does when it is used."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ._counts import Counts, counts
from ._inputs import Bools, Codes, as_rows, check_level, known_groups
from .intervals import Groups
from .results import Interval
from .score_interval import rate_interval


@dataclass(frozen=True)
class OperatingPoint:
    """The rule "positive if ``score >= threshold``" and its rates with Wilson intervals."""

    threshold: float
    """An observed score, or infinity where nothing may be called positive."""
    sensitivity: Interval
    """Share of the positives that are called positive."""
    specificity: Interval
    """Share of the negatives that are called negative."""
    precision: Interval
    """Share of positives among those called positive; nan if there are none."""
    negative_predictive_value: Interval
    """Share of negatives among those called negative; nan if there are none."""


def operating_point(
    scores: ArrayLike,
    target: ArrayLike,
    *,
    sensitivity: float | None = None,
    specificity: float | None = None,
    level: float = 0.95,
    groups: Groups = None,
) -> OperatingPoint:
    """Threshold that reaches a wanted sensitivity (or specificity) at the best of the other.

    Among thresholds that reach the wanted value, the best other value decides, then the wanted one.
    The intervals take the threshold as given, but the row that set it counts for the upper limits
    of sensitivity and precision alone. Choose the threshold on validation data, and judge it on a
    test set, where precision and negative predictive value hold for that set's prevalence. With
    ``groups``, Wilson's n is the number of independent rows that would say as much (Rao and Scott).

    Args:
        scores: (n,) or (n, 1), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown, the row does not count).
        sensitivity: least share of the positives to find, in (0, 1].
        specificity: least share of the negatives to spare, in (0, 1]; give exactly one of the two.
        level: confidence level of the four intervals, in (0, 1).
        groups: (n,) any labels, one per row; rows of one group may depend on each other.

    Returns:
        The threshold and its rates.

    Raises:
        ValueError: as for :func:`auroc`, for several labels, for a value outside (0, 1], for groups
            that do not fit, and unless exactly one value is given.

    >>> point = operating_point([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], sensitivity=0.9)
    >>> point.threshold, point.specificity.estimate
    (0.35, 0.5)
    """
    check_level(level)
    wanted = sensitivity if specificity is None else specificity
    if wanted is None or (sensitivity is not None and specificity is not None):
        raise ValueError(
            "give exactly one of sensitivity and specificity, got "
            f"sensitivity={sensitivity} and specificity={specificity}"
        )
    if not 0 < wanted <= 1:
        name = "sensitivity" if specificity is None else "specificity"
        raise ValueError(f"{name} must lie in (0, 1], got {wanted}")
    rows = as_rows(scores, target)
    rows.require_single("scores")
    rows.defined()
    values, positive = rows.column(0)
    codes = known_groups(rows, groups)
    count = _with_infinity(counts(values, positive))
    choose = _at_sensitivity if specificity is None else _at_specificity
    threshold = float(count.thresholds[choose(count, wanted)])
    rates = _rates(values >= threshold, values > threshold, positive, codes, level)
    return OperatingPoint(threshold, *rates)


def _with_infinity(count: Counts) -> Counts:
    return Counts(
        *(np.concatenate([[first], c]) for first, c in zip((np.inf, 0, 0), count, strict=True))
    )


def _at_sensitivity(count: Counts, wanted: float) -> int:
    """Highest threshold with enough true positives, lowered while that costs no false positive."""
    true, false = count.true_positives, count.false_positives
    first = np.searchsorted(true, math.ceil(wanted * true[-1] - 1e-9))
    return int(np.searchsorted(false, false[first], side="right")) - 1


def _at_specificity(count: Counts, wanted: float) -> int:
    """Lowest threshold with few false positives, raised while that costs no true positive."""
    true, false = count.true_positives, count.false_positives
    allowed = false[-1] - math.ceil(wanted * false[-1] - 1e-9)
    last = int(np.searchsorted(false, allowed, side="right")) - 1
    return int(np.searchsorted(true, true[last]))


def _rates(
    called: Bools, surely: Bools, positive: Bools, groups: Codes | None, level: float
) -> Iterator[Interval]:
    """Sensitivity, specificity, precision and negative predictive value.

    The row that set the threshold is a hit by choice, not by chance: it counts for the upper limits
    of sensitivity and precision alone. Without this, one hit of few positives proves too much.
    """

    def rate(hits: Bools, rows: Bools) -> Interval:
        return rate_interval(hits[rows], None if groups is None else groups[rows], level)

    for found, sure in (
        (rate(called, positive), rate(surely, positive)),
        (rate(~called, ~positive), rate(~called, ~positive)),
        (rate(positive, called), rate(positive & surely, called)),
        (rate(~positive, ~called), rate(~positive, ~called)),
    ):
        yield replace(found, low=min(found.low, sure.low))

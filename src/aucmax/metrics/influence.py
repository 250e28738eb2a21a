r"""How much each row moves the AUC: every variance in this package is a sum of these values.

The placement of a positive is the share of negatives below it, of a negative the share of positives
above it (ties half). With AUC = A, m positives and n negatives, the influence values are

.. math:: \psi_i = \frac{V_i - A}{\sqrt{m (m-1)}} \;(i \in +), \qquad
          \psi_j = \frac{V_j - A}{\sqrt{n (n-1)}} \;(j \in -)

so that DeLong's variance is exactly the sum of their squares. Values of two models on one row
subtract (paired tests), of several labels or training seeds average, of one patient add up
(clusters).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._counts import tie_ends
from ._inputs import Bools, Codes, Floats, Rows
from .score_interval import score_error

CONSTANT = 1e-12  # placements are multiples of 1/2n: below this, differences are rounding


@dataclass(frozen=True)
class Part:
    """An AUC and the independent positives and negatives (or groups of them) behind it."""

    auc: float
    positives: int
    negatives: int
    estimable: bool  # does DeLong see any variation?


@dataclass(frozen=True)
class Estimate:
    """An AUC, or a linear combination of AUCs, with what its variance is made of."""

    value: float
    rows: NDArray[np.float64]  # (n,) influence values
    parts: tuple[Part, ...]
    slack: float  # standard error that no row carries, from score intervals

    def variance(self, groups: Codes | None) -> float:
        """Sum over rows, or over groups of rows, of the squared influence; without the slack."""
        sums = self.rows if groups is None else np.bincount(groups, weights=self.rows)
        return float(sums @ sums)


def placements(scores: Floats, positive: Bools) -> tuple[float, NDArray[np.float64]]:
    """AUC and the placement of each row (n,), by one sort."""
    order = np.argsort(scores)
    ordered, labels = scores[order], positive[order]
    ends = tie_ends(ordered)
    upto_positive = np.cumsum(labels, dtype=np.int64)[ends]
    upto_negative = ends + 1 - upto_positive
    m, n = int(upto_positive[-1]), int(upto_negative[-1])
    below = upto_negative + np.concatenate([[0], upto_negative[:-1]])  # twice the mid-count
    above = 2 * m - upto_positive - np.concatenate([[0], upto_positive[:-1]])
    if len(ends) < len(order):
        sizes = np.diff(ends, prepend=-1)
        below, above = np.repeat(below, sizes), np.repeat(above, sizes)
    doubled = int(below[labels].sum())
    values = np.empty(len(order))
    values[order] = np.where(labels, below / (2 * n), above / (2 * m))
    return doubled / (2 * m * n), values


def influence(scores: Floats, positive: Bools, groups: Codes | None = None) -> Estimate:
    """AUC of one label with the influence of its rows; needs both classes."""
    auc, values = placements(scores, positive)
    deviation = values - auc
    sizes = [_units(positive, groups), _units(~positive, groups)]
    varies = bool(np.abs(deviation).max() > CONSTANT) and min(sizes) > 1
    part = Part(auc, *sizes, estimable=varies)
    if not varies:
        return Estimate(auc, np.zeros(len(scores)), (part,), score_error(auc, *sizes))
    m = int(np.count_nonzero(positive))
    weights = [math.sqrt(k / (k - 1)) / c for k, c in zip(sizes, (m, len(scores) - m), strict=True)]
    return Estimate(auc, deviation * np.where(positive, *weights), (part,), 0.0)


def _units(chosen: Bools, groups: Codes | None) -> int:
    """Independent units among the chosen rows: the rows, or the groups that have one of them."""
    if groups is None:
        return int(np.count_nonzero(chosen))
    return int(np.count_nonzero(np.bincount(groups, weights=chosen)))


def influences(rows: Rows, groups: Codes | None) -> list[Estimate | None]:
    """One estimate per label over all n rows; ``None`` for a label of several with one class."""
    return [_of_label(rows, k, groups) if ok else None for k, ok in enumerate(rows.defined())]


def _of_label(rows: Rows, label: int, groups: Codes | None) -> Estimate:
    known = None if rows.known is None else rows.known[:, label]
    if known is None or groups is None:
        estimate = influence(*rows.column(label), groups)
    else:
        estimate = influence(*rows.column(label), groups[known])
    if known is None:
        return estimate
    values = np.zeros(len(known))  # a row whose label is unknown moves nothing
    values[known] = estimate.rows
    return Estimate(estimate.value, values, estimate.parts, estimate.slack)


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Mean over labels or seeds; slack is averaged too, as if its causes always struck together."""
    return Estimate(
        float(np.mean([e.value for e in estimates])),
        np.mean([e.rows for e in estimates], axis=0),
        tuple(part for e in estimates for part in e.parts),
        float(np.mean([e.slack for e in estimates])),
    )


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Model a minus model b on the same rows."""
    slack = math.hypot(a.slack, b.slack)
    return Estimate(a.value - b.value, a.rows - b.rows, a.parts + b.parts, slack)


def parts_error(estimate: Estimate) -> float:
    """Standard error of the mean of the parts by their score intervals."""
    errors = [score_error(p.auc, p.positives, p.negatives) for p in estimate.parts]
    return float(np.mean(errors))

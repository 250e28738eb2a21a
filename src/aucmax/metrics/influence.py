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
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ._counts import tie_ends
from ._inputs import Bools, Codes, Floats, Rows

CONSTANT = 1e-12  # placements are multiples of 1/2n: below this, differences are rounding


@dataclass(frozen=True, eq=False)
class Part:
    """An AUC with its weight in a sum, and the independent units behind it."""

    auc: float
    positives: int  # rows, or groups that have one
    negatives: int
    rows: NDArray[np.float64]  # (n,) influence values; zeros where DeLong sees no variation
    error: float  # DeLong's standard error, for groups if there are any
    weight: float = 1.0

    @property
    def estimable(self) -> bool:
        """Does DeLong see any variation?"""
        return self.error > 0

    @property
    def misplaced(self) -> float:
        """How many units of the smaller class lie on the wrong side, as the AUC has it."""
        return min(self.positives, self.negatives) * min(self.auc, 1 - self.auc)


@dataclass(frozen=True, eq=False)
class Estimate:
    """An AUC, or a linear combination of AUCs, with what its variance is made of."""

    parts: tuple[Part, ...]

    @property
    def value(self) -> float:
        """The weighted sum of the AUCs."""
        return float(sum(part.weight * part.auc for part in self.parts))

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """(n,) influence values of the sum."""
        return np.sum([part.weight * part.rows for part in self.parts], axis=0)

    def variance(self, groups: Codes | None) -> float:
        """Sum over rows, or over groups of rows, of the squared influence."""
        return _square_sum(self.rows, groups)

    def freedom(self, groups: Codes | None) -> float:
        r"""Degrees of freedom of :meth:`variance`, :math:`2 (\sum u^2)^2 / \sum u^4`.

        Satterthwaite's, with the variance of a variance taken from the fourth moment: a variance
        that rests on a few rows has few, however many rows there are. At most the units of the
        smaller class less one, of the label that has most.
        """
        squares = _squares(self.rows, groups)
        fourth = float(squares @ squares)
        if fourth == 0:
            return math.inf
        units = max(min(part.positives, part.negatives) for part in self.parts)
        return min(2 * float(squares.sum()) ** 2 / fourth, max(units - 1, 1))


def _square_sum(rows: NDArray[np.float64], groups: Codes | None) -> float:
    squares = _squares(rows, groups)
    return float(squares.sum())


def _squares(rows: NDArray[np.float64], groups: Codes | None) -> NDArray[np.float64]:
    sums = rows if groups is None else np.bincount(groups, weights=rows).astype(np.float64)
    return sums * sums


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
    sizes = _units(positive, groups), _units(~positive, groups)
    varies = bool(np.abs(deviation).max() > CONSTANT) and min(sizes) > 1
    if not varies:
        return Estimate((Part(auc, *sizes, np.zeros(len(scores)), 0.0),))
    m = int(np.count_nonzero(positive))
    weights = [math.sqrt(k / (k - 1)) / c for k, c in zip(sizes, (m, len(scores) - m), strict=True)]
    rows = deviation * np.where(positive, *weights)
    error = math.sqrt(_square_sum(rows, groups))
    return Estimate((Part(auc, *sizes, rows, error if error > CONSTANT else 0.0),))


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
    (part,) = estimate.parts
    values = np.zeros(len(known))  # a row whose label is unknown moves nothing
    values[known] = part.rows
    return Estimate((replace(part, rows=values),))


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Mean over labels or seeds."""
    return _weighted([(1 / len(estimates), e) for e in estimates])


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Model a minus model b on the same rows."""
    return _weighted([(1, a), (-1, b)])


def _weighted(terms: Sequence[tuple[float, Estimate]]) -> Estimate:
    return Estimate(
        tuple(replace(part, weight=w * part.weight) for w, e in terms for part in e.parts)
    )

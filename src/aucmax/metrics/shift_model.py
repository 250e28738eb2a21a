r"""Score limits of any metric: the separations of two classes that its value does not contradict.

A bootstrap cannot show what lies beyond the rows: a perfect ranking stays perfect in every draw.
So its limits are compared with those of a model: the scores of both classes are logistic, those of
the positives d higher, so that :math:`\text{odds}(TPR) = e^d \, \text{odds}(FPR)`. The limits are
the values of the metric at the two d for which a value as high, or as low, as the observed one is
as rare as the level allows. That is how a score interval of a proportion is made; here the
probabilities are simulated.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ._counts import Counts
from ._inputs import Bools, Codes, Rows
from ._quantiles import quantile

DRAWS = 200
STEPS = 8
FAR = 60.0  # a separation at which no pair of rows is ranked wrongly
IDEAL = 1000  # positives of the large sample that stands for the population

Floats64 = NDArray[np.float64]
Noise = tuple[Floats64, Floats64]  # of the rows where they are positive, and where negative


class Metric(Protocol):
    """A metric of model scores, that of the positives moved up by d."""

    def arranged(self, positive_noise: Floats64, negative_noise: Floats64) -> Noise:
        """One draw of the noise, as :meth:`at` takes it."""
        ...

    def at(self, d: float, positive_noise: Floats64, negative_noise: Floats64) -> float:
        """Its value for one draw of the noise, arranged."""
        ...

    def population(self, d: float) -> float | None:
        """Its value for infinitely many rows; None if that is not what it estimates."""
        ...


@dataclass(frozen=True, eq=False)
class ShiftModel:
    r"""Draws of the noise of all rows.

    With groups, a row has the noise of its group and class with probability :math:`\sqrt\rho`, and
    its own otherwise, so that two such rows are correlated by rho, as the scores at hand are.
    """

    rows: Rows
    groups: Codes | None
    seed: int

    def noise(self) -> Iterator[Noise]:
        """Noise (n,) of the rows where they are positive, and where they are negative."""
        generator = np.random.default_rng(self.seed)
        n = len(self.rows.scores)
        for _ in range(DRAWS):
            own = generator.logistic(size=n)
            if self.groups is None or self.likeness == 0:
                yield own, own
                continue
            common = generator.logistic(size=(2, int(self.groups.max()) + 1))[:, self.groups]
            joint = generator.random(n) < math.sqrt(self.likeness)
            positive, negative = np.where(joint, common, own)
            yield positive, negative

    @cached_property
    def likeness(self) -> float:
        """Correlation of the rows of one class and group: the largest of all labels."""
        if self.groups is None:
            return 0.0
        labels = range(self.rows.scores.shape[1])
        known = self.rows.known
        return max(
            _intraclass(
                *self.rows.column(k), self.groups if known is None else self.groups[known[:, k]]
            )
            for k in labels
        )

    def limits(self, metric: Metric, estimate: float, level: float) -> tuple[float, float]:
        """The metric's lower and upper score limit, not beyond its estimate."""
        found = np.empty((2, DRAWS))
        slack = 1e-9 * max(1.0, abs(estimate))
        for k, noise in enumerate(self._arranged(metric)):
            low, high = _bounds(*noise)
            falls = metric.at(high, *noise) < metric.at(low, *noise)

            def excess(d: float, noise: Noise = noise, falls: bool = falls) -> float:
                gap = metric.at(d, *noise) - estimate
                return -gap if falls else gap

            at, after = _crossing(lambda d: excess(d) >= -slack, low, high)
            found[0, k] = at
            if after < high and not excess(after) > slack:  # a tie with what was observed
                at, _ = _crossing(lambda d: excess(d) > slack, after, high)
            found[1, k] = at
        ends = shift_quantiles(found[0], found[1], level)
        values = [self._value(metric, float(np.clip(d, -FAR, FAR))) for d in ends]
        return min(*values, estimate), max(*values, estimate)

    def _arranged(self, metric: Metric) -> Iterator[Noise]:
        return (metric.arranged(*noise) for noise in self.noise())

    def _value(self, metric: Metric, d: float) -> float:
        value = metric.population(d)
        if value is None:
            value = float(np.mean([metric.at(d, *noise) for noise in self._arranged(metric)]))
        return value


def shift_quantiles(
    reach: Floats64, exceed: Floats64, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits of d from those at which the draws (axis 0) reach, and exceed, what was observed."""
    low = np.quantile(reach, (1 - level) / 2, axis=0, method="lower")
    return low, np.quantile(exceed, (1 + level) / 2, axis=0, method="higher")


def _bounds(positive: Floats64, negative: Floats64) -> tuple[float, float]:
    """Two d: with one all positives are below all negatives, with the other above."""
    low, high = negative.min() - positive.max(), negative.max() - positive.min()
    return float(low) - 1e-6, float(high) + 1e-6


def _crossing(above: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Where ``above`` turns true within [low, high], or an infinity; and a point just after it."""
    if not above(high):
        return math.inf, high
    if above(low):
        return -math.inf, low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return (low + high) / 2, high


def _intraclass(scores: Floats64, positive: Bools, groups: Codes) -> float:
    """Intraclass correlation of the ranks within a class, by analysis of variance, in [0, 1].

    The mean square between groups is taken at its upper limit, as far as a factor of Student's t
    goes, since few groups say little about it. 1 where no group has two rows of a class.
    """
    between = within = sizes = 0.0
    freedom_between = freedom_within = 0
    for rows in (positive, ~positive):
        codes = np.unique(groups[rows], return_inverse=True)[1]
        counts = np.bincount(codes)
        if len(counts) == len(codes):
            continue
        ranks = np.unique(scores[rows], return_inverse=True)[1] / len(codes)
        means = np.bincount(codes, ranks) / counts
        between += float(counts @ (means - ranks.mean()) ** 2)
        within += float(((ranks - means[codes]) ** 2).sum())
        freedom_between += len(counts) - 1
        freedom_within += len(codes) - len(counts)
        sizes += len(codes) - float(counts @ counts) / len(codes)
    if not freedom_between or not freedom_within or within == 0:
        return 1.0
    doubt = (quantile(0.95, freedom_between) / quantile(0.95)) ** 2
    upper, lower = doubt * between / freedom_between, within / freedom_within
    typical = sizes / freedom_between  # rows per group
    return float(np.clip((upper - lower) / (upper + (typical - 1) * lower), 0, 1))


@dataclass(frozen=True, eq=False)
class OfCounts:
    """A metric of one label that is a function of the counts at all thresholds."""

    function: Callable[[Counts], float]
    positive: Bools

    def arranged(self, positive_noise: Floats64, negative_noise: Floats64) -> Noise:
        """That of the positives falling, that of the negatives rising."""
        return arrange(self.positive, positive_noise, negative_noise)

    def at(self, d: float, positive_noise: Floats64, negative_noise: Floats64) -> float:
        """One search per positive."""
        above = np.searchsorted(negative_noise, positive_noise + d, side="right")
        return self.function(_staircase(len(negative_noise) - above, len(negative_noise)))

    def population(self, d: float) -> float:
        """By the quantiles of the model, with the share of positives at hand."""
        positives, negatives = np.count_nonzero(self.positive), np.count_nonzero(~self.positive)
        share = (np.arange(IDEAL) + 0.5) / IDEAL
        odds = np.exp(-d) * share / (1 - share)
        negatives = IDEAL * negatives / positives
        return self.function(_staircase(negatives * odds / (1 + odds), negatives))


def arrange(positive: Bools, positive_noise: Floats64, negative_noise: Floats64) -> Noise:
    """Noise of the positives, falling, and of the negatives, rising."""
    return np.sort(positive_noise[positive])[::-1], np.sort(negative_noise[~positive])


def _staircase(above: NDArray[np.number], negatives: float) -> Counts:
    """Counts of untied rows, given how many negatives lie above each positive, best first."""
    found = np.arange(len(above) + 1)
    true = np.append(np.repeat(found, 2)[1:-1], len(above))
    return Counts(np.empty(0), true, np.append(np.repeat(above, 2), negatives))


@dataclass(frozen=True, eq=False)
class OfScores:
    """Any metric of (scores, target), for one label or several."""

    function: Callable[[NDArray[np.float64]], float]
    rows: Rows

    def arranged(self, positive_noise: Floats64, negative_noise: Floats64) -> Noise:
        """As they are."""
        return positive_noise, negative_noise

    def at(self, d: float, positive_noise: Floats64, negative_noise: Floats64) -> float:
        """All scores anew."""
        shape = self.rows.positive
        scores = np.where(shape, positive_noise[:, None] + d, negative_noise[:, None])
        return self.function(self._on_scale(1 / (1 + np.exp(-scores))))

    def population(self, d: float) -> None:
        """Unknown: the mean of the draws stands for it."""

    @cached_property
    def observed(self) -> NDArray[np.float64] | None:
        """The scores at hand, each label's sorted, if the metric looks at more than their order."""
        columns = [np.unique(c, return_inverse=True)[1] for c in self.rows.scores.T]
        ranks = np.stack([(c.reshape(-1) + 0.5) / (c.max() + 1) for c in columns], axis=1)
        same = math.isclose(self.function(ranks), self.function(self.rows.scores), abs_tol=1e-12)
        return None if same else np.sort(self.rows.scores, axis=0)

    def _on_scale(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The model's order, on the scale of the scores at hand where that matters."""
        if self.observed is None:
            return scores
        placed = np.empty_like(scores)
        np.put_along_axis(placed, np.argsort(scores, axis=0), self.observed, axis=0)
        return placed

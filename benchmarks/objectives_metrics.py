"""What objectives.py measures: four areas, and paired differences of their means over seeds."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from objectives_data import SHARE
from scipy.stats import t as student

from aucmax.metrics import auroc, partial_auroc, roc_curve, two_way_partial_auroc

Array = np.ndarray
Metric = Callable[[Array, Array], float]
MAX_FPR = 0.3
CORNER_FPR, CORNER_TPR = 0.4, 0.6
LEVEL = 0.95
DRAWS = 1000
"""Bootstrap draws of the test rows; only their standard deviation is used."""


def average_precision(scores: Array, target: Array) -> float:
    """Average precision where a share SHARE of the rows is positive, whatever it is here.

    The sum of precision times the step in recall, with precision = p TPR / (p TPR + (1-p) FPR):
    ``aucmax.metrics.average_precision`` if p is the rows' own share.
    """
    curve = roc_curve(scores, target)
    true, false = SHARE * curve.tpr[1:], (1 - SHARE) * curve.fpr[1:]
    return float(np.sum(np.diff(curve.tpr) * true / (true + false)))


def one_way(scores: Array, target: Array) -> float:
    """Mean true-positive rate over false-positive rates of up to MAX_FPR."""
    return partial_auroc(scores, target, fpr=(0, MAX_FPR)).normalised


def two_way(scores: Array, target: Array) -> float:
    """AUC of the lowest positives (beyond CORNER_TPR) against the highest negatives."""
    return two_way_partial_auroc(scores, target, max_fpr=CORNER_FPR, min_tpr=CORNER_TPR)


METRICS: dict[str, Metric] = {
    "auroc": lambda scores, target: float(auroc(scores, target)),
    "ap": average_precision,
    "pauc": one_way,
    "tpauc": two_way,
}
TITLES = {
    "auroc": "AUROC",
    "ap": f"AP at {SHARE:.0%} positives",
    "pauc": f"pAUC, FPR <= {MAX_FPR}",
    "tpauc": f"pAUC, FPR <= {CORNER_FPR}, TPR >= {CORNER_TPR}",
}


def measure(scores: Array, target: Array) -> dict[str, float]:
    """All four."""
    return {name: float(metric(scores, target)) for name, metric in METRICS.items()}


class Draws:
    """One metric of all runs on the same bootstrap draws of the test rows, kept once computed."""

    def __init__(self, target: Array, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        classes = [np.flatnonzero(target == value) for value in (0, 1)]
        self.rows = [
            np.concatenate([generator.choice(rows, len(rows)) for rows in classes])
            for _ in range(DRAWS)
        ]
        self.target = target
        self._known: dict[tuple[str, bytes], Array] = {}

    def __call__(self, name: str, scores: Array) -> Array:
        """The metric on all rows and on each draw, (1 + DRAWS,)."""
        key = (name, scores.tobytes())
        if key not in self._known:
            every = [np.arange(len(scores)), *self.rows]
            self._known[key] = np.array([METRICS[name](scores[r], self.target[r]) for r in every])
        return self._known[key]


@dataclass(frozen=True)
class Difference:
    """A mean difference with its interval and p-value."""

    estimate: float
    low: float
    high: float
    p_value: float


def difference(draws: Draws, name: str, ours: Array, theirs: Array) -> Difference:
    r"""Mean over seeds of ``metric(ours) - metric(theirs)``, both (S, n), run s against run s.

    .. math:: SE^2 = \operatorname{Var}_{rows}(\bar\Delta) + s^2 / S

    as in :func:`aucmax.metrics.auroc_test_over_seeds`, the variance over test rows by bootstrap;
    Student's quantile with Satterthwaite's degrees of freedom. The rows' part of s^2 counts twice,
    so the interval errs on the wide side.
    """
    gaps = np.stack([draws(name, a) - draws(name, b) for a, b in zip(ours, theirs, strict=True)])
    estimate, seeds = float(gaps[:, 0].mean()), len(gaps)
    between = float(gaps[:, 0].var(ddof=1)) / seeds if seeds > 1 else 0.0
    variance = float(gaps[:, 1:].mean(0).var(ddof=1)) + between
    if variance == 0:
        return Difference(estimate, estimate, estimate, float(estimate == 0))
    freedom = (seeds - 1) * (variance / between) ** 2 if between else math.inf
    error = math.sqrt(variance)
    spread = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    p_value = 2 * float(student.sf(abs(estimate) / error, freedom))
    return Difference(estimate, estimate - spread, estimate + spread, p_value)


def holm(p_values: list[float]) -> list[float]:
    """Holm's correction: with k tests, the i-th smallest p times (k - i), never decreasing."""
    corrected, highest = [1.0] * len(p_values), 0.0
    for i, k in enumerate(np.argsort(p_values)):
        highest = max(highest, min(1.0, p_values[k] * (len(p_values) - i)))
        corrected[int(k)] = highest
    return corrected

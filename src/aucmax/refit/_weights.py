"""New weights of one output: the best for all pairs, at a strength that may be chosen by folds."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..metrics import auroc
from ._folds import fold_of_rows
from ._minimum import minimum
from ._pairs import Pairs

STRENGTHS = (math.inf, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001)
"""Values of l2 to choose from, the most cautious first."""

_ROUGH = 1e-3
"""Tolerance on the gradient while strengths are compared."""

_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
"""On the gradient that the search aims at: the root of the rounding error of the loss."""

_ENOUGH = {torch.float32: 1e-3, torch.float64: 1e-6}
"""What must be reached: the loss is within about half its square of the least."""


@dataclass(frozen=True)
class Fit:
    """Weights for standardised features, in units of the margin, and how they were found."""

    v: Tensor
    iterations: int
    gradient: float
    enough: float

    @property
    def converged(self) -> bool:
        """Whether the gradient is as small as was wanted."""
        return self.gradient <= self.enough


def fit(pairs: Pairs, l2: float, max_iterations: int) -> Fit:
    """The minimum of loss and penalty, searched from the old direction at its best length."""
    start = at_best_length(pairs, max_iterations)
    if math.isinf(l2) and pairs.old.any():
        return start
    return _search(pairs, start.v, l2, _TOLERANCE[pairs.z.dtype], max_iterations)


def at_best_length(pairs: Pairs, max_iterations: int) -> Fit:
    """The old direction at the length of least loss; zeros if it has none."""
    zeros = torch.zeros_like(pairs.old)
    if not pairs.old.any():
        return Fit(zeros, 0, 0.0, _ENOUGH[pairs.z.dtype])
    return _search(pairs, zeros, math.inf, _TOLERANCE[pairs.z.dtype], max_iterations)


def _search(
    pairs: Pairs,
    start: Tensor,
    l2: float,
    tolerance: float,
    max_iterations: int,
    *,
    basis: Tensor | None = None,
    rows: Tensor | None = None,
) -> Fit:
    basis = pairs.basis(l2) if basis is None else basis
    factor = 0.0 if math.isinf(l2) else l2  # along the old direction there is no penalty

    def objective(y: Tensor) -> Tensor:
        v = start + basis @ y
        return pairs.loss(v, rows) + factor * pairs.penalty(v)

    zeros = start.new_zeros(basis.shape[1])
    found = minimum(objective, zeros, tolerance=tolerance, max_iterations=max_iterations)
    v = start + basis @ found.y
    return Fit(v, found.iterations, found.gradient, _ENOUGH[pairs.z.dtype])


def choose(
    pairs: Pairs, groups: NDArray[np.int64], folds: int, output: int, max_iterations: int
) -> tuple[float, dict[float, float]]:
    """The strength to take by AUROC on rows left out, and the mean AUROC over folds of each.

    Taken is the strongest whose AUROC is within one standard error, over folds, of the highest: it
    stays nearest to the old weights. In every fold the search for one strength starts where that
    for the stronger one ended.
    """
    positive = pairs.positive.cpu().numpy() == 1
    fold = fold_of_rows(positive, groups, folds, output)
    strengths = STRENGTHS if pairs.old.any() else STRENGTHS[1:]
    start = [torch.zeros_like(pairs.old)] * folds
    found = np.empty((len(strengths), folds))
    for number, l2 in enumerate(strengths):
        basis = pairs.basis(l2)
        for k in range(folds):
            rows = torch.from_numpy(fold != k).to(pairs.positive)
            start[k] = _search(
                pairs, start[k], l2, _ROUGH, max_iterations, basis=basis, rows=rows
            ).v
            scores = pairs.scores(start[k]).cpu().numpy()[fold == k]
            found[number, k] = auroc(scores, positive[fold == k])
    means = dict(zip(strengths, found.mean(1).tolist(), strict=True))
    return strengths[_cautious(found)], means


def _cautious(found: NDArray[np.float64]) -> int:
    """The first row of (strengths, folds) that the best one beats by no more than chance."""
    behind = found[found.mean(1).argmax()] - found
    error = behind.std(1, ddof=1) / behind.shape[1] ** 0.5
    return int((behind.mean(1) <= error).argmax())

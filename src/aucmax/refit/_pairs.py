"""The problem of one output: rows, the old weights, and the all-pairs loss."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..losses.pairs.means import squared_hinge_mean

MARGIN = 1.0
"""It sets the scale of the scores only, which is free: any other would give the same ranking."""

_FLAT = 1e-6
"""A feature whose deviation is below this share of its size is rounding, not variation."""

_DAMPING = 1e-5
"""Added to the curvature, as a share of its mean, so that features may depend on one another."""


_SMALL = 2**22
"""Entries of features up to which they are computed with in float64, whatever they came in."""

_BLOCK = 2**12
"""Rows summed at a time in the precision of the features; the sums are added in float64."""


class _Scores(torch.autograd.Function):
    """``z v`` in float64, without a copy of z in float64 and nearly as exact as with one."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return (z @ v.to(z.dtype)).double()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (z,) = ctx.saved_tensors
        total = grads[0].new_zeros(z.shape[1])
        for rows, slope in zip(z.split(_BLOCK), grads[0].to(z.dtype).split(_BLOCK), strict=True):
            total += (slope @ rows).double()
        return total, None


@dataclass(frozen=True)
class Pairs:
    """Rows with a known target, their features standardised."""

    z: Tensor
    """(n, k) in float32 or float64, mean 0 and deviation 1; features that do not vary left out."""
    positive: Tensor
    """(n,) of 0 and 1 in float64."""
    old: Tensor
    """(k,) old weights, for z, in float64."""
    curvature: Tensor
    """(k, k) mean of ``(z+ - z-)(z+ - z-)^T`` over all pairs, in float64."""
    mean: Tensor
    """(d,) of the features."""
    deviation: Tensor
    """(d,) of the features, 0 for those that are left out."""

    @property
    def direction(self) -> Tensor:
        """(k,) old weights, of length 1; zeros if they are all zero."""
        return self.old / self.old.norm() if self.old.any() else self.old

    def scores(self, v: Tensor) -> Tensor:
        """(n,) scores ``z v`` in float64."""
        return _Scores.apply(v, self.z)  # pyright: ignore[reportReturnType]

    def loss(self, v: Tensor, rows: Tensor | None = None) -> Tensor:
        """Mean of ``max(0, m - v(z+ - z-))^2`` over all pairs, of rows of weight 1 or all."""
        positive, negative = self.positive, 1 - self.positive
        if rows is not None:
            positive, negative = positive * rows, negative * rows
        return squared_hinge_mean(self.scores(v), positive, negative, MARGIN)

    def penalty(self, v: Tensor) -> Tensor:
        """Squared length of the part of v that is at right angles to the old weights."""
        away = v - self.direction * (self.direction @ v)
        return away @ away

    def basis(self, l2: float) -> Tensor:
        """(k, j) directions in which the objective is about equally curved: steps v = A y.

        They are the columns of ``H^(-1/2)``, H being the Hessian with half of the pairs inside the
        margin; for infinite l2, the old direction alone.
        """
        u = self.direction[:, None]
        if l2 == torch.inf:
            return u / (u.mT @ self.curvature @ u).sqrt().clamp(min=_FLAT)
        eye = torch.eye(len(u), dtype=u.dtype, device=u.device)
        hessian = self.curvature + 2 * l2 * (eye - u @ u.mT)
        hessian = hessian + _DAMPING * hessian.trace() / len(u) * eye
        lower = torch.linalg.cholesky(hessian)
        return torch.linalg.solve_triangular(lower.mT, eye, upper=True)


def make_pairs(features: Tensor, target: Tensor, weight: Tensor, output: int) -> Pairs:
    """The problem of one output: its rows of known target, standardised.

    Args:
        features: (n, d), finite.
        target: (n,) of 0, 1 or NaN.
        weight: (d,) old weights.
        output: named in messages.

    Raises:
        ValueError: if no feature varies.
    """
    known = ~target.isnan()
    x, positive = (features[known], target[known]) if not known.all() else (features, target)
    x = x.double() if x.numel() <= _SMALL else x
    mean = _mean(x, 1)
    z = x - mean.to(x.dtype)
    deviation = _mean(z, 2).sqrt()
    varies = deviation > _FLAT * mean.abs()
    if not varies.any():
        raise ValueError(
            f"features must vary, but all {z.shape[1]} are constant over the {len(z)} rows with a "
            f"known target of output {output}: the network has collapsed, or the rows are too few"
        )
    z = z if varies.all() else z[:, varies]
    z /= deviation[varies].to(z.dtype)
    old = weight.double().to(z.device)[varies] * deviation[varies]
    deviation = torch.where(varies, deviation, 0)
    return Pairs(z, positive, old, _curvature(z, positive), mean, deviation)


def _mean(x: Tensor, power: int) -> Tensor:
    """(d,) means of a power of the columns, in float64 without a copy of all in it."""
    return torch.stack([(rows.double() ** power).sum(0) for rows in x.split(_BLOCK)]).sum(0) / len(
        x
    )


def _curvature(z: Tensor, positive: Tensor) -> Tensor:
    """Covariances of both classes and the square of the gap of their means, by the moments."""
    shares = [weights / weights.sum() for weights in (positive, 1 - positive)]
    means = [(share.to(z.dtype) @ z).double() for share in shares]
    cross = torch.outer(*means)
    total = -cross - cross.mT
    both = (shares[0] + shares[1]).to(z.dtype)[:, None]
    for rows, share in zip(z.split(_BLOCK), both.split(_BLOCK), strict=True):
        total += (rows.mT @ (rows * share)).double()
    return total

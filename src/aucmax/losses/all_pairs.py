"""Means over all pairs of a positive and a negative without a matrix of pairs.

Every function takes scores ``h``, the 0/1 masks ``positive`` and ``negative``, each (B,) or (B, L),
and returns the mean for each label, () or (L,); some finite number for a label without a pair.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from ..surrogates import Surrogate

BLOCK_PAIRS = 2**20
"""Pairs that are held at a time where the surrogate has no faster form."""


def square_mean(h: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of ``(m - h+ + h-)^2``, which is ``Var(h|+) + Var(h|-) + (m + E-h - E+h)^2``."""
    n1, n0 = positive.sum(0), negative.sum(0)
    c1, c0 = n1.clamp(min=1), n0.clamp(min=1)
    mean1, mean0 = (h * positive).sum(0) / c1, (h * negative).sum(0) / c0
    r1, r0 = (h - mean1) * positive, (h - mean0) * negative
    spread = (r1 * r1).sum(0) / c1 + (r0 * r0).sum(0) / c0
    return spread + (margin + mean0 - mean1) ** 2


def squared_hinge_mean(h: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of ``max(0, m - h+ + h-)^2`` by one sort and prefix sums."""
    return _SquaredHinge.apply(h, positive, negative, margin)  # pyright: ignore[reportReturnType]


class _SquaredHinge(torch.autograd.Function):
    """With z = h- + m, the pair counts ``(z - h+)^2`` if h+ < z.

    Sorted together, a negative sees the positives before it: with their number k and their sums
    S1, S2 of h+ and h+^2 it contributes ``k z^2 - 2 z S1 + S2``. The gradient needs the same sums,
    and for a positive those of the negatives behind it.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
        pairs = (positive.sum(0) * negative.sum(0)).clamp(min=1)
        z, order = (h + margin * negative).sort(dim=0)
        # Differences of large sums: in double precision (which Apple's GPUs lack), and centred.
        z = z.to(torch.float32 if h.device.type == "mps" else torch.float64)
        z = z - z.mean(0)
        p, q = positive.gather(0, order).to(z.dtype), negative.gather(0, order).to(z.dtype)
        k, s1 = p.cumsum(0), (p * z).cumsum(0)
        s2 = (p * z * z).cumsum(0)
        value = (q * (k * z * z - 2 * z * s1 + s2)).sum(0) / pairs
        behind, sum_behind = q.flip(0).cumsum(0).flip(0), (q * z).flip(0).cumsum(0).flip(0)
        slope = q * (k * z - s1) + p * (behind * z - sum_behind)
        grad = torch.empty_like(h).scatter_(0, order, (2 * slope / pairs).to(h.dtype))
        ctx.save_for_backward(grad)
        return value.to(h.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (grad,) = ctx.saved_tensors
        return grads[0] * grad, None, None, None


def blockwise_mean(
    h: Tensor, positive: Tensor, negative: Tensor, margin: float, surrogate: Surrogate
) -> Tensor:
    """Mean of any surrogate, one block of pairs at a time.

    A block is computed again in the backward pass instead of being kept, so that memory stays that
    of one block: at most :data:`BLOCK_PAIRS` pairs, or one row of B.
    """
    if h.ndim == 2:
        columns = zip(h.unbind(1), positive.unbind(1), negative.unbind(1), strict=True)
        return torch.stack([blockwise_mean(*column, margin, surrogate) for column in columns])
    h1, h0 = h[positive > 0], h[negative > 0]

    def block_sum(block: Tensor) -> Tensor:
        return surrogate(block[:, None] - h0, margin).sum()

    rows = max(1, BLOCK_PAIRS // max(1, len(h0)))
    parts = [
        checkpoint(block_sum, block, use_reentrant=False, preserve_rng_state=False)
        for block in h1.split(rows)  # one empty block if there is no positive
    ]
    return torch.stack(parts).sum() / max(1, len(h1) * len(h0))

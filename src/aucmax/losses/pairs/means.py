"""Means over all pairs of a positive and a negative without a matrix of pairs.

Every function takes scores ``h`` and the rows' weights ``positive`` and ``negative``, each (B,) or
(B, L). A weight is 0 for rows of the other class; masks of 0 and 1 make the plain mean. Returned is
``sum_ij p_i q_j l_ij / (sum_i p_i sum_j q_j)`` for each label, () or (L,), where l_ij is the
surrogate of a pair; some finite number for a label without a pair. Weights have no gradient.
"""

import torch
from torch import Tensor

from ..._autograd import with_gradients
from ...surrogates import Surrogate, square, squared_hinge
from .sums import pair_sums

_TINY = 1e-30  # a total of weights may be small, but is 0 only where there is no row


def pairs_mean(
    h: Tensor, positive: Tensor, negative: Tensor, margin: float, surrogate: Surrogate
) -> Tensor:
    """Mean of any surrogate, by the fastest form that it has."""
    if surrogate is square:
        return square_mean(h, positive, negative, margin)
    if surrogate is squared_hinge:
        return squared_hinge_mean(h, positive, negative, margin)
    return blockwise_mean(h, positive, negative, margin, surrogate)


def square_mean(h: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of ``(m - h+ + h-)^2``, which is ``Var(h|+) + Var(h|-) + (m + E-h - E+h)^2``."""
    c1, c0 = positive.sum(0).clamp(min=_TINY), negative.sum(0).clamp(min=_TINY)
    mean1, mean0 = (h * positive).sum(0) / c1, (h * negative).sum(0) / c0
    r1, r0 = h - mean1, h - mean0
    spread = (positive * r1 * r1).sum(0) / c1 + (negative * r0 * r0).sum(0) / c0
    return spread + (margin + mean0 - mean1) ** 2


def squared_hinge_mean(h: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of ``max(0, m - h+ + h-)^2`` by one sort and prefix sums.

    With z = h- + m, the pair counts ``(z - h+)^2`` if h+ < z. Sorted together, a negative sees the
    positives before it: with their number k and their sums S1, S2 of h+ and h+^2 it contributes
    ``k z^2 - 2 z S1 + S2``. The gradient needs the same sums, and for a positive those of the
    negatives behind it.
    """
    return with_gradients(lambda h: _squared_hinge(h, positive, negative, margin), [h])


def _squared_hinge(
    h: Tensor, positive: Tensor, negative: Tensor, margin: float
) -> tuple[Tensor, list[Tensor]]:
    """The mean, () or (L,), and the gradient of its sum over labels."""
    pairs = (positive.sum(0) * negative.sum(0)).clamp(min=_TINY)
    z, order = (h + margin * negative.sign()).sort(dim=0)
    # Differences of large sums: in double precision (which Apple's GPUs lack), and centred.
    z = z.to(torch.float32 if h.device.type == "mps" else torch.float64)
    w = (positive - negative).gather(0, order).to(z.dtype)
    p = w.clamp(min=0)
    q = p - w
    weight = w.abs()
    z = z - (weight * z).sum(0) / weight.sum(0).clamp(min=_TINY)
    pz, qz = p * z, q * z
    k, s1, s2 = p.cumsum(0), pz.cumsum(0), (pz * z).cumsum(0)
    below = k * z - s1
    value = (qz * (below - s1) + q * s2).sum(0) / pairs
    behind, sum_behind = q.flip(0).cumsum(0).flip(0), qz.flip(0).cumsum(0).flip(0)
    slope = q * below + p * (behind * z - sum_behind)
    gradient = torch.empty_like(h).scatter_(0, order, (2 * slope / pairs).to(h.dtype))
    return value.to(h.dtype), [gradient]


def blockwise_mean(
    h: Tensor, positive: Tensor, negative: Tensor, margin: float, surrogate: Surrogate
) -> Tensor:
    """Mean of any surrogate, one block of pairs at a time; 0 for a label without a pair.

    ``positive`` and ``negative`` may be any weights p, q >= 0: the mean is then
    ``sum_ij p_i q_j l_ij / (sum p * sum q)``.
    """
    pairs = positive.sum(0) * negative.sum(0)
    sums = pair_sums(h, positive, negative, margin, surrogate)
    return (positive * sums).sum(0) / torch.where(pairs > 0, pairs, 1)

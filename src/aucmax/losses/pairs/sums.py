r"""Sums over pairs, one for each row, without a matrix of pairs.

What objectives need that weigh the rows of the matrix of pairs differently: the precision at a
positive is a function of its own row of pairs, and so is the height of a negative among positives.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..._autograd import guard, in_transform
from ...surrogates import (
    Surrogate,
    barrier_hinge,
    exponential,
    hinge,
    logistic,
    sigmoid,
    square,
    squared_hinge,
)

BLOCK_PAIRS = 2**18
"""Pairs that the CPU holds at a time where the surrogate has no faster form: they fit its cache."""

ACCELERATOR_BLOCK_PAIRS = 2**24
"""Pairs at a time elsewhere, where every block costs the launch of several kernels."""

_WALL = 10.0
"""The slope that :func:`barrier_hinge` takes when none is given."""


def pair_sums(
    h: Tensor, rows: Tensor, columns: Tensor, margin: float, surrogate: Surrogate
) -> Tensor:
    r"""Weighted sums of a surrogate over pairs (i, j), one for each row i.

    .. math:: G_i = \sum_j c_j\,\ell(h_i - h_j), \qquad 0 \text{ for rows that are left out}

    In O(B) for ``square`` and ``exponential``, in O(B log B) for ``hinge`` and ``squared_hinge``;
    for any other surrogate in blocks of pairs, computed again in the backward pass instead of being
    kept. The gradient is taken in h alone, as row and as column.

    Args:
        h: scores, (B,) or (B, L), float32 or float64.
        rows: rows i that are wanted where > 0, of the shape of h.
        columns: weights c of the columns j, >= 0, of the shape of h.
        margin: m > 0, in units of the score.
        surrogate: function (gap, margin) -> Tensor that works element by element.

    Returns:
        The sums, of the shape and type of h.

    >>> h, ones = torch.tensor([0.5, 0.0]), torch.ones(2)
    >>> pair_sums(h, ones, ones, 1.0, squared_hinge)
    tensor([1.2500, 3.2500])
    """
    if surrogate is square:
        return _square(h, rows, columns, margin)
    if surrogate is exponential:
        return _exponential(h, rows, columns, margin)
    if surrogate is squared_hinge:
        return _hinge(h, rows, columns, margin, 2)
    if surrogate is hinge:
        return _hinge(h, rows, columns, margin, 1)
    if h.ndim == 1:
        return _blockwise(h, rows, columns, margin, surrogate)
    # By index: the compiler of torch 2.6 fails on zip(..., strict=True) in a comprehension.
    sums = [
        _blockwise(h[:, i], rows[:, i], columns[:, i], margin, surrogate) for i in range(h.shape[1])
    ]
    return torch.stack(sums, dim=1)


def _square(h: Tensor, rows: Tensor, columns: Tensor, margin: float) -> Tensor:
    """``W (m - h_i + mean)^2 + W var``, with W, mean and variance of the weighted columns."""
    total = columns.sum(0)
    used = ((rows > 0) | (columns > 0)).to(h.dtype)
    # Gaps stay, and the mean of small numbers is more precise
    h = h - (h.detach() * used).sum(0) / used.sum(0).clamp(min=1)
    mean = (columns * h).sum(0) / torch.where(total > 0, total, 1)
    spread = (columns * (h - mean) ** 2).sum(0)
    return torch.where(rows > 0, total * (margin - h + mean) ** 2 + spread, 0)


def _exponential(h: Tensor, rows: Tensor, columns: Tensor, margin: float) -> Tensor:
    """``exp(m - h_i + top) sum_j c_j exp(h_j - top)``; no factor overflows before the sum does."""
    top = torch.where(columns > 0, h, -torch.inf).amax(0).detach()
    top = torch.where(top.isfinite(), top, 0)
    total = (columns * torch.exp(torch.where(columns > 0, h - top, 0))).sum(0)
    return torch.where(rows > 0, torch.exp(torch.where(rows > 0, margin + (top - h), 0)) * total, 0)


def _hinge(h: Tensor, rows: Tensor, columns: Tensor, margin: float, power: int) -> Tensor:
    """With z = -h and r = z + m, the pair counts ``(r_i - z_j)^power`` if z_j < r_i.

    Sorted by z, row i sees the columns in front of r_i: with the sums S0, S1, S2 of c, cz and czz
    over them, ``G_i`` is ``S0 r - S1``, or ``S0 r^2 - 2 S1 r + S2``. Since r is sorted too, a
    column sees the rows behind it: with upstream weights w and the sums U0, U1 of w and wr, its
    slope is ``c U0``, or ``2 c (U1 - U0 z)``.
    """
    with torch.no_grad():
        z, order = (-h.mT if h.ndim == 2 else -h).contiguous().sort()
        # Differences of large sums: in double precision (which Apple's GPUs lack), and centred.
        z = z.to(torch.float32 if h.device.type == "mps" else torch.float64)
        used = _sorted(((rows > 0) | (columns > 0)).to(h.dtype), order).to(z.dtype)
        z = z - (z * used).sum(-1, keepdim=True) / used.sum(-1, keepdim=True).clamp(min=1)
        r, c = z + margin, _sorted(columns, order).to(z.dtype)
        moments = (c, c * z) if power == 1 else (c, c * z, c * z * z)
        s0, s1, *s2 = _up_to(torch.searchsorted(z, r), moments)
        linear = s0 * r - s1
        slope, value = (s0, linear) if power == 1 else (2 * linear, linear * r - s1 * r + s2[0])
        # Rounding could leave a sum of nothing below zero.
        sums = _unsorted(value.clamp(min=0) * (_sorted(rows, order) > 0), order, h)
    function = _TransformedHinge if in_transform() else _Hinge
    return function.apply(h, sums, z, slope, order, rows, columns, margin, power)  # pyright: ignore[reportReturnType]


class _Hinge(torch.autograd.Function):
    """The gradient of :func:`_hinge` from what its forward pass found."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, sums: Tensor, *found: Any) -> Tensor:
        ctx.save_for_backward(h, *found[:-2])
        ctx.margin, ctx.power = found[-2:]
        return sums.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        h, z, slope, order, rows, columns = ctx.saved_tensors
        r, c = z + ctx.margin, _sorted(columns, order).to(z.dtype)
        w = _sorted(grads[0], order).to(z.dtype) * (_sorted(rows, order) > 0)
        behind = z.shape[-1] - torch.searchsorted(r, z, right=True)
        if ctx.power == 1:
            (of_column,) = _up_to(behind, (w.flip(-1),))
        else:
            u0, u1 = _up_to(behind, (w.flip(-1), (w * r).flip(-1)))
            of_column = 2 * (u1 - u0 * z)
        gradient = _unsorted(c * of_column - w * slope, order, grads[0])
        # For the hinge itself the slopes are constant: linear in w, this is right as it stands.
        return gradient if ctx.power == 1 else guard(gradient, h), *[None] * 8


class _TransformedHinge(torch.autograd.Function):
    """The same in the form that ``torch.func`` asks for."""

    generate_vmap_rule = True

    @staticmethod
    def forward(h: Tensor, sums: Tensor, *found: Any) -> Tensor:
        return sums.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        h, _, *found = inputs
        ctx.save_for_backward(h, *found[:-2])
        ctx.margin, ctx.power = found[-2:]

    backward = _Hinge.backward


def _up_to(count: Tensor, terms: tuple[Tensor, ...]) -> Tensor:
    """For each of the terms, the sum of its first ``count`` entries."""
    sums = F.pad(torch.stack(terms).cumsum(-1), (1, 0))
    return sums.gather(-1, count.expand(len(terms), *count.shape))


def _sorted(x: Tensor, order: Tensor) -> Tensor:
    """(B,) or (B, L) as (B,) or (L, B), in the given order."""
    return (x.mT if x.ndim == 2 else x).gather(-1, order)


def _unsorted(x: Tensor, order: Tensor, like: Tensor) -> Tensor:
    """(B,) or (L, B) back in the order, the shape and the type of ``like``."""
    found = torch.empty_like(x, dtype=like.dtype).scatter_(-1, order, x.to(like.dtype))
    return found.mT if found.ndim == 2 else found


def _blockwise(
    h: Tensor, rows: Tensor, columns: Tensor, margin: float, surrogate: Surrogate
) -> Tensor:
    """Any surrogate of (B,) scores: rows and columns of weight 0 dropped, a few rows at a time."""
    with torch.no_grad(), torch.autocast(h.device.type, enabled=False):
        i, j = (rows > 0).nonzero().squeeze(1), (columns > 0).nonzero().squeeze(1)
        own = h.detach()
        h0, c = own[j], columns[j].to(h.dtype)
        # Filled in place: small results between the blocks would leave holes in the heap.
        sums = torch.empty_like(own[i])
        for block, found in zip(_blocks(own[i], j), _blocks(sums, j), strict=True):
            torch.mv(surrogate(block[:, None] - h0, margin), c, out=found)
        sums = torch.zeros_like(own).index_copy_(0, i, sums)
    function = _TransformedBlocks if in_transform() else _Blocks
    return function.apply(h, sums, columns, i, j, margin, surrogate)  # pyright: ignore[reportReturnType]


class _Blocks(torch.autograd.Function):
    """The gradient of :func:`_blockwise`: the pairs are computed again instead of being kept."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, sums: Tensor, *found: Any) -> Tensor:
        ctx.save_for_backward(h, *found[:-2])
        ctx.margin, ctx.surrogate = found[-2:]
        return sums.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        h, columns, i, j = ctx.saved_tensors
        with torch.no_grad(), torch.autocast(h.device.type, enabled=False):
            own = h.detach()
            h0, c, w = own[j], columns[j].to(h.dtype), grads[0].detach()[i]
            of_rows, of_columns = torch.empty_like(w), torch.zeros_like(h0)
            parts = zip(*(_blocks(x, j) for x in (own[i], w, of_rows)), strict=True)
            for block, weights, found in parts:
                slope = _slope(block[:, None] - h0, ctx.margin, ctx.surrogate)
                torch.mv(slope, c, out=found)
                of_columns.addmv_(slope.mT, weights)
            gradient = torch.zeros_like(own).index_copy_(0, i, w * of_rows)
            gradient = gradient.index_add_(0, j, -c * of_columns)
        return guard(gradient, h, grads[0]), *[None] * 6


class _TransformedBlocks(torch.autograd.Function):
    """The same in the form that ``torch.func`` asks for; pairs are chosen by value, so no vmap."""

    @staticmethod
    def forward(h: Tensor, sums: Tensor, *found: Any) -> Tensor:
        return sums.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        h, _, *found = inputs
        ctx.save_for_backward(h, *found[:-2])
        ctx.margin, ctx.surrogate = found[-2:]

    backward = _Blocks.backward


def _blocks(x: Tensor, columns: Tensor) -> tuple[Tensor, ...]:
    """A few rows of x at a time; one empty block if there is none."""
    pairs = BLOCK_PAIRS if x.device.type == "cpu" else ACCELERATOR_BLOCK_PAIRS
    return x.split(max(1, pairs // max(1, len(columns))))


def _slope(gap: Tensor, margin: float, surrogate: Surrogate) -> Tensor:
    """The derivative of the surrogate at each gap."""
    if surrogate is logistic:
        return -torch.sigmoid(margin - gap)
    if surrogate is sigmoid:
        value = torch.sigmoid(gap / -margin)
        return value * (value - 1) / margin
    if surrogate is barrier_hinge:
        foot = -_WALL * margin / (_WALL - 1)  # below it the left wall, above the margin the right
        right, left = (gap > margin).to(gap.dtype), (gap < foot).to(gap.dtype)
        return right * (_WALL + 1) - left * (_WALL - 1) - 1
    if in_transform():
        return torch.func.grad(lambda gap: surrogate(gap, margin).sum())(gap)
    with torch.enable_grad():
        gap.requires_grad_()
        (slope,) = torch.autograd.grad(surrogate(gap, margin).sum(), gap)
    return slope

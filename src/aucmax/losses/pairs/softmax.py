"""For every positive a softmax over its pairs with the negatives, without a matrix of all pairs.

With losses ``l_ij`` of the pairs and a temperature ``t``, every positive i has

    log_means_i = log mean_j exp(l_ij / t),   p_ij = softmax over j of l_ij / t,

and for weights w_i the gradient of ``sum_i w_i sum_j p_ij l_ij``, p held fixed, which is also that
of ``t sum_i w_i log_means_i``. Logarithms throughout: nothing overflows before the losses do.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..._autograd import in_transform
from ...surrogates import Surrogate, square, squared_hinge
from .series import MAX_EXPONENT, Ends, Series

BLOCK_PAIRS = 2**17
"""Pairs at a time on the CPU, where they had best stay in its cache."""
ACCELERATOR_BLOCK_PAIRS = 2**24
"""Pairs at a time elsewhere, where every block costs the launch of a dozen kernels."""
KEPT_PAIRS = 2**20
"""Up to so many pairs the gradient finds the exponentials kept, and need not take them again."""


class Rows(Protocol):
    """The softmax of every positive of one label."""

    log_means: Tensor

    def gradient(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to the positives and to the negatives, for weights (n+,)."""
        ...


class PairSoftmax:
    """The softmax of every positive of a batch, label by label.

    Args:
        h: scores without a graph, (B,) or (B, L).
        positive: mask of the positives, of the same shape; a row of 0 is left out.
        negative: mask of the negatives.
        surrogate: loss of a pair, a function (gap, margin) -> Tensor that works element by element.
        margin: m > 0, in units of the score.
        temperature: t > 0, in units of the loss of a pair.
    """

    log_means: Tensor
    """Of the shape of ``h``; 0 where a row is not positive, or its label has no negative."""

    def __init__(
        self,
        h: Tensor,
        positive: Tensor,
        negative: Tensor,
        surrogate: Surrogate,
        margin: float,
        temperature: float,
    ) -> None:
        self.log_means = torch.zeros_like(h, memory_format=torch.contiguous_format)
        self._labels: list[tuple[int, Tensor, Tensor, Rows]] = []
        columns = zip(*map(_columns, (h, positive, negative, self.log_means)), strict=True)
        for label, (scores, is1, is0, log_means) in enumerate(columns):
            i1, i0 = is1.nonzero().squeeze(1), is0.nonzero().squeeze(1)
            if len(i1) and len(i0):
                rows = _rows(scores[i1], scores[i0], surrogate, margin, temperature)
                log_means[i1] = rows.log_means
                self._labels.append((label, i1, i0, rows))

    def gradient(self, weight: Tensor) -> Tensor:
        """Gradient of the sum above with respect to ``h``, for weights of the shape of ``h``.

        To be called once: what it needs may be kept, and is then used up.
        """
        grad = torch.zeros_like(self.log_means)
        columns, weights = _columns(grad), _columns(weight)
        for label, i1, i0, rows in self._labels:
            columns[label][i1], columns[label][i0] = rows.gradient(weights[label][i1])
        return grad


def _columns(x: Tensor) -> tuple[Tensor, ...]:
    return x.unbind(1) if x.ndim == 2 else (x,)


def _rows(h1: Tensor, h0: Tensor, surrogate: Surrogate, margin: float, temperature: float) -> Rows:
    """The softmax of these positives in the fastest way there is."""
    if surrogate in (square, squared_hinge):
        found = torch.stack([*h1.aminmax(), *h0.aminmax()])
        ends = Ends(*(map(float, found) if in_transform() else found.tolist()))
        squares = surrogate is square or ends.high1 <= margin + ends.low0
        if squares and ends.exponent(temperature) <= MAX_EXPONENT:
            return Series(h1, h0, ends, margin, temperature)
    if surrogate is squared_hinge:
        return Blocks(h1, h0, _SquaredHinge(h0, margin, temperature))
    return Blocks(h1, h0, _AnySurrogate(h0, surrogate, margin, temperature))


class Block(NamedTuple):
    """Some positives with all negatives, l being the loss of a pair and t the temperature."""

    shift: Tensor
    """(rows, 1), near the largest l / t of each positive."""
    factor: Tensor
    """(rows, n-), exp(l / t - shift)."""
    slope: Callable[[], Tensor]
    """Makes (rows, n-), the factor times dl / d gap, once."""


class Blocks:
    """The softmax of every positive, a few of them at a time with all negatives.

    Args:
        h1: scores of the positives, (n+,).
        h0: scores of the negatives, (n-,).
        block: makes the block of some positives.
    """

    log_means: Tensor

    def __init__(self, h1: Tensor, h0: Tensor, block: Callable[[Tensor], Block]) -> None:
        pairs = BLOCK_PAIRS if h1.device.type == "cpu" else ACCELERATOR_BLOCK_PAIRS
        self._rows = max(1, pairs // len(h0))
        self._parts, self._block, self._negatives = h1.split(self._rows), block, h0
        few = len(h1) * len(h0) <= KEPT_PAIRS
        self._kept = [block(part) for part in self._parts] if few else None
        # Filled in place: small results between the blocks would leave holes in the heap.
        self._sums, self.log_means = torch.empty_like(h1), torch.empty_like(h1)
        parts = zip(*map(self._split, (self._sums, self.log_means)), self._blocks(), strict=True)
        for sums, log_means, made in parts:
            torch.sum(made.factor, 1, out=sums)
            torch.add((sums / len(h0)).log_(), made.shift.squeeze(1), out=log_means)

    def _split(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.split(self._rows)

    def _blocks(self) -> Iterator[Block]:
        return iter(self._kept) if self._kept else map(self._block, self._parts)

    def gradient(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to the positives and to the negatives, for weights (n+,)."""
        of_h1, of_h0 = torch.empty_like(weight), torch.zeros_like(self._negatives)
        parts = zip(*map(self._split, (weight / self._sums, of_h1)), self._blocks(), strict=True)
        for w, of_rows, made in parts:
            slope = made.slope()
            torch.mul(slope.sum(1), w, out=of_rows)
            of_h0 -= w @ slope
        return of_h1, of_h0


class _SquaredHinge:
    """Makes blocks of ``max(0, m - h+ + h-)^2``, in few passes over them."""

    def __init__(self, h0: Tensor, margin: float, temperature: float) -> None:
        self._unit = math.sqrt(temperature)
        self._z = (h0 + margin) / self._unit
        self._top = self._z.max()

    def __call__(self, h1: Tensor) -> Block:
        h1 = (h1 / self._unit)[:, None]
        root, top = (self._z - h1).clamp_(min=0), (self._top - h1).clamp_(min=0)
        # root^2 - top^2; as a difference of squares it would lose the last digits of large scores.
        factor = _exp((root + top).mul_(root - top))
        return Block(top.square(), factor, lambda: root.mul_(factor).mul_(-2 * self._unit))


class _AnySurrogate:
    """Makes blocks of a surrogate that PyTorch differentiates."""

    def __init__(self, h0: Tensor, surrogate: Surrogate, margin: float, temperature: float) -> None:
        self._h0, self._surrogate = h0, surrogate
        self._margin, self._temperature = margin, temperature

    def __call__(self, h1: Tensor) -> Block:
        gap = h1[:, None] - self._h0
        if in_transform():
            values, pull_back, *_ = torch.func.vjp(
                lambda gap: self._surrogate(gap, self._margin), gap
            )
        else:
            with torch.enable_grad():
                loss = self._surrogate(gap.requires_grad_(), self._margin)
            values = loss.detach()

            def pull_back(factor: Tensor) -> tuple[Tensor, ...]:
                return torch.autograd.grad(loss, gap, factor)

        top = values.amax(1, keepdim=True)
        factor = _exp((values - top).div_(self._temperature))
        return Block(top / self._temperature, factor, lambda: pull_back(factor)[0])


def _exp(x: Tensor) -> Tensor:
    """In place, for x <= 0; below -60, lost beside exp(0) in any type, the processor is slow."""
    return x.clamp_(min=-60).exp_()

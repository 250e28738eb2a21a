"""The softmax over pairs of a squared gap without any pair: a series of products.

With the largest score H of the positives and the smallest score N of the negatives, in units of
``sqrt(t)``, put ``a_i = H - h_i >= 0``, ``b_j = h_j - N >= 0`` and ``c = m + N - H``. Then the loss
of a pair is ``l_ij / t = (a_i + b_j + c)^2``, and

    exp(l_ij / t) = exp(a_i^2 + 2 c a_i + c^2) exp(b_j^2 + 2 c b_j) sum_k (2 a_i b_j)^k / k!

where no term is negative, so nothing cancels. Sums over one index are those of B powers; with
scores of a sigmoid and t = 1 about twenty powers give float32 its full precision.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

MAX_EXPONENT = 60.0
"""Largest ``2 a b`` that is expanded: float32 holds exp(60), and a hundred powers suffice."""


class Ends(NamedTuple):
    """Smallest and largest score of the positives and of the negatives."""

    low1: float
    high1: float
    low0: float
    high0: float

    def exponent(self, temperature: float) -> float:
        """The largest ``2 a b`` of all pairs."""
        return 2 * (self.high1 - self.low1) * (self.high0 - self.low0) / temperature


class Series:
    """The softmax of every positive, in O(B) for each term, if a pair loses ``(m - h+ + h-)^2``.

    For the squared hinge this holds where no pair is beyond the margin: c >= 0.

    Args:
        h1: scores of the positives, (n+,).
        h0: scores of the negatives, (n-,).
        ends: their smallest and largest; with an exponent of at most :data:`MAX_EXPONENT`.
        margin: m > 0, in units of the score.
        temperature: t > 0, in units of the loss of a pair.
    """

    log_means: Tensor

    def __init__(
        self, h1: Tensor, h0: Tensor, ends: Ends, margin: float, temperature: float
    ) -> None:
        self._unit = unit = math.sqrt(temperature)
        self._a, self._b = (ends.high1 - h1) / unit, (h0 - ends.low0) / unit
        self._c = c = (margin + ends.low0 - ends.high1) / unit
        widest, top = (ends.high1 - ends.low1) / unit or 1.0, (ends.high0 - ends.low0) / unit
        count = _count(ends.exponent(temperature), torch.finfo(h1.dtype).eps / 8)
        k = torch.arange(count, dtype=h1.dtype, device=h1.device)[:, None].clamp_(min=1)
        self._of_a, self._of_b = _powers(self._a / widest, k**0), _powers(2 * widest * self._b, k)
        highest = max(0.0, top * (top + 2 * c))
        self._q = (self._b * (self._b + 2 * c) - highest).exp()
        moments = self._of_b @ torch.stack([self._q, self._q * self._b], dim=1)
        self._sums, self._sums_b = (moments.mT @ self._of_a).unbind(0)
        means = (self._sums / len(h0)).log()
        self.log_means = self._a * (self._a + 2 * c) + (c * c + highest) + means

    def gradient(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients with respect to the positives and to the negatives, for weights (n+,)."""
        scale = 2 * self._unit
        w, c = weight / self._sums, self._c
        moments = self._of_a @ torch.stack([w, w * self._a], dim=1)
        sums, sums_a = (moments.mT @ self._of_b).unbind(0)
        of_h1 = -scale * w * ((self._a + c) * self._sums + self._sums_b)
        return of_h1, scale * self._q * ((self._b + c) * sums + sums_a)


def _count(x: float, accuracy: float) -> int:
    """Terms of the series of ``exp(x)``, x >= 0, whose sum lacks no more than a share of it."""
    term, k = math.exp(-x), 0
    while term * x > accuracy * (k + 1 - x):  # x / (k + 1 - x) terms like this one are to come
        k += 1
        term *= x / k
    return k + 1


def _powers(x: Tensor, divisor: Tensor) -> Tensor:
    """Running products of x / divisor_k, the first one 1; (K, n) for x (n,), divisor (K, 1)."""
    factors = x / divisor
    factors[0] = 1
    return factors.cumprod(0)

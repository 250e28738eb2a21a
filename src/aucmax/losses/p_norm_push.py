"""PNormPushLoss: the ranking error with its weight on the highest negatives."""

import torch
from torch import Tensor

from .._checks import mean_weights
from ..surrogates import Surrogate, find_surrogate, surrogate_name
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair
from .pairs.sums import pair_sums


class PNormPushLoss(AUCLoss):
    r"""P-norm push: every negative's mean over the positives, raised to the power p.

    .. math:: \frac{1}{n_-}\sum_{j\in -}\Big(\frac{1}{n_+}\sum_{i\in +}\ell(h_i-h_j)\Big)^p

    The mean of a negative is its height in the ranking: a smooth count of the positives below it.
    The larger p, the more the highest negatives alone decide. p = 1 is :class:`PairwiseAUCLoss`;
    no root is taken, as in the source, which sums where means are taken here. Values grow like
    those of the surrogate to the power p: with scores of a sigmoid and margin 1 the squared hinge
    reaches 4, and float32 overflows from p = 64 on.

    In O(B) or O(B log B) for ``square``, ``exponential``, ``hinge`` and ``squared_hinge``; in
    O(B+ B-), and the memory of one block of pairs, for other surrogates. A label without a pair in
    the batch is left out of the mean over labels; a batch without any pair gives 0 with zero
    gradient and a :class:`MissingClassWarning` (where values are checked).

    Args:
        p: power, >= 1 and finite; about 2 to 16.
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            >= 0 that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if a value is outside its range, or the surrogate unknown.

    Source: Rudin, JMLR 2009, https://jmlr.org/papers/v10/rudin09b.html

    >>> loss_fn = PNormPushLoss(2.0, surrogate="hinge", activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 1.5, 0.0]), torch.tensor([1, 0, 0]))
    tensor(0.1250)
    """

    def __init__(
        self,
        p: float = 2.0,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(activation)
        if not 1 <= p < float("inf"):
            raise ValueError(f"p, the power of each negative, must be >= 1 and finite, got {p}")
        self.surrogate = find_surrogate(surrogate, margin)
        self.p, self.margin = p, margin

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean over the negatives, averaged over the labels that have a pair in this batch.

        Arguments and errors are those of :meth:`Loss.forward`; ``index`` is not used.
        """
        h, positive, negative = self.scores(logits, target)
        n1, n0 = positive.sum(0), negative.sum(0)
        pairs = n1 * n0
        warn_if_no_pair(pairs, self.warns)
        # The negative is the row: (-h_j) - (-h_i) is the gap h_i - h_j.
        sums = pair_sums(-h, negative, positive, self.margin, self.surrogate)
        height = sums / n1.clamp(min=1)
        return (mean_weights(pairs) * (height**self.p).sum(0) / n0.clamp(min=1)).sum()

    def extra_repr(self) -> str:
        """Show what was asked for."""
        name = surrogate_name(self.surrogate)
        return f"p={self.p}, surrogate={name}, margin={self.margin}"

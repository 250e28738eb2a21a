"""PairwiseAUCLoss: a surrogate of the ranking error over all pairs of a batch."""

import torch
from torch import Tensor

from .._checks import mean_weights
from ..surrogates import Surrogate, find_surrogate, surrogate_name
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair
from .pairs.means import pairs_mean


class PairwiseAUCLoss(AUCLoss):
    r"""Mean of a surrogate over all pairs of a positive and a negative of the batch.

    .. math:: \frac{1}{n_+n_-}\sum_{i\in +}\sum_{j\in -} \ell(h_i - h_j)

    Equal in value and gradient to the double loop, ties included, at a lower price:

    ================================================  ==============  ==========================
    surrogate                                         time            memory
    ================================================  ==============  ==========================
    ``square``, ``exponential``                       O(B)            O(B)
    ``squared_hinge``, ``hinge``                      O(B log B)      O(B)
    ``logistic``, ``sigmoid``, ``barrier_hinge``,     O(B+ B-)        O(B), one block of pairs
    or your own                                                       at a time
    ================================================  ==============  ==========================

    The squared hinge is sorted and summed by prefix sums (Rust and Hocking, arXiv 2302.11062). A
    label without a pair in the batch is left out of the mean over labels; a batch without any pair
    gives 0 with zero gradient and a :class:`MissingClassWarning` (where values are checked).

    Args:
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if the surrogate is unknown or the margin not positive.

    >>> loss_fn = PairwiseAUCLoss("square", margin=1.0, activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 1.0, 0.5]), torch.tensor([1, 0, 0]))
    tensor(0.1250)
    """

    def __init__(
        self,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        *,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(activation)
        self.surrogate = find_surrogate(surrogate, margin)
        self.margin = margin

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean over all pairs, averaged over the labels that have a pair in this batch.

        Arguments and errors are those of :meth:`Loss.forward`; ``index`` is not used.
        """
        h, positive, negative = self.scores(logits, target)
        pairs = positive.sum(0) * negative.sum(0)
        warn_if_no_pair(pairs, self.warns)
        value = pairs_mean(h, positive, negative, self.margin, self.surrogate)
        return (mean_weights(pairs) * value).sum()

    def extra_repr(self) -> str:
        """Show what was asked for."""
        name = surrogate_name(self.surrogate)
        return f"surrogate={name}, margin={self.margin}"

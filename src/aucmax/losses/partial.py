"""PartialAUCLoss: the ranking error where the false-positive rate is low, exactly."""

import torch

from ..surrogates import Surrogate
from .base import Activation
from .region_loss import RegionAUCLoss


class PartialAUCLoss(RegionAUCLoss):
    r"""Partial AUC up to a false-positive rate: pairs with the highest-scored negatives alone.

    .. math:: \frac{1}{n_+\,\beta n_-} \sum_{i\in +}\sum_{j\in -} q_j\,\ell(h_i - h_j),
        \qquad \sum_j q_j = \beta n_-

    with :math:`\beta` = ``max_fpr`` and q = 1 for the negatives of highest score, a fraction for
    those tied at the last place, 0 for the others. This is the definition of partial AUC. For a
    surrogate that never rises with the gap it is also the mean over positives of the CVaR of their
    pair losses, the exact objective of SOPA (Zhu et al., ICML 2022)

    .. math:: \min_s \frac{1}{n_+}\sum_{i\in +}\Big[s_i
        + \frac{1}{\beta n_-}\sum_{j\in -}\max(0, \ell(h_i-h_j) - s_i)\Big]

    because the worst share of pairs of *every* positive is that of the same negatives: no state for
    each positive is needed. ``square`` beyond its margin and ``barrier_hinge`` rise again; they,
    too, are taken over the region of the ROC curve. The choice of rows is not differentiated, which
    by Danskin's theorem is the gradient of the minimum. ``max_fpr=1`` is
    :class:`PairwiseAUCLoss`; time and memory are as there, with :math:`\beta B_-` for
    :math:`B_-`.

    A batch with fewer than 1 / max_fpr negatives stands for its highest negative alone, which is
    less far up the ranking than asked for. Draw larger batches, or set ``gamma`` < 1: the score
    above which a negative counts is then a moving average over batches (batches with less than
    half a row of the share are taken together for it). The first batch counts its own highest
    negatives. Later ones are divided by :math:`\beta n_-`, not by the number above the threshold,
    as in SOPA: the mean over batches is then that over the data for the same threshold, while the
    ratio would give the few negatives of an easy batch the weight of all. A batch that has none
    gives 0 with zero gradient. The value is this estimate; SOPA's form would need s for each
    positive. In evaluation the threshold is used but not moved.

    On the 0-1 error (ties 1/2) the value is ``1 - partial_auroc(fpr=(0, max_fpr)).normalised`` of
    the batch, fractions included, unless positives tie with negatives at the threshold: there the
    metric follows the ROC curve's slanted piece, which lies lower.

    A label without a pair in the batch is left out of the mean over labels; a batch without any
    pair gives 0 with zero gradient and a :class:`MissingClassWarning` (where values are checked).

    Args:
        max_fpr: highest false-positive rate of interest, in (0, 1].
        num_labels: L for logits (B, L); needed only if ``gamma`` < 1.
        gamma: weight of the batch in the running threshold, in (0, 1]; 1: every batch alone.
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if an argument is outside its range, or the surrogate unknown.

    Source: Zhu et al., ICML 2022, https://arxiv.org/abs/2203.00176

    >>> loss_fn = PartialAUCLoss(0.5, surrogate="square", activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 1.5, 1.0, 0.5, 0.0]), torch.tensor([1, 0, 0, 0, 0]))
    tensor(0.1250)
    """

    def __init__(
        self,
        max_fpr: float,
        *,
        num_labels: int | None = None,
        gamma: float = 1.0,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(max_fpr, 0.0, num_labels, gamma, surrogate, margin, activation)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"max_fpr={self.max_fpr}, {super().extra_repr()}"

"""TwoWayPartialAUCLoss: the ranking error in the corner of low FPR and high TPR, exactly."""

import torch

from ..surrogates import Surrogate
from .base import Activation
from .region_loss import RegionAUCLoss


class TwoWayPartialAUCLoss(RegionAUCLoss):
    r"""Two-way partial AUC: pairs of the lowest positives and the highest negatives.

    .. math:: \frac{1}{(1-\alpha) n_+\,\beta n_-}\sum_{i\in +}\sum_{j\in -} p_i q_j\,\ell(h_i-h_j),
        \qquad \sum_i p_i = (1-\alpha) n_+, \quad \sum_j q_j = \beta n_-

    with :math:`\alpha` = ``min_tpr`` and :math:`\beta` = ``max_fpr``; p = 1 for the positives of
    lowest score and q = 1 for the negatives of highest score, a fraction for those tied at the
    last place, 0 for the others. For a surrogate that never rises with the gap it is also the CVaR
    over positives of the CVaR over negatives, the objective of SONX and STACO

    .. math:: \min_{s', s}\; s' + \frac{1}{(1-\alpha)n_+}\sum_{i\in +} \max\Big(0,\; s_i
        + \frac{1}{\beta n_-}\sum_{j\in -}\max(0, \ell(h_i-h_j) - s_i) - s'\Big)

    because the CVaR of a positive falls as its score rises. ``min_tpr=0`` is
    :class:`PartialAUCLoss`; all that is said there holds here for both classes: no gradient of the
    choice, surrogates that rise again, small batches (with ``gamma`` < 1 there are two running
    thresholds, and the sum is divided by :math:`(1-\alpha) n_+ \beta n_-`), labels without a pair.

    On the 0-1 error the value is ``1 - two_way_partial_auroc(...)`` of the batch, fractions
    included, where no positive ties with a negative: for ties the metric follows the ROC curve.

    Args:
        max_fpr: highest false-positive rate of interest, in (0, 1].
        min_tpr: lowest true-positive rate of interest, in [0, 1).
        num_labels: L for logits (B, L); needed only if ``gamma`` < 1.
        gamma: weight of the batch in the running thresholds, in (0, 1]; 1: every batch alone.
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if an argument is outside its range, or the surrogate unknown.

    Source: Yang et al., ICML 2021, https://proceedings.mlr.press/v139/yang21k.html (the region);
    Hu, Zhu and Yang, NeurIPS 2023, https://arxiv.org/abs/2310.03234 (the nested CVaR).

    >>> identity = torch.nn.Identity()
    >>> loss_fn = TwoWayPartialAUCLoss(0.5, 0.5, surrogate="square", activation=identity)
    >>> loss_fn(torch.tensor([3.0, 2.0, 1.5, 0.5]), torch.tensor([1, 1, 0, 0]))
    tensor(0.2500)
    """

    def __init__(
        self,
        max_fpr: float,
        min_tpr: float,
        *,
        num_labels: int | None = None,
        gamma: float = 1.0,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(max_fpr, min_tpr, num_labels, gamma, surrogate, margin, activation)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"max_fpr={self.max_fpr}, min_tpr={self.min_tpr}, {super().extra_repr()}"

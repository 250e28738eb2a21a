"""RegionAUCLoss: the mean of a surrogate over the pairs of a region of the ROC curve."""

from abc import abstractmethod

from torch import Tensor

from .._checks import check_label_count, check_num_labels, check_region, mean_weights
from ..surrogates import Surrogate, find_surrogate, surrogate_name
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair
from .pairs.means import pairs_mean
from .regions.rows import HighestRows


class RegionAUCLoss(AUCLoss):
    """Abstract: mean of a surrogate over the pairs of the lowest positives and highest negatives.

    Args:
        max_fpr: share of the negatives, in (0, 1].
        min_tpr: share of the positives that are left out, in [0, 1).
        num_labels: L for logits (B, L); needed only if ``gamma`` < 1.
        gamma: weight of the batch in the running thresholds, in (0, 1].
        surrogate: a name from :mod:`aucmax.surrogates`, or a function (gap, margin) -> Tensor.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).
    """

    def __init__(
        self,
        max_fpr: float,
        min_tpr: float,
        num_labels: int | None,
        gamma: float,
        surrogate: str | Surrogate,
        margin: float,
        activation: Activation,
    ) -> None:
        super().__init__(activation)
        check_region(max_fpr, min_tpr)
        check_label_count(num_labels)
        self.surrogate = find_surrogate(surrogate, margin)
        self.max_fpr, self.min_tpr = max_fpr, min_tpr
        self.margin, self.gamma, self.num_labels = margin, gamma, num_labels
        self.positives = HighestRows(1 - min_tpr, gamma, num_labels=num_labels)
        self.negatives = HighestRows(max_fpr, gamma, num_labels=num_labels)

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Mean over the pairs of the region, averaged over the labels with a pair in this batch.

        Arguments and errors are those of :meth:`Loss.forward`; ``index`` is not used.
        """
        h, positive, negative = self.scores(logits, target)
        if self.gamma < 1 or self.num_labels is not None:
            check_num_labels(logits, self.num_labels)
        pairs = positive.sum(0) * negative.sum(0)
        warn_if_no_pair(pairs, self.warns)
        p, count1 = self.positives(-h.detach(), positive)
        q, count0 = self.negatives(h, negative)
        weights = mean_weights(pairs)
        if self.gamma < 1:  # the weights may sum to more or less: by design, see PartialAUCLoss
            weights = weights * (p.sum(0) * q.sum(0) / (count1 * count0).clamp(min=1e-30))
        return (weights * pairs_mean(h, p, q, self.margin, self.surrogate)).sum()

    @abstractmethod
    def extra_repr(self) -> str:
        """Show what was asked for."""
        name = surrogate_name(self.surrogate)
        return f"gamma={self.gamma}, surrogate={name}, margin={self.margin}"

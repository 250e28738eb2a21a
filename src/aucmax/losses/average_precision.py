"""APLoss: average precision, by moving averages of what every positive is ranked against."""

import torch
from torch import Tensor

from .._autograd import first_order
from .._checks import PerLabel, check_label_count, check_num_labels, checked_prior, mean_weights
from .._moving_average import MovingAverage
from ..surrogates import Surrogate, find_surrogate, surrogate_name
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair
from .pairs.sums import pair_sums


class APLoss(AUCLoss):
    r"""One minus a smooth average precision (area under the precision-recall curve), by SOAP.

    .. math:: 1 - \frac{1}{n_+}\sum_{i\in +} \frac{g^+_i}{g^+_i + g^-_i}, \qquad
        g^\pm_i = \frac{1}{n}\sum_{s\in\pm} \ell(h_i - h_s)

    The ratio is the precision at positive i if l(t) counts t <= 0; i itself is among the s. The
    value is >= 0, and 0 is a perfect ranking.

    A ratio of expectations is not the mean of its batches' ratios, so each positive keeps moving
    averages of its two sums, and the gradient is that of the ratio at these averages:

    .. math:: u^\pm_i \leftarrow (1-\gamma)\,u^\pm_i + \gamma\,g^\pm_i, \qquad
        \frac{1}{n_+}\sum_{i\in +}
        \frac{u^+_i \nabla g^-_i - u^-_i \nabla g^+_i}{(u^+_i + u^-_i)^2}

    The value returned is that of the averages. With ``num_samples=None`` (as with ``gamma=1``)
    every batch stands alone: right for large batches, biased for small ones. A positive counts
    itself, as in the source; its share is 1/n of the data but 1/B of every batch that holds it, so
    that precision looks the better the smaller the batches are.

    In O(B) or O(B log B) for ``square``, ``exponential``, ``hinge`` and ``squared_hinge``; in
    O(B+ B), and the memory of one block of pairs, for other surrogates. A label without a pair in
    the batch is left out of the mean over labels and moves no average; a batch without any gives 0
    with zero gradient and a :class:`MissingClassWarning` (where values are checked).

    Args:
        num_samples: n, the rows of the training data, each to be named by ``index``; None: no
            averages.
        num_labels: L for logits (B, L); needed only for the averages, or a ``prior`` for each.
        gamma: weight of the batch in the averages, in (0, 1].
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            >= 0 that works element by element.
        margin: m > 0, in units of the score.
        prior: share of positives, in (0, 1), at which average precision is wanted; one number, or
            one for each label. Means over the positives then weigh ``prior`` and those over the
            negatives ``1 - prior``: give the natural share when a sampler balances the batches.
            None: each batch's own shares.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if a value is outside its range, or the surrogate unknown.

    Source: Qi et al., NeurIPS 2021, https://arxiv.org/abs/2104.08736

    >>> loss_fn = APLoss(surrogate="square", activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 1.5, 0.0]), torch.tensor([1, 0, 0]))
    tensor(0.5556)
    """

    def __init__(
        self,
        num_samples: int | None = None,
        *,
        num_labels: int | None = None,
        gamma: float = 0.1,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        prior: PerLabel | None = None,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(activation)
        check_label_count(num_labels)
        self.surrogate = find_surrogate(surrogate, margin)
        self.num_samples, self.num_labels = num_samples, num_labels
        self.gamma, self.margin = gamma, margin
        averages = [MovingAverage(num_samples, gamma, num_labels=num_labels) for _ in range(2)]
        self.of_positives, self.of_negatives = averages if num_samples is not None else (None, None)
        self.prior: Tensor | None
        self.register_buffer("prior", checked_prior(prior, num_labels), persistent=False)

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """One minus the smooth average precision, averaged over the labels with a pair.

        Args:
            logits: raw model outputs, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
            index: the rows' positions in the training data, (B,), each at most once; needed with
                ``num_samples``, else not used.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        h, positive, negative = self.scores(logits, target)
        if self.num_samples is not None or self.num_labels is not None:
            check_num_labels(logits, self.num_labels)
        h = first_order(h)  # what follows has the gradient at the averages, not that of the value
        n1, n0 = positive.sum(0), negative.sum(0)
        pairs = n1 * n0
        warn_if_no_pair(pairs, self.warns)
        rows = positive * (pairs > 0)
        share1, share0 = self._shares(n1, n0)
        g1 = share1 * pair_sums(h, rows, positive, self.margin, self.surrogate)
        g0 = share0 * pair_sums(h, rows, negative, self.margin, self.surrogate)
        u1, u0 = g1.detach(), g0.detach()
        if self.of_positives is not None and self.of_negatives is not None:
            u1, u0 = self.of_positives(u1, index, rows), self.of_negatives(u0, index, rows)
        # Both are 0 where nothing is ranked near i: that is precise, and nothing is to be learned.
        total = (u1 + u0).clamp(min=torch.finfo(h.dtype).tiny)
        precision, error = u1 / total, u0 / total
        weight = mean_weights(pairs) / n1.clamp(min=1) * rows
        slope = (weight / total * (precision * g0 - error * g1)).sum()
        return (weight * error).sum() + (slope - slope.detach())

    def _shares(self, n1: Tensor, n0: Tensor) -> tuple[Tensor, Tensor]:
        """What a positive and a negative of the batch weigh."""
        if self.prior is None:
            each = 1 / (n1 + n0).clamp(min=1)
            return each, each
        return self.prior / n1.clamp(min=1), (1 - self.prior) / n0.clamp(min=1)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        name = surrogate_name(self.surrogate)
        prior = None if self.prior is None else self.prior.tolist()
        return (
            f"num_samples={self.num_samples}, num_labels={self.num_labels}, gamma={self.gamma}, "
            f"surrogate={name}, margin={self.margin}, prior={prior}"
        )

"""SmoothPartialAUCLoss: for every positive, a soft maximum over the negatives."""

import torch
from torch import Tensor

from ..surrogates import Surrogate
from .base import Activation
from .smooth import SmoothAUCLoss


class SmoothPartialAUCLoss(SmoothAUCLoss):
    r"""One-way partial AUC loss by a soft maximum (SOPA-s, Zhu et al., ICML 2022).

    .. math:: \frac{1}{n_+}\sum_{i\in +} \lambda \log u_i, \qquad
        u_i = \frac{1}{n_-}\sum_{j\in -} \exp(\ell(h_i - h_j)/\lambda)

    The worst negatives of each positive, those of the smallest gap, count most: this is the region
    of few false positives. It is the estimate of a distributionally robust loss with a penalty of
    lambda times the Kullback-Leibler divergence. Towards temperature 0 the hardest negative alone
    counts (exact partial AUC at a false positive rate of 1/n-), towards infinity all count alike
    (:class:`PairwiseAUCLoss`). The paper: https://arxiv.org/abs/2203.00176.

    The mean over a batch is no unbiased estimate inside a logarithm. With ``num_samples`` each
    positive therefore keeps a moving average u_i over its visits, as a logarithm, and its pairs
    have the weights ``exp(l_ij / lambda) / (n+ n- u_i)``. Without it every batch stands alone,
    which is exact if a batch is all the data.

    ``square`` and ``squared_hinge`` cost O(B) for each of a few dozen terms of a series where no
    pair is beyond the margin (always so for scores of a sigmoid and margin 1) and the temperature
    is not tiny; otherwise pairs are made in blocks, in O(B+ B-) time and the memory of one block.

    A label without a pair in the batch is left out of the mean over labels; a batch without any
    pair gives 0 with zero gradient and a :class:`MissingClassWarning` (where values are checked).

    Args:
        temperature: lambda > 0, in units of the loss of a pair; the smaller, the narrower the
            region. The squared hinge of sigmoid scores and margin 1 lies in [0, 4].
        num_samples: rows of the data, to average over visits; the loss then needs ``index``.
        num_labels: L for logits (B, L), needed with ``num_samples``; None (or 1) for (B,).
        gamma: weight of the new estimate in the average, in (0, 1].
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if a value is outside its range, or the surrogate is unknown.

    >>> loss_fn = SmoothPartialAUCLoss(activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 2.0, 1.0]), torch.tensor([1, 0, 0]))  # log((e + 1) / 2)
    tensor(0.6201)
    """

    def __init__(
        self,
        temperature: float = 1.0,
        num_samples: int | None = None,
        *,
        num_labels: int | None = None,
        gamma: float = 0.1,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(
            temperature,
            num_samples,
            num_labels=num_labels,
            gamma=gamma,
            surrogate=surrogate,
            margin=margin,
            activation=activation,
        )

    def summary(self, log_u: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
        """``lambda mean_i log u_i``; every positive weighs the same."""
        mean = (positive * log_u).sum(0) / positive.sum(0).clamp(min=1)
        return self.temperature * mean, log_u.new_zeros(())

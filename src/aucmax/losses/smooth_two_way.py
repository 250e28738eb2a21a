"""SmoothTwoWayPartialAUCLoss: soft maxima over the negatives and over the positives."""

import torch
from torch import Tensor

from .._moving_average import LogMovingAverage
from ..surrogates import Surrogate
from .base import Activation
from .smooth import SmoothAUCLoss, check_temperature


class SmoothTwoWayPartialAUCLoss(SmoothAUCLoss):
    r"""Two-way partial AUC loss by soft maxima (SOTA-s, Zhu et al., ICML 2022).

    .. math:: \lambda' \log v, \qquad
        v = \frac{1}{n_+}\sum_{i\in +} u_i^{\lambda/\lambda'}, \qquad
        u_i = \frac{1}{n_-}\sum_{j\in -} \exp(\ell(h_i - h_j)/\lambda)

    The worst negatives count most, and the worst positives too: the region of few false positives
    and many true ones. Towards ``positive_temperature`` infinity this is
    :class:`SmoothPartialAUCLoss`; where both are equal it is a soft maximum over all pairs. The
    paper: https://arxiv.org/abs/2203.00176.

    With ``num_samples`` moving averages of u_i for every positive and of v are kept, as logarithms,
    and a pair weighs ``u_i^(lambda/lambda' - 1) exp(l_ij / lambda) / (n+ n- v)``. Without it every
    batch stands alone. Time, memory and missing classes are as in :class:`SmoothPartialAUCLoss`.

    Args:
        temperature: lambda > 0 over the negatives, in units of the loss of a pair.
        positive_temperature: lambda' > 0 over the positives, in the same units.
        num_samples: rows of the data, to average over visits; the loss then needs ``index``.
        num_labels: L for logits (B, L), needed with ``num_samples``; None (or 1) for (B,).
        gamma: weight of the new estimates in the averages, in (0, 1].
        surrogate: a name from :mod:`aucmax.surrogates`, or any function (gap, margin) -> Tensor
            that works element by element.
        margin: m > 0, in units of the score.
        activation: maps logits to scores, applied in float32 (float64 stays).

    Raises:
        ValueError: if a value is outside its range, or the surrogate is unknown.

    >>> loss_fn = SmoothTwoWayPartialAUCLoss(activation=torch.nn.Identity())
    >>> loss_fn(torch.tensor([2.0, 3.0, 2.0]), torch.tensor([1, 1, 0]))  # log((e + 1) / 2)
    tensor(0.6201)
    """

    def __init__(
        self,
        temperature: float = 1.0,
        positive_temperature: float = 1.0,
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
        check_temperature("positive_temperature", positive_temperature)
        self.positive_temperature = positive_temperature
        one = None if num_samples is None else LogMovingAverage(None, gamma, num_labels=num_labels)
        self.average_over_positives = one

    def summary(self, log_u: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
        """``lambda' log v``; a positive weighs ``u_i^(lambda/lambda') / v``."""
        count = positive.sum(0)
        powers = self.temperature / self.positive_temperature * log_u
        known = torch.where(positive > 0, powers, -torch.inf)
        log_v = torch.where(count > 0, known.logsumexp(0) - count.log(), 0)
        if self.average_over_positives is not None:
            log_v = self.average_over_positives(log_v, known=count)
        return self.positive_temperature * log_v, powers - log_v

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"{super().extra_repr()}, positive_temperature={self.positive_temperature}"

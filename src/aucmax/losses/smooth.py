"""What the smooth partial AUC losses share: softmax weights of the pairs of each positive."""

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from .._autograd import with_gradients
from .._checks import check_label_count, check_num_labels, mean_weights
from .._moving_average import LogMovingAverage
from ..surrogates import Surrogate, find_surrogate, surrogate_name
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair
from .pairs.softmax import PairSoftmax


class SmoothAUCLoss(AUCLoss):
    r"""Abstract: a loss of the numbers ``u_i = mean_j exp(l_ij / t)``, one for every positive.

    With ``num_samples`` the numbers are averaged over the visits of a row, kept as logarithms in
    the buffer of ``average``. The arguments are those of :class:`SmoothPartialAUCLoss`.
    """

    def __init__(
        self,
        temperature: float,
        num_samples: int | None,
        *,
        num_labels: int | None,
        gamma: float,
        surrogate: str | Surrogate,
        margin: float,
        activation: Activation,
    ) -> None:
        super().__init__(activation)
        check_temperature("temperature", temperature)
        check_label_count(num_labels)
        self.surrogate = find_surrogate(surrogate, margin)
        self.margin, self.temperature = margin, temperature
        self.num_samples, self.num_labels, self.gamma = num_samples, num_labels, gamma
        # Made in any case, so that its arguments are checked in any case.
        average = LogMovingAverage(num_samples, gamma, num_labels=num_labels)
        self.average = None if num_samples is None else average

    @abstractmethod
    def summary(self, log_u: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
        """Value of the objective and, for its gradient, the logarithms of the rows' weights.

        Args:
            log_u: log u_i after averaging, (B,) or (B, L); 0 where there is none.
            positive: mask of the rows that have one, of the same shape.

        Returns:
            The value for each label, () or (L,), finite also without any row, and the logarithm of
            ``dF/d(t log u_i)``, but for the factor 1 / n+, of the shape of ``log_u`` or a scalar.
        """

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the objective, averaged over the labels that have a pair in this batch.

        Args:
            logits: raw model outputs, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
            index: the rows' positions in the data, (B,), if the loss was given ``num_samples``;
                else not used.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        h, positive, negative = self.scores(logits, target)
        if self.num_samples is not None or self.num_labels is not None:
            check_num_labels(logits, self.num_labels)
        pairs = positive.sum(0) * negative.sum(0)
        warn_if_no_pair(pairs, self.warns)
        estimate: Any = self._value_and_gradient
        if torch.compiler.is_compiling():  # pairs are chosen by values: nothing to compile
            estimate = torch.compiler.disable(estimate)
        value, grad = estimate(h.detach(), positive, negative, index)
        return with_gradients(lambda _: (value, [grad]), [h])

    @torch.no_grad()
    def _value_and_gradient(
        self, h: Tensor, positive: Tensor, negative: Tensor, index: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        n1, n0 = positive.sum(0), negative.sum(0)
        positive = positive * (n0 > 0)
        with torch.autocast(h.device.type, enabled=False):
            rows = PairSoftmax(h, positive, negative, self.surrogate, self.margin, self.temperature)
            log_u = fresh = rows.log_means
            if self.average is not None:
                log_u = self.average(fresh, index, positive)
            value, log_weight = self.summary(log_u, positive)
            share = mean_weights(n1 * n0)
            weight = (log_weight + fresh - log_u).exp() * (share / n1.clamp(min=1))
            weight = torch.where(positive > 0, weight, 0)
            return (share * value).sum(), rows.gradient(weight)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        name = surrogate_name(self.surrogate)
        return (
            f"temperature={self.temperature}, num_samples={self.num_samples}, "
            f"num_labels={self.num_labels}, gamma={self.gamma}, surrogate={name}, "
            f"margin={self.margin}"
        )


def check_temperature(name: str, temperature: float) -> None:
    """Refuse a temperature that is not a positive number."""
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"{name} must be > 0 and finite, in units of the loss of a pair, got {temperature}"
        )

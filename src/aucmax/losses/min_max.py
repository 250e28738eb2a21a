"""The min-max form of the pairwise square loss: linear in the batch, one dual variable."""

import torch
from torch import Tensor

from .._autograd import with_gradients
from .._checks import (
    PerLabel,
    check_num_labels,
    checked_prior,
    per_label,
    placed,
)
from .base import Activation
from .saddle import ByClass, SaddleLoss


class MinMaxAUCLoss(SaddleLoss):
    r"""Abstract: the saddle-point objective that AUC-M and AUC-S share.

    .. math:: E_+(h-a)^2 + E_-(h-b)^2 + 2\alpha\,(m + E_-h - E_+h) - \alpha^2

    At its saddle a = E+h, b = E-h, alpha = m + b - a, where it equals the mean of
    ``(m - (h+ - h-))^2`` over all pairs (Ying, Wen and Lyu, NIPS 2016).
    """

    def __init__(
        self,
        margin: PerLabel = 1.0,
        *,
        num_labels: int | None = None,
        activation: Activation = torch.sigmoid,
        prior: PerLabel | None = None,
    ) -> None:
        super().__init__(num_labels, activation, dict.fromkeys(self.loss_variables, 0.0))
        checked = per_label("margin", margin, num_labels)
        if not bool((checked > 0).all()):
            raise ValueError(f"margin must be > 0, in units of the score, got {margin}")
        self.margin: Tensor
        self.prior: Tensor | None
        self.register_buffer("margin", placed(checked), persistent=False)
        self.register_buffer("prior", checked_prior(prior, num_labels), persistent=False)

    def saddle(self, h: Tensor, positive: Tensor, negative: Tensor) -> ByClass:
        """Return ``a = E+h`` and ``b = E-h``."""
        a, b = ((h * x).sum(0) / x.sum(0).clamp(min=1) for x in (positive, negative))
        return {"a": a.reshape(-1)}, {"b": b.reshape(-1)}

    def best_dual(self, own: dict[str, Tensor]) -> Tensor:
        """Return ``m + b - a``."""
        return self.margin + own["b"] - own["a"]

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the saddle objective, averaged over the labels known in this batch.

        Args:
            logits: raw model outputs, (B,) or (B, 1), or (B, L) with ``num_labels=L``.
            target: 0, 1 or NaN (unknown), of the same shape.
            index: not used; accepted so that losses are interchangeable.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """
        h, positive, negative = self.scores(logits, target)
        check_num_labels(logits, self.num_labels)
        own = self.current(h, positive, negative)
        margin, prior = self.margin, self.prior
        return with_gradients(
            lambda h, a, b, alpha: _saddle(h, a, b, alpha, positive, negative, margin, prior),
            [h, own["a"], own["b"], own["alpha"]],
            self.watch_gradients,
        )

    def extra_repr(self) -> str:
        """Show what was asked for."""
        prior = None if self.prior is None else self.prior.tolist()
        return f"margin={self.margin.tolist()}, num_labels={self.num_labels}, prior={prior}"


def _saddle(
    h: Tensor,
    a: Tensor,
    b: Tensor,
    alpha: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: Tensor,
    prior: Tensor | None,
) -> tuple[Tensor, list[Tensor]]:
    """Mean of the objective over known labels, and its gradients; that of alpha is negated.

    In closed form this takes half the time. E+[x] is ``sum(w1 x)`` with w1 = 1/c1 on positives, 0
    elsewhere. With class-conditional means c1 = n1; with a prior p it is ``p n``, which makes E+[x]
    unbiased for any batch, be it of one class.
    """
    one = h.ndim == 1  # label, for which the variables are (1,), and so are sums over the batch
    n1, n0 = positive.sum(0, keepdim=one), negative.sum(0, keepdim=one)
    n = n1 + n0
    if prior is None:
        c1, c0 = n1.clamp(min=1), n0.clamp(min=1)
    else:
        c1, c0 = prior * n.clamp(min=1), (1 - prior) * n.clamp(min=1)
    w1, w0 = positive / c1, negative / c0
    r1, r0 = h - a, h - b
    wr1, wr0 = w1 * r1, w0 * r0
    e1, e0 = wr1.sum(0, keepdim=one), wr0.sum(0, keepdim=one)  # E+[h - a], E-[h - b]
    if prior is None:  # a missing class has e = 0: its mean falls back to the estimate a or b
        gap = margin + (b + e0) - (a + e1)
    else:
        gap = margin + ((w0 - w1) * h).sum(0, keepdim=one)
    spread = torch.addcmul(wr1 * r1, wr0, r0).sum(0, keepdim=one)
    known = n.clamp(max=1)  # 1 for a label with any known target, of which the value is the mean
    share = known if one else known / known.sum().clamp(min=1)
    up, down = 2 * share, -2 * share
    grad_h = up * torch.addcmul(wr1 + wr0, alpha, w0 - w1)
    value = share * torch.addcmul(spread, alpha, 2 * gap - alpha)
    value = value.squeeze() if one else value.sum()
    return value, [grad_h, down * e1, down * e0, down * (gap - alpha)]

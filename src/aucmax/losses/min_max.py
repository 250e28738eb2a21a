"""The min-max form of the pairwise square loss: linear in the batch, one dual variable."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .._checks import (
    PerLabel,
    check_batch,
    check_label_count,
    check_num_labels,
    mean_weights,
    per_label,
)
from .base import Activation, AUCLoss


class MinMaxAUCLoss(AUCLoss):
    r"""Abstract: the saddle-point objective that AUC-M and AUC-S share.

    .. math:: E_+(h-a)^2 + E_-(h-b)^2 + 2\alpha\,(m + E_-h - E_+h) - \alpha^2

    At its saddle a = E+h, b = E-h, alpha = m + b - a, where it equals the mean of
    ``(m - (h+ - h-))^2`` over all pairs (Ying, Wen and Lyu, NIPS 2016).
    """

    maximized = ("alpha",)

    def __init__(
        self,
        margin: PerLabel = 1.0,
        *,
        num_labels: int | None = None,
        activation: Activation = torch.sigmoid,
        prior: PerLabel | None = None,
    ) -> None:
        super().__init__(activation)
        check_label_count(num_labels)
        self.num_labels = num_labels
        self.margin: Tensor
        self.prior: Tensor | None
        self.register_buffer("margin", per_label("margin", margin, num_labels), persistent=False)
        self.register_buffer("prior", None, persistent=False)
        if not bool((self.margin > 0).all()):
            raise ValueError(f"margin must be > 0, in units of the score, got {margin}")
        if prior is not None:
            self.prior = per_label("prior", prior, num_labels)
            if not bool(((self.prior > 0) & (self.prior < 1)).all()):
                raise ValueError(f"prior, the share of positives, must lie in (0, 1), got {prior}")
        shape = () if num_labels in (None, 1) else (num_labels,)
        self.a, self.b, self.alpha = (nn.Parameter(torch.zeros(shape)) for _ in range(3))

    @torch.no_grad()
    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set a, b and alpha to the saddle of one batch: a = E+h, b = E-h, alpha = m + b - a.

        They start at 0, where the objective draws the scores of both classes towards 0 before
        alpha has grown to push them apart: on little data, or from a good pretrained network, much
        can be lost in these steps. At the saddle the first gradient is already that of the mean
        over all pairs. Call it once, before the first step; ``aucmax fit`` does so.

        Args:
            logits: raw model outputs of the first batch, shaped as in :meth:`forward`.
            target: 0, 1 or NaN (unknown). The variable of a class that is missing stays as it is.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as in :meth:`forward`.
        """
        logits, positive, negative = check_batch(logits, target)
        h = self.activation(logits)
        for mean, mask in ((self.a, positive), (self.b, negative)):
            count = mask.sum(0)
            mean.copy_(torch.where(count > 0, (h * mask).sum(0) / count.clamp(min=1), mean))
        self.alpha.copy_(self.margin + self.b - self.a)

    @abstractmethod
    def dual(self) -> Tensor:
        """The dual variable as the objective uses it."""

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
        return _Saddle.apply(
            h, self.a, self.b, self.dual(), positive, negative, self.margin, self.prior
        )  # pyright: ignore[reportReturnType] -- Function.apply is not typed

    @torch.no_grad()
    def diagnostics(self) -> dict[str, Tensor]:
        """As :meth:`AUCLoss.diagnostics`, with the variables ``a``, ``b`` and ``alpha``."""
        own = {"a": self.a, "b": self.b, "alpha": self.dual()}
        return super().diagnostics() | {name: value.detach().clone() for name, value in own.items()}

    def extra_repr(self) -> str:
        """Show what was asked for."""
        prior = None if self.prior is None else self.prior.tolist()
        return f"margin={self.margin.tolist()}, num_labels={self.num_labels}, prior={prior}"


class _Saddle(torch.autograd.Function):
    """Mean of the objective over known labels, its gradient in closed form (twice as fast).

    E+[x] is ``sum(w1 x)`` with w1 = 1/c1 on positives, 0 elsewhere. With class-conditional means
    c1 = n1; with a prior p it is ``p n``, which makes E+[x] unbiased for any batch, be it of one
    class.
    """

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        a: Tensor,
        b: Tensor,
        alpha: Tensor,
        positive: Tensor,
        negative: Tensor,
        margin: Tensor,
        prior: Tensor | None,
    ) -> Tensor:
        n1, n0 = positive.sum(0), negative.sum(0)
        n = n1 + n0
        if prior is None:
            c1, c0 = n1.clamp(min=1), n0.clamp(min=1)
        else:
            c1, c0 = prior * n.clamp(min=1), (1 - prior) * n.clamp(min=1)
        w1, w0 = positive / c1, negative / c0
        r1, r0 = h - a, h - b
        wr1, wr0 = w1 * r1, w0 * r0
        e1, e0 = wr1.sum(0), wr0.sum(0)  # E+[h - a], E-[h - b]
        if prior is None:  # a missing class has e = 0: its mean falls back to the estimate a or b
            gap = margin + (b + e0) - (a + e1)
        else:
            gap = margin + (w0 * h).sum(0) - (w1 * h).sum(0)
        spread = (wr1 * r1 + wr0 * r0).sum(0)
        share = mean_weights(n)
        up, down = 2 * share, -2 * share
        grad_h = up * (wr1 + wr0 + alpha * (w0 - w1))
        ctx.save_for_backward(grad_h, down * e1, down * e0, up * (gap - alpha))
        return (share * (spread + alpha * (2 * gap - alpha))).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (*(grads[0] * saved for saved in ctx.saved_tensors), None, None, None, None)

"""PAUCILoss: the partial AUC row by row, a min-max loss without pairs and without per-row state."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .._checks import (
    check_batch,
    check_label_count,
    check_num_labels,
    check_region,
    mean_weights,
    values_are_checked,
)
from .base import Activation, AUCLoss
from .regions.worst_share import worst_mean, worst_region


class PAUCILoss(AUCLoss):
    r"""Instance-wise partial AUC, PAUCI: the AUC-S objective held to a region of the ROC curve.

    .. math:: \min_{a,b}\max_\alpha\;
        T^+_{1-\mathrm{min\_tpr}}\big[(h-a)^2 - 2\alpha h\big]
        + T^-_{\mathrm{max\_fpr}}\big[(h-b)^2 + 2\alpha h\big] + 2\alpha - \alpha^2
        - \omega(\alpha-1)^2

    .. math:: T_\beta[X] = \min_s\; X(s) + \frac1\beta E\,r_\kappa\big(X(h) - X(s)\big),
        \qquad r_\kappa(x) = \log(1 + e^{\kappa x}) / \kappa

    (Shao et al., NeurIPS 2022, https://arxiv.org/abs/2210.03967; Jiang et al., 2025,
    https://arxiv.org/abs/2512.01213). T is the mean over the worst share beta of a class. As long
    as ``alpha >= max(b, 1 - a)`` the negative term rises and the positive one falls with the score:
    the worst rows are the highest negatives and the lowest positives. At ``kappa = inf``, where r
    is the plus function, the saddle value is the mean of ``(1 - h+ + h-)^2`` over the pairs of the
    region FPR <= max_fpr, TPR >= min_tpr, and a, b are the means of its rows. A finite kappa makes
    the objective smooth, and adds at most ``log(2) / (kappa beta)`` for each class: 0.035 / beta by
    default, beside a loss that begins at 1. At 2, as in the authors' code, it is ten times that,
    and alpha settles far below its saddle; a sharper threshold, the exact one included, makes rows
    come and go and comes to rest in constant scores more easily. ``kappa = inf`` is the problem
    that UPAUCI (Jiang et al.) solves with a stored weight for each row, maximised out in closed
    form; UPAUCI's own updates could not be established from accessible sources.

    The thresholds s are scores: ``s_negative`` comes to where a share max_fpr of the negatives lies
    above. The papers minimise over X(s). The exact minimum is the same, but in terms of scores
    the exact objective is strongly concave in alpha at every threshold; in terms of X it is not,
    unless omega is large, and threshold and alpha may chase one another.

    An optimizer descends the model, ``a``, ``b`` and the thresholds and ascends ``alpha``:
    :func:`aucmax.param_groups` makes the groups. At the head of ``forward`` in training mode a, b
    and s are projected onto [0, 1] and alpha onto [max(b, 1 - a), 2] (of the lower bounds b counts
    if max_fpr < 1, 1 - a if min_tpr > 0). They start where all scores are 1/2; :meth:`start_at`
    sets them by a batch. A row of the region weighs 1 / share, so a small share wants a small
    learning rate and a large batch: else scores outrun their threshold and collapse to a constant.

    Batches that lack a class: the mean of its part of the region is replaced by its estimate ``a``
    (or ``b``), held fixed, and its spread counts 0, as in :class:`AUCMLoss`. A label without any
    known target in the batch is left out of the mean over labels.

    Args:
        max_fpr: share of the negatives, the highest, in (0, 1]; at 1 there is no ``s_negative``.
        min_tpr: the region begins here: the lowest share ``1 - min_tpr`` of the positives; in
            [0, 1). At 0, one-way, there is no ``s_positive``.
        num_labels: L for logits (B, L); None (or 1) for logits (B,) or (B, 1).
        kappa: sharpness of the threshold, > 0, in units of 1 / loss; ``inf`` is exact.
        omega: >= 0; the papers' regulariser, which draws alpha towards 1. Not needed here.
        activation: maps logits to scores in [0, 1], applied in float32 (float64 stays).

    Raises:
        ValueError: if a value is outside its range.

    >>> loss_fn = PAUCILoss(0.5, kappa=math.inf)
    >>> logits, target = torch.tensor([2.0, -2.0, 0.0]), torch.tensor([1, 0, 0])
    >>> loss_fn.start_at(logits, target)
    >>> loss_fn(logits, target)  # (1 - sigmoid(2) + sigmoid(0))^2
    tensor(0.3834, grad_fn=<...>)
    """

    maximized = ("alpha",)

    def __init__(
        self,
        max_fpr: float,
        min_tpr: float = 0.0,
        *,
        num_labels: int | None = None,
        kappa: float = 20.0,
        omega: float = 0.0,
        activation: Activation = torch.sigmoid,
    ) -> None:
        super().__init__(activation)
        _check_options(max_fpr, min_tpr, num_labels, kappa, omega)
        self.max_fpr, self.min_tpr, self.num_labels = max_fpr, min_tpr, num_labels
        self.kappa, self.omega = kappa, omega
        shape = () if num_labels in (None, 1) else (num_labels,)
        self.a, self.b = (nn.Parameter(torch.full(shape, 0.5)) for _ in range(2))
        self.alpha = nn.Parameter(torch.ones(shape))
        self.s_positive, self.s_negative = (
            nn.Parameter(torch.full(shape, 0.5)) if held else None
            for held in (min_tpr > 0, max_fpr < 1)
        )

    @torch.no_grad()
    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set a, b, alpha and the thresholds to the saddle of one batch (for kappa = inf).

        At the saddle the first gradient is already that of the mean over the pairs of the region.
        Call it once, before the first step, with a batch large enough to hold some rows of it.

        Args:
            logits: raw model outputs of the first batch, shaped as in :meth:`forward`.
            target: 0, 1 or NaN (unknown). The variables of a class that is missing stay.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as in :meth:`forward`.
        """
        logits, positive, negative = check_batch(logits, target)
        check_num_labels(logits, self.num_labels)
        h = self.activation(logits)
        _check_range(h)
        high, s0 = worst_region(h, negative, self.max_fpr)
        low, s1 = worst_region(-h, positive, 1 - self.min_tpr)
        for variable, value, mask in (
            (self.a, -low, positive),
            (self.s_positive, -s1, positive),
            (self.b, high, negative),
            (self.s_negative, s0, negative),
        ):
            if variable is not None:
                variable.copy_(torch.where(mask.sum(0) > 0, value, variable))
        self.alpha.copy_(1 + (self.b - self.a) / (1 + self.omega))

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the saddle objective, averaged over the labels known in this batch.

        Args:
            logits: raw model outputs, (B,) or (B, 1), or (B, L) with ``num_labels=L``.
            target: 0, 1 or NaN (unknown), of the same shape.
            index: not used; accepted so that losses are interchangeable.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above, or scores leave [0, 1].
        """
        h, positive, negative = self.scores(logits, target)
        check_num_labels(logits, self.num_labels)
        _check_range(h)
        own = self.variables()
        return _RegionSaddle.apply(
            h, own["a"], own["b"], own["alpha"], own.get("s_positive"), own.get("s_negative"),
            positive, negative, 1 - self.min_tpr, self.max_fpr, self.kappa, self.omega,
        )  # pyright: ignore[reportReturnType]  # fmt: skip

    def variables(self) -> dict[str, Tensor]:
        """The parameters within their bounds; in training mode they are first set to them."""
        named = {"a": self.a, "b": self.b, "s_positive": self.s_positive}
        named["s_negative"] = self.s_negative
        own: dict[str, Tensor] = {name: s for name, s in named.items() if s is not None}
        alpha = self.alpha
        if self.training:
            for variable in own.values():
                # Through .data: an in-place clamp would spoil the graph of a forward made before.
                variable.data.clamp_(0, 1)
            alpha.data.copy_(self._bounded(alpha.detach(), own))
        else:
            own = {name: variable.clamp(0, 1) for name, variable in own.items()}
            alpha = self._bounded(alpha, own)
        return own | {"alpha": alpha}

    def _bounded(self, alpha: Tensor, own: dict[str, Tensor]) -> Tensor:
        """Alpha where the worst rows of a class are those of extreme score."""
        if self.s_positive is not None:
            alpha = torch.maximum(alpha, 1 - own["a"].detach())
        if self.s_negative is not None:
            alpha = torch.maximum(alpha, own["b"].detach())
        return alpha.clamp(0, 2)

    @torch.no_grad()
    def diagnostics(self) -> dict[str, Tensor]:
        """As :meth:`AUCLoss.diagnostics`, with ``a``, ``b``, ``alpha`` and the thresholds."""
        own = {name: value.detach().clone() for name, value in self.variables().items()}
        return super().diagnostics() | own

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return (
            f"max_fpr={self.max_fpr}, min_tpr={self.min_tpr}, num_labels={self.num_labels}, "
            f"kappa={self.kappa}, omega={self.omega}"
        )


class _RegionSaddle(torch.autograd.Function):
    """Mean of the objective over known labels, its gradient in closed form."""

    @staticmethod
    def forward(
        ctx: Any,
        h: Tensor,
        a: Tensor,
        b: Tensor,
        alpha: Tensor,
        s_positive: Tensor | None,
        s_negative: Tensor | None,
        positive: Tensor,
        negative: Tensor,
        share_positive: float,
        share_negative: float,
        kappa: float,
        omega: float,
    ) -> Tensor:
        n1, n0 = positive.sum(0), negative.sum(0)
        low = worst_mean(h, a, s_positive, -alpha, positive, n1, share_positive, kappa)
        high = worst_mean(h, b, s_negative, alpha, negative, n0, share_negative, kappa)
        surplus = alpha - 1
        share = mean_weights(n1 + n0)
        grad_alpha = high.alpha - low.alpha - 2 * (1 + omega) * surplus
        grads = (
            low.h + high.h, low.centre, high.centre, grad_alpha, low.threshold, high.threshold
        )  # fmt: skip
        ctx.save_for_backward(*(share * grad for grad in grads))
        return (share * (low.value + high.value + 1 - (1 + omega) * surplus**2)).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        needed = zip(ctx.saved_tensors, ctx.needs_input_grad[:6], strict=True)
        own = (grads[0] * saved if need else None for saved, need in needed)
        return (*own, None, None, None, None, None, None)


def _check_options(
    max_fpr: float, min_tpr: float, num_labels: int | None, kappa: float, omega: float
) -> None:
    check_region(max_fpr, min_tpr)
    check_label_count(num_labels)
    if not kappa > 0:
        raise ValueError(f"kappa must be > 0 (inf is exact), got {kappa}")
    if not 0 <= omega < math.inf:
        raise ValueError(f"omega must be >= 0 and finite, got {omega}")


def _check_range(h: Tensor) -> None:
    if not values_are_checked(h.device):
        return
    low, high = (float(x) for x in h.detach().aminmax())
    if low < 0 or high > 1:
        raise ValueError(
            "PAUCILoss needs scores in [0, 1], but activation(logits) lies in "
            f"[{low:g}, {high:g}]: keep activation=torch.sigmoid"
        )

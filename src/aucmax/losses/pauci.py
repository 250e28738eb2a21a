"""PAUCILoss: the partial AUC row by row, a min-max loss without pairs and without per-row state."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from .._autograd import is_wrapped, with_gradients
from .._checks import check_num_labels, check_region, mean_weights
from .base import Activation
from .regions.worst_share import worst_mean, worst_region
from .saddle import ByClass, SaddleLoss


class PAUCILoss(SaddleLoss):
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

    ``a``, ``b``, ``alpha`` and the thresholds are parameters of the loss, for any optimizer to
    descend, as in :class:`AUCMLoss`. At the head of ``forward`` in training mode a, b and s are
    projected onto [0, 1] and alpha onto [max(b, 1 - a), 2] (of the lower bounds b counts if
    max_fpr < 1, 1 - a if min_tpr > 0). They start at the saddle (for kappa = inf) of the first
    training batch, which had best hold some rows of the region. A row of the region weighs
    1 / share, so a small share wants a small learning rate and a large batch: else scores outrun
    their threshold and collapse to a constant.

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

    loss_variables = ("a", "b", "alpha", "s_positive", "s_negative")

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
        _check_options(max_fpr, min_tpr, kappa, omega)
        initial: dict[str, float | None] = {"a": 0.5, "b": 0.5, "alpha": 1.0}
        initial["s_positive"] = 0.5 if min_tpr > 0 else None
        initial["s_negative"] = 0.5 if max_fpr < 1 else None
        super().__init__(num_labels, activation, initial)
        self.max_fpr, self.min_tpr = max_fpr, min_tpr
        self.kappa, self.omega = kappa, omega

    def saddle(self, h: Tensor, positive: Tensor, negative: Tensor) -> ByClass:
        """Return the means of the rows of the region, and the scores where it ends."""
        self._check_range(h)
        high, s_negative = worst_region(h, negative, self.max_fpr)
        low, s_positive = worst_region(-h, positive, 1 - self.min_tpr)
        of_positives, of_negatives = {"a": -low.reshape(-1)}, {"b": high.reshape(-1)}
        if self.s_positive is not None:
            of_positives["s_positive"] = -s_positive.reshape(-1)
        if self.s_negative is not None:
            of_negatives["s_negative"] = s_negative.reshape(-1)
        return of_positives, of_negatives

    def best_dual(self, own: dict[str, Tensor]) -> Tensor:
        """Return ``1 + (b - a) / (1 + omega)``."""
        return 1 + (own["b"] - own["a"]) / (1 + self.omega)

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
        self._check_range(h)
        own = self.current(h, positive, negative)
        return with_gradients(
            lambda h, *values: self._value_and_gradients(h, own, values, positive, negative),
            [h, *own.values()],
            self.watch_gradients,
        )

    def bounded(self, own: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the variables where the worst rows of a class are those of extreme score."""
        within = {name: value.clamp(0, 1) for name, value in own.items() if name != "alpha"}
        alpha = own["alpha"]
        if self.s_positive is not None:
            alpha = torch.maximum(alpha, 1 - within["a"].detach())
        if self.s_negative is not None:
            alpha = torch.maximum(alpha, within["b"].detach())
        return {**own, **within, "alpha": alpha.clamp(0, 2)}

    def _value_and_gradients(
        self,
        h: Tensor,
        names: Iterable[str],
        values: tuple[Tensor, ...],
        positive: Tensor,
        negative: Tensor,
    ) -> tuple[Tensor, list[Tensor]]:
        """Mean of the objective over known labels, and its gradients; that of alpha negated."""
        # In the type of h, which sums over the batch, scalars, would not bring about.
        own = {name: value.to(h.dtype) for name, value in zip(names, values, strict=True)}
        n1, n0 = positive.sum(0), negative.sum(0)
        alpha = own["alpha"]
        low = worst_mean(
            h, own["a"], own.get("s_positive"), -alpha, positive, n1, 1 - self.min_tpr, self.kappa
        )
        high = worst_mean(
            h, own["b"], own.get("s_negative"), alpha, negative, n0, self.max_fpr, self.kappa
        )
        weight, surplus = 1 + self.omega, alpha - 1
        share = mean_weights(n1 + n0)
        gradients = {
            "h": low.h + high.h,
            "a": low.centre,
            "b": high.centre,
            "alpha": low.alpha - high.alpha + 2 * weight * surplus,
            "s_positive": low.threshold,
            "s_negative": high.threshold,
        }
        value = (share * (low.value + high.value + 1 - weight * surplus**2)).sum()
        return value, [share * gradients[name] for name in ("h", *own)]

    def _check_range(self, h: Tensor) -> None:
        if not self.checks.due or is_wrapped(h):
            return
        low, high = (float(x) for x in h.detach().aminmax())
        if low < 0 or high > 1:
            raise ValueError(
                "PAUCILoss needs scores in [0, 1], but activation(logits) lies in "
                f"[{low:g}, {high:g}]: keep activation=torch.sigmoid"
            )

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return (
            f"max_fpr={self.max_fpr}, min_tpr={self.min_tpr}, num_labels={self.num_labels}, "
            f"kappa={self.kappa}, omega={self.omega}"
        )


def _check_options(max_fpr: float, min_tpr: float, kappa: float, omega: float) -> None:
    check_region(max_fpr, min_tpr)
    if not kappa > 0:
        raise ValueError(f"kappa must be > 0 (inf is exact), got {kappa}")
    if not 0 <= omega < math.inf:
        raise ValueError(f"omega must be >= 0 and finite, got {omega}")

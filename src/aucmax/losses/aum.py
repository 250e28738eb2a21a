"""AUMLoss: the area under min(FPR, FNR), in one sort."""

import torch
from torch import Tensor

from .._checks import mean_weights
from .base import Activation, AUCLoss
from .missing import warn_if_no_pair


class AUMLoss(AUCLoss):
    r"""Area under the minimum of both error rates (Hillman and Hocking, JMLR 24, 2023, AUM).

    .. math:: \int \min\{\mathrm{FPR}(c), \mathrm{FNR}(c)\}\,dc
        = \min_c\; E_+ \max(0, c - h) + E_- \max(0, h - c)

    over all thresholds c (https://arxiv.org/abs/2107.01285). It is 0 if and only if no positive
    lies below a negative: it asks for no margin. FNR rises with c and FPR falls, so the smaller of
    them changes once, at the c where they cross, which gives the right-hand side: for two classes
    AUM is the hinge loss without a margin, the classes balanced, at the best threshold; it is
    convex in h. Rates, not counts: with counts the crossing, and with it the rows that learn, would
    depend on the share of positives, on which AUROC does not depend and which samplers change.

    Gradient: almost everywhere ``-1/n+`` for positives below the crossing, ``1/n-`` for negatives
    above it. Rows that tie with it share, by their class, the step of the ROC curve there, which is
    a straight line: a subgradient, the same for equal rows, of sum zero. Scores that are all equal
    have the least value, 0, but a gradient that ranks them. O(B log B) for a batch.

    The value is in units of the score, ``AUM(s h) = s AUM(h)``: it falls when scores shrink, so it
    is no measure of ranking; watch AUROC. Scores are raw logits, as published, unless an activation
    is given: raw, the loss does not change when all logits are shifted, whereas with a sigmoid a
    bias can lower it by driving all scores to one end.

    A label without a pair in the batch is left out of the mean over labels; a batch without any
    pair gives 0 with zero gradient and a :class:`aucmax.MissingClassWarning` (where values are
    checked).

    Args:
        activation: maps logits to scores, applied in float32 (float64 stays); None: raw logits.

    >>> loss_fn = AUMLoss()
    >>> loss_fn(torch.tensor([2.0, -1.0, 1.0]), torch.tensor([0, 0, 1]))
    tensor(0.5000)
    """

    def __init__(self, *, activation: Activation | None = None) -> None:
        super().__init__(torch.nn.Identity() if activation is None else activation)

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """AUM of the batch, averaged over the labels that have a pair in it.

        Arguments and errors are those of :meth:`Loss.forward`; ``index`` is not used.
        """
        h, positive, negative = self.scores(logits, target)
        pairs = positive.sum(0) * negative.sum(0)
        warn_if_no_pair(pairs, self.warns)
        crossing, slope = _crossing(h.detach(), positive, negative)
        return (mean_weights(pairs) * (slope * (h - crossing)).sum(0)).sum()


def _crossing(h: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """The threshold where FNR reaches FPR, and the derivative of AUM with respect to each row.

    Rates are compared as integers (FPR n+ n- against FNR n+ n-), so that no rounding moves them.
    """
    p, q = positive.long(), negative.long()
    n1, n0 = p.sum(0), q.sum(0)
    ordered, order = h.sort(dim=0)
    passed = (n0 * p + n1 * q).gather(0, order).cumsum(0)  # n+ n- (1 + FNR - FPR)
    before = (passed < n1 * n0).sum(0, keepdim=True).clamp(max=len(h) - 1)
    crossing = ordered.gather(0, before)[0]
    below, on, above = (h < crossing), (h == crossing), (h > crossing)
    # Share of the step on which FPR > FNR still: there positives push, on the rest negatives.
    lead = n1 * (q * ~below).sum(0) - n0 * (p * below).sum(0)
    step = n0 * (p * on).sum(0) + n1 * (q * on).sum(0)
    first = (lead.to(h.dtype) / step.clamp(min=1)).clamp(0, 1)
    down = negative * (above + on * (1 - first)) / n0.clamp(min=1)
    up = positive * (below + on * first) / n1.clamp(min=1)
    return crossing, down - up

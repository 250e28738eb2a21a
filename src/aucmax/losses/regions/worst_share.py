"""Means over the worst share of a class: by a threshold, in O(B), or by a sort."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class WorstMean(NamedTuple):
    """A mean, () or (L,), and its gradients with respect to the arguments of the same names."""

    value: Tensor
    h: Tensor
    centre: Tensor
    threshold: Tensor
    alpha: Tensor


def worst_mean(
    h: Tensor,
    centre: Tensor,
    threshold: Tensor | None,
    alpha: Tensor,
    mask: Tensor,
    count: Tensor,
    share: float,
    kappa: float,
) -> WorstMean:
    r"""Mean of ``X(h) = (h - c)^2 + 2 alpha h`` over the rows where it is largest.

    .. math:: X(s) + \frac1\beta E\,r_\kappa(X(h) - X(s)),
        \qquad r_\kappa(x) = \log(1 + e^{\kappa x}) / \kappa

    With h and s in [0, 1] these are the highest scores for alpha >= c, the lowest for
    alpha <= c - 1. At kappa = inf it is least, and the mean, when s bounds the share of rows.

    Args:
        h: scores, (B,) or (B, L).
        centre: c, () or (L,), as all that follows but the mask.
        threshold: s; None for the plain mean of all rows, at share 1.
        alpha: half the weight of the score.
        mask: 1 for the rows of the class, 0 for others, (B,) or (B, L).
        count: number of its rows; without any the mean is ``2 alpha c``, with c held fixed.
        share: beta, in (0, 1].
        kappa: > 0; at inf r is the plus function.
    """
    rows = mask / (share * count).clamp(min=share)
    # From s = c the formula makes the plain mean of all rows, and 2 alpha c if there is none.
    s = centre if threshold is None else torch.where(count > 0, threshold, centre)
    beyond, slope = h - s, 2 * (s - centre + alpha)  # X'(s) = slope
    mean_slope = beyond + slope
    excess = beyond * mean_slope  # X(h) - X(s) without cancellation
    if threshold is not None:
        plus, weight = _plus(excess, beyond, rows, kappa)
        gain, rows = (rows * plus).sum(0), rows * weight
    else:
        gain = (rows * excess).sum(0)
    lever = (rows * beyond).sum(0)
    return WorstMean(
        value=(s - centre) ** 2 + 2 * alpha * s + gain,
        h=rows * (mean_slope + beyond),
        centre=-2 * (s - centre + lever),
        threshold=(count > 0) * slope * (1 - rows.sum(0)),
        alpha=2 * (s + lever),
    )


def _plus(excess: Tensor, beyond: Tensor, rows: Tensor, kappa: float) -> tuple[Tensor, Tensor]:
    """``r_kappa`` and its derivative, stable for any kappa."""
    if kappa < math.inf:
        decay = torch.exp(-kappa * excess.abs())
        return excess.relu() + decay.log1p() / kappa, torch.sigmoid(kappa * excess)
    # Rows on the threshold may have any weight in [0, 1]: that which balances it, if there is one.
    over, on = (excess > 0).to(rows.dtype), (beyond == 0).to(rows.dtype)
    left = 1 - (rows * over).sum(0)
    balance = left / (rows * on).sum(0).clamp(min=torch.finfo(rows.dtype).tiny)
    return excess.relu(), over + on * balance.clamp(0, 1)


def worst_region(g: Tensor, mask: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Mean of the highest ``share`` of the rows of ``mask``, and the score where it ends.

    Exact for any share: of the row where it ends, a part counts. Scores must be > -2.
    """
    size = share * mask.sum(0)
    top = g.masked_fill(mask == 0, -2.0).sort(dim=0, descending=True).values
    rank = torch.arange(len(g), device=g.device, dtype=g.dtype)
    rank = rank[:, None] if g.ndim == 2 else rank
    mean = ((size - rank).clamp(0, 1) * top).sum(0) / size.clamp(min=torch.finfo(g.dtype).tiny)
    last = (size.ceil().long() - 1).clamp(min=0)
    return mean, top.gather(0, last[None])[0]

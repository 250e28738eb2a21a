"""From scores to logits whose sigmoid is a probability."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ._minimum import minimum


def platt(scores: Tensor, positive: Tensor) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of the class on the scores.

    Targets are ``(n+ + 1) / (n+ + 2)`` for positives and ``1 / (n- + 2)`` for negatives, so that
    both numbers are finite even where the classes do not overlap.

    Args:
        scores: (n,) in float64, not all equal.
        positive: (n,) of 0 and 1 in float64.

    Source: Platt, Advances in Large Margin Classifiers, 1999, section 2.2.
    """
    count = positive.sum()
    high, low = (count + 1) / (count + 2), 1 / (len(positive) - count + 2)
    target = torch.where(positive == 1, high, low)
    mean, deviation = scores.mean(), scores.std(correction=0)
    z = (scores - mean) / deviation

    def objective(y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(y[0] * z + y[1], target)

    start = torch.stack([z.new_zeros(()), target.mean().logit()])
    slope, intercept = minimum(objective, start, tolerance=1e-10, max_iterations=200).y
    slope = slope / deviation
    return float(slope), float(intercept - slope * mean)

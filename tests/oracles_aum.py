"""Slow, obvious statements of the area under min(FPR, FNR), for one label."""

from fractions import Fraction
from itertools import pairwise

from oracles_losses import of_class


def rates(scores, labels, c):
    """(FPR, FNR) of calling a row positive if its score is above c; exact."""
    positives, negatives = of_class(scores, labels, 1), of_class(scores, labels, 0)
    false_positives = sum(x > c for x in negatives)
    false_negatives = sum(x <= c for x in positives)
    return Fraction(false_positives, len(negatives)), Fraction(false_negatives, len(positives))


def aum(h, target):
    """Sum over the gaps between neighbouring scores; None without a pair. Autograd reaches it."""
    scores, labels = [x.item() for x in h.detach()], target.tolist()
    if 0 not in labels or 1 not in labels:
        return None
    area, order = 0 * h.sum(), h.argsort().tolist()
    for i, j in pairwise(order):
        if scores[i] < scores[j]:
            fpr, fnr = rates(scores, labels, (scores[i] + scores[j]) / 2)
            area = area + float(min(fpr, fnr)) * (h[j] - h[i])
    return area


def balanced_hinge(h, target, c):
    """E+(c - h)_+ + E-(h - c)_+ by loops over rows."""
    positives, negatives = of_class(h, target, 1), of_class(h, target, 0)
    misses = sum(max(c - x, 0 * x) for x in positives) / len(positives)
    return misses + sum(max(x - c, 0 * x) for x in negatives) / len(negatives)

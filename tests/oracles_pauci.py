"""Slow, obvious statements of the partial AUC: rows picked by sorting, pairs by a double loop."""

import math

import torch
from oracles_losses import of_class


def worst_rows(scores, share, highest):
    """The rows of a share of a class from its end, each with the part of it that counts."""
    left, rows = share * len(scores), []
    numbers = [score.item() if isinstance(score, torch.Tensor) else score for score in scores]
    for i in sorted(range(len(scores)), key=numbers.__getitem__, reverse=highest):
        if left > 1e-9:
            rows.append((scores[i], min(1.0, left)))
            left -= 1
    return rows


def mean_of(rows):
    """Weighted mean of (value, weight) rows."""
    return sum(value * weight for value, weight in rows) / sum(weight for _, weight in rows)


def region(h, target, max_fpr, min_tpr):
    """The lowest positives and the highest negatives, of one label."""
    positives = worst_rows(of_class(h, target, 1), 1 - min_tpr, highest=False)
    return positives, worst_rows(of_class(h, target, 0), max_fpr, highest=True)


def partial_square(h, target, max_fpr, min_tpr=0.0):
    """Mean of (1 - h+ + h-)^2 over the pairs of the region, by a double loop."""
    positives, negatives = region(h, target, max_fpr, min_tpr)
    return mean_of([((1 - p + n) ** 2, v * w) for p, v in positives for n, w in negatives])


def plus(x, kappa):
    """The plus function, or its smooth form."""
    if kappa == math.inf:
        return torch.where(x > 0, x, 0 * x)
    return torch.log(1 + torch.exp(kappa * x)) / kappa


def worst(values, level, share, kappa):
    """``s + E(X - s)_+ / share`` of a list of numbers X, at the level s; their mean at share 1."""
    if share == 1:
        return sum(values) / len(values)
    return level + sum(plus(x - level, kappa) for x in values) / (len(values) * share)


def objective(h, target, own, max_fpr, min_tpr, kappa, omega):
    """The papers' objective of one label, with g = alpha - 1; None if no target is known.

    ``own`` maps the names of the variables to theirs.
    """
    positives, negatives = of_class(h, target, 1), of_class(h, target, 0)
    if not positives and not negatives:
        return None
    a, b, g = own["a"], own["b"], own["alpha"] - 1

    def p(f, centre=a):
        return (f - centre) ** 2 - 2 * (1 + g) * f

    def n(f, centre=b):
        return (f - centre) ** 2 + 2 * (1 + g) * f

    # Without a row of a class: its mean is the estimate, held fixed (the documented rule).
    low, high = p(a.detach(), a.detach()), n(b.detach(), b.detach())
    if positives:
        level = p(own["s_positive"]) if min_tpr > 0 else None
        low = worst([p(f) for f in positives], level, 1 - min_tpr, kappa)
    if negatives:
        level = n(own["s_negative"]) if max_fpr < 1 else None
        high = worst([n(f) for f in negatives], level, max_fpr, kappa)
    return low + high + 1 - g**2 - omega * g**2

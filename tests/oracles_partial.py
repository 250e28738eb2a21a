"""Slow, obvious statements of partial AUC: shares of rows one by one, CVaR at every candidate."""

from oracles_losses import of_class


def highest(scores, share):
    """Weights of the share of highest scores: whole groups of ties from the top, then a part."""
    values = [score.item() for score in scores]
    left = round(share * len(values), 9)
    weights = [0.0] * len(values)
    for value in sorted(set(values), reverse=True):
        group = [k for k, other in enumerate(values) if other == value]
        for k in group:
            weights[k] = min(1.0, left / len(group))
        left = max(0.0, left - len(group))
    return weights


def region(h, target, surrogate, margin, max_fpr, min_tpr=0.0):
    """Weighted mean over the pairs of a region, by a double loop; None without a pair."""
    positives, negatives = of_class(h, target, 1), of_class(h, target, 0)
    if not positives or not negatives:
        return None
    p = highest([-x for x in positives], 1 - min_tpr)
    q = highest(negatives, max_fpr)
    pairs = [
        p_i * q_j * surrogate(x - y, margin)
        for x, p_i in zip(positives, p, strict=True)
        for y, q_j in zip(negatives, q, strict=True)
    ]
    return sum(pairs) / (sum(p) * sum(q))


def cvar(values, share):
    """``min_s s + sum max(0, v - s) / (share n)``: a convex polyline, lowest at some value v."""
    count = share * len(values)
    candidates = [s + sum(max(0 * s, v - s) for v in values) / count for s in values]
    return min(candidates, key=lambda candidate: candidate.item())


def nested_cvar(h, target, surrogate, margin, max_fpr, min_tpr=0.0):
    """CVaR over positives of the CVaR over negatives of the pair losses."""
    inner = [
        cvar([surrogate(x - y, margin) for y in of_class(h, target, 0)], max_fpr)
        for x in of_class(h, target, 1)
    ]
    return sum(inner) / len(inner) if min_tpr == 0 else cvar(inner, 1 - min_tpr)

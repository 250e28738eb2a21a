"""Slow, obvious statements of pooling and of multi-instance AUC: plain floats, loops over bags."""

import math


def smooth_max_sum(phi, tau):
    """Mean of exp(phi / tau) over the instances of one bag."""
    return sum(math.exp(x / tau) for x in phi) / len(phi)


def smooth_max(phi, tau):
    """tau log of that mean."""
    return tau * math.log(smooth_max_sum(phi, tau))


def attention_sums(phi, g):
    """Numerator and denominator of the attention-weighted mean of one bag, as means."""
    numerator = sum(math.exp(b) * a for a, b in zip(phi, g, strict=True)) / len(phi)
    return numerator, sum(math.exp(b) for b in g) / len(g)


def attention(phi, g):
    """Their ratio."""
    numerator, denominator = attention_sums(phi, g)
    return numerator / denominator


def averaged(old, fresh, gamma):
    """A moving average that starts at its first estimate (old = None)."""
    return fresh if old is None else (1 - gamma) * old + gamma * fresh


def aucm_slopes(h, target, a, b, alpha):
    """Derivatives of the AUC min-max-margin objective with respect to the scores h of the bags."""
    positives = sum(y == 1 for y in target)
    negatives = sum(y == 0 for y in target)
    return [
        (2 * (x - a) - 2 * alpha) / positives if y == 1 else (2 * (x - b) + 2 * alpha) / negatives
        for x, y in zip(h, target, strict=True)
    ]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def midam_smooth_max(logits, target, old, tau, gamma, variables):
    """Gradient with respect to instance logits, and the new averages, of one step of MIDAM-smx.

    Instance scores are sigmoid(logit), bags are ranked by tau log u, u the average of the bag.
    """
    phi = [[sigmoid(x) for x in bag] for bag in logits]
    sums = [averaged(u, smooth_max_sum(bag, tau), gamma) for u, bag in zip(old, phi, strict=True)]
    slopes = aucm_slopes([tau * math.log(u) for u in sums], target, *variables)
    gradient = [
        [slope * math.exp(x / tau) / (len(bag) * u) * x * (1 - x) for x in bag]
        for slope, u, bag in zip(slopes, sums, phi, strict=True)
    ]
    return gradient, sums


def midam_attention(phi, g, target, old, gamma, variables):
    """Gradients with respect to scores and attention, and the new pairs of averages, of MIDAM-att.

    Bags are ranked by sigmoid(numerator / denominator) of the averages.
    """
    sums = []
    for pair, scores, logits in zip(old, phi, g, strict=True):
        fresh = attention_sums(scores, logits)
        sums.append(tuple(averaged(u, v, gamma) for u, v in zip(pair, fresh, strict=True)))
    h = [sigmoid(n / d) for n, d in sums]
    slopes = [
        slope * x * (1 - x) for slope, x in zip(aucm_slopes(h, target, *variables), h, strict=True)
    ]
    of_scores, of_attention = [], []
    for slope, (n, d), scores, logits in zip(slopes, sums, phi, g, strict=True):
        weights = [math.exp(b) / len(logits) for b in logits]
        of_scores.append([slope * w / d for w in weights])
        # d(n / d) = dn / d - n dd / d^2
        of_attention.append(
            [slope * (w * a / d - n * w / d**2) for w, a in zip(weights, scores, strict=True)]
        )
    return of_scores, of_attention, sums

"""Slow, obvious references for the metrics: loops over pairs, rows and thresholds."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st


def split(scores, target):
    """Lists of the positives' and the negatives' scores."""
    pairs = list(zip(scores, target, strict=True))
    return [s for s, y in pairs if y == 1], [s for s, y in pairs if y == 0]


def kernel(p, q):
    return 1.0 if p > q else 0.5 if p == q else 0.0


def pairwise_auc(scores, target):
    pos, neg = split(scores, target)
    return sum(kernel(p, q) for p in pos for q in neg) / (len(pos) * len(neg))


def components(scores, target):
    """DeLong's structural components V10 (of positives) and V01 (of negatives)."""
    pos, neg = split(scores, target)
    v10 = np.array([np.mean([kernel(p, q) for q in neg]) for p in pos])
    v01 = np.array([np.mean([kernel(p, q) for p in pos]) for q in neg])
    return v10, v01


def delong_covariance(models, target):
    """Covariance matrix of the AUCs of several models on the same rows (DeLong 1988, eq. 5)."""
    parts = [components(s, target) for s in models]
    s10 = np.atleast_2d(np.cov([p[0] for p in parts]))
    s01 = np.atleast_2d(np.cov([p[1] for p in parts]))
    return s10 / len(parts[0][0]) + s01 / len(parts[0][1])


def obuchowski_terms(scores, target, groups):
    """The variance's three terms (positives, negatives, cross), each with its own factor."""
    v10, v01 = components(scores, target)
    auc = v10.mean()
    groups, target = np.asarray(groups), np.asarray(target)
    of_pos, of_neg = groups[target == 1], groups[target == 0]
    names = np.unique(groups)
    d10 = np.array([np.sum(v10[of_pos == g] - auc) for g in names])
    d01 = np.array([np.sum(v01[of_neg == g] - auc) for g in names])
    i10, i01, i = len(np.unique(of_pos)), len(np.unique(of_neg)), len(names)
    m, n = len(v10), len(v01)
    return (
        i10 / (i10 - 1) * np.sum(d10**2) / m**2,
        i01 / (i01 - 1) * np.sum(d01**2) / n**2,
        2 * i / (i - 1) * np.sum(d10 * d01) / (m * n),
    )


def rates_at(scores, target, threshold):
    """(fpr, tpr, precision) of ``score >= threshold``, by counting."""
    pos, neg = split(scores, target)
    found, alarms = sum(p >= threshold for p in pos), sum(q >= threshold for q in neg)
    precision = found / (found + alarms) if found + alarms else float("nan")
    return alarms / len(neg), found / len(pos), precision


def slow_average_precision(scores, target):
    total = before = 0.0
    for threshold in sorted(set(scores), reverse=True):
        _, recall, precision = rates_at(scores, target, threshold)
        total += (recall - before) * precision
        before = recall
    return total


def roc_vertices(scores, target):
    points = [(0.0, 0.0)]
    points += [rates_at(scores, target, t)[:2] for t in sorted(set(scores), reverse=True)]
    return points


def area_within(points, low, high):
    """Area under the polyline within [low, high], one clipped trapezoid after the other."""
    total = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        a, b = max(x0, low), min(x1, high)
        if a < b:
            ya, yb = (y0 + (y1 - y0) * (x - x0) / (x1 - x0) for x in (a, b))
            total += (b - a) * (ya + yb) / 2
    return total


def polyline_top(points, x):
    """The ROC polyline at x; its upper end where it is vertical."""
    best = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            best = max(best, y1 if x0 == x1 or x == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return best


def hanley_mcneil_variance(auc, m, n):
    """Newcombe's form, written with Q1 and Q2 where both sample sizes become their mean."""
    q1, q2, size = auc / (2 - auc), 2 * auc**2 / (1 + auc), (m + n) / 2
    inner = auc * (1 - auc) + (size - 1) * (q1 - auc**2) + (size - 1) * (q2 - auc**2)
    return inner / (m * n)


def binormal(rng, positives, negatives, shift):
    """Scores N(shift, 1) and N(0, 1) with their target; AUC = Phi(shift / sqrt 2)."""
    scores = np.concatenate([rng.normal(shift, size=positives), rng.normal(size=negatives)])
    return scores, np.repeat([1, 0], [positives, negatives])


COARSE = st.integers(-4, 4).map(float)  # few values, many ties


@st.composite
def rankings(draw, elements=COARSE, min_size=2, max_size=40, models=1):
    """Score lists with many ties and a target that has both classes."""
    n = draw(st.integers(min_size, max_size))
    scores = [draw(st.lists(elements, min_size=n, max_size=n)) for _ in range(models)]
    target = draw(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda t: 0 < sum(t) < n)
    )
    return (*scores, target)

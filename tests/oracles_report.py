"""Slow and obvious second computations of what the reports say, and helpers to read them."""

from html.parser import HTMLParser

import numpy as np
from scipy import stats

from aucmax.report import Predictions

VOID = {"meta", "link", "br", "hr", "img", "input"}


def made_predictions(seed, n=60, labels=("target",), shift=1.0, unknown=0.0, groups=False):
    """Normal scores whose positives lie ``shift`` higher; equal seeds give equal targets."""
    rng = np.random.default_rng(seed)
    target = (rng.random((n, len(labels))) < 0.4).astype(float)
    target[0], target[1] = 0, 1
    target[2:][rng.random((n - 2, len(labels))) < unknown] = np.nan
    scores = rng.normal(size=target.shape) + shift * np.nan_to_num(target)
    cluster = np.array([f"patient {i // 2}" for i in range(n)]) if groups else None
    return Predictions(tuple(f"s{i}" for i in range(n)), tuple(labels), scores, target, cluster)


def with_scores(predictions, seed, shift):
    """The same samples, judged by another model."""
    noise = np.random.default_rng(seed).normal(size=predictions.scores.shape)
    scores = noise + shift * np.nan_to_num(predictions.target)
    p = predictions
    return Predictions(p.ids, p.labels, scores, p.target, p.groups)


def pairwise_auc(scores, target):
    """Share of (positive, negative) pairs in the right order, ties half."""
    above = [
        1.0 if p > q else 0.5 if p == q else 0.0
        for p in scores[target == 1]
        for q in scores[target == 0]
    ]
    return float(np.mean(above))


def _placements(scores, target):
    positive, negative = scores[target == 1], scores[target == 0]
    wins = np.array([[1.0 * (p > q) + 0.5 * (p == q) for q in negative] for p in positive])
    return wins.mean(1), wins.mean(0)


def delong_difference(scores_a, scores_b, target):
    """Difference of two AUCs, its standard error, two-sided p, and the 97.5 % point of Student's t.

    From the table of all pairs; degrees of freedom 2 (sum u^2)^2 / sum u^4 of the rows' terms.
    """
    (pos_a, neg_a), (pos_b, neg_b) = _placements(scores_a, target), _placements(scores_b, target)
    variance = np.var(pos_a - pos_b, ddof=1) / len(pos_a) + np.var(neg_a - neg_b, ddof=1) / len(
        neg_a
    )
    gap, error = pos_a.mean() - pos_b.mean(), float(np.sqrt(variance))
    terms = [
        (x - y - (np.mean(x) - np.mean(y))) / np.sqrt(len(x) * (len(x) - 1))
        for x, y in ((pos_a, pos_b), (neg_a, neg_b))
    ]
    u = np.concatenate(terms)
    freedom = min(2 * (u**2).sum() ** 2 / (u**4).sum(), min(map(len, terms)) - 1)
    p = 2 * stats.t.sf(abs(gap) / error, freedom)
    return gap, error, float(p), float(stats.t.ppf(0.975, freedom))


def slow_average_precision(scores, target):
    """Mean over the positives of the precision among all samples scored at least as high."""
    return float(np.mean([target[scores >= s].mean() for s in scores[target == 1]]))


def slow_holm(p_values):
    """Holm's adjusted p-values by the definition: the largest of all steps up to one's own."""
    k = len(p_values)
    order = sorted(range(k), key=lambda i: p_values[i])
    steps = {i: min(1.0, (k - rank) * p_values[i]) for rank, i in enumerate(order)}
    return [max(steps[j] for j in order[: order.index(i) + 1]) for i in range(k)]


class Page(HTMLParser):
    """Reads a page strictly: every element that opens must close, in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts, self.attributes, self.tags = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attr) for attr in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attr) for attr in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def within(self, tag):
        """Texts directly inside elements of one kind."""
        return [text for where, text in self.texts if where == tag]

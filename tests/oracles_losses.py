"""Slow, obvious statements of what the losses compute: loops over rows, one label at a time."""

import math

import torch
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

SLOPE = 10.0

SURROGATES = {
    "square": lambda t, m: (m - t) * (m - t),
    "squared_hinge": lambda t, m: (m - t) * (m - t) if t < m else 0 * t,
    "hinge": lambda t, m: m - t if t < m else 0 * t,
    "logistic": lambda t, m: torch.log(1 + torch.exp(m - t)),
    "sigmoid": lambda t, m: 1 / (1 + torch.exp(t / m)),
    "exponential": lambda t, m: torch.exp(m - t),
    "barrier_hinge": lambda t, m: max(m - t, SLOPE * (t - m), m - SLOPE * (m + t)),
}
"""Surrogates of one gap t, a float64 tensor of shape ()."""


@st.composite
def problems(draw, every_label=True):
    """Scores with many ties, targets with unknowns; a pair for every label, or for the first."""
    rows, labels = draw(st.integers(2, 8)), draw(st.none() | st.integers(1, 3))
    shape = (rows,) if labels is None else (rows, labels)
    size = torch.Size(shape).numel()
    scores = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    targets = draw(st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=size, max_size=size))
    h = torch.tensor(scores, dtype=torch.float64).reshape(shape) / 4
    target = torch.tensor(targets, dtype=torch.float64).reshape(shape)
    with_pair = target if labels is None or every_label else target[:, :1]
    with_pair[:2] = torch.tensor([0.0, 1.0]).reshape((2,) + (1,) * (target.ndim - 1))
    return h, target


def value_and_gradient(loss, h, target, *index):
    """Value of a loss and its gradient with respect to the scores."""
    h = h.clone().requires_grad_()
    value = loss(h, target, *index)
    return value.detach(), *torch.autograd.grad(value, h)


def cubic(gap, margin):
    """A surrogate that the library does not have."""
    return torch.relu(margin - gap) ** 3


def columns(x):
    """The labels of (B,) or (B, L), each a (B,)."""
    return list(x.unbind(1)) if x.ndim == 2 else [x]


def of_class(h, target, y):
    """Scores of the rows whose target is y, as a list."""
    return [score for score, label in zip(h, target, strict=True) if label == y]


def pairwise(h, target, surrogate, margin):
    """Mean of the surrogate over all pairs of one label, by a double loop; None without a pair."""
    pairs = [
        surrogate(positive - negative, margin)
        for positive in of_class(h, target, 1)
        for negative in of_class(h, target, 0)
    ]
    return sum(pairs) / len(pairs) if pairs else None


def mean_over_labels(h, target, one_label):
    """Mean of ``one_label(h, target, label)`` over the labels for which it is not None."""
    parts = [
        one_label(h_of_label, t, label)
        for label, (h_of_label, t) in enumerate(zip(columns(h), columns(target), strict=True))
    ]
    parts = [part for part in parts if part is not None]
    return sum(parts) / len(parts) if parts else h.sum() * 0


def saddle(h, target, a, b, alpha, margin, prior=None):
    """The min-max objective of one label, term by term; None if no target is known."""
    positives, negatives = of_class(h, target, 1), of_class(h, target, 0)
    known = len(positives) + len(negatives)
    if not known:
        return None
    count1 = len(positives) if prior is None else prior * known
    count0 = len(negatives) if prior is None else (1 - prior) * known
    if prior is None and not positives:
        spread1, mean1 = 0, a.detach()  # the documented rule for a missing class
    else:
        spread1 = sum((x - a) ** 2 for x in positives) / count1
        mean1 = sum(positives) / count1
    if prior is None and not negatives:
        spread0, mean0 = 0, b.detach()
    else:
        spread0 = sum((x - b) ** 2 for x in negatives) / count0
        mean0 = sum(negatives) / count0
    return spread1 + spread0 + 2 * alpha * (margin + mean0 - mean1) - alpha**2


def variance(values):
    """Mean squared distance from the mean."""
    mean = sum(values) / len(values)
    return sum((x - mean) ** 2 for x in values) / len(values)


def mean_of_known(z, target, one_row):
    """Mean of ``one_row(logit, label, column)`` over all targets that are 0 or 1, with floats."""
    rows = [
        one_row(float(x), int(y), label)
        for label, (xs, ys) in enumerate(zip(columns(z), columns(target), strict=True))
        for x, y in zip(xs, ys, strict=True)
        if y == 0 or y == 1
    ]
    return sum(rows) / len(rows)


def probability(z):
    """The logistic function."""
    return 1 / (1 + math.exp(-z))


def bce(z, y, weight=1.0):
    """Cross-entropy of one row, positives weighted."""
    return -weight * math.log(probability(z)) if y else -math.log(1 - probability(z))


def focal(z, y, gamma, alpha=None):
    """Focal loss of one row."""
    p = probability(z) if y else 1 - probability(z)
    balance = 1 if alpha is None else alpha if y else 1 - alpha
    return -balance * (1 - p) ** gamma * math.log(p)


def balanced_softmax(z, y, prior):
    """Softmax cross-entropy over the logits (0, z), each class weighted by its share."""
    weighted = [(1 - prior) * math.exp(0), prior * math.exp(z)]
    return -math.log(weighted[y] / sum(weighted))


def vector_scaling(z, y, prior, tau, gamma):
    """VS loss of one row: cross-entropy of a scaled and shifted logit."""
    share = prior if y else 1 - prior
    scale = (share / max(prior, 1 - prior)) ** gamma
    return bce(scale * z + tau * math.log(prior / (1 - prior)), y)


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else (found,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return found

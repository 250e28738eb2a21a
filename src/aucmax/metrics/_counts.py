"""True and false positives at every distinct threshold: what all curves are made of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._inputs import Bools, Floats


class Counts(NamedTuple):
    """Each (k,): the distinct scores in falling order, and how many rows reach them."""

    thresholds: NDArray[np.float64]
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]


def tie_ends(ordered: Floats) -> NDArray[np.intp]:
    """Last position of each run of equal values in a sorted array."""
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)


def counts(scores: Floats, positive: Bools) -> Counts:
    """Count, for each distinct score t, the positives and the negatives with ``score >= t``."""
    order = np.argsort(scores)[::-1]
    ordered = scores[order]
    ends = tie_ends(ordered)
    true = np.cumsum(positive[order], dtype=np.int64)[ends]
    return Counts(ordered[ends].astype(np.float64), true, ends + 1 - true)


def rates(count: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vertices (false-positive rate, true-positive rate) of the ROC curve from (0, 0) to (1, 1)."""
    false, true = count.false_positives, count.true_positives
    fpr = np.concatenate([[0.0], false / false[-1]])
    return fpr, np.concatenate([[0.0], true / true[-1]])

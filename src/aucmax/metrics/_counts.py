"""True and false positives at every distinct threshold: what all curves are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._inputs import Bools, Floats, binary


class Counts(NamedTuple):
    """Each (k,): the distinct scores in falling order, and how many rows reach them.

    A row may count any number of times, as in a draw of the bootstrap, and may not be whole, as in
    a model: then both numbers are of a fitting type, and may be 0 at the first thresholds.
    """

    thresholds: NDArray[np.float64]
    true_positives: NDArray[Any]
    false_positives: NDArray[Any]


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


@dataclass(frozen=True)
class CurveMetric:
    """A metric of one label that is a function of the counts at all thresholds.

    It is called with (scores, target) as any other, and with counts where rows were sorted before.
    """

    of_counts: Callable[[Counts], float]

    def __call__(self, scores: Any, target: Any) -> float:
        """The metric of checked rows."""
        return self.of_counts(counts(*binary(scores, target)))

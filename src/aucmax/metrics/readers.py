"""Human readers against a model's ROC curve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import Counts, counts, rates
from ._inputs import Bools, Floats, as_rows, as_target


@dataclass(frozen=True)
class ReaderComparison:
    """Where R readers stand relative to one ROC curve, each array (R,)."""

    fpr: NDArray[np.float64]
    """Each reader's false-positive rate; nan if a reader judged no negative."""
    tpr: NDArray[np.float64]
    """Each reader's true-positive rate; nan if a reader judged no positive."""
    curve_tpr: NDArray[np.float64]
    """The model's true-positive rate at the reader's false-positive rate."""
    below: Bools
    """Does the reader lie strictly below the curve? Decided in whole numbers, free of rounding;
    False if a rate is nan."""

    @property
    def count(self) -> int:
        """How many readers lie below the curve."""
        return int(np.count_nonzero(self.below))


def readers_below_curve(
    scores: ArrayLike, target: ArrayLike, decisions: ArrayLike
) -> ReaderComparison | list[ReaderComparison | None]:
    """Compare the yes-no decisions of human readers with a model's ROC curve.

    A reader is one point (false-positive rate, true-positive rate). The curve is interpolated
    linearly; where it is vertical its upper end counts; a point on the curve is not below it. The
    CheXpert leaderboard's "number of radiologists below the curve" is the mean of ``count`` over
    its five findings.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        decisions: (n, R), or (n, L, R) for L labels; 0, 1 or NaN (row not judged by that reader).

    Returns:
        The comparison; for L labels a list of L, None (with an :class:`UndefinedMetricWarning`)
        for a label that has one class only.

    Raises:
        ValueError: as for :func:`roc_curve`, or if decisions have another shape or other values.

    Source: Irvin et al., AAAI 2019, https://doi.org/10.1609/aaai.v33i01.3301590

    >>> found = readers_below_curve([1, 2, 3, 4], [0, 1, 0, 1], [[0, 1], [0, 1], [0, 0], [1, 0]])
    >>> found.tpr, found.below
    (array([0.5, 0.5]), array([False,  True]))
    """
    rows = as_rows(scores, target)
    chosen, judged = as_target(decisions, "decisions")
    n, labels = rows.scores.shape
    wanted = (n,) if rows.single else (n, labels)
    if chosen.ndim != len(wanted) + 1 or chosen.shape[:-1] != wanted or not chosen.shape[-1]:
        rule = "(n, R) for one label or (n, L, R) for L labels"
        raise ValueError(f"decisions must be {rule}, got {chosen.shape} for scores {wanted}")
    judged = np.ones_like(chosen) if judged is None else judged
    chosen, judged = (a.reshape(n, labels, -1) for a in (chosen, judged))
    known = np.ones((n, labels), dtype=bool) if rows.known is None else rows.known
    found = [
        _compare(*rows.column(k), chosen[known[:, k], k], judged[known[:, k], k]) if ok else None
        for k, ok in enumerate(rows.defined())
    ]
    first = found[0]
    return first if rows.single and first is not None else found


def _compare(scores: Floats, positive: Bools, chosen: Bools, judged: Bools) -> ReaderComparison:
    count = counts(scores, positive)
    (alarms, negatives), (found, positives) = (
        (chosen[rows].sum(axis=0), judged[rows].sum(axis=0)) for rows in (~positive, positive)
    )
    fpr, tpr = _share(alarms, negatives), _share(found, positives)
    readers = np.stack([alarms, negatives, found, positives], axis=1).tolist()
    below = np.array([_is_below(count, *reader) for reader in readers], dtype=bool)
    return ReaderComparison(fpr, tpr, np.interp(fpr, *rates(count)), below)


def _share(part: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.where(total, total, np.nan)


def _is_below(count: Counts, alarms: int, negatives: int, found: int, positives: int) -> bool:
    """Is (alarms / negatives, found / positives) strictly below the curve? All in integers.

    In floating point a reader who lies on a sloping part, where scores are tied, would be called
    below it or not as the rounding of the interpolation falls.
    """
    if not (negatives and positives):
        return False
    true, false = (np.concatenate([[0], c]) for c in (count.true_positives, count.false_positives))
    at = int(np.searchsorted(false * negatives, alarms * int(false[-1]), side="right")) - 1
    after = min(at + 1, len(false) - 1)  # the last vertex is (1, 1): nothing rises after it
    t0, f0, t1, f1, m, n = (int(x) for x in (true[at], false[at], true[after], false[after],
                                             true[-1], false[-1]))  # fmt: skip
    width = max(f1 - f0, 1)
    height = t0 * width * negatives + (t1 - t0) * (alarms * n - f0 * negatives)
    return found * m * width * negatives < positives * height

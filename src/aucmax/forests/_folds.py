"""Folds for scores of rows by forests that have not seen them: stratified, by group."""

import numpy as np
from numpy.typing import NDArray


def fold_of_rows(
    target: NDArray[np.float64], groups: NDArray[np.int64], folds: int, *, seed: int, label: str
) -> NDArray[np.int64]:
    """The fold, 0 to folds - 1, of every row; rows of one group share theirs.

    Groups with positives, sorted by their number, then by their negatives, in random order where
    they agree, are dealt out to and fro: 0, 1, 2, 2, 1, 0, 0, 1, ... Then the others are, by their
    negatives, those without a known row last.

    Args:
        target: (n,) 0, 1 or NaN (unknown).
        groups: (n,) integers >= 0.
        folds: K, at least 2.
        seed: decides what is random.
        label: named in messages.

    Raises:
        ValueError: if a fold would lack a class.
    """
    _, unit = np.unique(groups, return_inverse=True)
    positives = np.bincount(unit, weights=target == 1)
    negatives = np.bincount(unit, weights=target == 0)
    shuffled = np.random.default_rng(seed).permutation(len(positives))
    order = np.lexsort((shuffled, -negatives, -positives))
    fold = np.empty(len(order), dtype=np.int64)
    first = np.count_nonzero(positives)
    for dealt in (order[:first], order[first:]):
        place = np.arange(len(dealt)) % (2 * folds)
        fold[dealt] = np.minimum(place, 2 * folds - 1 - place)
    fold = fold[unit]
    for name, value in (("positives", 1), ("negatives", 0)):
        chosen = target == value
        if (np.bincount(fold[chosen], minlength=folds) == 0).any():
            raise ValueError(
                f"folds={folds}: a fold has no {name} of label {label!r}, of which there are "
                f"{int(chosen.sum())} in {len(np.unique(unit[chosen]))} groups (a row without "
                "group is one); take fewer folds, or smaller groups"
            )
    return fold

"""Folds for cross-validation: stratified, by group, and always the same."""

import numpy as np
from numpy.typing import NDArray


def fold_of_rows(
    positive: NDArray[np.bool_], groups: NDArray[np.int64], folds: int, output: int
) -> NDArray[np.int64]:
    """The fold, 0 to folds - 1, of every row; rows of one group share theirs.

    Groups with positives are sorted by their number, then by their negatives, in a random order of
    fixed seed where they agree, and dealt out to and fro: 0, 1, 2, 2, 1, 0, 0, 1, ... Then the
    others are, by their negatives.

    Args:
        positive: (n,) class of each row.
        groups: (n,) integers.
        folds: K, at least 2.
        output: named in messages.

    Raises:
        ValueError: if a fold would lack a class.
    """
    _, unit = np.unique(groups, return_inverse=True)
    positives = np.bincount(unit, weights=positive)
    negatives = np.bincount(unit, weights=~positive)
    shuffled = np.random.default_rng(0).permutation(len(positives))
    order = np.lexsort((shuffled, -negatives, -positives))
    fold = np.empty(len(order), dtype=np.int64)
    first = np.count_nonzero(positives)
    for dealt in (order[:first], order[first:]):
        place = np.arange(len(dealt)) % (2 * folds)
        fold[dealt] = np.minimum(place, 2 * folds - 1 - place)
    fold = fold[unit]
    for name, chosen in (("positives", positive), ("negatives", ~positive)):
        if (np.bincount(fold[chosen], minlength=folds) == 0).any():
            held = len(np.unique(unit[chosen]))
            raise ValueError(
                f"folds={folds}: a fold has no {name} of output {output}, of which there are "
                f"{int(chosen.sum())} in {held} groups (a row without group is one); take fewer "
                "folds, or choose l2 yourself"
            )
    return fold

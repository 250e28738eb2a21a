"""Divide rows, or groups of rows, by chance alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def chance_split(
    n: int,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> NDArray[np.str_]:
    """The part of every row, whatever its labels: "train", "validation" or "test".

    Rows (or whole groups) are taken in random order until a part has its share; a part is never
    larger than that but by the group that fills it.

    Args:
        n: number of rows.
        validation: share of the rows, in [0, 1).
        test: likewise; validation + test < 1.
        groups: (n,) names, such as patients; a group is never divided.
        seed: of the order.

    Returns:
        (n,) array of strings.

    Raises:
        ValueError: shares out of range, or groups of another length.

    >>> part = chance_split(10, validation=0.2, test=0.3)
    >>> [int((part == name).sum()) for name in ("train", "validation", "test")]
    [5, 2, 3]
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise ValueError(
            "validation and test must be shares, at least 0 and below 1 together, got "
            f"{validation} and {test}"
        )
    unit = np.arange(n) if groups is None else np.asarray(groups)
    if unit.shape != (n,):
        raise ValueError(f"groups must have shape ({n},), one for each row, got {unit.shape}")
    names, place = np.unique(unit, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(np.bincount(place, minlength=len(names))[order])
    before = np.concatenate([[0], before[:-1]])  # rows that stand before each group
    part = np.full(len(names), "train", dtype="<U10")
    part[order[before < round((validation + test) * n)]] = "validation"
    part[order[before < round(test * n)]] = "test"
    return part[place]

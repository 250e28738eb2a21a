"""Checks of what a forest is given."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_bits(features: ArrayLike, width: int | None = None) -> NDArray[np.uint8]:
    """Fingerprints as (n, W) uint8; no copy is made of what is that already.

    Args:
        features: (n, W) of 0 and 1, of any type of numbers.
        width: W that is wanted; None: any.

    Raises:
        ValueError: another shape, or another value.
    """
    found = np.asarray(features)
    wanted = "W" if width is None else str(width)
    if found.ndim != 2 or not found.size or width not in (None, found.shape[1]):
        raise ValueError(
            f"features must be fingerprints (n, {wanted}) with at least one row and one bit, got "
            f"{found.shape}"
        )
    _check_numbers("features", found)
    if found.dtype == np.bool_:
        return found.view(np.uint8)
    bad = found > 1 if found.dtype == np.uint8 else (found != 0) & (found != 1)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"features must be bits, 0 or 1, got {found[row, column]} in row {row}, column "
            f"{column}; make bits of counts by features > 0"
        )
    return found.astype(np.uint8, copy=False)


def check_target(
    target: ArrayLike, rows: int, labels: Sequence[str] | None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Targets (n, L), and a name for each label.

    Raises:
        ValueError: shapes or values that do not fit; a label with one class only.
    """
    given = np.asarray(target)
    _check_numbers("target", given)
    columns = given.astype(np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or len(columns) != rows or not columns.shape[1]:
        raise ValueError(
            f"target must be (n,) or (n, L) with n = {rows}, the rows of features, got "
            f"{given.shape}"
        )
    names = tuple(map(str, range(columns.shape[1])) if labels is None else labels)
    if len(names) != columns.shape[1]:
        raise ValueError(f"labels: {len(names)} names for {columns.shape[1]} columns of target")
    odd = columns[(columns != 0) & (columns != 1) & ~np.isnan(columns)]
    if odd.size:
        values = ", ".join(f"{v:g}" for v in np.unique(odd)[:5])
        raise ValueError(f"target must be 0, 1 or NaN (unknown), got {values}")
    for name, column in zip(names, columns.T, strict=True):
        positives, negatives = int((column == 1).sum()), int((column == 0).sum())
        if not min(positives, negatives):
            raise ValueError(
                f"target: label {name!r} needs positives and negatives, got {positives} and "
                f"{negatives}; leave it out, or add rows of the other class"
            )
    return columns, names


def check_groups(groups: ArrayLike | None, rows: int) -> NDArray[np.int64]:
    """The number of each row's group; without groups each row is one.

    Raises:
        ValueError: if there is not one group for each row.
    """
    if groups is None:
        return np.arange(rows)
    names = np.asarray(groups)
    if names.shape != (rows,):
        raise ValueError(f"groups must have shape ({rows},), one for each row, got {names.shape}")
    return np.unique(names, return_inverse=True)[1]


def check_options(seed: int, threads: int) -> None:
    """Refuse numbers out of range.

    Raises:
        ValueError: naming the argument and its range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie in [0, 2**32), as scikit-learn wants it, got {seed}")
    if threads < 1:
        raise ValueError(f"threads must be 1 or larger, got {threads}")


def _check_numbers(name: str, array: NDArray) -> None:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, got an array of {array.dtype}")

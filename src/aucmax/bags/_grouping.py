"""Which instances belong to which bag, as one array of rows and where each bag starts in it."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Rows = NDArray[np.int64]


def group(bags: Any, instances: int, num_bags: int) -> tuple[Rows, Rows]:
    """Rows of the instances bag by bag, increasing within each, and the (num_bags + 1,) borders.

    Args:
        bags: (instances,) integers, the bag of each instance; or a sequence of ``num_bags``
            one-dimensional sequences of rows, one for each bag.
        instances: how many there are.
        num_bags: how many bags have a target.

    Raises:
        ValueError: if ``bags`` is neither, a row or a bag is out of range, a bag is empty, or a bag
            holds an instance twice.
    """
    array = bags.cpu().numpy() if isinstance(bags, Tensor) else bags
    if _is_bag_of_each(array):
        rows, sizes = _by_bag(_integers("bags", array), instances, num_bags)
    else:
        rows, sizes = _joined(array, instances, num_bags)
    if (empty := np.flatnonzero(sizes == 0)).size:
        raise ValueError(
            f"bags must hold at least one instance each, got {empty.size} empty ones, "
            f"{empty[:5].tolist()}: leave them out, with their targets"
        )
    return rows, np.concatenate([[0], np.cumsum(sizes)])


def _is_bag_of_each(bags: Any) -> bool:
    if isinstance(bags, np.ndarray):
        return bags.ndim == 1 and bags.dtype != object
    return isinstance(bags, Sequence) and len(bags) > 0 and isinstance(bags[0], Integral | str)


def _by_bag(of_each: Rows, instances: int, num_bags: int) -> tuple[Rows, Rows]:
    if len(of_each) != instances:
        raise ValueError(
            f"bags, the bag of each instance, must have one entry for each of {instances} "
            f"instances, got {len(of_each)}"
        )
    _check_range("bags, the bag of each instance,", of_each, num_bags, "target has")
    return np.argsort(of_each, kind="stable"), np.bincount(of_each, minlength=num_bags)


def _joined(bags: Any, instances: int, num_bags: int) -> tuple[Rows, Rows]:
    if not hasattr(bags, "__len__") or len(bags) != num_bags:
        got = len(bags) if hasattr(bags, "__len__") else type(bags).__name__
        raise ValueError(
            f"bags, the rows of each bag, must have one entry for each of {num_bags} targets, "
            f"got {got}; or give the bag of each instance, as a one-dimensional array"
        )
    parts = [np.sort(_integers(f"bags[{i}]", rows)) for i, rows in enumerate(bags)]
    for i, rows in enumerate(parts):
        _check_range(f"bags[{i}]", rows, instances, "the instances are")
        if len(rows) and bool((np.diff(rows) == 0).any()):
            twice = rows[1:][np.diff(rows) == 0][0]
            raise ValueError(f"bags[{i}] must hold an instance once, got row {twice} twice")
    return np.concatenate(parts), np.array([len(rows) for rows in parts])


def _integers(name: str, values: Any) -> Rows:
    array = np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    if array.size == 0 and array.ndim == 1:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must be a one-dimensional array of integers, got {array.dtype} of shape "
            f"{array.shape}; number the names of bags with np.unique(names, return_inverse=True)"
        )
    return array.astype(np.int64)


def _check_range(name: str, values: Rows, count: int, of: str) -> None:
    if values.size and (values.min() < 0 or values.max() >= count):
        raise ValueError(
            f"{name} must lie in 0 to {count - 1} ({of} {count}), got {values.min()} to "
            f"{values.max()}"
        )

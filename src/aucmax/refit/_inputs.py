"""Checks of features, targets and options."""

import math

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn


def check_features(features: Tensor, target: Tensor, head: nn.Linear) -> tuple[Tensor, Tensor]:
    """Features in float32 or float64, and targets (n, L) in float64, both on one device.

    Raises:
        TypeError: no tensors, or features that are not floating point.
        ValueError: shapes that do not fit one another or the head; values that are not allowed.
    """
    for name, value in (("features", features), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if not features.is_floating_point():
        raise TypeError(f"features must be floating point, got {features.dtype}")
    if features.ndim != 2 or features.shape[1] != head.in_features or not len(features):
        raise ValueError(
            f"features must be (n, {head.in_features}), as the head takes them, got "
            f"{tuple(features.shape)}; collect_features(model, loader) makes them"
        )
    columns = target.detach()[:, None] if target.ndim == 1 else target.detach()
    if columns.shape != (len(features), head.out_features):
        raise ValueError(
            f"target must have one row for each of the {len(features)} rows of features and one "
            f"column for each of the {head.out_features} outputs of the head, got "
            f"{tuple(target.shape)}"
        )
    # A sum is finite only if every term is: one pass. It may also overflow: then look closely.
    if not math.isfinite(features.sum()) and not features.isfinite().all():
        bad = int((~features.isfinite().all(1)).sum())
        raise ValueError(f"features must be finite, got NaN or infinity in {bad} rows")
    features = features.detach()
    features = features if features.dtype == torch.float64 else features.float()
    return features, _check_target(columns.double().to(features.device))


def _check_target(columns: Tensor) -> Tensor:
    odd = columns[(columns != 0) & (columns != 1) & ~columns.isnan()]
    if odd.numel():
        values = ", ".join(f"{v:g}" for v in odd.unique()[:5].tolist())
        raise ValueError(f"target must be 0, 1 or NaN (unknown), got {values}")
    if columns.isnan().all():
        raise ValueError("target must hold a known value (0 or 1), got NaN alone")
    for output, column in enumerate(columns.unbind(1)):
        positives, negatives = int((column == 1).sum()), int((column == 0).sum())
        if positives + negatives and not min(positives, negatives):
            raise ValueError(
                f"target: output {output} needs positives and negatives, got {positives} and "
                f"{negatives}; give it rows of both, or set its column to NaN to leave it as it is"
            )
    return columns


def check_options(l2: float | None, folds: int, max_iterations: int) -> None:
    """Refuse numbers out of range.

    Raises:
        ValueError: naming the argument and its range.
    """
    if l2 is not None and not l2 >= 0:
        raise ValueError(f"l2 must be >= 0 (infinity keeps the old direction), got {l2}")
    for name, value, least in (("folds", folds, 2), ("max_iterations", max_iterations, 1)):
        if value < least:
            raise ValueError(f"{name} must be {least} or larger, got {value}")


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

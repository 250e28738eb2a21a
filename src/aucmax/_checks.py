"""What every loss does first: check the batch, then tell positives from negatives."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

PerLabel = float | Sequence[float]
"""One number for all labels, or one for each."""


class _ValueChecks:
    """Where the values of a batch are inspected; shapes and types are inspected always."""

    cpu = True
    accelerator = False


def set_value_checks(*, cpu: bool | None = None, accelerator: bool | None = None) -> None:
    """Choose where losses inspect the *values* of logits and targets.

    The inspection reads one number back from the device. On the CPU that costs microseconds; on an
    accelerator it makes the host wait for the device at every step, so there it is off until it is
    asked for. Under ``torch.compile`` and ``torch.export`` it never runs.

    Args:
        cpu: inspect batches on the CPU; ``None`` leaves the setting as it is.
        accelerator: inspect batches on any other device; ``None`` leaves the setting as it is.

    >>> set_value_checks(accelerator=True)  # while hunting for a NaN on a GPU
    >>> set_value_checks(accelerator=False)
    """
    if cpu is not None:
        _ValueChecks.cpu = cpu
    if accelerator is not None:
        _ValueChecks.accelerator = accelerator


def values_are_checked(device: torch.device) -> bool:
    """Whether :func:`set_value_checks` asks for an inspection of values on ``device``."""
    if torch.compiler.is_compiling():
        return False
    return _ValueChecks.cpu if device.type == "cpu" else _ValueChecks.accelerator


def check_batch(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Validate a batch and return its logits with the masks of positives and negatives.

    Args:
        logits: raw model outputs, (B,), (B, 1) or (B, L).
        target: 0, 1 or NaN (unknown), of the same shape; (B,) and (B, 1) mean the same.

    Returns:
        logits in at least float32, and two masks of 0 and 1 of the same type (multiplying by them
        is several times faster than indexing with booleans); each (B,) or (B, L).

    Raises:
        TypeError: if an argument is no tensor or logits are not floating point.
        ValueError: if shapes differ, the batch is empty, or a value is not allowed.
    """
    for name, value in (("logits", logits), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if not logits.is_floating_point():
        raise TypeError(
            f"logits must be floating point (raw model outputs), got {logits.dtype}; "
            "are logits and target swapped?"
        )
    flat, wanted = squeeze_label(logits), squeeze_label(target)
    if flat.shape != wanted.shape or flat.ndim not in (1, 2) or flat.numel() == 0:
        raise ValueError(
            "logits and target must have the same shape, (B,), (B, 1) or (B, L) with B and L > 0, "
            f"got logits {tuple(logits.shape)} and target {tuple(target.shape)}"
        )
    flat = flat if flat.dtype == torch.float64 else flat.float()
    if not values_are_checked(logits.device):
        return flat, (wanted == 1).to(flat.dtype), (wanted == 0).to(flat.dtype)
    _check_logits(flat.detach())
    positive = wanted.to(flat.dtype)
    negative = 1 - positive
    if not torch.count_nonzero(positive * negative):  # the usual case: every target is 0 or 1
        return flat, positive, negative
    _check_target(positive)
    return flat, (positive == 1).to(flat.dtype), (positive == 0).to(flat.dtype)


def squeeze_label(x: Tensor) -> Tensor:
    """(B, 1) as (B,); anything else as it is."""
    return x.squeeze(1) if x.ndim == 2 and x.shape[1] == 1 else x


def mean_weights(count: Tensor) -> Tensor:
    """Weights of the labels, () or (L,), in their mean: equal where ``count`` > 0, else 0."""
    if count.ndim == 0:
        return (count > 0).to(count.dtype)
    known = (count > 0).to(count.dtype)
    return known / known.sum().clamp(min=1)


def per_label(name: str, value: PerLabel, num_labels: int | None) -> Tensor:
    """A number for all labels, or one for each, as a tensor; () or, for L > 1 labels, (L,)."""
    tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
    allowed = ((),) if num_labels is None else ((), (num_labels,))
    if tuple(tensor.shape) not in allowed:
        wanted = "one number" if num_labels is None else f"one number or {num_labels} of them"
        raise ValueError(f"{name} must be {wanted} (num_labels={num_labels}), got {value}")
    return tensor.squeeze()  # one label has no dimension, as in check_batch


def check_label_count(num_labels: int | None) -> None:
    """Refuse a number of labels, as a constructor is given it, that is none."""
    if num_labels is not None and num_labels < 1:
        raise ValueError(f"num_labels must be >= 1, or None for one label, got {num_labels}")


def check_region(max_fpr: float, min_tpr: float) -> None:
    """Refuse a region of the ROC curve, FPR <= max_fpr and TPR >= min_tpr, that is none."""
    if not 0 < max_fpr <= 1:
        raise ValueError(
            "max_fpr, the highest false-positive rate of interest, must lie in (0, 1], "
            f"got {max_fpr}"
        )
    if not 0 <= min_tpr < 1:
        raise ValueError(
            f"min_tpr, the lowest true-positive rate of interest, must lie in [0, 1), got {min_tpr}"
        )


def check_num_labels(logits: Tensor, num_labels: int | None) -> None:
    """Refuse logits whose number of labels is not the one a loss was made for."""
    if (logits.shape[1] if logits.ndim == 2 else 1) != (num_labels or 1):
        raise ValueError(
            f"logits must have num_labels={num_labels} columns, got shape "
            f"{tuple(logits.shape)}: pass num_labels=L to the loss for logits (B, L)"
        )


def _check_logits(logits: Tensor) -> None:
    # A sum is finite only if every term is: one pass. It may also overflow: then look closely.
    if math.isfinite(logits.sum()) or logits.isfinite().all():
        return
    raise ValueError(
        f"logits must be finite, got {int((~logits.isfinite()).sum())} NaN or infinite of "
        f"{logits.numel()}: the model has diverged (try a smaller lr, or clip gradients) "
        "or its input holds NaN"
    )


def _check_target(target: Tensor) -> None:
    known = (target == 0) | (target == 1)
    odd = target[~known & ~target.isnan()]
    if odd.numel():
        values = ", ".join(f"{v:g}" for v in odd.unique()[:5].tolist())
        cure = "; map labels -1/1 to 0/1 with (target + 1) / 2" if bool((odd == -1).any()) else ""
        raise ValueError(f"target must be 0, 1 or NaN (unknown), got {values}{cure}")
    if not known.any():
        raise ValueError(
            "target must hold at least one known value (0 or 1), got NaN alone: "
            "leave rows without any label out of the training set"
        )

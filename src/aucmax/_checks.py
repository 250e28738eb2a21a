"""What every loss does first: check the batch, then tell positives from negatives."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ._autograd import in_transform, is_wrapped

PerLabel = float | Sequence[float]
"""One number for all labels, or one for each."""


class _Always:
    """Where every batch is inspected."""

    cpu = True
    accelerator = False


INSPECT_EVERY = 1000
"""Of the batches that a module sees where not all are inspected: the first, then one in so many."""


def set_value_checks(*, cpu: bool | None = None, accelerator: bool | None = None) -> None:
    """Choose where losses inspect the *values* of every batch.

    Shapes and types are always checked. Checking values (targets of 0, 1 or NaN, finite logits)
    reads one number back from the device. On the CPU that costs microseconds. An accelerator would
    have to be waited for at every step, so there each loss inspects its first batch, which is where
    wrong labels show, and then one batch in 1,000. Nothing is inspected while ``torch.compile``
    or ``torch.export`` traces the loss, or a CUDA graph is captured.

    Args:
        cpu: True to inspect every batch on the CPU (the default), False for the first and then one
            in 1,000; None leaves the setting as it is.
        accelerator: the same for any other device, where False is the default.

    >>> set_value_checks(accelerator=True)  # while you look for a NaN on a GPU
    >>> set_value_checks(accelerator=False)
    """
    if cpu is not None:
        _Always.cpu = cpu
    if accelerator is not None:
        _Always.accelerator = accelerator


class ValueChecks:
    """Decides for one module which of its batches have their values inspected.

    A batch that is refused is not counted: the next one is inspected as well.
    """

    def __init__(self) -> None:
        self.due = True
        """Whether the values of the batch at hand are inspected."""
        self._batches = 0
        self._counts = False

    def begin(self, values: Tensor) -> bool:
        """Decide for a new batch of ``values``; return :attr:`due`."""
        self._counts = not (_Always.cpu if values.is_cpu else _Always.accelerator)
        self.due = not _is_recorded(values)
        if self._counts and self._batches % INSPECT_EVERY:
            self.due = False
        return self.due

    def passed(self) -> None:
        """Count a batch whose values were right, or were not inspected."""
        if self._counts and not torch.compiler.is_compiling():
            self._batches += 1


def _is_recorded(values: Tensor) -> bool:
    """Whether operations are only recorded now, so that no value can be read back."""
    if torch.compiler.is_compiling() or values.is_meta:
        return True
    if not values.is_cuda or not torch.cuda.is_initialized():
        return False
    return torch.cuda.is_current_stream_capturing()


def check_batch(
    logits: Tensor, target: Tensor, checks: ValueChecks
) -> tuple[Tensor, Tensor, Tensor]:
    """Validate a batch and return its logits with the masks of positives and negatives.

    Args:
        logits: raw model outputs, (B,), (B, 1) or (B, L).
        target: 0, 1 or NaN (unknown), of the same shape; (B,) and (B, 1) mean the same.
        checks: of the module that was given the batch.

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
            + _shape_cure(flat, wanted)
        )
    flat = flat if flat.dtype == torch.float64 else flat.float()
    inspects_logits = inspects_target = checks.begin(logits)
    if inspects_logits and in_transform():
        inspects_logits, inspects_target = not is_wrapped(flat), not is_wrapped(target)
    if inspects_logits:
        _check_logits(flat.detach())
    positive = wanted.to(flat.dtype)
    negative = 1 - positive
    if not inspects_target:
        positive, negative = (wanted == 1).to(flat.dtype), (wanted == 0).to(flat.dtype)
    elif torch.count_nonzero(positive * negative):  # unusual: targets other than 0 and 1
        _check_target(positive)
        positive, negative = (positive == 1).to(flat.dtype), (positive == 0).to(flat.dtype)
    checks.passed()
    return flat, positive, negative


def _shape_cure(logits: Tensor, target: Tensor) -> str:
    """What to do about outputs of a softmax, the most frequent of the shapes that do not match."""
    if logits.ndim != 2 or target.ndim != 1 or len(logits) != len(target):
        return ""
    if logits.shape[1] == 2:
        return "; for the two outputs of a softmax pass logits[:, 1] - logits[:, 0]"
    return "; for class numbers use OneVsRestLoss or OneVsOneLoss"


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
    """A number for all labels, or one for each, as a tensor; () or, for L > 1 labels, (L,).

    On the CPU, where its values can be checked whatever the default device, see :func:`placed`.
    """
    tensor = torch.as_tensor(value, dtype=torch.get_default_dtype(), device="cpu")
    allowed = ((),) if num_labels is None else ((), (num_labels,))
    if tuple(tensor.shape) not in allowed:
        wanted = "one number" if num_labels is None else f"one number or {num_labels} of them"
        raise ValueError(f"{name} must be {wanted} (num_labels={num_labels}), got {value}")
    return tensor.squeeze()  # one label has no dimension, as in check_batch


def placed(tensor: Tensor) -> Tensor:
    """A tensor of the CPU on the default device, where modules make their own."""
    return tensor.to(torch.empty(0).device)


def checked_prior(prior: PerLabel | None, num_labels: int | None) -> Tensor | None:
    """The share of positives in the data as a tensor, if it is given and lies in (0, 1)."""
    if prior is None:
        return None
    tensor = per_label("prior", prior, num_labels)
    if not bool(((tensor > 0) & (tensor < 1)).all()):
        raise ValueError(f"prior, the share of positives, must lie in (0, 1), got {prior}")
    return placed(tensor)


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
            f"logits must have {_columns(num_labels)}, got shape "
            f"{tuple(logits.shape)}: pass num_labels=L to the loss for logits (B, L)"
        )


def _columns(num_labels: int | None) -> str:
    return f"num_labels={num_labels} columns" if (num_labels or 1) > 1 else "one column"


def _check_logits(logits: Tensor) -> None:
    # A sum is finite only if every term is: one pass. It may also overflow: then look closely.
    if math.isfinite(logits.sum()) or logits.isfinite().all():
        return
    raise ValueError(
        f"logits must be finite, got {int((~logits.isfinite()).sum())} NaN or infinite of "
        f"{logits.numel()}: the model has diverged (try a smaller lr, or clip gradients) "
        "or its input holds NaN"
    )


def _target_cure(odd: Tensor) -> str:
    """What to do about target values that are neither 0 nor 1."""
    if bool((odd == -1).any()):
        return "; map labels -1/1 to 0/1 with (target + 1) / 2"
    if bool(((odd > 0) & (odd < 1)).all()):
        return (
            "; soft targets (mixup, label smoothing) have no ranking: for mixup add two losses, "
            "lam * loss(logits, y_a) + (1 - lam) * loss(logits, y_b)"
        )
    if bool((odd == 255).all()):
        return "; map labels 0/255 to 0/1 with target / 255"
    return "; for class numbers use OneVsRestLoss or OneVsOneLoss"


def _check_target(target: Tensor) -> None:
    known = (target == 0) | (target == 1)
    odd = target[~known & ~target.isnan()]
    if odd.numel():
        values = ", ".join(f"{v:g}" for v in odd.unique()[:5].tolist())
        raise ValueError(f"target must be 0, 1 or NaN (unknown), got {values}{_target_cure(odd)}")
    if not known.any():
        raise ValueError(
            "target must hold at least one known value (0 or 1), got NaN alone: "
            "leave rows without any label out of the training set"
        )

"""What every pooling does first: check the instances of a batch of bags, and hide the padding."""

from numbers import Integral
from typing import cast

import torch
from torch import Tensor

from .._autograd import is_wrapped
from .._checks import ValueChecks


def check_instances(
    instances: Tensor, mask: Tensor | None, checks: ValueChecks, name: str = "instances"
) -> tuple[Tensor, Tensor]:
    """Validate the instance values of B bags; padding becomes 0, whatever it was.

    Args:
        instances: one number for each instance and label, (B, n), (B, n, 1) or (B, n, L).
        mask: (B, n), True for the real instances of each bag; None: all are real.
        checks: of the pooling that was given the batch.
        name: of the argument, for messages.

    Returns:
        the values in at least float32, (B, n) or (B, n, L), and the mask as (B, n) or (B, n, 1).

    Raises:
        TypeError: if ``instances`` is no floating-point tensor, or ``mask`` no tensor of booleans.
        ValueError: if a shape is not as above, a bag is empty, or a real value is not finite.
    """
    if not isinstance(instances, Tensor) or not instances.is_floating_point():
        got = instances.dtype if isinstance(instances, Tensor) else type(instances).__name__
        raise TypeError(f"{name} must be a floating-point torch.Tensor, got {got}")
    if instances.ndim not in (2, 3) or instances.numel() == 0:
        raise ValueError(
            f"{name} must be (bags, instances) or (bags, instances, labels), none of them 0, got "
            f"{tuple(instances.shape)}; scores (B * n,) of flattened bags need .view(B, n)"
        )
    values = instances if instances.dtype == torch.float64 else instances.float()
    values = values.squeeze(2) if values.ndim == 3 and values.shape[2] == 1 else values
    inspected = checks.begin(values)
    there = _check_mask(mask, instances, inspected)
    there = there.unsqueeze(2) if values.ndim == 3 else there
    values = values.where(there, 0.0)
    inspected = inspected and not is_wrapped(values)
    if inspected and not bool(values.detach().isfinite().all()):
        wrong = int((~values.detach().isfinite()).sum())
        raise ValueError(
            f"{name} must be finite where mask is True, got {wrong} NaN or infinite: the model "
            "has diverged (try a smaller lr, or clip gradients) or its input holds NaN"
        )
    checks.passed()
    return values, there


def check_state(
    index: Tensor | None,
    num_bags: int,
    fresh: Tensor,
    num_labels: int | None,
    checks: ValueChecks,
) -> None:
    """Refuse what the averages of ``num_bags`` bags and ``num_labels`` labels cannot serve."""
    columns = fresh.shape[1] if fresh.ndim == 2 else 1
    if columns != (num_labels or 1):
        raise ValueError(
            f"instances must have num_labels={num_labels} labels, got {columns}: pass "
            "num_labels=L to a pooling with num_bags for instances (B, n, L)"
        )
    if index is None:
        raise ValueError(
            "index, the bags' positions in the data, must be given in training to a pooling with "
            "num_bags: call pool(..., mask=mask, index=index), or leave num_bags out"
        )
    if not isinstance(index, Tensor) or not checks.due:
        return  # the averages check the rest
    if index.numel() and (int(index.min()) < 0 or int(index.max()) >= num_bags):
        raise ValueError(
            f"index must lie in 0 to num_bags - 1 = {num_bags - 1}, got {int(index.min())} to "
            f"{int(index.max())}"
        )


def check_integer(name: str, value: object, least: int) -> int:
    """Return ``value`` as int if it is an integer (no bool) of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or cast(int, value) < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def log_mean_exp(z: Tensor, there: Tensor) -> Tensor:
    """``log mean exp(z)`` over dimension 1 where ``there``; (B, n, ...) to (B, ...).

    Accurate at both ends: neither overflows for large |z|, nor cancels for small ones.
    """
    top = z.detach().masked_fill(~there, -torch.inf).amax(1)
    # The shift is a constant for autograd: the result does not depend on it.
    below = torch.expm1((z - top.unsqueeze(1)).where(there, 0.0))
    return top + torch.log1p(below.sum(1) / there.sum(1))


def _check_mask(mask: Tensor | None, instances: Tensor, inspected: bool) -> Tensor:
    shape = instances.shape[:2]
    if mask is None:
        return torch.ones(shape, dtype=torch.bool, device=instances.device)
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(
            f"mask must be a torch.Tensor of booleans, True for real instances, got {got}; "
            "for 0 and 1 pass mask == 1"
        )
    if mask.shape != shape:
        raise ValueError(
            f"mask must be (bags, instances) = {tuple(shape)}, got {tuple(mask.shape)}"
        )
    mask = mask.to(instances.device)
    if inspected and not bool(mask.any(1).all()):
        empty = (~mask.any(1)).nonzero().flatten().tolist()
        raise ValueError(
            f"mask must leave every bag an instance, got {len(empty)} empty bags, at positions "
            f"{empty[:5]}; an empty bag has no score: leave it out of the data"
        )
    return mask

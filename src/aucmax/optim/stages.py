"""Learning-rate milestones that also end a stage of a proximal optimizer."""

import math
import operator
import warnings
from collections.abc import Iterable
from typing import Any

from torch.optim.lr_scheduler import MultiStepLR
from torch.optim.optimizer import Optimizer


class StageLR(MultiStepLR):
    """Multiply the learning rate by ``gamma`` and start a new stage at each milestone.

    ``optimizer.next_stage()`` is called at the milestones, so every framework that steps a
    scheduler runs the stages too. A wrapper around the optimizer (Lookahead, SAM, accelerate's, the
    one of ZeRO) is looked through. With an optimizer that has no stages, of ``torch.optim`` say,
    this is ``MultiStepLR``. A resumed run does not end a stage a second time.

    Args:
        optimizer: whose learning rate and stages these are.
        milestones: numbers of scheduler steps after which a stage ends, integers >= 1, increasing;
            their unit (epochs, batches) is that in which :meth:`step` is called.
        gamma: factor of the learning rate, finite, > 0; 1 keeps it and only ends the stages.

    Raises:
        ValueError: if the milestones do not increase from 1 on, or gamma is out of range.
        TypeError: if milestones are not integers.

    >>> import torch
    >>> from aucmax.optim import PESG
    >>> weight = torch.nn.Parameter(torch.zeros(()))
    >>> optimizer = PESG([weight], lr=0.1, epoch_decay=2e-3)
    >>> scheduler = StageLR(optimizer, milestones=[2], gamma=0.1)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.1]
    [0.1]
    [0.01...]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        if not 0 < gamma < math.inf:
            raise ValueError(f"StageLR: gamma must be a finite number > 0, got {gamma!r}")
        super().__init__(optimizer, _increasing(milestones), gamma)
        staged = _staged(optimizer)
        if staged is None and any(g.get("epoch_decay") for g in optimizer.param_groups):
            warnings.warn(
                f"StageLR cannot end the stages of {type(optimizer).__name__}, whose groups have "
                "epoch_decay > 0: it has no next_stage() and wraps no optimizer that has; make "
                "StageLR on the PESG optimizer itself",
                stacklevel=2,
            )

    def step(self, epoch: int | None = None) -> None:
        """Count one epoch, or whatever the unit of the milestones is.

        Args:
            epoch: number to go on to, for wrappers of schedulers that jump; by default the next.
        """
        before = self.last_epoch
        super().step() if epoch is None else super().step(epoch)
        passed = any(before < milestone <= self.last_epoch for milestone in self.milestones)
        staged = _staged(self.optimizer)
        if passed and staged is not None:
            staged.next_stage()


_WRAPPED = ("optimizer", "base_optimizer", "_base_optimizer", "optim", "_optimizer", "_optim")
"""Attributes in which wrappers keep the optimizer that they wrap."""


def _staged(optimizer: Any) -> Any:
    """The optimizer with stages that this is or wraps, however deep; None if there is none."""
    seen: list[Any] = []
    while optimizer is not None and not any(optimizer is other for other in seen):
        # The class, not the instance: some wrappers hand every attribute on, some none.
        if hasattr(type(optimizer), "next_stage"):
            return optimizer
        seen.append(optimizer)
        inner = (vars(optimizer).get(name) for name in _WRAPPED if hasattr(optimizer, "__dict__"))
        optimizer = next((x for x in inner if hasattr(x, "param_groups")), None)
    return None


def _increasing(milestones: Iterable[int]) -> list[int]:
    """The milestones as a list, once they are known to be good."""
    rule = "StageLR: milestones must be integers >= 1, each greater than the one before"
    given = list(milestones)
    try:
        numbers = [operator.index(milestone) for milestone in given]
    except TypeError as error:
        raise TypeError(f"{rule}, got {given}") from error
    if any(b <= a for a, b in zip([0, *numbers], numbers, strict=False)):
        raise ValueError(f"{rule}, got {given}")
    return numbers

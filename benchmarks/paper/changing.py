"""One loss for the first steps of a run and another for the rest."""

import torch
from torch import Tensor

from aucmax.losses import Loss


class ChangingLoss(Loss):
    """``first`` for a number of calls, ``then`` afterwards; the count is part of the state.

    Args:
        calls: how many are answered by ``first``.
    """

    count: Tensor

    def __init__(self, first: Loss, then: Loss, calls: int) -> None:
        super().__init__()
        self.first, self.then, self.calls = first, then, calls
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """What the loss in charge makes of the batch, a scalar."""
        self.count += 1
        loss = self.first if self.count <= self.calls else self.then
        return loss(logits, target, index)

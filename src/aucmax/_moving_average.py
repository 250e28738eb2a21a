"""Averages that outlive a batch: one for every row of the data, or one in all."""

import math

import torch
from torch import Tensor, nn

from ._checks import ValueChecks


class MovingAverage(nn.Module):
    r"""Exponential moving averages in one buffer, where NaN means "not seen yet".

    .. math:: u \leftarrow (1-\gamma)\,u + \gamma\,\hat u, \qquad u \leftarrow \hat u
        \text{ on the first visit}

    Without the second rule a state that starts at 0 would be gamma times too small at first.
    State changes in training mode only; in evaluation the same values are returned, not kept.

    Args:
        size: number of rows of the data, each with its own average; None: one average in all.
        gamma: weight of the new estimate, in (0, 1].
        num_labels: L for estimates (B, L) or (L,); None (or 1) for (B,) or ().

    Raises:
        ValueError: if gamma or size is outside its range.

    >>> average = MovingAverage(3, gamma=0.5)
    >>> average(torch.tensor([4.0]), torch.tensor([1]))
    tensor([4.])
    >>> average(torch.tensor([8.0]), torch.tensor([1]))
    tensor([6.])
    """

    def __init__(self, size: int | None, gamma: float, *, num_labels: int | None = None) -> None:
        super().__init__()
        if not 0 < gamma <= 1:
            raise ValueError(
                f"gamma, the weight of the new estimate, must lie in (0, 1], got {gamma}"
            )
        if size is not None and size < 1:
            raise ValueError(f"num_samples must be >= 1, the rows of the data, got {size}")
        self.gamma = gamma
        labels = () if num_labels in (None, 1) else (num_labels,)
        self.value: Tensor
        self.register_buffer(
            "value", torch.full((() if size is None else (size,)) + labels, torch.nan)
        )
        self._per_row = size is not None
        self._checks = ValueChecks()

    @torch.no_grad()
    def forward(
        self, fresh: Tensor, index: Tensor | None = None, known: Tensor | None = None
    ) -> Tensor:
        """The averages after they have seen new estimates.

        Args:
            fresh: new estimates; (B,) or (B, L) if there is one average a row, else () or (L,).
            index: the rows they belong to, (B,); None if there is one average in all. Of a row
                named twice either estimate is kept.
            known: mask of the estimates that exist, of the shape of ``fresh``; the others leave
                their averages as they are, and come back as they are.

        Raises:
            ValueError: if ``index`` is missing, or is not as said above.
        """
        fresh = fresh.detach()
        index = self._checked(index, fresh)
        old = (self.value if index is None else self.value[index]).to(fresh.dtype)
        new = torch.where(old.isnan(), fresh, self.mixed(old, fresh))
        if known is not None:
            new = torch.where(known > 0, new, fresh)
        if self.training:
            kept = new if known is None else torch.where(known > 0, new, old)
            if index is None:
                self.value.copy_(kept)
            else:
                self.value[index] = kept.to(self.value.dtype)
        return new

    def mixed(self, old: Tensor, fresh: Tensor) -> Tensor:
        """``(1 - gamma) old + gamma fresh``; exactly ``fresh`` at gamma = 1."""
        return fresh if self.gamma == 1 else torch.lerp(old, fresh, self.gamma)

    def extra_repr(self) -> str:
        """Show what was asked for."""
        return f"{tuple(self.value.shape)}, gamma={self.gamma}"

    def _checked(self, index: Tensor | None, fresh: Tensor) -> Tensor | None:
        if not self._per_row:
            return None
        if index is None:
            raise ValueError(
                "index, the rows' positions in the data, must be given to a loss with "
                "num_samples: call loss(logits, target, index), or leave num_samples out"
            )
        if not isinstance(index, Tensor) or index.is_floating_point() or index.dtype == torch.bool:
            kind = index.dtype if isinstance(index, Tensor) else type(index).__name__
            raise ValueError(f"index must be a tensor of integers, got {kind}")
        if tuple(index.shape) != (fresh.shape[0],):
            raise ValueError(
                f"index must be (B,), one position for each of {fresh.shape[0]} rows, got "
                f"{tuple(index.shape)}"
            )
        index = index.to(self.value.device)
        if self._checks.begin(index) and bool(((index < 0) | (index >= len(self.value))).any()):
            raise ValueError(
                f"index must lie in 0 to num_samples - 1 = {len(self.value) - 1}, got "
                f"{int(index.min())} to {int(index.max())}"
            )
        self._checks.passed()
        return index.long()


class LogMovingAverage(MovingAverage):
    r"""Moving averages of positive numbers by their logarithms: neither overflows nor vanishes.

    .. math:: \log u \leftarrow \log\left((1-\gamma)\,e^{\log u} + \gamma\,e^{\log\hat u}\right)

    >>> average = LogMovingAverage(None, gamma=0.5)
    >>> average(torch.tensor(1000.0))
    tensor(1000.)
    >>> average(torch.tensor(1000.0))
    tensor(1000.)
    """

    def mixed(self, old: Tensor, fresh: Tensor) -> Tensor:
        """The mean with weights 1 - gamma and gamma, in logarithms."""
        if self.gamma == 1:
            return fresh
        kept, taken = math.log1p(-self.gamma), math.log(self.gamma)
        return torch.logaddexp(old + kept, fresh + taken)

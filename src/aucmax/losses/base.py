"""What all losses share: one call, and for AUC losses the activation and the diagnostics."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .._checks import check_batch, squeeze_label

RECENT = 2048
"""Rows that an AUC loss remembers, in whole batches, for :meth:`AUCLoss.diagnostics`."""

Activation = Callable[..., Any]


class Loss(nn.Module, ABC):
    """Abstract: every loss is called ``loss(logits, target, index=None)`` and returns a scalar.

    Shapes: logits and target (B,), (B, 1) or (B, L); index (B,), the rows' positions in the data
    set, used only by losses with per-sample state. Targets are 0, 1 or NaN (unknown, ignored).
    The computation runs in float32, or in float64 if the logits are float64.
    """

    @abstractmethod
    def forward(self, logits: Tensor, target: Tensor, index: Tensor | None = None) -> Tensor:
        """Value of the objective on one batch, a scalar to call ``backward`` on.

        Args:
            logits: raw model outputs, (B,), (B, 1) or (B, L).
            target: 0, 1 or NaN (unknown), of the same shape.
            index: the rows' positions in the data set, (B,); used by losses that keep an average
                for each row, else accepted so that losses are interchangeable.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as said above.
        """

    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set the loss's own variables by a first batch; most losses have none to set.

        Args:
            logits: raw model outputs, shaped as in :meth:`forward`.
            target: 0, 1 or NaN (unknown).
        """

    def diagnostics(self) -> dict[str, Tensor]:
        """What the loss can tell about the batches seen of late; most baselines tell nothing."""
        return {}

    def forget(self) -> None:
        """Drop what :meth:`diagnostics` remembers."""


class AUCLoss(Loss):
    """Abstract: a loss on ranked scores ``h = activation(logits)``, which can tell how it goes.

    Args:
        activation: maps logits to scores, element by element and increasing, such as
            ``torch.sigmoid`` (scores in (0, 1)) or ``torch.nn.Identity()`` (raw scores).
    """

    def __init__(self, activation: Activation = torch.sigmoid) -> None:
        super().__init__()
        self.activation = activation
        self._recent = _RecentBatches()

    def scores(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Check a batch; return its scores and the 0/1 masks of positives and of negatives."""
        logits, positive, negative = check_batch(logits, target)
        h = self.activation(logits)
        if self.training:
            self._recent.add(h.detach(), squeeze_label(target))
        return h, positive, negative

    @torch.no_grad()
    def diagnostics(self) -> dict[str, Tensor]:
        """How ranking goes on the most recent batches seen in training mode.

        The value of a min-max loss is no measure of progress: it may rise, or be negative, while
        the ranking improves. These numbers are. Each is a scalar, or (L,) for L labels, and NaN
        until a class has been seen:

        ``auroc``: AUROC of the remembered scores; ``mean_positive``, ``mean_negative``: the means
        of the scores of each class, E+h and E-h. Min-max losses add ``a``, ``b`` (their estimates
        of these means) and ``alpha`` (the dual variable, near ``max(0, m + b - a)``).

        Under ``torch.compile`` of the loss itself nothing is remembered; compile the model.
        """
        if not self._recent.batches:
            nan = torch.tensor(torch.nan)
            return {"auroc": nan, "mean_positive": nan, "mean_negative": nan}
        h, target = self._recent.joined()
        return {
            "auroc": _auroc(h, target),
            "mean_positive": torch.where(target == 1, h, torch.nan).nanmean(0),
            "mean_negative": torch.where(target == 0, h, torch.nan).nanmean(0),
        }

    def forget(self) -> None:
        """Drop the remembered batches, so that :meth:`diagnostics` speaks of those to come."""
        self._recent = _RecentBatches()


class _RecentBatches:
    """Scores and targets of the last batches, ``RECENT`` rows and at most a batch more.

    References to whole batches, joined only on request: ``add`` runs at every step.
    """

    def __init__(self) -> None:
        self.batches: deque[tuple[Tensor, Tensor]] = deque()
        self.rows = 0

    def add(self, h: Tensor, target: Tensor) -> None:
        if torch.compiler.is_compiling():
            return
        if self.batches and self.batches[-1][0].shape[1:] != h.shape[1:]:
            self.batches.clear()
            self.rows = 0
        self.batches.append((h, target))
        self.rows += h.shape[0]
        while (older := self.rows - self.batches[0][0].shape[0]) >= RECENT:
            self.batches.popleft()
            self.rows = older

    def joined(self) -> tuple[Tensor, Tensor]:
        scores, targets = zip(*self.batches, strict=True)
        device = scores[-1].device
        return torch.cat([h.to(device) for h in scores]), torch.cat([t.to(device) for t in targets])


def _auroc(h: Tensor, target: Tensor) -> Tensor:
    """AUROC per label by counting: for each positive, the negatives below it and half the ties."""
    if h.ndim == 2:
        return torch.stack([_auroc(h[:, i], target[:, i]) for i in range(h.shape[1])])
    positive, negative = h[target == 1], h[target == 0].sort().values
    below = torch.searchsorted(negative, positive)
    not_above = torch.searchsorted(negative, positive, right=True)
    return (below + not_above).float().mean() / (2 * len(negative))

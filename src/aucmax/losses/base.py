"""What all losses share: one call, and for AUC losses the activation and the diagnostics."""

import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .._autograd import in_transform
from .._call import LossModule
from .._checks import ValueChecks, check_batch, squeeze_label
from .._joint import is_joint

RECENT = 2048
"""Rows that an AUC loss remembers, in whole batches, for :meth:`AUCLoss.diagnostics`."""

Activation = Callable[..., Any]


class Loss(LossModule, ABC):
    """Abstract: every loss is called ``loss(logits, target, index=None)`` and returns a scalar.

    Shapes: logits and target (B,), (B, 1) or (B, L); index (B,), the rows' positions in the data
    set, used only by losses with per-sample state. Targets are 0, 1 or NaN (unknown, ignored).
    The computation runs in float32, or in float64 if the logits are float64.

    The output of a Hugging Face model may stand in place of the logits, so that a loss can be the
    ``compute_loss_func`` of a ``transformers.Trainer``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.checks = ValueChecks()

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

    def check(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Check a batch; return its logits, in at least float32, and the 0/1 masks of the classes.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as in :meth:`forward`.
        """
        return check_batch(logits, target, self.checks)

    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set the loss's own variables by a first batch; most losses have none to set.

        Args:
            logits: raw model outputs, shaped as in :meth:`forward`.
            target: 0, 1 or NaN (unknown).
        """

    def diagnostics(self, *, per_label: bool = False) -> dict[str, Tensor]:
        """Return what the loss can tell about recent batches; most baselines tell nothing.

        Args:
            per_label: one number for each label, (L,), instead of their mean.
        """
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
        self._is_known_alone = False

    def scores(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Check a batch; return its scores and the 0/1 masks of positives and of negatives."""
        logits, positive, negative = self.check(logits, target)
        h = self.activation(logits)
        if self.training:
            self._recent.add(h, squeeze_label(target), h is logits)
            if not self._is_known_alone:
                self._report_alone()
        return h, positive, negative

    @property
    def warns(self) -> bool:
        """Whether this batch is to be looked at for a missing class."""
        return self.training and self.checks.due and not in_transform()

    @torch.no_grad()
    def diagnostics(self, *, per_label: bool = False) -> dict[str, Tensor]:
        """Return how well the most recent batches of training mode are ranked.

        The value of a min-max loss is no measure of progress: it may rise, or be negative, while
        the ranking improves. These numbers are. Each is a scalar, which loggers take as it is
        (``self.log_dict(loss.diagnostics())``), and NaN until a class has been seen:

        ``auroc``: AUROC of the remembered scores; ``mean_positive``, ``mean_negative``: the means
        of the scores of each class, E+h and E-h. Min-max losses add ``a``, ``b`` (their estimates
        of these means) and ``alpha`` (the dual variable, near ``max(0, m + b - a)``).

        Under ``torch.compile`` of the loss itself nothing is remembered; compile the model.

        Args:
            per_label: one number for each label, (L,), instead of the mean over the labels for
                which there is one.
        """
        values = self._label_diagnostics()
        return values if per_label else {name: value.nanmean() for name, value in values.items()}

    def _label_diagnostics(self) -> dict[str, Tensor]:
        """One number for each label, (L,), or a scalar for logits (B,)."""
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

    def _report_alone(self) -> None:
        """Warn once if this process ranks only its own rows while others train along."""
        if torch.compiler.is_compiling():
            return
        self._is_known_alone = True
        if is_joint():
            return
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            warnings.warn(
                f"{type(self).__name__} compares only the rows of its own process, so "
                f"{dist.get_world_size()} processes do not train like one: call "
                "aucmax.AllGather(loss) instead, which compares the rows of all processes",
                stacklevel=7,
            )


class _RecentBatches:
    """Scores and targets of the last batches, ``RECENT`` rows and at most a batch more.

    Whole batches, joined only on request: ``add`` runs at every step. Nothing of the caller's is
    kept: it may reuse its tensors, and a view would keep all of the model's output alive.
    """

    def __init__(self) -> None:
        self.batches: deque[tuple[Tensor, Tensor]] = deque()
        self.rows = 0

    def add(self, h: Tensor, target: Tensor, is_callers: bool) -> None:
        if torch.compiler.is_compiling() or in_transform():
            return
        h = h.detach().clone() if is_callers or h._is_view() else h.detach()
        if self.batches and self.batches[-1][0].shape[1:] != h.shape[1:]:
            self.batches.clear()
            self.rows = 0
        self.batches.append((h, target.detach().clone()))
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

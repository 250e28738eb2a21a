"""Our metrics as ``torchmetrics.Metric``: for Lightning's ``self.log`` and metric collections."""

import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors

from aucmax._checks import check_label_count
from aucmax.metrics import UndefinedMetricWarning, auroc, average_precision


class _Ranking(Metric):
    """Collect scores and targets of all batches and ranks; rank them once, on the CPU."""

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    scores: list[Tensor]
    target: list[Tensor]
    _function: Callable[[Any, Any], Any]  # set by each subclass, as a staticmethod

    def __init__(self, num_labels: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        check_label_count(num_labels)
        self.num_labels = num_labels
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("target", default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, target: Tensor) -> None:
        """Store a batch: scores and target (B,) or (B, 1), or (B, L) for L labels."""
        width = 1 if self.num_labels is None else self.num_labels
        stored = []
        for name, values in (("scores", scores), ("target", target)):
            flat = values.ndim == 1 and width == 1
            if not flat and (values.ndim != 2 or values.shape[1] != width):
                shape = "(B,)" if self.num_labels is None else f"(B, {width})"
                raise ValueError(
                    f"{name} must be {shape}, got {tuple(values.shape)}; see num_labels"
                )
            stored.append(values.detach().reshape(len(values), width))
        if len(stored[0]) != len(stored[1]):
            counts = f"{len(stored[0])} scores and {len(stored[1])} targets"
            raise ValueError(f"scores and target must have one length, got {counts}")
        self.scores.append(stored[0])
        self.target.append(stored[1])

    def compute(self) -> Tensor:
        """Metric of everything stored, a scalar; the mean over the labels with both classes."""
        scores, target = self._stored(self.scores), self._stored(self.target)
        value = self._value(scores, target)
        return torch.tensor(value, dtype=torch.get_default_dtype(), device=self.device)

    def _stored(self, batches: list[Tensor] | Tensor) -> Tensor:
        if isinstance(batches, Tensor):  # joined over ranks by torchmetrics
            return batches
        return dim_zero_cat(batches) if batches else self._empty()

    def _empty(self) -> Tensor:
        return torch.empty(0, self.num_labels or 1, device=self.device)

    def _value(self, scores: Tensor, target: Tensor) -> float:
        if not len(scores):
            return self._undefined("no row was seen so far: the metric is nan")
        if bool(((target != 0) & (target != 1) & ~target.isnan()).any()):
            type(self)._function(scores, target)  # says what is wrong with them
        defined = ((target == 1).any(0) & (target == 0).any(0)).cpu()
        if not defined.any():
            return self._undefined(
                "no label has both classes in what was seen so far: the metric is nan"
            )
        values = torch.as_tensor(type(self)._function(scores, target), dtype=torch.float64)
        return float(values[~values.isnan()].mean())

    def _undefined(self, reason: str) -> float:
        warnings.warn(reason, UndefinedMetricWarning, stacklevel=4)
        return float("nan")

    def _sync_dist(
        self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None
    ) -> None:
        """Join the ranks, also those without a batch: with no rows, and of the others' dtypes."""
        names = ("scores", "target")
        own = {n: self._stored(getattr(self, n)) if getattr(self, n) else None for n in names}
        group = process_group or self.process_group
        every = _gathered([None if t is None else t.dtype for t in own.values()], group)
        for (name, tensor), dtypes in zip(own.items(), zip(*every, strict=True), strict=True):
            kinds = [dtype for dtype in dtypes if dtype is not None]
            common = reduce(torch.promote_types, kinds) if kinds else torch.float32
            rows = self._empty() if tensor is None else tensor
            setattr(self, name, [rows.to(common)])
        super()._sync_dist(dist_sync_fn, process_group)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """Plot the value, or several, as every ``torchmetrics.Metric`` does.

        Args:
            val: what ``compute`` or ``forward`` returned, or a list of it; None computes it.
            ax: a matplotlib axes; None makes a figure.

        Returns:
            The figure and its axes.
        """
        return self._plot(val, ax)


def _gathered(value: Any, group: Any) -> list[Any]:
    """``value`` of every rank."""
    if not torch.distributed.is_initialized():
        return [value]
    every: list[Any] = [None] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(every, value, group)
    return every


class AUROC(_Ranking):
    """Area under the ROC curve by :func:`aucmax.metrics.auroc`, the mean over labels if several.

    Exact, ties half, NaN targets ignored; states are concatenated over ranks. Where no label has
    both classes yet, as in a short sanity check, the value is nan, with an
    :class:`aucmax.metrics.UndefinedMetricWarning`.

    Args:
        num_labels: L for batches of shape (B, L); None for one label, (B,) or (B, 1).
        **options: of ``torchmetrics.Metric``, which refuses what it does not know.

    Raises:
        ValueError: if num_labels is not positive, or a batch has another shape.

    >>> metric = AUROC()
    >>> metric.update(torch.tensor([0.1, 0.4]), torch.tensor([0, 0]))
    >>> metric.update(torch.tensor([0.35, 0.8]), torch.tensor([1, 1]))
    >>> metric.compute()
    tensor(0.7500)
    """

    _function = staticmethod(auroc)


class AveragePrecision(_Ranking):
    """Average precision, :func:`aucmax.metrics.average_precision`; the mean over labels if several.

    Ties move together, NaN targets are ignored; states are concatenated over ranks. Undefined
    values are treated as in :class:`AUROC`.

    Args:
        num_labels: L for batches of shape (B, L); None for one label, (B,) or (B, 1).
        **options: of ``torchmetrics.Metric``, which refuses what it does not know.

    Raises:
        ValueError: if num_labels is not positive, or a batch has another shape.

    >>> metric = AveragePrecision()
    >>> metric.update(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    tensor(0.8333)
    """

    _function = staticmethod(average_precision)

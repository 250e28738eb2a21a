"""What min-max losses share: variables of their own, their start, and the sign of the dual."""

import warnings
from abc import abstractmethod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .._autograd import in_transform, is_wrapped
from .._checks import check_label_count, check_num_labels
from .._joint import is_joint
from .base import Activation, AUCLoss

ByClass = tuple[dict[str, Tensor], dict[str, Tensor]]
"""Values of the variables that depend on the positives alone, and on the negatives alone."""


class SaddleLoss(AUCLoss):
    r"""Abstract: an AUC loss with variables of its own, :math:`\min_{a,b}\max_\alpha`.

    The variables are parameters of the loss, (1,) or (L,), which any optimizer *descends*: the loss
    hands ``alpha``, which is to be maximized, its gradient with the opposite sign (gradient
    reversal). If no optimizer holds them, they stay where they started.

    They start at the saddle of the first training batch, where the first gradient is that of the
    mean over all pairs: at 0 the objective would first draw the scores of both classes together.
    The variables of a class that this batch lacks start with the first batch that has it. Variables
    that were set by hand or loaded are kept. ``state_dict`` remembers what has started.

    Args:
        num_labels: L for logits (B, L); None (or 1) for logits (B,) or (B, 1).
        activation: maps logits to scores.
        initial: name and value of each variable before training; None if there is no such variable.
    """

    loss_variables: tuple[str, ...] = ("a", "b", "alpha")
    """Names of the parameters that :func:`aucmax.param_groups` puts into a group of their own."""

    a: nn.Parameter
    b: nn.Parameter
    alpha: nn.Parameter

    def __init__(
        self, num_labels: int | None, activation: Activation, initial: dict[str, float | None]
    ) -> None:
        super().__init__(activation)
        check_label_count(num_labels)
        self.num_labels = num_labels
        self._initial = {name: value for name, value in initial.items() if value is not None}
        size = num_labels or 1  # (1,), not (): FSDP2 shards no scalars
        for name, value in initial.items():
            full = None if value is None else nn.Parameter(torch.full((size,), value))
            self.register_parameter(name, full)
        self.started: Tensor
        self.shift: Tensor
        # 1 where positives (row 0), negatives (row 1) of a label have been seen. Not of booleans or
        # integers, which averages of weights (SWA, EMA) cannot average.
        self.register_buffer("started", torch.zeros((2, size)))
        # What a wrapper's copy of the variables lacks, see _find_shift; 0 without such a wrapper.
        self.register_buffer("shift", torch.zeros((len(self._initial), size)))
        self._forget_caches()
        self._gradients = GradientWatch()

    @abstractmethod
    def saddle(self, h: Tensor, positive: Tensor, negative: Tensor) -> ByClass:
        """Return where the minimized variables start, (L,) each, by one batch of scores."""

    @abstractmethod
    def best_dual(self, own: dict[str, Tensor]) -> Tensor:
        """Return the ``alpha`` that maximizes the objective at the saddle's other variables."""

    @abstractmethod
    def bounded(self, own: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the variables within their bounds; those without bounds as they are."""

    def variables(self) -> dict[str, Tensor]:
        """Return the variables within their bounds, (1,) or (L,), without changing any."""
        own: dict[str, Tensor] = {name: getattr(self, name) for name in self._initial}
        if self._has_shift is not False:
            own = {name: own[name] + shift for name, shift in zip(own, self.shift, strict=True)}
        return self.bounded(own)

    @torch.no_grad()
    def start_at(self, logits: Tensor, target: Tensor) -> None:
        """Set the variables to the saddle of a batch, whether they have started or not.

        Training starts them by its first batch; call this to choose another, larger one.

        Args:
            logits: raw model outputs, shaped as in :meth:`forward`.
            target: 0, 1 or NaN (unknown). The variables of a class that is missing stay.

        Raises:
            TypeError: if an argument is no tensor, or logits are not floating point.
            ValueError: if shapes or values are not as in :meth:`forward`.
        """
        logits, positive, negative = self.check(logits, target)
        check_num_labels(logits, self.num_labels)
        self._start(self.activation(logits), positive, negative, torch.zeros_like(self.started) > 0)

    def current(self, h: Tensor, positive: Tensor, negative: Tensor) -> dict[str, Tensor]:
        """Return the variables for one batch, started and within their bounds.

        In training mode they are first set so; inside a transform of ``torch.func``, which may not
        change anything, only the result is.
        """
        if not self.training:
            return self.variables()
        if in_transform() and any(map(is_wrapped, (h, *self.parameters()))):
            return self._started_copy(h.detach(), positive, negative)
        if self._all_started and self._has_shift is False and self._written is None:
            return self.projected()  # the usual case
        if self._written is not None and self._is_lost is not None:
            self._find_shift()
        elif self._has_shift is None and not torch.compiler.is_compiling():
            self._has_shift = bool(self.shift.any())
        if not self._all_started:
            self._start_if_new(h.detach(), positive, negative)
        return self.variables() if self._has_shift is not False else self.projected()

    def watch_gradients(self) -> None:
        """Look in the backward pass whether gradients of the variables are ever cleared."""
        self._gradients.look(self._parameters["alpha"])
        if self._written is not None and self._is_lost is None:
            torch.autograd.Variable._execution_engine.queue_callback(self._look_for_shards)

    @torch.no_grad()
    def _label_diagnostics(self) -> dict[str, Tensor]:
        own = {name: value.detach().clone() for name, value in self.variables().items()}
        if self.num_labels is None:
            own = {name: value.squeeze(0) for name, value in own.items()}
        return super()._label_diagnostics() | own

    def projected(self) -> dict[str, Tensor]:
        """Set the parameters to their values within the bounds, and return them."""
        own = self.variables()
        for name, value in own.items():
            parameter = getattr(self, name)
            if value is not parameter:
                # Through .data: an in-place change would spoil the graph of an earlier forward.
                parameter.data.copy_(value.detach())
                own[name] = parameter
        return own

    @torch.no_grad()
    def _start_if_new(self, h: Tensor, positive: Tensor, negative: Tensor) -> None:
        untouched = [(getattr(self, name) == value).all() for name, value in self._initial.items()]
        by_hand = ~torch.stack(untouched).all() & ~(self.started > 0.5).any()
        self._start(h, positive, negative, (self.started > 0.5) | by_hand)
        if not torch.compiler.is_compiling():
            self._batches += 1
            # Seldom: to read it may stop a device, and some labels may never get both classes.
            if self._batches & (self._batches - 1) == 0:
                self._all_started = bool((self.started > 0.5).all())

    def _start(self, h: Tensor, positive: Tensor, negative: Tensor, kept: Tensor) -> None:
        """Write the start of all variables that the batch can tell but those ``kept``, (2, L)."""
        counts = torch.stack([positive.sum(0), negative.sum(0)]).reshape(self.started.shape)
        values, counts = _agreed(self.saddle(h, positive, negative), counts)
        before = {name: getattr(self, name).detach().clone() for name in self._initial}
        after = self._after_start(before, values, counts > 0, kept)
        for shift, (name, value) in zip(self.shift, after.items(), strict=True):
            after[name] = value - shift
            getattr(self, name).data.copy_(after[name])
        self.started.copy_((self.started > 0.5) | kept | (counts > 0))
        if _is_distributed() and not torch.compiler.is_compiling():
            self._written = {name: (before[name], after[name].clone()) for name in after}
            self._is_lost = None

    def _after_start(
        self, own: dict[str, Tensor], values: ByClass, seen: Tensor, kept: Tensor
    ) -> dict[str, Tensor]:
        """The variables ``own`` after a start; a dual starts once both classes have been seen."""
        after, new = dict(own), seen & ~kept
        for of_class, is_new in zip(values, new, strict=True):
            for name, value in of_class.items():
                after[name] = torch.where(is_new, value.to(own[name].dtype), own[name])
        both = ((self.started > 0.5) | kept | seen).all(0) & new.any(0)
        dual = self.best_dual(after).to(own["alpha"].dtype)
        after["alpha"] = torch.where(both, dual, own["alpha"])
        return self.bounded(after)

    def _started_copy(self, h: Tensor, positive: Tensor, negative: Tensor) -> dict[str, Tensor]:
        own: dict[str, Tensor] = {name: getattr(self, name) for name in self._initial}
        counts = torch.stack([positive.sum(0), negative.sum(0)]).reshape(self.started.shape)
        values = self.saddle(h, positive, negative)
        return self._after_start(own, values, counts > 0, self.started > 0.5)

    def _look_for_shards(self) -> None:
        """After a backward pass: have the variables become parts of what ``forward`` saw?

        FSDP and ZeRO hand ``forward`` temporary copies of the parameters and take them back now.
        """
        shape = self.started.shape[1:]
        own = [self._parameters.get(name) for name in self._initial]
        self._is_lost = any(type(p) is not nn.Parameter or p.shape != shape for p in own)

    @torch.no_grad()
    def _find_shift(self) -> None:
        """Put what the first batch wrote into ``shift`` if it has been lost with such copies.

        Buffers are kept, so from now on a variable is the sum of its parameter and its shift.
        """
        written, self._written = self._written or {}, None
        lost = torch.tensor(float(bool(self._is_lost)), device=self.shift.device)
        if _is_distributed():
            dist.all_reduce(
                lost
            )  # a part may be all there is on one process, and nothing elsewhere
        if lost:
            for shift, (before, after) in zip(self.shift, written.values(), strict=True):
                shift.add_(after - before)
        self._has_shift = bool(self.shift.any())

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._forget_caches()
        self._has_shift = None

    def _forget_caches(self) -> None:
        """Forget what is known of the buffers without reading them back from a device."""
        self._all_started = False
        self._batches = 0
        self._has_shift: bool | None = False  # None: not known
        self._written: dict[str, tuple[Tensor, Tensor]] | None = None
        self._is_lost: bool | None = None  # None: not known before a backward pass


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _agreed(values: ByClass, counts: Tensor) -> tuple[ByClass, Tensor]:
    """Starts that all processes share, and the rows of each class, (2, L), of all of them.

    Outside of :class:`aucmax.AllGather` every process has a batch of its own. Then a start is the
    mean over the processes, weighted by their rows of the class: for a mean, that of all rows.
    """
    if not _is_distributed() or is_joint() or torch.compiler.is_compiling():
        return values, counts
    names = [(row, name) for row, of_class in enumerate(values) for name in of_class]
    weights = torch.stack([counts[row] for row, _ in names])
    stacked = torch.stack([values[row][name] for row, name in names])
    sums = torch.cat([torch.where(weights > 0, weights * stacked, 0), counts])
    dist.all_reduce(sums)
    counts = sums[-2:]
    joint: ByClass = ({}, {})
    for (row, name), total in zip(names, sums, strict=False):
        joint[row][name] = total / counts[row].clamp(min=1)
    return joint, counts


class GradientWatch:
    """Notices that the gradients of a loss's variables are never cleared, and says so once.

    ``model.zero_grad()`` clears those of the model alone. An optimizer that holds the variables
    then moves them by the sum over all steps, and away to infinity.
    """

    def __init__(self) -> None:
        self._version = -1
        self._looks = 0
        self._stale = 0

    def look(self, variable: Tensor | None) -> None:
        """Look at a variable in the backward pass, before its new gradient is added."""
        if variable is None:
            return
        before, self._version = self._version, variable._version
        # None: cleared. Not changed by a step since: gradients are accumulated on purpose.
        if variable.grad is None or before in (-1, variable._version) or self._stale == 2:
            return
        self._looks += 1
        if self._looks & (self._looks - 1):  # seldom: to look may stop a device
            return
        self._stale = self._stale + 1 if bool(variable.grad.any()) else 0
        if self._stale == 2:
            warnings.warn(
                "the gradients of the loss's variables (a, b, alpha) are never cleared, so their "
                "steps grow without bound: call optimizer.zero_grad() or loss.zero_grad() in every "
                "step (model.zero_grad() does not reach them), or make the loss a submodule of the "
                "model",
                stacklevel=2,
            )

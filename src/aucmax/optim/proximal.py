"""What proximal optimizers share: stages, reference points, mean iterates."""

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, ParamsT, StateDict

from ._batch import Batch, count
from ._options import check_values, refuse_misspelled

# Keys that a group may have besides the optimizer's options: torch's, the schedulers', those of
# wrappers such as SAM, and tags that users give their groups.
# fmt: off
_FOREIGN = frozenset({
    "params", "param_names", "name", "lr_scale", "initial_lr", "swa_lr", "max_lr", "min_lr",
    "max_momentum", "base_momentum", "loss_variables", "rho", "adaptive", "layer_id", "lr_mult",
    "group_name", "tag", "no_decay", "fused", "capturable", "differentiable",
    "decoupled_weight_decay",
})
# fmt: on
# State that keeps its own dtype when it is loaded.
_EXACT = frozenset({"reference", "total", "start", "inner"})


class ProximalOptimizer(Optimizer, ABC):
    """Stages with a pull ``epoch_decay * (p - r)`` towards a reference point r of each parameter.

    r is where the parameter stood before its first step. :meth:`next_stage` moves it to the mean
    of the iterates since. Parameters without a gradient are passed over, and their mean with them.

    State of a parameter, in ``optimizer.state[p]``, made at its first step and only where needed:
    ``step`` counts its updates; ``reference`` is r; ``total`` is the sum of p - r over the stage's
    iterates but the latest, which is p itself; ``start`` is ``step`` at the stage's beginning.
    """

    _counts = False  # whether a step needs the number of updates even without epoch_decay

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        owner = type(self).__name__
        check_values(owner, defaults)
        if isinstance(params, nn.Module):
            cure = "pass aucmax.param_groups(model, loss_fn) or model.parameters()"
            raise TypeError(f"{owner}: params must be parameters or groups, got a module: {cure}")
        super().__init__(params, defaults)

    @abstractmethod
    def _moments(self, group: dict[str, Any]) -> tuple[str, ...]:
        """Names of the tensors, like the parameter and at first 0, that a step needs."""

    @abstractmethod
    def _advance(self, group: dict[str, Any], p: Tensor, direction: Tensor) -> None:
        """Update one parameter: the definition of the optimizer."""

    @abstractmethod
    def _advance_all(self, group: dict[str, Any], batch: Batch) -> None:
        """Update many parameters of one device and dtype: the same, fast."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, now or in the middle of training.

        Args:
            param_group: ``params`` and any of the optimizer's options.

        Raises:
            ValueError: if the name of an option is misspelled, a value is out of its range, or a
                parameter is complex. Other keys are kept, as in torch, with a warning if they are
                not known from a wrapper or scheduler.
        """
        if isinstance(param_group, dict):
            owner = f"{type(self).__name__}, group {len(self.param_groups)}"
            names = sorted(map(str, param_group.keys() - _FOREIGN))
            if unused := refuse_misspelled(owner, names, self._option_names()):
                warnings.warn(
                    f"{owner} does not use {', '.join(map(repr, unused))}; its options are "
                    f"{', '.join(sorted(self._option_names()))}",
                    stacklevel=2,
                )
            check_values(owner, param_group)
            param_group = dict(param_group)  # the caller's stays clean for another optimizer
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.is_complex():
                raise ValueError(f"{type(self).__name__}: parameters must be real, got {p.dtype}")

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; the gradients stay as they are.

        Args:
            closure: computes the loss and its gradients anew, and returns the loss.

        Returns:
            What ``closure`` returned.

        Raises:
            ValueError: if a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            columns, moments = [[], [], [], [], []], [[] for _ in self._moments(group)]
            self._init_group(group, *columns, *moments)
            batch = Batch(*columns, moments=moments)
            count(batch.steps)
            if self._fast(group, batch):
                for bucket in batch.buckets():
                    self._advance_all(group, bucket)
            else:
                for p, grad in zip(batch.params, batch.grads, strict=True):
                    self._advance(group, p, self._direction(group, p, grad))
        return loss

    @torch.no_grad()
    def next_stage(self) -> None:
        """Start a stage: each reference point becomes the mean iterate of the one just ended.

        A parameter that has not moved since the last call keeps its reference point.
        """
        for p, state in self.state.items():
            iterates = float(state["step"] - state["start"]) if "reference" in state else 0
            if iterates:
                reference, total = state["reference"], state["total"]
                reference.add_(total.add_(p - reference) / iterates)
                # The next step first adds p - r of the iterate from which it departs, which
                # belongs to the stage just ended: this takes it back.
                total.copy_(reference - p)
                state["start"].copy_(state["step"])

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Continue from a ``state_dict``, as in torch, without sharing its tensors.

        torch casts all state to the parameter's dtype, but a mean over thousands of iterates needs
        float32 even for a parameter in bfloat16: its tensors keep the dtype they were saved with.

        Args:
            state_dict: what ``state_dict()`` returned.

        Raises:
            ValueError: if the groups are not those of such an optimizer.
        """
        for group in state_dict["param_groups"]:
            if missing := self._option_names() - group.keys():
                which = f"a group lacks {', '.join(sorted(missing))}"
                raise ValueError(f"state_dict is not of a {type(self).__name__}: {which}")
        super().load_state_dict(state_dict)
        ids = [i for group in state_dict["param_groups"] for i in group["params"]]
        own = [p for group in self.param_groups for p in group["params"]]
        for i, p in zip(ids, own, strict=True):
            for key, value in state_dict["state"].get(i, {}).items():
                like = self.state[p][key]
                dtype = value.dtype if key in _EXACT else like.dtype
                self.state[p][key] = value.to(like.device, dtype, copy=True)

    @classmethod
    def _option_names(cls) -> set[str]:
        """The options of the constructor. Not ``defaults``: torch adds keys of its own to these."""
        return set(inspect.signature(cls.__init__).parameters) - {"self", "params"}

    def _init_group(
        self,
        group: dict[str, Any],
        params: list[Tensor],
        grads: list[Tensor],
        steps: list[Tensor],
        references: list[Tensor],
        totals: list[Tensor],
        *moments: list[Tensor],
    ) -> None:
        """Fill the columns, and make state that is not there yet.

        torch.compile knows this name: it runs the method as it is, in place of tracing it.
        """
        names = self._moments(group)
        for p in group["params"]:
            if p.grad is None:
                continue
            if p.grad.is_sparse:
                cure = "build the embedding with sparse=False"
                raise ValueError(f"{type(self).__name__} takes no sparse gradients: {cure}")
            state = self.state[p]
            self._init_state(group, p, state, names)
            params.append(p)
            grads.append(p.grad)
            if self._counts or group["epoch_decay"]:
                steps.append(state["step"])
            if group["epoch_decay"]:
                references.append(state["reference"])
                totals.append(state["total"])
            for moment, name in zip(moments, names, strict=True):
                moment.append(state[name])

    def _init_state(
        self, group: dict[str, Any], p: Tensor, state: dict[str, Tensor], names: tuple[str, ...]
    ) -> None:
        """Make what this step needs and no step before needed."""
        for name in names:
            if name not in state:
                state[name] = torch.zeros_like(p)
        if (self._counts or group["epoch_decay"]) and "step" not in state:
            state["step"] = torch.zeros((), dtype=torch.float32, device="cpu")
        if group["epoch_decay"] and "reference" not in state:
            wide = torch.promote_types(p.dtype, torch.float32)
            state["reference"] = p.detach().to(wide, copy=True)
            state["total"] = torch.zeros_like(p, dtype=wide)
            state["start"] = state["step"].clone()

    def _fast(self, group: dict[str, Any], batch: Batch) -> bool:
        """Whether to update many parameters at a time."""
        if group["foreach"] is not None:
            return group["foreach"]
        return all(type(p) in (Tensor, nn.Parameter) for p in batch.params)

    def _direction(self, group: dict[str, Any], p: Tensor, grad: Tensor) -> Tensor:
        """clip(g) + weight_decay p + epoch_decay (p - r), of one parameter; takes note of p - r."""
        direction = (-grad if group["maximize"] else grad).clamp(-group["clip"], group["clip"])
        direction = direction + group["weight_decay"] * p
        if group["epoch_decay"]:
            displacement = p - self.state[p]["reference"]
            self.state[p]["total"].add_(displacement)
            direction = direction + group["epoch_decay"] * displacement
        return direction

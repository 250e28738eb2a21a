"""PESG: proximal stochastic gradient descent-ascent in stages."""

# torch.optim's own optimizers are built on torch._foreach_*, which have no public names.
# pyright: reportPrivateImportUsage=false

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.optim.optimizer import ParamsT

from ._batch import Batch, Tensors, accumulate, clipped, decay, descend, fusable, pull
from .proximal import ProximalOptimizer

_TINY = 1e-6  # less momentum than this cannot be divided by


class PESG(ProximalOptimizer):
    """Proximal epoch stochastic gradient: descent, or ascent, in stages.

    With g the gradient (negated where ``maximize``), p a parameter, v its velocity and r its
    reference point::

        v <- momentum v + clip(g) + weight_decay p + epoch_decay (p - r)
        p <- p - lr v

    v starts at 0 and r at the initial p; :meth:`next_stage`, which :class:`StageLR` calls at its
    milestones, moves r to the mean iterate of the stage just ended. With ``epoch_decay=0`` this is
    ``torch.optim.SGD``, and only v takes memory; otherwise two more copies of the parameters do.

    Source: Guo, Yan, Yuan, Yang, "Fast Objective & Duality Gap Convergence for Nonconvex-Strongly
    -Concave Min-Max Problems", https://arxiv.org/abs/2006.06889; Yuan, Yan, Sonka, Yang (ICCV
    2021), https://arxiv.org/abs/2012.03173.

    Args:
        params: parameters or groups, such as those of :func:`param_groups`; a group may override
            any argument below.
        lr: step size, finite, >= 0; any ``torch.optim.lr_scheduler`` may change it. A tensor spares
            compiled steps a recompilation at each change.
        momentum: share of the last velocity that is kept, in [0, 1).
        weight_decay: pull towards 0, finite, >= 0.
        epoch_decay: pull towards r, finite, >= 0.
        clip: bound on the magnitude of each gradient coordinate, > 0; inf leaves gradients alone.
        maximize: ascend the objective.
        foreach: update many parameters at a time, which is faster, or one after the other, which is
            easier to read; None chooses the former where the parameters allow it.

    Raises:
        ValueError: if a value is outside its range, or a group has an option of another name.
        TypeError: if ``params`` is a module.

    >>> weight = torch.nn.Parameter(torch.tensor([3.0]))
    >>> optimizer = PESG([weight], lr=0.5, epoch_decay=0.1)
    >>> for _ in range(40):
    ...     loss = weight.square().sum() / 2
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    >>> weight.data  # the pull towards the start shifts the minimum: w + 0.1 (w - 3) = 0
    tensor([0.2727])
    >>> optimizer.next_stage()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        epoch_decay: float = 0.0,
        clip: float = math.inf,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "epoch_decay": epoch_decay,
            "clip": clip,
            "maximize": maximize,
            "foreach": foreach,
        }
        super().__init__(params, defaults)

    def _moments(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("velocity",) if group["momentum"] else ()

    def _advance(self, group: dict[str, Any], p: Tensor, direction: Tensor) -> None:
        if group["momentum"]:
            velocity = self.state[p]["velocity"]
            direction = velocity.mul_(group["momentum"]).add_(direction)
        p.sub_(group["lr"] * direction)

    def _advance_all(self, group: dict[str, Any], batch: Batch) -> None:
        grads = clipped(batch.grads, group["clip"])
        if group["momentum"] > _TINY and fusable(group, batch):
            self._advance_fused(group, batch, grads)
            return
        sign = -1.0 if group["maximize"] else 1.0
        if group["momentum"]:
            velocities: Tensors = batch.moments[0]
            decay(velocities, group["momentum"])
            torch._foreach_add_(velocities, grads, alpha=sign)
        else:
            velocities = torch._foreach_mul(grads, sign)
        pull(velocities, batch, group)
        descend(batch.params, velocities, group["lr"])

    def _advance_fused(self, group: dict[str, Any], batch: Batch, grads: Tensors) -> None:
        (velocities,), far = batch.moments, group["epoch_decay"]
        if far:
            accumulate(batch)
            # The kernel knows weight decay but no reference: v takes its share of r in advance, as
            # momentum (v - epoch_decay / momentum r) + g + (weight_decay + epoch_decay) p.
            torch._foreach_add_(velocities, batch.references, alpha=-far / group["momentum"])
        torch._fused_sgd_(
            batch.params,
            grads,
            velocities,
            weight_decay=group["weight_decay"] + far,
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0.0,
            nesterov=False,
            maximize=group["maximize"],
            is_first_step=False,
        )
        increment_version(batch.params)  # the kernel does not tell autograd

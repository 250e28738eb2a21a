"""PESGAdam: the stages of PESG with the steps of Adam."""

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


class PESGAdam(ProximalOptimizer):
    """Proximal epoch stochastic gradient with Adam's step in each coordinate.

    With g the gradient (negated where ``maximize``), p a parameter, r its reference point, and t
    the number of its updates::

        d <- clip(g) + weight_decay p + epoch_decay (p - r)
        m <- beta1 m + (1 - beta1) d
        s <- beta2 s + (1 - beta2) d^2
        p <- p - lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)

    m and s start at 0 and r at the initial p; :meth:`next_stage`, which :class:`StageLR` calls at
    its milestones, moves r to the mean iterate of the stage just ended and leaves m, s and t alone.
    With ``epoch_decay=0`` this is ``torch.optim.Adam``.

    Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", https://arxiv.org/abs/1412.6980;
    the stages as in :class:`PESG`.

    Args:
        params: parameters or groups, such as those of :func:`param_groups`; a group may override
            any argument below.
        lr: step size, finite, >= 0; any ``torch.optim.lr_scheduler`` may change it. A tensor spares
            compiled steps a recompilation at each change.
        betas: shares of the last two moments that are kept, each in [0, 1).
        eps: added to the denominator, finite, >= 0, in units of the gradient.
        weight_decay: pull towards 0, finite, >= 0; part of d, as in Adam (not as in AdamW).
        epoch_decay: pull towards r, finite, >= 0.
        clip: bound on the magnitude of each gradient coordinate, > 0; inf leaves gradients alone.
        maximize: ascend the objective.
        foreach: update many parameters at a time, which is faster, or one after the other, which is
            easier to read; None chooses the former where the parameters allow it.

    Raises:
        ValueError: if a value is outside its range, or a group has an option of another name.
        TypeError: if ``params`` is a module.

    >>> weight = torch.nn.Parameter(torch.tensor([3.0]))
    >>> optimizer = PESGAdam([weight], lr=0.1, epoch_decay=0.1)
    >>> loss = weight.square().sum() / 2
    >>> loss.backward()
    >>> optimizer.step()
    >>> weight.data  # the first step of Adam has the size of lr
    tensor([2.9000])
    """

    _counts = True

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        epoch_decay: float = 0.0,
        clip: float = math.inf,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "epoch_decay": epoch_decay,
            "clip": clip,
            "maximize": maximize,
            "foreach": foreach,
        }
        super().__init__(params, defaults)

    def _moments(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def _advance(self, group: dict[str, Any], p: Tensor, direction: Tensor) -> None:
        state = self.state[p]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        (beta1, beta2), direction = group["betas"], direction.to(p.dtype)
        mean.mul_(beta1).add_(direction, alpha=1 - beta1)
        square.mul_(beta2).addcmul_(direction, direction, value=1 - beta2)
        t = _number(state["step"])
        unbiased = mean / (1 - beta1**t), square / (1 - beta2**t)
        p.sub_(group["lr"] * unbiased[0] / (unbiased[1].sqrt() + group["eps"]))

    def _advance_all(self, group: dict[str, Any], batch: Batch) -> None:
        grads = clipped(batch.grads, group["clip"])
        if fusable(group, batch):
            self._advance_fused(group, batch, grads)
            return
        directions = torch._foreach_mul(grads, -1.0 if group["maximize"] else 1.0)
        pull(directions, batch, group)
        (means, squares), (beta1, beta2) = batch.moments, group["betas"]
        torch._foreach_lerp_(means, directions, 1 - beta1)
        decay(squares, beta2)
        torch._foreach_addcmul_(squares, directions, directions, 1 - beta2)
        counts = [_number(step) for step in batch.steps]
        bias = [1 - beta1**t for t in counts]
        denominators = torch._foreach_sqrt(squares)
        # All of 1 - beta1^t goes into the denominator, which saves a pass.
        scales = [b / (1 - beta2**t) ** 0.5 for b, t in zip(bias, counts, strict=True)]
        torch._foreach_mul_(denominators, scales)
        torch._foreach_add_(denominators, [b * group["eps"] for b in bias])
        descend(batch.params, torch._foreach_div(means, denominators), group["lr"])

    def _advance_fused(self, group: dict[str, Any], batch: Batch, grads: Tensors) -> None:
        (means, squares), far = batch.moments, group["epoch_decay"]
        if far:
            accumulate(batch)
            # The kernel knows weight decay but no reference, whose share joins the gradient.
            share = far if group["maximize"] else -far  # with maximize, the kernel negates it
            grads = torch._foreach_add(grads, batch.references, alpha=share)
        torch._fused_adam_(
            batch.params,
            grads,
            means,
            squares,
            [],
            batch.steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"] + far,
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
        )
        increment_version(batch.params)  # the kernel does not tell autograd


def _number(step: Tensor) -> Any:
    """A counter as a number, or in a compiled graph, which must not depend on it, as a tensor."""
    return step.double() if torch.compiler.is_compiling() else step.item()

"""PDSCA: steps of PESG whose gradient is taken after a step of another loss."""

# torch.optim's own optimizers are built on torch._foreach_*, which have no public names.
# pyright: reportPrivateImportUsage=false

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from ._batch import Batch, clipped, descend
from ._turns import check_inner_gradients, check_outer_gradients
from .pesg import PESG
from .proximal import ProximalOptimizer


class PDSCA(PESG):
    r"""Primal-dual stochastic compositional steps (Yuan, Guo, Chawla and Yang, ICLR 2022).

    .. math:: \min_w\;L_{outer}(w - \eta\,\nabla L_{inner}(w))

    Cross-entropy is the inner loss and an AUC loss the outer, as :class:`CompositionalAUCLoss`
    returns them by turns. ``step(closure)`` calls the closure twice on the same batch: with the
    weights at w it must give the gradients of the inner loss, then, with the weights at u, those
    of the outer. With r, v and the decays as in :class:`PESG`::

        u <- (1 - inner_average) u + inner_average (w - inner_lr clip(grad inner(w)))
        v <- momentum v + clip(grad outer(u)) + weight_decay w + epoch_decay (w - r)
        w <- w - lr v

    u starts at its first estimate. As in the paper, the gradient at u stands for that of the
    objective: the factor ``1 - inner_lr Hessian`` of the chain rule is dropped, an error of order
    ``inner_lr``. Between steps the weights are w. A parameter without an inner gradient (a, b and
    alpha of the AUC loss) has u = w. With ``inner_lr=0, inner_average=1`` this is PESG on the
    outer loss.

    The defaults are the authors' for images: steps of 0.1, inner and outer, and averages that give
    0.9 to what is new. Their z <- 0.1 z + 0.9 grad is v with ``momentum=0.1``, but for a factor
    0.9, which belongs to ``lr`` if their steps are wanted to the letter.

    Calls out of turn are noticed by the gradients of the loss's variables (a, b and alpha of
    :class:`AUCMLoss`; :class:`PairwiseAUCLoss` has none) in a group of :func:`param_groups`.

    What a closure brings with it, as with ``torch.optim.LBFGS``: it computes all gradients of a
    step by itself (they are set to None before each call, so that it may call ``zero_grad`` or
    not), so gradients cannot be accumulated over batches outside it; ``torch.amp.GradScaler``
    passes no closure and cannot be used: train in float32 or bfloat16. Each step runs the model
    twice in training mode: dropout draws twice, and the running statistics of BatchNorm take in
    the batch twice, at w and at u.

    Args:
        params: parameters or groups, such as those of :func:`param_groups`; a group may override
            any argument below.
        lr: step size, finite, >= 0; any ``torch.optim.lr_scheduler`` may change it.
        inner_lr: step size of the inner loss, finite, >= 0; None is that of ``lr``, which then
            follows its schedule. Much larger than ``lr`` it takes u so far from w that a
            pretrained network can be lost.
        inner_average: weight of the new estimate in u, in (0, 1]; 1 keeps no u from step to step.
        momentum: share of the last velocity that is kept, in [0, 1).
        weight_decay: pull of w towards 0, finite, >= 0.
        epoch_decay: pull of w towards r, finite, >= 0; see :meth:`next_stage`.
        clip: bound on the magnitude of each gradient coordinate, inner and outer, > 0.
        maximize: ascend both losses.
        foreach: as in :class:`PESG`.

    Raises:
        ValueError: if a value is outside its range, or a group has an option of another name.
        TypeError: if ``params`` is a module.

    Source: https://openreview.net/forum?id=gPvB4pdu_Z

    >>> weight = torch.nn.Parameter(torch.tensor(1.0))
    >>> optimizer = PDSCA([weight], lr=0.1, inner_lr=0.5, inner_average=1.0, momentum=0.0)
    >>> losses = []
    >>> def closure():
    ...     losses.append(weight.square() / 2)  # the same twice: 1/2 at 1, then 1/8 at 1/2
    ...     losses[-1].backward()
    ...     return losses[-1]
    >>> optimizer.step(closure)
    tensor(0.1250, grad_fn=<DivBackward0>)
    >>> weight.data  # 1 - 0.1 * 1/2
    tensor(0.9500)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 0.1,
        *,
        inner_lr: float | None = None,
        inner_average: float = 0.9,
        momentum: float = 0.1,
        weight_decay: float = 0.0,
        epoch_decay: float = 0.0,
        clip: float = math.inf,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "inner_lr": inner_lr,
            "inner_average": inner_average,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "epoch_decay": epoch_decay,
            "clip": clip,
            "maximize": maximize,
            "foreach": foreach,
        }
        ProximalOptimizer.__init__(self, params, defaults)  # PESG's knows too few options

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride] -- torch's own LBFGS does so: no step without a closure
        """Call ``closure`` for the inner loss at w and for the outer at u, and update w.

        If it raises, the weights are w again, as before the step.

        Args:
            closure: computes the loss and its gradients anew, and returns the loss; called twice.

        Returns:
            What ``closure`` returned the second time: the outer loss.

        Raises:
            TypeError: if there is no closure, unless every ``lr`` is 0.
            RuntimeError: if the gradients tell that the calls are out of turn: any for a variable
                of the loss after the first call, or none after the second.
            ValueError: if a gradient is sparse.
        """
        if closure is None:
            if any(group["lr"] for group in self.param_groups):
                raise TypeError(
                    "PDSCA.step needs a closure that computes the loss and its gradients anew, for "
                    "it is called twice: optimizer.step(closure). torch.amp.GradScaler passes "
                    "none: train in bfloat16 or float32"
                )
            return self._make_state()
        loss = self._evaluate(closure)
        if not check_inner_gradients(self.param_groups):
            return loss
        moved: list[tuple[list[Tensor], list[Tensor]]] = []
        try:
            self._move_to_u(moved)
            loss = self._evaluate(closure)
        finally:
            for params, weights in moved:
                for p, weight in zip(params, weights, strict=True):
                    p.copy_(weight)
        check_outer_gradients(self.param_groups)
        # Not super(): the step of a class that has been used bears its hooks, which run once.
        ProximalOptimizer.step(self)
        return loss

    def _make_state(self) -> float:
        """Make the state of all parameters that have a gradient, and move none.

        ``torch.distributed.checkpoint`` asks for it by a step with ``lr`` 0, to load into it.
        """
        for group in self.param_groups:
            if group["inner_average"] < 1:
                for p in (p for p in group["params"] if p.grad is not None):
                    self._average(p)
        ProximalOptimizer.step(self)
        return 0.0

    def _evaluate(self, closure: Callable[[], float]) -> float:
        """Gradients of one call alone: what is None afterwards was not computed."""
        self.zero_grad(set_to_none=True)
        with torch.enable_grad():
            return closure()

    def _move_to_u(self, moved: list[tuple[list[Tensor], list[Tensor]]]) -> None:
        """Move parameters with a gradient to u; append them, each time with what they were."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            batch = Batch(params, [p.grad for p in params], [], [], [], [])
            fast = self._fast(group, batch)
            for bucket in batch.buckets():
                weights = [p.clone() for p in bucket.params]
                moved.append((bucket.params, weights))
                if fast:
                    self._look_ahead_all(group, bucket)
                else:
                    for p, grad in zip(bucket.params, bucket.grads, strict=True):
                        self._look_ahead(group, p, grad)

    def _look_ahead(self, group: dict[str, Any], p: Tensor, grad: Tensor) -> None:
        """Move one parameter to u: the definition."""
        p.sub_(_inner_lr(group) * grad.clamp(-group["clip"], group["clip"]))
        if group["inner_average"] < 1:
            u = self._average(p)
            p.copy_(u.lerp_(p.to(u.dtype), group["inner_average"]))

    def _look_ahead_all(self, group: dict[str, Any], batch: Batch) -> None:
        """Move many parameters of one device and dtype to u: the same, fast."""
        descend(batch.params, clipped(batch.grads, group["clip"]), _inner_lr(group))
        if group["inner_average"] < 1:
            averages = [self._average(p) for p in batch.params]
            fresh = [p.to(u.dtype) for p, u in zip(batch.params, averages, strict=True)]
            torch._foreach_lerp_(averages, fresh, group["inner_average"])
            torch._foreach_copy_(batch.params, averages)

    def _average(self, p: Tensor) -> Tensor:
        """State u; at first the fresh estimate, where the parameter stands now."""
        state = self.state[p]
        if "inner" not in state:  # in bfloat16 an average would hardly move
            state["inner"] = p.detach().to(torch.promote_types(p.dtype, torch.float32), copy=True)
        return state["inner"]


def _inner_lr(group: dict[str, Any]) -> float | Tensor:
    return group["lr"] if group["inner_lr"] is None else group["inner_lr"]

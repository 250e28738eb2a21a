"""The minimum of a smooth convex function, by L-BFGS."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Minimum:
    """Where the search ended."""

    y: Tensor
    iterations: int
    gradient: float
    """Largest entry of the gradient there."""


def minimum(
    function: Callable[[Tensor], Tensor], start: Tensor, *, tolerance: float, max_iterations: int
) -> Minimum:
    """Search until no entry of the gradient is above the tolerance, or steps change nothing.

    Args:
        function: (k,) -> scalar, convex, once differentiable, of curvature about 1.
        start: (k,) in float64.
        tolerance: on the entries of the gradient, >= 0.
        max_iterations: of L-BFGS, each with a line search (strong Wolfe conditions).
    """
    y = start.detach().clone().requires_grad_()
    search = torch.optim.LBFGS(
        [y],
        max_iter=max_iterations,
        max_eval=5 * max_iterations,
        tolerance_grad=tolerance,
        tolerance_change=1e-14,  # the last digits of the value
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        value = function(y)
        (y.grad,) = torch.autograd.grad(value, y)
        return value

    search.step(closure)  # pyright: ignore[reportArgumentType]
    (gradient,) = torch.autograd.grad(function(y), y)
    return Minimum(y.detach(), search.state[y]["n_iter"], float(gradient.abs().max()))

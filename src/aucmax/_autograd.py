"""Gradients in closed form: right once, and an error where a second derivative is asked for.

A closed-form gradient is a constant to autograd, so without care ``create_graph=True`` gives second
derivatives that lack a term, silently. Here they raise instead. The functions also work under
``torch.func``, which forbids the usual form of :class:`torch.autograd.Function`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def in_transform() -> bool:
    """Whether a transform of ``torch.func`` (grad, vmap, ...) is running."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def is_wrapped(x: Tensor) -> bool:
    """Whether ``x`` stands for something else inside a transform of ``torch.func``."""
    return in_transform() and torch._C._functorch.is_functorch_wrapped_tensor(x)  # pyright: ignore[reportAttributeAccessIssue]


def with_gradients(
    compute: Callable[..., tuple[Tensor, Sequence[Tensor]]],
    inputs: Sequence[Tensor],
    on_backward: Callable[[], None] | None = None,
) -> Tensor:
    """Return a value whose gradients are computed along with it.

    Args:
        compute: from ``inputs`` to the value and, for each input, the derivative of the value's sum
            with respect to it, of the input's shape. It runs without a graph.
        inputs: what the value is a function of.
        on_backward: called at the head of each backward pass, in eager mode alone.

    Returns:
        The value, connected to ``inputs``. A second derivative raises a RuntimeError.

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> with_gradients(lambda x: (x**2, [2 * x]), [x]).backward()
    >>> x.grad
    tensor(6.)
    """
    transformed = in_transform()
    if not (transformed or torch.compiler.is_compiling()):
        return _Computed.apply(compute, on_backward, *inputs)  # pyright: ignore[reportReturnType]
    with torch.no_grad():
        value, gradients = compute(*inputs)
    if transformed:
        return _Transformed.apply(value, *inputs, *gradients)  # pyright: ignore[reportReturnType]
    for x, gradient in zip(inputs, gradients, strict=True):
        value = _Attached.apply(value, x, gradient)
    return value  # pyright: ignore[reportReturnType]


def first_order(x: Tensor) -> Tensor:
    """Return ``x`` unchanged; second derivatives through it raise a RuntimeError.

    For values whose gradient is, by design, not that of the value.
    """
    return (_TransformedFirstOrder if in_transform() else _FirstOrder).apply(x)  # pyright: ignore[reportReturnType]


def guard(gradient: Tensor, *inputs: Tensor) -> Tensor:
    """Return a closed-form gradient from ``backward``, so that differentiating it again raises.

    Args:
        gradient: a function of ``inputs`` whose graph autograd does not know.
        inputs: what a second derivative would be taken with respect to.
    """
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return gradient  # the usual case: grad mode is on exactly under create_graph=True
    return _Guard.apply(gradient, *inputs)  # pyright: ignore[reportReturnType]


class _Computed(Function):
    """The fastest form, for eager mode."""

    @staticmethod
    def forward(ctx: Any, compute: Any, on_backward: Any, *inputs: Tensor) -> Tensor:
        value, gradients = compute(*inputs)
        ctx.save_for_backward(*inputs, *gradients)
        ctx.on_backward = on_backward
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        if ctx.on_backward is not None:
            ctx.on_backward()
        return None, None, *_scaled(grads[0], ctx.saved_tensors, ctx.needs_input_grad[2:])


class _Attached(Function):
    """The form that ``torch.compile`` can trace: given no function, and one input at a time.

    With any number of inputs, compiled by torch 2.6, it returns the gradient of the last but one
    for the last.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, x: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = ctx.saved_tensors
        return grads[0], grads[0] * gradient, None


class _Transformed(Function):
    """The form that ``torch.func`` asks for; its calls are slower in eager mode."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, *tensors: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        own = _scaled(grads[0], ctx.saved_tensors, ctx.needs_input_grad[1:])
        return None, *own, *[None] * len(own)


def _scaled(
    upstream: Tensor, tensors: tuple[Tensor, ...], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """Gradients by the chain rule; ``tensors`` are the inputs and then their derivatives."""
    half = len(tensors) // 2
    inputs, gradients = tensors[:half], tensors[half:]
    if torch.is_grad_enabled():
        gradients = [guard(gradient, *inputs) for gradient in gradients]
    return [
        upstream * gradient if need else None
        for gradient, need in zip(gradients, needed[:half], strict=True)
    ]


class _FirstOrder(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return guard(grads[0], *ctx.saved_tensors)


class _TransformedFirstOrder(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    backward = _FirstOrder.backward


class _Guard(Function):
    """The identity on a gradient, which cannot be differentiated."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, *inputs: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise RuntimeError(
            "this loss can be differentiated once: its gradient is computed in closed form, so "
            "second derivatives (gradient penalties, MAML, Hessians) would be wrong; for these use "
            "BCELoss, FocalLoss, AUMLoss, or PairwiseAUCLoss with surrogate='square', 'hinge' or "
            "'exponential'"
        )

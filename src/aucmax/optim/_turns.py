"""What PDSCA asks of the gradients that each call of a closure leaves."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

Groups = list[dict[str, Any]]

_CURE = (
    "the loss must be a CompositionalAUCLoss, and be called in training mode by the closure alone; "
    "reset() it after a step that was broken off"
)


def check_inner_gradients(groups: Groups) -> None:
    """Raise if the first call of a closure cannot have computed the inner loss.

    Args:
        groups: of an optimizer whose gradients were None before the call.

    Raises:
        RuntimeError: if there is no gradient at all, or one of a parameter to be maximized.
        ValueError: if a gradient is sparse.
    """
    grads = [p.grad for group in groups for p in group["params"] if p.grad is not None]
    if not grads:
        raise RuntimeError(
            "PDSCA: the first call of the closure left no gradient of any parameter: it must call "
            "backward on the inner loss"
        )
    if any(p.grad is not None for p in _maximized(groups)):
        raise RuntimeError(
            "PDSCA: the first call of the closure must compute the inner loss, but gave a gradient "
            f"to a parameter that is maximized: {_CURE}"
        )
    if any(grad.is_sparse for grad in grads):
        raise ValueError("PDSCA takes no sparse gradients: build the embedding with sparse=False")


def check_outer_gradients(groups: Groups) -> None:
    """Raise if the second call of a closure cannot have computed the outer loss.

    Args:
        groups: of an optimizer whose gradients were None before the call.

    Raises:
        RuntimeError: if there are parameters to be maximized, and none has a gradient.
    """
    maximized = list(_maximized(groups))
    if maximized and all(p.grad is None for p in maximized):
        raise RuntimeError(
            "PDSCA: the second call of the closure must compute the outer loss, but gave no "
            f"gradient to the parameters that are maximized: {_CURE}"
        )


def _maximized(groups: Groups) -> Iterator[Tensor]:
    for group in groups:
        if group["maximize"]:
            yield from group["params"]

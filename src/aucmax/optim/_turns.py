"""What PDSCA asks of the gradients that each call of a closure leaves."""

import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor

Groups = list[dict[str, Any]]

_CURE = (
    "the loss must be a CompositionalAUCLoss, and be called in training mode by the closure alone; "
    "reset() it after a step that was broken off"
)


def check_inner_gradients(groups: Groups) -> bool:
    """Raise if the first call of a closure cannot have computed the inner loss.

    Args:
        groups: of an optimizer whose gradients were None before the call.

    Returns:
        Whether there is any gradient. If not, a warning is given: a closure without a backward pass
        is a mistake, except where a framework runs an epoch only to update batch statistics.

    Raises:
        RuntimeError: if there is a gradient of a variable of the loss.
        ValueError: if a gradient is sparse.
    """
    grads = [p.grad for group in groups for p in group["params"] if p.grad is not None]
    if not grads:
        warnings.warn(
            "PDSCA: the closure left no gradient of any parameter, so nothing was updated: it must "
            "call backward on the loss",
            stacklevel=4,
        )
        return False
    if any(p.grad is not None for p in _variables(groups)):
        raise RuntimeError(
            "PDSCA: the first call of the closure must compute the inner loss, but gave a gradient "
            f"to a variable of the AUC loss: {_CURE}"
        )
    if any(grad.is_sparse for grad in grads):
        raise ValueError("PDSCA takes no sparse gradients: build the embedding with sparse=False")
    return True


def check_outer_gradients(groups: Groups) -> None:
    """Raise if the second call of a closure cannot have computed the outer loss.

    Args:
        groups: of an optimizer whose gradients were None before the call.

    Raises:
        RuntimeError: if the loss has variables, and none has a gradient.
    """
    variables = list(_variables(groups))
    if variables and all(p.grad is None for p in variables):
        raise RuntimeError(
            "PDSCA: the second call of the closure must compute the outer loss, but gave no "
            f"gradient to the variables of the AUC loss: {_CURE}"
        )


def _variables(groups: Groups) -> Iterator[Tensor]:
    for group in groups:
        if group.get("loss_variables"):
            yield from group["params"]

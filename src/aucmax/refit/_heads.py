"""Which layer of a network is its head."""

from collections.abc import Callable
from typing import Any

from torch import nn


def find_head(model: nn.Module, head: str | nn.Linear | None) -> nn.Linear:
    """The layer that is named or given, or else the last linear one.

    That is what the model's own ``get_classifier()`` returns (timm's models have it), or, where it
    has none or returns something else, the linear layer that was registered last.

    Raises:
        TypeError: if ``model`` is no module.
        ValueError: if there is no such layer, it is not linear, or its weight is computed.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    found = _found(model, head, layers)
    if "weight" not in dict(found.named_parameters(recurse=False)):
        raise ValueError(
            "head must have its weight as a parameter, but it is computed from others (weight norm "
            "or another parametrization); remove that first, as with "
            "torch.nn.utils.parametrize.remove_parametrizations(head, 'weight')"
        )
    return found


def _found(
    model: nn.Module, head: str | nn.Linear | None, layers: dict[str, nn.Linear]
) -> nn.Linear:
    if isinstance(head, str):
        if head in layers:
            return layers[head]
        raise ValueError(
            f"head must name a torch.nn.Linear inside the model, {_known(layers)}, got {head!r}"
        )
    if head is not None:
        if any(head is layer for layer in layers.values()):
            return head
        raise ValueError(
            f"head must be a torch.nn.Linear inside the model, {_known(layers)}, got {head!r}"
        )
    get: Callable[[], Any] | None = getattr(model, "get_classifier", None)
    own = get() if callable(get) else None
    if isinstance(own, nn.Linear):
        return own
    if not layers:
        raise ValueError(
            f"model must have a linear layer, and {type(model).__name__} has no torch.nn.Linear: "
            "the last layer must be one to be re-fitted"
        )
    return list(layers.values())[-1]


def _known(layers: dict[str, nn.Linear]) -> str:
    names = [repr(name) if name else "the model itself" for name in layers]
    shown = names if len(names) <= 5 else ["...", *names[-4:]]
    return f"one of {', '.join(shown)}" if names else "of which it has none"

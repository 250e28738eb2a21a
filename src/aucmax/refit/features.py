"""What the last linear layer of a network sees, collected once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ._heads import find_head


@torch.no_grad()
def collect_features(
    model: nn.Module, loader: Iterable[Any], *, head: str | nn.Linear | None = None
) -> tuple[Tensor, Tensor]:
    """Inputs of the last linear layer for all rows of a loader, with their targets.

    The model runs once over the loader, in evaluation mode and without gradients; batches go to
    the device of the layer. Afterwards every module is in the mode it was in.

    Args:
        model: ends in the layer, which sees every row of a batch once.
        loader: batches (inputs, target, ...), each a tensor of B rows, or inputs of another kind
            that can go to a device, such as a batch of graphs; further items are not used.
            For ``groups`` in :func:`refit_head` its order must be known: no shuffling.
        head: the layer or its name; None: the last linear layer, which must then also be the last
            to run.

    Returns:
        features (n, d) in float32 and target, (n,) or (n, L), in float32; both on the CPU.

    Raises:
        TypeError: if a batch is not as said above.
        ValueError: if the layer cannot be found, is not the last, or does not see each row once as
            a vector; if the loader is empty.

    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> batches = [(torch.rand(5, 2, 2), torch.zeros(5)), (torch.rand(2, 2, 2), torch.ones(2))]
    >>> features, target = collect_features(model, batches)
    >>> features.shape, target
    (torch.Size([7, 3]), tensor([0., 0., 0., 0., 0., 1., 1.]))
    """
    layer = find_head(model, head)
    features: list[Tensor] = []
    targets: list[Tensor] = []
    with _evaluating(model), _listening(model, layer, last=head is None) as seen:
        for batch in loader:
            inputs, target = _inputs_and_target(batch)
            seen.clear()
            model(inputs.to(layer.weight.device))
            features.append(_vectors(seen, len(target)))
            targets.append(target.detach().float().cpu())
    if not features:
        raise ValueError("loader must hold at least one batch, got none")
    return torch.cat(features), torch.cat(targets)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards each module's own mode, since parts of a model may be frozen."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _listening(model: nn.Module, layer: nn.Linear, *, last: bool) -> Iterator[list[Tensor]]:
    """A list that receives the inputs of a layer; if it must be the last, others protest."""
    seen: list[Tensor] = []

    def listen(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if module is layer:
            seen.append(inputs[0].detach())
        elif last and seen:
            names = {id(child): name for name, child in model.named_modules()}
            raise ValueError(
                f"head: {names[id(layer)]!r} was taken for the last linear layer, but "
                f"{names[id(module)]!r} runs after it; say which one with head=NAME"
            )

    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    handles = [module.register_forward_pre_hook(listen) for module in linear]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _inputs_and_target(batch: Any) -> tuple[Any, Tensor]:
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        inputs, target = batch[0], batch[1]
        if isinstance(inputs, Tensor) and isinstance(target, Tensor):
            if inputs.ndim and target.ndim and len(inputs) == len(target):
                return inputs, target
            raise ValueError(
                "loader must yield as many targets as inputs, got shapes "
                f"{tuple(inputs.shape)} and {tuple(target.shape)}"
            )
        if callable(getattr(inputs, "to", None)) and isinstance(target, Tensor) and target.ndim:
            return inputs, target  # how many rows it has shows in what the layer sees
    what = [type(x).__name__ for x in batch] if isinstance(batch, (tuple, list)) else ""
    raise TypeError(
        f"loader must yield tuples (inputs, target, ...) of tensors, got {type(batch).__name__} "
        f"{what}; wrap it in a generator that does"
    )


def _vectors(seen: list[Tensor], rows: int) -> Tensor:
    if len(seen) != 1 or seen[0].ndim != 2 or len(seen[0]) != rows:
        raise ValueError(
            f"head must see each batch once, as one vector for each of its {rows} rows, but it saw "
            f"{[tuple(x.shape) for x in seen]}; name the layer that does with head=NAME"
        )
    return seen[0].float().cpu()

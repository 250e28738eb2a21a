"""Run a model of instances on bags: in a training step, and on whole bags in pieces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .._checks import squeeze_label
from ._instances import check_integer
from .dataset import Bags


def score_instances(model: Callable[[Tensor], Any], instances: Tensor, mask: Tensor) -> Any:
    """Outputs of a model for the real instances of a batch of bags; 0 in the padding.

    The model sees the real instances alone, (m, ...), as if they were a batch: padding costs no
    time and does not enter the statistics of batch normalization.

    Args:
        model: maps (m, ...) to (m,), (m, 1) or (m, L), or to a tuple of such tensors, for example
            scores and attention.
        instances: (B, n, ...).
        mask: (B, n), True for real instances.

    Returns:
        (B, n) or (B, n, L); a tuple of them if the model gives a tuple.

    Raises:
        ValueError: if an output has not one row for each real instance.

    >>> mask = torch.tensor([[True, True], [True, False]])
    >>> score_instances(nn.Flatten(0), torch.tensor([[[1.0], [2.0]], [[3.0], [7.0]]]), mask)
    tensor([[1., 2.],
            [3., 0.]])
    """
    found = model(instances[mask])
    if isinstance(found, Tensor):
        return _placed(found, mask)
    return tuple(_placed(part, mask) for part in found)


@torch.no_grad()
def bag_scores(model: nn.Module, pool: nn.Module, bags: Bags, *, chunk: int = 1024) -> Tensor:
    """Scores of whole bags in evaluation mode, however many instances they have.

    The model sees at most ``chunk`` instances at once. Only its outputs are kept, a few numbers for
    each instance, and all those of a bag are pooled at once: the result is the pooling of the whole
    bag, whatever the pooling. ``sample`` of the bags plays no part. Model and pooling come back in
    the mode in which they were.

    Args:
        model: maps (m, ...) to (m,), (m, 1) or (m, L), or to a tuple of such tensors: the
            arguments of ``pool``. Instances are moved to the device of its first parameter.
        pool: called with these outputs of one bag, each (1, n) or (1, n, L).
        bags: the bags to be scored.
        chunk: instances in a forward pass, >= 1.

    Returns:
        (bags,) or (bags, L), on the CPU.

    Raises:
        ValueError: if ``chunk`` is no integer >= 1.

    >>> from aucmax.bags import MaxPooling
    >>> bags = Bags(torch.arange(5.0), [0, 0, 0, 1, 1], [0, 1])
    >>> bag_scores(nn.Identity(), MaxPooling(), bags, chunk=2)
    tensor([2., 4.])
    """
    check_integer("chunk", chunk, 1)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    found = []
    with _evaluating(model, pool):
        for bag in range(len(bags)):
            outputs = [_as_tuple(model(part.to(device))) for part in bags.chunks(bag, chunk)]
            joined = (torch.cat(parts).unsqueeze(0) for parts in zip(*outputs, strict=True))
            found.append(pool(*joined).cpu())
    return torch.cat(found)


def _placed(scores: Tensor, mask: Tensor) -> Tensor:
    scores = squeeze_label(scores)
    real = int(mask.sum())
    if scores.ndim not in (1, 2) or len(scores) != real:
        raise ValueError(
            f"model must give (m,), (m, 1) or (m, L) for m = {real} instances, got "
            f"{tuple(scores.shape)}"
        )
    return scores.new_zeros(*mask.shape, *scores.shape[1:]).index_put((mask,), scores)


def _as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    parts = (outputs,) if isinstance(outputs, Tensor) else outputs
    return tuple(squeeze_label(part) for part in parts)


@contextmanager
def _evaluating(*modules: nn.Module) -> Iterator[None]:
    modes = {part: part.training for module in modules for part in module.modules()}
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training

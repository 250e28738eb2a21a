"""Training for objectives.py: cross-entropy once per seed, then an objective from there."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from objectives_data import Augmented, Data, Part, as_input
from objectives_metrics import measure
from torch import Generator, Tensor, nn
from torch.optim.optimizer import Optimizer

from aucmax import PESG, BalancedBatches, BCELoss, StageLR, param_groups
from aucmax.losses import Loss

BATCH = 128
POSITIVES = 0.5
"""Share of positives in balanced batches."""
WIDTHS = ((16, 2), (32, 2), (64, 1), (64, 2))
"""Channels and stride of each 3 x 3 convolution."""
MAX_NORM = 5.0
"""Gradients are clipped to this norm, so that one learning rate suits more objectives."""
PRETRAIN_LR = 0.1
LAST = 14
"""Position of the linear layer in the network."""

Epoch = Callable[[Iterable[Tensor], Generator], None]
MakeOptimizer = Callable[[list[dict[str, Any]], float], Optimizer]


def sgd(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    """What every objective is trained by: SGD with momentum, in the project's own class."""
    return PESG(groups, lr=lr, momentum=0.9, weight_decay=1e-4)


@dataclass(frozen=True)
class Method:
    """An objective and how it is trained.

    ``chosen_by`` names the metrics that choose the learning rate and the epoch: the one that the
    objective is made for; for the baselines each in turn. ``loss`` takes the number of rows.
    """

    loss: Callable[[int], Loss]
    chosen_by: tuple[str, ...]
    balanced: bool = True
    optimizer: MakeOptimizer = sgd
    forwards: int = 1
    """Passes per step: the number of epochs is divided by it, so that all cost the same."""


@dataclass
class Best:
    """The epoch that is best by one metric on the validation part."""

    value: float = -1.0
    epoch: int = 0
    measured: dict[str, float] = field(default_factory=dict)
    state: dict[str, Tensor] = field(default_factory=dict)


def network() -> nn.Sequential:
    """Four convolutions, a mean over the image, and a linear layer: 61 thousand weights."""
    layers: list[nn.Module] = []
    channels = 3
    for width, stride in WIDTHS:
        layers += [nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


@torch.no_grad()
def logits(model: nn.Module, part: Part) -> np.ndarray:
    """(n,) float32, in evaluation mode."""
    model.eval()
    found = [model(as_input(images)) for images in part.images.split(500)]
    model.train()
    return torch.cat(found).numpy()


def natural(target: Tensor, generator: Generator) -> Iterator[Tensor]:
    """An epoch of full batches at the natural rate, every row at most once."""
    order = torch.randperm(len(target), generator=generator)
    yield from order[: len(order) // BATCH * BATCH].split(BATCH)


def batches(train: Part, balanced: bool, seed: int) -> Callable[[Generator], Iterable[Tensor]]:
    """Makes an epoch's batches of row numbers, as many for either kind."""
    if not balanced:
        return lambda generator: natural(train.target, generator)
    sampler = BalancedBatches(train.target, BATCH, POSITIVES, seed=seed)
    return lambda generator: map(torch.tensor, sampler)


def pretrained(path: Path, data: Data, seed: int, epochs: int) -> dict[str, Tensor]:
    """Weights after cross-entropy on natural batches; made once, then read from ``path``."""
    if not path.exists():
        torch.manual_seed(seed)
        model, loss = network(), BCELoss()
        optimizer = sgd(param_groups(model), PRETRAIN_LR)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        draw = batches(data.train, False, seed)
        epoch = one_epoch(model, loss, optimizer, Augmented(data.train), data.train.target)
        generator = Generator().manual_seed(seed)
        for _ in range(epochs):
            epoch(draw(generator), generator)
            scheduler.step()
        partial = path.with_name(f"{path.name}.{time.time_ns()}")
        torch.save(model.state_dict(), partial)
        partial.replace(path)
    return torch.load(path)


def one_epoch(
    model: nn.Module, loss: Loss, optimizer: Optimizer, images: Augmented, target: Tensor
) -> Epoch:
    """Makes the function that takes the steps of one epoch's batches."""
    weights = list(model.parameters())

    def step(x: Tensor, y: Tensor, index: Tensor) -> None:
        def closure() -> float:
            optimizer.zero_grad()
            value = loss(model(x), y, index)
            value.backward()
            nn.utils.clip_grad_norm_(weights, MAX_NORM)
            return float(value.detach())

        optimizer.step(closure)

    def run(rows: Iterable[Tensor], generator: Generator) -> None:
        for index in rows:
            step(images.batch(index, generator), target[index], index)

    return run


def start_at_saddle(loss: Loss, model: nn.Module, train: Part) -> None:
    """Give a min-max loss the variables of the first scores, as ``aucmax fit`` does."""
    for part in loss.modules():
        begin = getattr(part, "start_at", None)
        if begin is not None:
            begin(torch.from_numpy(logits(model, train)), train.target)


def train(
    method: Method, lr: float, seed: int, data: Data, start: dict[str, Tensor], epochs: int
) -> tuple[nn.Module, dict[str, Best]]:
    """The objective from ``start`` with a new last layer; the best epoch by each metric."""
    torch.manual_seed(seed)
    model = network()
    fresh = {f"{LAST}.{name}": value for name, value in model[LAST].state_dict().items()}
    model.load_state_dict(start | fresh)
    loss, epochs = method.loss(len(data.train)), max(1, epochs // method.forwards)
    start_at_saddle(loss, model, data.train)
    optimizer = method.optimizer(param_groups(model, loss), lr)
    scheduler = StageLR(optimizer, sorted({max(1, epochs // 2), max(2, epochs * 3 // 4)}))
    draw = batches(data.train, method.balanced, seed)
    epoch = one_epoch(model, loss, optimizer, Augmented(data.train), data.train.target)
    generator = Generator().manual_seed(seed)
    best = {name: Best() for name in method.chosen_by}
    for number in range(1, epochs + 1):
        try:
            epoch(draw(generator), generator)
        except ValueError as error:
            if "diverged" not in str(error):
                raise
            break  # such a learning rate is not chosen: what it reached before counts
        scheduler.step()
        keep_best(best, number, model, data.validation)
    return model, best


def keep_best(best: dict[str, Best], epoch: int, model: nn.Module, part: Part) -> None:
    """Measure the validation part, and remember the weights where a metric improved."""
    measured = measure(logits(model, part), part.target.numpy())
    for name, found in best.items():
        if measured[name] > found.value:
            state = {key: value.clone() for key, value in model.state_dict().items()}
            best[name] = Best(measured[name], epoch, measured, state)

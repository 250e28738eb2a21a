"""New networks, and networks after the first of two stages. Needs torch and numpy only."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from budget import batches_per_round
from cells import Cell
from networks import last_layer, network
from parts import Data
from torch import Tensor, nn
from training import Batches, Loop, Recipe, natural

MOMENTUM, WEIGHT_DECAY, MAX_NORM = 0.9, 1e-4, 5.0
"""Of SGD, here and in all methods but the rival's; gradients are clipped to MAX_NORM."""
PRETRAIN_LR = 0.1
MakeBatches = Callable[[Cell, Data, int, int], Batches]
"""Of a cell, its data, a seed and how many batches a round has."""


def natural_batches(cell: Cell, data: Data, seed: int, count: int) -> Batches:
    """At the natural rate."""
    return natural(cell, len(data.train), seed, count)


@dataclass(frozen=True)
class FirstStage:
    """Cross-entropy for a share of the budget, then perhaps a new last layer.

    ``name`` tells the kept networks of one kind from those of another. The learning rate falls to a
    tenth after the shares ``decay_at`` of the stage.
    """

    name: str = ""
    share: float = 0.5
    batches: MakeBatches = natural_batches
    new_head: bool = True
    decay_at: tuple[float, ...] = (0.5, 0.75)


TWO_STAGES = FirstStage()
"""The paper's: half of the budget, all rows at their natural rate."""


def fresh(cell: Cell, seed: int, data: Data) -> nn.Module:
    """A new network; the same for all methods of one seed."""
    torch.manual_seed(seed)
    model = network(cell.network_name, tuple(data.train.inputs.shape[1:]))
    model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] -- torch's stubs know it for tensors only
    return model.to(data.train.inputs.device)


def pretrained(cell: Cell, seed: int, data: Data, folder: Path, first: FirstStage) -> nn.Module:
    """After the first of two stages; made once, then read."""
    words = (cell.name, cell.total_steps, seed, first.name)
    path = folder / f"{'-'.join(str(word) for word in words if word != '')}.pt"
    model = fresh(cell, seed, data)
    new = {key: value.clone() for key, value in last_layer(model).state_dict().items()}
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        loop = Loop(_cross_entropy(cell, seed, data, model, first), data, cell, seed)
        for number in range(cell.rounds):
            loop.run_round(number)
        partial = path.with_name(f"{os.getpid()}-{path.name}")
        torch.save(model.state_dict(), partial)
        partial.replace(path)  # another process may be doing the same
    torch.manual_seed(seed)
    model.load_state_dict(torch.load(path, map_location=data.train.inputs.device))
    if first.new_head:
        last_layer(model).load_state_dict(new)
    return model


def _cross_entropy(
    cell: Cell, seed: int, data: Data, model: nn.Module, first: FirstStage
) -> Recipe:
    options: dict[str, Any] = {"momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY}
    optimizer = torch.optim.SGD(model.parameters(), PRETRAIN_LR, **options)
    decays = [round(share * cell.rounds) for share in first.decay_at]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, decays)

    def step(x: Tensor, y: Tensor, index: Tensor) -> None:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x), y).backward()
        nn.utils.clip_grad_norm_(list(model.parameters()), MAX_NORM)
        optimizer.step()

    count = batches_per_round(cell, share=first.share)
    return Recipe(step, first.batches(cell, data, seed, count), scheduler.step)

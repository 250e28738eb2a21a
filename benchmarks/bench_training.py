"""One training epoch of ResNet-20 with AUCM and PESG, against the same loop with cross-entropy.

The loop, the network, the images (random, 32 x 32 x 3) and the batches are the same; only the loss
and the optimizer differ. Steps of the two alternate, so that a busy machine slows both.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import aucmax
from aucmax.models import create

BATCH = 64
STEPS = 8
EPOCHS = 9

Loss = Callable[[Tensor, Tensor], Tensor]


def ours() -> tuple[nn.Module, Loss, torch.optim.Optimizer]:
    network = create("resnet20", channels=3, num_labels=1)
    loss = aucmax.AUCMLoss()
    groups = aucmax.param_groups(network, loss)
    return network, loss, aucmax.PESG(groups, momentum=0.9, weight_decay=1e-4, epoch_decay=2e-3)


def rival() -> tuple[nn.Module, Loss, torch.optim.Optimizer]:
    network = create("resnet20", channels=3, num_labels=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    return network, F.binary_cross_entropy_with_logits, optimizer


def step(
    network: nn.Module, loss: Loss, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor
) -> float:
    start = time.perf_counter()
    optimizer.zero_grad()
    loss(network(x), y).backward()
    optimizer.step()
    return time.perf_counter() - start


def rows() -> list[dict[str, Any]]:
    """One row: an epoch of 512 images."""
    torch.manual_seed(0)
    images = torch.randn(STEPS, BATCH, 3, 32, 32)
    target = (torch.rand(STEPS, BATCH, 1) < 0.5).float()
    pair = (ours(), rival())
    epochs: list[tuple[float, float]] = []
    for _ in range(EPOCHS + 1):
        seconds = [0.0, 0.0]
        for x, y in zip(images, target, strict=True):
            for which, parts in enumerate(pair):
                seconds[which] += step(*parts, x, y)
        epochs.append((seconds[0], seconds[1]))
    epochs = epochs[1:]  # the first warms up
    a, b = zip(*epochs, strict=True)
    return [
        {
            "name": "training epoch, ResNet-20, AUCM + PESG",
            "size": f"{STEPS * BATCH} images",
            "ours_ms": 1e3 * statistics.median(a),
            "rival": "cross-entropy + SGD",
            "rival_ms": 1e3 * statistics.median(b),
            "ratio": statistics.median(x / y for x, y in epochs),
            "note": "ours / rival; target 1.03 at most",
        }
    ]


if __name__ == "__main__":
    print(rows())

"""Training steps with freed memory kept, as in ``aucmax fit``, against glibc's own habit.

The same steps of ResNet-20 on one thread, each time in a new process, since the allocator's
thresholds hold for the rest of a process; processes of the two kinds alternate. Seconds are those
of the CPU, system calls included, so that neighbours count less.
"""

import statistics
import subprocess
import sys
import time
from typing import Any

import torch

import aucmax
from aucmax._allocator import keep_freed_memory
from aucmax.models import create

SIZES = ((16, 32, 40), (64, 32, 15), (32, 8, 150))
"""Rows of a batch, side of an image in pixels, steps."""
PAIRS = 5


def seconds(batch: int, side: int, steps: int) -> float:
    """CPU seconds of the steps, in this process."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = create("resnet20", channels=3, num_labels=1)
    loss = aucmax.PairwiseAUCLoss(activation=torch.nn.Identity())
    optimizer = torch.optim.Adam(network.parameters())
    images = torch.randn(batch, 3, side, side)
    target = (torch.arange(batch) % 2).float()[:, None]
    start = 0.0
    for number in range(steps + 3):
        if number == 3:  # the first ones warm up
            start = time.process_time()
        optimizer.zero_grad()
        loss(network(images), target).backward()
        optimizer.step()
    return time.process_time() - start


def rows() -> list[dict[str, Any]]:
    """A row for each size."""
    return [_row(*size) for size in SIZES]


def _row(batch: int, side: int, steps: int) -> dict[str, Any]:
    pairs = []
    for _ in range(PAIRS):
        kept, plain = (_in_new_process(word, batch, side, steps) for word in ("keep", "leave"))
        pairs.append((kept, plain))
    a, b = zip(*pairs, strict=True)
    return {
        "name": "training step, ResNet-20, freed memory kept",
        "size": f"{batch} images of {side} pixels",
        "ours_ms": 1e3 * statistics.median(a) / steps,
        "rival": "glibc's defaults",
        "rival_ms": 1e3 * statistics.median(b) / steps,
        "ratio": statistics.median(x / y for x, y in pairs),
        "note": "ours / rival, CPU seconds of one thread",
    }


def _in_new_process(word: str, *size: int) -> float:
    words = [sys.executable, __file__, word, *map(str, size)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    if sys.argv[1:]:
        if sys.argv[1] == "keep":
            keep_freed_memory()
        print(seconds(*map(int, sys.argv[2:])))
    else:
        print(*rows(), sep="\n")

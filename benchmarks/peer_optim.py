"""LibAUC's PESG against torch.optim.SGD, for an interpreter that has LibAUC; prints JSON.

It shares no process with aucmax, so the two are compared by their ratios to the same SGD.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from libauc.losses import AUCMLoss
from libauc.optimizers import PESG


def copies(shapes: list[list[int]]) -> list[torch.nn.Parameter]:
    params = [torch.nn.Parameter(torch.randn(shape) * 0.05) for shape in shapes]
    for p in params:
        p.grad = torch.randn(p.shape) * 0.01
    return params


def milliseconds(step: Callable[[], object], steps: int = 3) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e3


def main(shapes: list[list[int]], repeats: int, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    loss_fn = AUCMLoss(device=torch.device("cpu"))
    for p in loss_fn.parameters():
        p.grad = torch.zeros_like(p)
    sgd = torch.optim.SGD(copies(shapes), lr=0.1, momentum=0.9)
    pesg = PESG(
        copies(shapes),
        loss_fn=loss_fn,
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-5,
        epoch_decay=2e-3,
        clip_value=1.0,
        device=torch.device("cpu"),
        verbose=False,
    )
    times = [(milliseconds(sgd.step), milliseconds(pesg.step)) for _ in range(repeats + 2)][2:]
    print(
        json.dumps(
            {
                "sgd_ms": statistics.median(a for a, _ in times),
                "pesg_ms": statistics.median(b for _, b in times),
                "ratio": statistics.median(b / a for a, b in times),
            }
        )
    )


if __name__ == "__main__":
    main(**json.load(sys.stdin))

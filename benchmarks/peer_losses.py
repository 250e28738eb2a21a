"""LibAUC's AUCM losses against torch's cross-entropy, for an interpreter that has LibAUC.

Prints JSON. It shares no process with aucmax, so the two are compared by their ratios to the same
cross-entropy. The clock here serves bench_losses.py as well, so that both measure alike.
"""

import json
import os
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
REPEATS = 25
BURST = 0.005
"""Seconds for which one step is repeated before the next one takes its turn."""

SIZES: dict[str, tuple[int, ...]] = {"one label": (8192,), "14 labels": (256, 14)}
Times = dict[str, list[float]]


def batch(shape: tuple[int, ...], share: float = 0.3) -> tuple[Tensor, Tensor]:
    """Logits that require a gradient, and targets of both classes."""
    return torch.randn(shape, requires_grad=True), (torch.rand(shape) < share).float()


def step(value: Callable[[], Tensor], leaves: list[Tensor]) -> Callable[[], None]:
    """One forward and backward pass; gradients are dropped as ``zero_grad`` does."""

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        value().backward()

    return run


def cross_entropy(logits: Tensor, target: Tensor) -> Callable[[], None]:
    return step(lambda: F.binary_cross_entropy_with_logits(logits, target), [logits])


def interleaved(steps: dict[str, Callable[[], None]], repeats: int = REPEATS) -> Times:
    """Milliseconds of each step, taken in turn so that a busy machine disturbs all alike."""
    counts = {}
    for name, run in steps.items():
        run()  # the first one is slow
        counts[name] = max(1, round(BURST / max(_seconds(run, 1), 1e-6)))
    times: Times = {name: [] for name in steps}
    for _ in range(repeats):
        for name, run in steps.items():
            times[name].append(1e3 * _seconds(run, counts[name]))
    return times


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios, turn by turn."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _seconds(run: Callable[[], None], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def libauc_step(logits: Tensor, target: Tensor) -> Callable[[], None]:
    """LibAUC's loss, version v1, on sigmoid scores as its examples call it."""
    from libauc.losses import AUCMLoss, MultiLabelAUCMLoss

    cpu = torch.device("cpu")
    if logits.ndim == 1:
        loss = AUCMLoss(device=cpu)
        shape = (-1, 1)
    else:
        loss = MultiLabelAUCMLoss(num_labels=logits.shape[1], device=cpu)
        shape = tuple(logits.shape)

    def value() -> Tensor:
        return loss(torch.sigmoid(logits).reshape(shape), target.reshape(shape)).sum()

    return step(value, [logits, loss.a, loss.b, loss.alpha])


def main() -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    found = {}
    for name, shape in SIZES.items():
        logits, target = batch(shape)
        times = interleaved(
            {"bce": cross_entropy(logits, target), "libauc": libauc_step(logits, target)}
        )
        found[name] = {kind: statistics.median(values) for kind, values in times.items()}
        found[name]["ratio"] = ratio(times["libauc"], times["bce"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()

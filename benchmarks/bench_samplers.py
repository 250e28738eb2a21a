"""Time per epoch of our samplers and of PyTorch's, on a million rows with 1 % positives."""

import time
from collections.abc import Callable, Iterable

import torch
from torch.utils.data import BatchSampler, RandomSampler, WeightedRandomSampler

from aucmax.samplers import BalancedBatches, MultiLabelBatches

ROWS, BATCH, REPEATS = 10**6, 128, 5


def milliseconds(epoch: Callable[[], Iterable[list[int]]]) -> float:
    """Shortest of several passes through one epoch."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in epoch():
            pass
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def rivals(labels: torch.Tensor) -> dict[str, tuple[Iterable[list[int]], str]]:
    """PyTorch's samplers for the same data, and what they do not do."""
    share = labels.double().mean()
    weights = torch.where(labels, 0.5 / share, 0.5 / (1 - share))
    plain = RandomSampler(labels)  # pyright: ignore[reportArgumentType]
    weighted = WeightedRandomSampler(weights.tolist(), ROWS)
    return {
        "torch RandomSampler": (BatchSampler(plain, BATCH, True), "not balanced"),
        "torch WeightedRandomSampler": (
            BatchSampler(weighted, BATCH, True),
            "balanced on average, rows repeat",
        ),
    }


def rows() -> list[dict[str, object]]:
    """One row for each of our samplers and each rival, in one thread: the others train."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure()
    finally:
        torch.set_num_threads(threads)


def _measure() -> list[dict[str, object]]:
    labels = torch.arange(ROWS) % 100 == 0
    table = torch.stack([torch.arange(ROWS) % k == 0 for k in (7, 11, 20, 50, 100)], 1)
    ours = {
        "BalancedBatches": BalancedBatches(labels, BATCH),
        "MultiLabelBatches, 5 labels": MultiLabelBatches(table, BATCH),
    }
    rival_times = {
        name: (milliseconds(r.__iter__), note) for name, (r, note) in rivals(labels).items()
    }
    found = []
    for name, sampler in ours.items():
        own = milliseconds(sampler.__iter__)
        found += [
            {
                "name": name,
                "ours_ms": round(own, 1),
                "rival": rival,
                "rival_ms": round(rival_ms, 1),
                "ratio": round(rival_ms / own, 2),
                "size": f"{ROWS} rows, batch {BATCH}, 1 thread",
                "note": note,
            }
            for rival, (rival_ms, note) in rival_times.items()
        ]
    return found


def table_of(found: list[dict[str, object]]) -> str:
    """Aligned columns, one line per row."""
    cells = [[*found[0]], *([str(value) for value in row.values()] for row in found)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in cells)
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    print(table_of(rows()))

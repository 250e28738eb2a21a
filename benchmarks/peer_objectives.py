"""LibAUC's losses for average precision and partial AUC, for an interpreter that has LibAUC.

Without arguments it answers requests, one for each line of input: ``NAME SIZE`` makes a step and
tells how often it is to be repeated, ``time COUNT`` tells its milliseconds. So bench_objectives.py
takes turns with it, though the two share no process. ``NAME SIZE`` as arguments prints how much
memory one step takes. Batch, clock and scale here serve bench_objectives.py as well.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peer_losses import BURST, THREADS, step
from torch import Tensor

Run = Callable[[], None]
MAX_FPR = 0.3
CORNER_FPR, CORNER_TPR = 0.4, 0.6


def balanced(size: int, labels: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Logits that require a gradient, targets of which half are 1, and the rows' positions."""
    generator = torch.Generator().manual_seed(size)
    shape = (size,) if labels is None else (size, labels)
    logits = torch.randn(shape, generator=generator).requires_grad_()
    target = (torch.rand(shape, generator=generator).argsort(0) < size // 2).float()
    return logits, target, torch.randperm(size, generator=generator)


def prepared(run: Run) -> int:
    """Run it, for the first time is slow; how often fills a burst."""
    run()
    return max(1, round(BURST / max(milliseconds(run, 1) / 1e3, 1e-6)))


def milliseconds(run: Run, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return 1e3 * (time.perf_counter() - start) / count


def extra_megabytes(run: Run) -> float:
    """By how much one step raises the highest use of memory above what is in use now; on Linux.

    Not by getrusage, whose maximum a child inherits from its parent.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the highest use is that of now
    before = _highest_use()
    run()
    return (_highest_use() - before) / 1024


def _highest_use() -> int:
    """Kilobytes of physical memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def libauc_step(name: str, size: int) -> Run:
    """One of LibAUC's losses on sigmoid scores (B, 1), as its examples call it."""
    from libauc.losses import auc  # pyright: ignore[reportMissingImports]

    name, _, surrogate = name.partition(":")
    options: dict[str, Any] = {"surr_loss": surrogate or "squared_hinge", "device": "cpu"}
    makers: dict[str, Callable[[], Any]] = {
        "AP": lambda: auc.APLoss(size, gamma=0.1, **options),
        "partial": lambda: auc.pAUC_CVaR_Loss(size, size // 2, beta=MAX_FPR, **options),
        "smooth partial": lambda: auc.pAUC_DRO_Loss(size, gamma=0.1, **options),
        "two-way": lambda: auc.tpAUC_CVaR_loss(
            size, threshold=1.0, theta_0=1 - CORNER_TPR, theta_1=CORNER_FPR, **options
        ),
        "smooth two-way": lambda: auc.tpAUC_KL_Loss(size, gammas=(0.1, 0.1), **options),
    }
    loss = makers[name]()
    logits, target, index = balanced(size)
    column = target[:, None]
    return step(lambda: loss(torch.sigmoid(logits)[:, None], column, index), [logits])


def answer() -> None:
    """Serve until the input ends."""
    run: Run | None = None
    for line in sys.stdin:
        name, _, number = line.strip().rpartition(" ")
        if name == "time" and run is not None:
            print(milliseconds(run, int(number)), flush=True)
        else:
            run = libauc_step(name, int(number))
            print(prepared(run), flush=True)


def main() -> None:
    torch.set_num_threads(THREADS)
    if len(sys.argv) == 1:
        answer()
        return
    name, size = sys.argv[1], int(sys.argv[2])
    libauc_step(name, 256)()  # loads what only a first step loads
    print(extra_megabytes(libauc_step(name, size)))


if __name__ == "__main__":
    main()

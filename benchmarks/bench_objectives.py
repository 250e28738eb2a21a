"""Time and memory of the losses for average precision and parts of the ROC curve.

Run ``python benchmarks/bench_objectives.py``: forward and backward, float32, half of the rows
positive, moving averages for each row where the loss has them. AUCMAX_PEER_PYTHON may name an
interpreter that has LibAUC 2.0.1, which computes the same objectives by matrices of pairs; both
are timed in turns. Without it, those columns are empty.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch
from peer_losses import THREADS, Times, ratio, step
from peer_objectives import (
    CORNER_FPR,
    CORNER_TPR,
    MAX_FPR,
    Run,
    balanced,
    extra_megabytes,
    milliseconds,
    prepared,
)

from aucmax.losses import Loss
from aucmax.losses.aum import AUMLoss
from aucmax.losses.average_precision import APLoss
from aucmax.losses.p_norm_push import PNormPushLoss
from aucmax.losses.partial import PartialAUCLoss
from aucmax.losses.pauci import PAUCILoss
from aucmax.losses.smooth_partial import SmoothPartialAUCLoss
from aucmax.losses.smooth_two_way import SmoothTwoWayPartialAUCLoss
from aucmax.losses.two_way import TwoWayPartialAUCLoss

PEER = "AUCMAX_PEER_PYTHON"
ROUNDS = {256: 25, 2048: 15, 16384: 5}
LARGE = 65536
LABELS = (2048, 14)
LIMIT = 2048
"""Megabytes that one step at LARGE may take."""

Make = Callable[[int, int | None], Loss]


def with_surrogate(surrogate: str) -> dict[str, Make]:
    """The objectives that LibAUC has too, by the names of peer_objectives.py."""
    s: dict[str, Any] = {"surrogate": surrogate}
    return {
        "AP": lambda n, k: APLoss(n, num_labels=k, **s),
        "partial": lambda n, k: PartialAUCLoss(MAX_FPR, num_labels=k, **s),
        "smooth partial": lambda n, k: SmoothPartialAUCLoss(1.0, n, num_labels=k, **s),
        "two-way": lambda n, k: TwoWayPartialAUCLoss(CORNER_FPR, CORNER_TPR, num_labels=k, **s),
        "smooth two-way": lambda n, k: SmoothTwoWayPartialAUCLoss(1.0, 1.0, n, num_labels=k, **s),
    }


SHARED = with_surrogate("squared_hinge")
BLOCKS = {f"{name}:logistic": make for name, make in with_surrogate("logistic").items()}
ALONE: dict[str, Make] = {
    "PAUCI": lambda n, k: PAUCILoss(MAX_FPR, num_labels=k),
    "PAUCI two-way": lambda n, k: PAUCILoss(CORNER_FPR, CORNER_TPR, num_labels=k),
    "AUM": lambda n, k: AUMLoss(),
    "p-norm push": lambda n, k: PNormPushLoss(4.0),
}
EVERY = SHARED | BLOCKS | ALONE


class Peer:
    """LibAUC in a process of its own, which answers requests."""

    def __init__(self, python: str) -> None:
        script = str(Path(__file__).with_name("peer_objectives.py"))
        self.command = [python, script]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> float:
        """One request, one number."""
        to, back = self.process.stdin, self.process.stdout
        write(to, line)
        answer = back.readline() if back else ""
        if not answer:
            raise RuntimeError(f"the rival's process ended at {line!r}")
        return float(answer)

    def megabytes(self, name: str, size: int) -> float:
        """What one step takes there, in a fresh process."""
        words = [*self.command, name, str(size)]
        return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def write(stream: IO[str] | None, line: str) -> None:
    if stream is not None:
        stream.write(f"{line}\n")
        stream.flush()


def our_step(name: str, size: int, labels: int | None = None) -> Run:
    loss = EVERY[name](size, labels)
    logits, target, index = balanced(size, labels)
    return step(lambda: loss(logits, target, index), [logits, *loss.parameters()])


def megabytes(name: str, size: int) -> float:
    """What one step of ours takes, in a fresh process."""
    words = [sys.executable, __file__, "--memory", name, str(size)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def turns(name: str, size: int, peer: Peer | None) -> Times:
    """Milliseconds of both, in turns."""
    run = our_step(name, size)
    count, times = prepared(run), Times(ours=[], theirs=[])
    theirs = int(peer.ask(f"{name} {size}")) if peer else 0
    for _ in range(ROUNDS[size]):
        times["ours"].append(milliseconds(run, count))
        if peer:
            times["theirs"].append(peer.ask(f"time {theirs}"))
    return times


def row(name: str, size: object, times: Times, note: str = "") -> dict[str, Any]:
    objective, _, surrogate = name.partition(":")
    found = {
        "name": f"{objective} loss, {surrogate}" if surrogate else f"{objective} loss",
        "size": size,
        "ours_ms": statistics.median(times["ours"]),
        "note": note,
    }
    if not times.get("theirs"):
        return found
    theirs = {"rival": "LibAUC", "rival_ms": statistics.median(times["theirs"])}
    return found | theirs | {"ratio": ratio(times["ours"], times["theirs"])}


def by_size(names: dict[str, Make], sizes: list[int], peer: Peer | None) -> list[dict[str, Any]]:
    """Time at each size, and memory at the largest of them."""
    found = []
    for name in names:
        for size in sizes:
            note = ""
            if size == max(ROUNDS):
                note = f"peak {megabytes(name, size):.0f} MB"
                note += f", LibAUC {peer.megabytes(name, size):.0f} MB" if peer else ""
            found.append(row(name, size, turns(name, size, peer), note))
    return found


def large_rows() -> list[dict[str, Any]]:
    """Batches for which LibAUC would need matrices of 4 GB, several of them."""
    found = []
    for name in EVERY:
        run, peak = our_step(name, LARGE), megabytes(name, LARGE)
        repeats = 1 if name in BLOCKS else 3
        times = {"ours": [milliseconds(run, 1) for _ in range(repeats)]}
        note = f"peak {peak:.0f} MB" + (f", MORE THAN {LIMIT}" if peak > LIMIT else "")
        found.append(row(name, LARGE, times, note))
    return found


def label_rows() -> list[dict[str, Any]]:
    found = []
    for name in SHARED | ALONE:
        run = our_step(name, *LABELS)
        count = prepared(run)
        times = {"ours": [milliseconds(run, count) for _ in range(7)]}
        found.append(row(name, " x ".join(map(str, LABELS)), times))
    return found


def rows() -> list[dict[str, Any]]:
    """All measurements: name, size, ours_ms, rival, rival_ms, ratio = ours / rival, note."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    python = os.environ.get(PEER)
    peer = Peer(python) if python else None
    sizes = list(ROUNDS)
    try:
        shared = by_size(SHARED, sizes, peer) + by_size(BLOCKS, sizes[1:], peer)
        return shared + by_size(ALONE, sizes, None) + label_rows() + large_rows()
    finally:
        torch.set_num_threads(threads)
        if peer:
            peer.process.communicate()


def main() -> None:
    torch.set_num_threads(THREADS)
    if sys.argv[1:2] == ["--memory"]:
        name, size = sys.argv[2], int(sys.argv[3])
        our_step(name, 256)()  # loads what only a first step loads
        print(extra_megabytes(our_step(name, size)))
        return
    from run import table

    print(f"{THREADS} threads, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(table(rows()))
    if not os.environ.get(PEER):
        print(f"LibAUC left out: set {PEER} to an interpreter that has it")


if __name__ == "__main__":
    main()

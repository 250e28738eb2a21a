"""Time and memory of the losses, forward and backward, against torch's cross-entropy and LibAUC.

Run ``python benchmarks/bench_losses.py``. Two things flatter us, for they slow down torch's
cross-entropy alone: its second thread on a busy machine (set OMP_NUM_THREADS=1; the default here
is 2), and its AVX-512 logarithm on some AMD processors (set ATEN_CPU_CAPABILITY=avx2).
AUCMAX_PEER_PYTHON may name an interpreter that has LibAUC 2.0.1; without it those rows are absent.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peer_losses import SIZES, THREADS, Times, batch, cross_entropy, interleaved, ratio, step
from torch import Tensor

from aucmax.losses import AUCMLoss, Loss, PairwiseAUCLoss

PEER = "AUCMAX_PEER_PYTHON"
BCE = "torch BCE"


def ours_step(loss: Loss, logits: Tensor, target: Tensor) -> Callable[[], None]:
    return step(lambda: loss(logits, target), [logits, *loss.parameters()])


def all_pairs_step(logits: Tensor, target: Tensor) -> Callable[[], None]:
    """The squared hinge of every pair in one matrix."""

    def value() -> Tensor:
        h = torch.sigmoid(logits)
        gap = h[target == 1][:, None] - h[target == 0]
        return (torch.relu(1 - gap) ** 2).mean()

    return step(value, [logits])


def row(name: str, times: Times, rival: str, shape: tuple[int, ...], note: str) -> dict[str, Any]:
    return {
        "name": name,
        "ours_ms": statistics.median(times["ours"]),
        "rival": rival,
        "rival_ms": statistics.median(times[rival]),
        "ratio": ratio(times["ours"], times[rival]),
        "size": " x ".join(map(str, shape)),
        "note": note,
    }


def peak_bytes(run: Callable[[], None]) -> int:
    """Most bytes allocated at one time on top of what was there, gradients included."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        run()
    results = profile.profiler.kineto_results  # pyright: ignore
    changes = [e for e in results.events() if e.name() == "[memory]"]
    live = peak = 0
    for event in sorted(changes, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def min_max_rows() -> list[dict[str, Any]]:
    found = []
    for name, shape in SIZES.items():
        logits, target = batch(shape)
        loss = AUCMLoss(num_labels=shape[1] if len(shape) == 2 else None)
        times = interleaved(
            {"ours": ours_step(loss, logits, target), BCE: cross_entropy(logits, target)}
        )
        found.append(row(f"AUCMLoss, {name}", times, BCE, shape, "values checked"))
    return found


def pairwise_rows() -> list[dict[str, Any]]:
    logits, target = batch((4096,), share=0.5)
    times = interleaved(
        {
            "ours": ours_step(PairwiseAUCLoss(), logits, target),
            "matrix of pairs": all_pairs_step(logits, target),
        },
        repeats=7,
    )
    found = [row("squared_hinge", times, "matrix of pairs", (4096,), "")]
    for name, size in [("squared_hinge", 10**k) for k in (4, 5, 6)] + [("square", 10**6)]:
        logits, target = batch((size,))
        ours = ours_step(PairwiseAUCLoss(name), logits, target)
        times = interleaved({"ours": ours, BCE: cross_entropy(logits, target)}, repeats=7)
        logits.grad = None  # its release, or that of a remembered batch, must not be counted
        peak = peak_bytes(ours_step(PairwiseAUCLoss(name), logits, target))
        note = f"all pairs; peak {peak / size:.0f} bytes/row"
        found.append(row(name, times, BCE, (size,), note))
    return found


def peer_rows(ours: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """LibAUC in its own process: its ratio to cross-entropy there against ours here."""
    python = os.environ.get(PEER)
    if not python:
        return []
    script = Path(__file__).with_name("peer_losses.py")
    done = subprocess.run([python, str(script)], capture_output=True, text=True, check=True)
    peer = json.loads(done.stdout.splitlines()[-1])
    found = []
    for mine, theirs in zip(ours, (peer[name] for name in SIZES), strict=True):
        note = f"ours {mine['ratio']:.1f} x BCE, LibAUC {theirs['ratio']:.0f} x BCE of its process"
        of_peer = {"rival": "LibAUC v1", "rival_ms": theirs["libauc"]}
        found.append(mine | of_peer | {"ratio": mine["ratio"] / theirs["ratio"], "note": note})
    return found


def rows() -> list[dict[str, Any]]:
    """All measurements: name, ours_ms, rival, rival_ms, ratio = ours / rival, size, note."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    try:
        min_max = min_max_rows()
        return min_max + peer_rows(min_max) + pairwise_rows()
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler talks a lot
    capability, load = torch.backends.cpu.get_cpu_capability(), os.getloadavg()[0]
    print(f"{THREADS} threads, {capability}, load average {load:.1f} on {os.cpu_count()} cores")
    print(f"{'ours':<22}{'size':>10}{'ms':>10}  {'rival':<17}{'ms':>10}{'ratio':>9}  note")
    for r in rows():
        ours = f"{r['name']:<22}{r['size']:>10}{r['ours_ms']:>10.3f}"
        rival = f"{r['rival']:<17}{r['rival_ms']:>10.3f}{r['ratio']:>9.3f}"
        print(f"{ours}  {rival}  {r['note']}")
    if not os.environ.get(PEER):
        print(f"rows of LibAUC left out: set {PEER} to an interpreter that has it")


if __name__ == "__main__":
    main()

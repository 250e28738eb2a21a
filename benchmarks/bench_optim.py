"""Time of an optimizer's step on the parameters of DenseNet-121, against torch.optim and LibAUC.

Run ``python benchmarks/bench_optim.py``; ``--compiled`` adds torch.compile, which takes a minute or
two to build. AUCMAX_PEER_PYTHON may name an interpreter that has LibAUC; without it those rows are
left out. On a machine that others use too, ``--threads 1`` gives steadier ratios.

Streams of memory bound what is possible once every tensor comes from memory and each comes once.
SGD with momentum reads p, g, v and writes p, v: 5. PESG also reads the reference and reads and
writes the running total: 8, so 1.6 times the time. Adam has 7, PESGAdam 10.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torchvision.models import densenet121

from aucmax.optim import PESG, PESGAdam

REPEATS = 25
PROXIMAL: dict[str, Any] = {"weight_decay": 1e-5, "epoch_decay": 2e-3}
Params = list[torch.nn.Parameter]
Maker = Callable[[Params], Optimizer]


def pesg(params: Params, **options: Any) -> Optimizer:
    return PESG(params, lr=0.1, momentum=0.9, **PROXIMAL | options)


def pesg_adam(params: Params, **options: Any) -> Optimizer:
    return PESGAdam(params, **PROXIMAL | options)


RIVALS: dict[str, Maker] = {
    "torch SGD": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "torch SGD, fused": partial(torch.optim.SGD, lr=0.1, momentum=0.9, fused=True),
    "torch Adam": torch.optim.Adam,
    "torch Adam, fused": partial(torch.optim.Adam, fused=True),
}
OURS: dict[str, tuple[Maker, tuple[str, ...], str]] = {
    "PESG": (pesg, ("torch SGD", "torch SGD, fused"), "streams 8 : 5"),
    "PESG, clip 1": (partial(pesg, clip=1.0), ("torch SGD",), "streams 10 : 5"),
    "PESG, one by one": (partial(pesg, foreach=False), ("torch SGD",), "the readable path"),
    "PESG, epoch_decay 0": (
        partial(PESG, lr=0.1, momentum=0.9),
        ("torch SGD", "torch SGD, fused"),
        "streams 5 : 5",
    ),
    "PESGAdam": (pesg_adam, ("torch Adam", "torch Adam, fused"), "streams 10 : 7"),
    "PESGAdam, epoch_decay 0": (
        PESGAdam,
        ("torch Adam", "torch Adam, fused"),
        "streams 7 : 7",
    ),
}


def copies() -> Params:
    """Fresh parameters of DenseNet-121, each with a gradient."""
    params = [torch.nn.Parameter(p.detach().clone()) for p in densenet121().parameters()]
    for p in params:
        p.grad = torch.randn_like(p) * 0.01
    return params


def milliseconds(step: Callable[[], object], steps: int = 3) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e3


def interleaved(steps: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Times of each, taken in turn so that a busy machine disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(REPEATS + 2):
        for name, step in steps.items():
            times[name].append(milliseconds(step))
    return {name: values[2:] for name, values in times.items()}


def row(name: str, ours: list[float], rival: str, theirs: list[float], note: str) -> dict[str, Any]:
    return {
        "name": name,
        "ours_ms": statistics.median(ours),
        "rival": rival,
        "rival_ms": statistics.median(theirs),
        "ratio": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
        "size": "8.0 M parameters, 364 tensors",
        "note": note,
    }


def eager_rows() -> list[dict[str, Any]]:
    makers = RIVALS | {name: make for name, (make, _, _) in OURS.items()}
    times = interleaved({name: make(copies()).step for name, make in makers.items()})
    return [
        row(name, times[name], rival, times[rival], note)
        for name, (_, rivals, note) in OURS.items()
        for rival in rivals
    ]


def compiled_rows() -> list[dict[str, Any]]:
    eager, compiled, ours = (make(copies()) for make in [RIVALS["torch SGD"]] * 2 + [pesg])
    times = interleaved(
        {
            "torch SGD": eager.step,
            "torch SGD, compiled": torch.compile(compiled.step),
            "PESG, compiled": torch.compile(ours.step),
        }
    )
    mine, note = times.pop("PESG, compiled"), "streams 8 : 5"
    return [row("PESG, compiled", mine, name, values, note) for name, values in times.items()]


def peer_rows(threads: int) -> list[dict[str, Any]]:
    """LibAUC in its own process: its ratio to the SGD of that process, and ours to ours."""
    python = os.environ.get("AUCMAX_PEER_PYTHON")
    if not python:
        return []
    ours = OURS["PESG, clip 1"][0](copies())
    times = interleaved({"sgd": RIVALS["torch SGD"](copies()).step, "ours": ours.step})
    shapes = [list(p.shape) for p in copies()]
    request = {"shapes": shapes, "repeats": REPEATS, "threads": threads}
    done = subprocess.run(
        [python, str(Path(__file__).with_name("peer_optim.py"))],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    peer = json.loads(done.stdout.splitlines()[-1])
    result = row("PESG, clip 1", times["ours"], "LibAUC PESG", times["sgd"], "")
    mine = result["ratio"]
    note = f"{mine:.2f} x SGD against {peer['ratio']:.2f} x SGD, each within one process"
    return [result | {"rival_ms": peer["pesg_ms"], "ratio": mine / peer["ratio"], "note": note}]


def rows(*, compiled: bool = False, threads: int = 2) -> list[dict[str, Any]]:
    """All measurements: name, ours_ms, rival, rival_ms, ratio (ours / rival), size, note."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    return eager_rows() + peer_rows(threads) + (compiled_rows() if compiled else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    print(f"{'ours':<25}{'ms':>8}  {'rival':<21}{'ms':>8}{'ratio':>8}  note")
    for r in rows(**vars(parser.parse_args())):
        times = f"{r['ours_ms']:>8.2f}  {r['rival']:<21}{r['rival_ms']:>8.2f}{r['ratio']:>8.2f}"
        print(f"{r['name']:<25}{times}  {r['note']}")


if __name__ == "__main__":
    main()

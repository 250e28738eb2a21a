"""AUC losses against well-tuned cross-entropy and LibAUC: ``python benchmarks/paper/run.py``.

For each cell (a task and a share of positives) and method: three learning rates on two seeds, the
rate by mean validation AUC; then ``--seeds`` other seeds, the round by each run's validation AUC,
the test part scored once. Every method gets the same number of batches through the network,
forward and backward, in all: two stages share it. Same draws, weights at the start,
augmentation and batch size for all methods of a seed; learning rates fall to a tenth at 50 and
75 %. Cells for development share no test row with the reported ones; defaults are chosen on them.

Every finished run is kept at once, in ``benchmarks/results/paper_runs.csv`` and ``paper_scores``,
and done runs are not done again: the same command goes on, on any machine. ``--part 1/2`` and
``--part 2/2`` share the work out to two processes of one thread. LibAUC runs in the interpreter
that AUCMAX_PEER_PYTHON names, or not at all. ``--plan`` tells what is left and how long it takes;
``report.py`` makes tables, figures and the page.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rival_process
import torch
from arrays import MissingDataError
from cells import adapted, cells
from methods import METHODS, NAMES, recipe
from networks import NETWORKS
from parts import draw
from plan import Scope, Unit, missing, show, units
from rival_process import RivalProcess
from rivals import RIVALS
from running import Request, Result, execute
from store import RESULTS, WORK, Row, Store


def main() -> None:
    """Do what is left, or tell what it is."""
    options = _parser().parse_args()
    torch.set_num_threads(1)
    scope = Scope(tuple(range(options.seeds)), everything=options.all, ablate=options.ablations)
    if options.quick:
        scope = replace(scope, seeds=scope.seeds[:2], choosing=scope.choosing[:1])
    todo = _chosen(options, scope)
    store = Store(options.work / "quick" if options.quick else RESULTS)
    base = Request(todo[0][0], "", 0.0, 0, options.work, options.device)
    if options.plan:
        for line in show(todo, base, store, scope):
            print(line, flush=True)
        return
    end = time.monotonic() + 60 * options.minutes
    first, step = options.part
    for line in _runs(todo[first - 1 :: step], base, store, scope):
        print(line, flush=True)
        if time.monotonic() > end:
            print("out of time: the same command continues")
            return
    print("all runs are finished")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--work", type=Path, default=WORK, help="folder for caches, which may be lost")
    add("--part", type=_part, default=(1, 1), help="i/n: every n-th of cell and method")
    add("--only", nargs="*", choices=cells(), help="some cells")
    add("--methods", nargs="*", choices=NAMES, help="some methods")
    add("--minutes", type=float, default=np.inf, help="start no run after these")
    add("--seeds", type=int, default=5, help="how many are reported")
    add("--all", action="store_true", help="the variants on the reported cells, too")
    add("--ablations", action="store_true", help="noisy labels, small batches, few positives, too")
    add("--network", default="", choices=NETWORKS, help="another one for all tasks of images")
    add("--full", action="store_true", help="all negatives and test rows, batches of 128")
    add("--steps", type=int, default=0, help="another budget than that of cells.py")
    add("--device", default="cpu", help="where networks are trained")
    add("--quick", action="store_true", help="a few steps, kept in --work, to try it out")
    add("--plan", action="store_true", help="tell what is left and how long it takes")
    return parser


def _part(text: str) -> tuple[int, int]:
    """``i/n`` as numbers."""
    first, step = (int(word) for word in text.split("/"))
    if not 1 <= first <= step:
        raise ValueError(text)
    return first, step


def _chosen(options: argparse.Namespace, scope: Scope) -> list[Unit]:
    """The units that are asked for; cells that are named come whatever the scope is."""
    wide = replace(scope, everything=True, ablate=True) if options.only else scope
    if options.methods:
        wide = replace(wide, everything=True)
    todo = [
        (adapted(cell, options.network, options.full, options.steps, options.quick), name)
        for cell, name in units(wide)
        if (not options.only or cell.name in options.only)
        and (not options.methods or name in options.methods)
    ]
    if any(name in RIVALS for _, name in todo) and not rival_process.PYTHON:
        print("LibAUC is skipped: set AUCMAX_PEER_PYTHON to an interpreter that has it")
        todo = [unit for unit in todo if unit[1] not in RIVALS]
    if not todo:
        raise SystemExit("nothing is asked for")
    return todo


def _runs(todo: list[Unit], base: Request, store: Store, scope: Scope) -> Iterator[str]:
    """Do what is left; an item tells of each run."""
    rival = RivalProcess()
    for cell, name in todo:
        unit = replace(base, cell=cell, method=name)
        try:
            for request in missing(store, unit, scope):
                result = rival.run(request) if name in RIVALS else _ours(request)
                row = store.add(request, result, _test_target(request))
                yield _told(row)
        except MissingDataError as error:
            yield f"{cell.name} is skipped: {error}"


def _ours(request: Request) -> Result:
    method = METHODS[request.method]
    own = replace(request, cell=method.adapted(request.cell))
    return execute(
        own,
        method.first,
        lambda model, data: recipe(method, own.lr, own.seed, own.cell, data, model),
    )


def _test_target(request: Request) -> np.ndarray:
    data = draw(request.cell, request.seed, request.cache, torch.device("cpu"))
    return data.test.target.numpy()


def _told(row: Row) -> str:
    test = f", test {row['best_test']}" if row["best_test"] else ""
    words = f"{row['cell']}, {row['method']}, {row['stage']}, lr {row['lr']}, seed {row['seed']}"
    return f"{words}: validation {row['best_val']}{test}; {row['seconds']} s"


if __name__ == "__main__":
    main()

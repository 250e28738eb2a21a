"""How the last quarter is trained, and how test images are scored: on tasks for development.

``python benchmarks/paper/trials.py`` trains each variant at one learning rate for all (that of
most choices by validation) and scores the test part of the last round in several ways. What is
finished is kept in ``benchmarks/results/trials.csv`` and not done again; then the differences to
cross-entropy are printed, with their standard errors over cells and seeds.
"""

import argparse
import csv
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from cells import Cell, Task, cells
from inputs import Augmented
from methods import METHODS, Method, logistic, raw, recipe
from parts import Data, draw
from pretraining import fresh
from store import RESULTS, WORK, facts_of_run
from torch import nn
from training import Loop, auc, logits

from aucmax.losses import AUCMLoss, BCELoss, CrossEntropyAUCLoss
from aucmax.models import AveragedCopies

PATH = RESULTS / "trials.csv"
CELLS = ("autotruck-02", "autotruck-10", "deerhorse-01", "deerhorse-05")
RATE = 0.03
FIRST_SEED = 200
ROWS, BATCH = 4000, 200
"""Training rows, and those of a batch, by which the statistics of BatchNorm are taken anew."""
CE = METHODS["smooth CE balanced"]
ENDED = METHODS["smooth, last quarter logistic"]
VARIANTS: dict[str, Method] = {
    "CE": CE,
    "end pairwise": replace(ENDED, then=raw),
    "end CE + pairwise": replace(ENDED, then=lambda: CrossEntropyAUCLoss(raw())),
    "end logistic": replace(ENDED, then=logistic),
    "end AUC-M": replace(ENDED, then=AUCMLoss),
    "logistic": replace(CE, loss=lambda p: logistic()),
    "CE + logistic": replace(CE, loss=lambda p: CrossEntropyAUCLoss(logistic())),
    "CE, labels smoothed": replace(CE, loss=lambda p: Smoothed()),
    "CE, a quarter positive": replace(CE, positives=0.25),
    "CE, batches of 8": replace(CE, batch=8),
}


class Smoothed(BCELoss):
    """Cross-entropy with labels of 0.9 and 0.1."""

    def forward(
        self, logits: torch.Tensor, target: torch.Tensor, index: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Of logits (B,): 0.9 times the cross-entropy, and 0.1 times that of turned labels."""
        told, untold = (super(Smoothed, self).forward(logits, y) for y in (target, 1 - target))
        return 0.9 * told + 0.1 * untold


def readings(task: Task) -> dict[str, Callable[[nn.Module], nn.Module]]:
    """Ways of scoring test images by a trained network."""
    shift = task.shift / 32
    return {
        "plain": lambda model: model,
        "mirrored": partial(AveragedCopies, flip=True),
        "copies": partial(AveragedCopies, flip=task.mirror, shift=shift),
    }


def main() -> None:
    """Train what is left, then tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for name in CELLS:
            for variant in options.variants:
                if (name, variant, str(seed)) not in finished():
                    _add(name, variant, seed, run(cells()[name], VARIANTS[variant], seed))
    print("\n".join(told()))


def run(cell: Cell, method: Method, seed: int) -> dict[str, float]:
    """Test AUC of the last round by each reading."""
    cell = method.adapted(cell)
    data = draw(cell, seed, WORK / "arrays", torch.device("cpu"))
    model = fresh(cell, seed, data)
    loop = Loop(recipe(method, RATE, seed, cell, data, model), data, cell, seed)
    model.train()
    for number in range(cell.rounds):
        loop.run_round(number)
    anew = with_new_statistics(model, data, cell.spec, seed)
    models = {name: make(model) for name, make in readings(cell.spec).items()}
    models |= {"new statistics": anew}
    target = data.test.target.numpy()
    return {name: auc(logits(one, data.test), target) for name, one in models.items()}


@torch.no_grad()
def with_new_statistics(model: nn.Module, data: Data, task: Task, seed: int) -> nn.Module:
    """A copy whose BatchNorm has means and spreads of training rows at their natural rate."""
    model = deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over batches
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data.train), generator=generator)[:ROWS]
    images = Augmented(data.train, task)
    for rows in order.split(BATCH):
        model(images.batch(rows, generator))
    return model


def told() -> list[str]:
    """A line for each variant and reading: the mean difference to cross-entropy, read plainly."""
    found = _values()
    lines = []
    for variant, reading in dict.fromkeys((v, r) for _, v, _, r in found):
        gaps = [
            value - found[cell, "CE", seed, "plain"]
            for (cell, v, seed, r), value in found.items()
            if (v, r) == (variant, reading) and (cell, "CE", seed, "plain") in found
        ]
        error = np.std(gaps, ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else float("nan")
        words = f"{variant:24} {reading:16} {np.mean(gaps):+.4f} ± {error:.4f}"
        lines.append(f"{words}  ({len(gaps)} runs)")
    return lines


def finished() -> set[tuple[str, str, str]]:
    """Cell, variant and seed of what is kept."""
    return {(cell, variant, seed) for cell, variant, seed, _ in _values()}


def _values() -> dict[tuple[str, str, str, str], float]:
    if not PATH.exists():
        return {}
    with PATH.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(r["cell"], r["variant"], r["seed"], r["reading"]): float(r["auc"]) for r in rows}


def _add(cell: str, variant: str, seed: int, values: dict[str, float]) -> None:
    new = not PATH.exists()
    with PATH.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(["cell", "variant", "seed", "reading", "auc", *facts_of_run()])
        for reading, value in values.items():
            facts = facts_of_run().values()
            writer.writerow([cell, variant, seed, reading, f"{value:.4f}", *facts])
    print(cell, variant, seed, {name: round(value, 4) for name, value in values.items()})


if __name__ == "__main__":
    main()

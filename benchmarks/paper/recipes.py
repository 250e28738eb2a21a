"""What ``aucmax fit`` makes of the tasks for development: ``python benchmarks/paper/recipes.py``.

The harness compares losses under one optimizer of its own. Here each variant is a command line:
network, optimizer, epochs and choice of the epoch are those that a user gets. Each seed has its own
draw of the rows. Finished runs are kept in ``benchmarks/results/recipes.csv`` and not done again.
"""

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cells import DEVELOPMENT
from parts import Data, draw
from store import RESULTS, WORK, facts_of_run
from training import auc

from aucmax.cli import main as aucmax
from aucmax.report.predictions import read_predictions

FIELDS = ("cell", "variant", "seed", "validation", "test", "seconds")
PATH = RESULTS / "recipes.csv"
NEGATIVES = 1000
"""Rows are thinned to so many negatives, so that a run takes a minute or two."""
EPOCHS = 12
ADAM = "--optimizer torch.optim.Adam --optimizer.lr 0.001 --optimizer.weight_decay 0.0001"
STEPS = "--batches.size 64 --pretrain.lr 0.001 --schedule.warmup null"
"""Of the variants whose learning rate falls in steps."""
ONE = f"--pretrain.epochs 0 --schedule.epochs {EPOCHS} {STEPS}"
TWO = f"--pretrain.epochs {EPOCHS // 2} --schedule.epochs {EPOCHS // 2} {STEPS}"
SGD = (
    "--optimizer PESG --optimizer.lr 0.03 --optimizer.momentum 0.9 --optimizer.weight_decay 0.0001"
)
SUM = "--loss CrossEntropyAUCLoss --loss.auc PairwiseAUCLoss"
RAW = "--loss.auc.activation torch.nn.Identity"
SMOOTH = (
    "--pretrain.epochs 9 --pretrain.positives 0.5 --pretrain.new_head false --pretrain.lr 0.003 "
    "--schedule.epochs 3 --schedule.warmup 0.1 --batches.size 16 "
    "--loss PairwiseAUCLoss --loss.activation torch.nn.Identity"
)
DIGITS = (
    "--pretrain.epochs 12 --pretrain.positives 0.5 --pretrain.new_head false "
    "--schedule.epochs 4 --loss PairwiseAUCLoss --loss.activation torch.nn.Identity"
)
"""As in the recipe for digits."""
SMOOTH_CE = (
    f"--pretrain.epochs 0 --schedule.epochs {EPOCHS} --schedule.warmup 0.1 --batches.size 16 "
    f"--loss BCELoss {ADAM.replace('0.001', '0.003')}"
)
SMOOTH_DIGITS = (
    f"--batches.size 32 --pretrain.lr 0.003 --schedule.warmup 0.1 {DIGITS} "
    f"{ADAM.replace('0.001', '0.003')}"
)
STILL = "--augment.flip false --augment.shift"
"""A digit in the mirror is none."""
VARIANTS = {
    "CE balanced": f"{ONE} --loss BCELoss {ADAM}",
    "CE + pairwise raw": f"{ONE} {SUM} {RAW} {ADAM}",
    "CE + pairwise raw, SGD": f"{ONE} {SUM} {RAW} {SGD}",
    "CE + pairwise sigmoid": f"{ONE} {SUM} {ADAM}",
    "CE + pairwise raw / 4": f"{ONE} {SUM} {RAW} --loss.weight 0.25 {ADAM}",
    "balanced, fine pairwise": f"{STEPS} --pretrain.epochs 10 --pretrain.positives 0.5 "
    "--pretrain.new_head false --schedule.epochs 2 "
    "--loss PairwiseAUCLoss --loss.activation torch.nn.Identity "
    f"{ADAM.replace('0.001', '0.0001')}",
    "last quarter pairwise": f"{STEPS} --pretrain.epochs 9 --pretrain.positives 0.5 "
    "--pretrain.new_head false --schedule.epochs 3 --schedule.decay_at 0.667 "
    f"--loss PairwiseAUCLoss --loss.activation torch.nn.Identity {ADAM.replace('0.001', '0.0001')}",
    "smooth, last quarter pairwise": f"{SMOOTH} {ADAM.replace('0.001', '0.003')}",
    "smooth, last quarter logistic, copies": f"{SMOOTH} --loss.surrogate logistic "
    f"--augment.at_test true {ADAM.replace('0.001', '0.003')}",
    "smooth CE balanced, copies": f"--augment.at_test true {SMOOTH_CE}",
    "smooth CE balanced": SMOOTH_CE,
    "digits, in steps": f"{STEPS.replace('64', '32')} {DIGITS} --schedule.decay_at 0.667 "
    f"{ADAM.replace('0.001', '0.0001')}",
    "digits, smooth": SMOOTH_DIGITS,
    "digits, logistic": f"{SMOOTH_DIGITS} --loss.surrogate logistic {STILL} 0",
    "digits, logistic, shifts": f"{SMOOTH_DIGITS} --loss.surrogate logistic {STILL} 0.125",
    "digits, logistic, copies": f"{SMOOTH_DIGITS} --loss.surrogate logistic {STILL} 0.125 "
    "--augment.at_test true",
    "pairwise raw": f"{ONE} --loss PairwiseAUCLoss --loss.activation torch.nn.Identity {ADAM}",
    "CE": f"{ONE} --loss BCELoss --batches.positives null {ADAM}",
    "two-stage AUC-M": f"{TWO} --loss AUCMLoss --optimizer PESG --optimizer.lr 0.05 "
    "--optimizer.epoch_decay 0.002 --optimizer.weight_decay 0.0001",
}


def main() -> None:
    """Do what is left."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [cell.name for cell in DEVELOPMENT]
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="some cells")
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no run after these")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    for seed in range(options.seeds):
        for cell in (cell for cell in DEVELOPMENT if cell.name in options.only):
            data = draw(cell, seed, WORK / "arrays", torch.device("cpu"))
            for variant in options.variants:
                if (cell.name, variant, str(seed)) in _finished():
                    continue
                if time.monotonic() > end:
                    print("out of time: the same command continues")
                    return
                _add(
                    {"cell": cell.name, "variant": variant, "seed": seed}
                    | _run(variant, data, seed)
                )


def _run(variant: str, data: Data, seed: int) -> dict[str, float]:
    """One run of the command line: AUC of the best epoch, and of the test part."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _export(place / "data.npz", data, seed)
        words = f"fit npz --data.npz {place / 'data.npz'} --name run --output {place} --threads 1"
        words += " --augment.at_test false"
        start = time.process_time()
        if aucmax([*words.split(), "--seed", str(seed), *VARIANTS[variant].split()]):
            raise SystemExit(1)
        stage = sorted((place / "run").glob("*/stage.json"))[-1]
        found = read_predictions(place / "run" / "predictions.csv")
        return {
            "validation": json.loads(stage.read_text())["validation_auroc"],
            "test": auc(found.scores[:, 0], data.test.target.numpy()),
            "seconds": time.process_time() - start,
        }


def _export(path: Path, data: Data, seed: int) -> None:
    """As MedMNIST has them, with fewer rows of training: as many positives for each negative."""
    target = data.train.target.numpy()
    order = np.random.default_rng(seed).permutation(len(target))
    share = min(1.0, NEGATIVES / (target == 0).sum())
    kept = [
        own[: round(share * len(own))] for own in (order[target[order] == v] for v in (0.0, 1.0))
    ]
    rows = np.sort(np.concatenate(kept))
    arrays = {
        "train_images": data.train.inputs.numpy()[rows],
        "train_labels": target[rows].astype(int),
    }
    for name, part in (("val", data.validation), ("test", data.test)):
        arrays |= {f"{name}_images": part.inputs.numpy()}
        arrays |= {f"{name}_labels": part.target.numpy().astype(int)}
    np.savez(path, allow_pickle=False, **arrays)


def _finished() -> set[tuple[str, ...]]:
    if not PATH.exists():
        return set()
    with PATH.open(newline="") as file:
        return {(row["cell"], row["variant"], row["seed"]) for row in csv.DictReader(file)}


def _add(row: dict[str, Any]) -> None:
    facts = facts_of_run()
    new = not PATH.exists()
    with PATH.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*FIELDS, *facts], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(
            {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} | facts
        )
    print(row, flush=True)


if __name__ == "__main__":
    main()

r"""A graph network on ogbg-molhiv, AUCM against cross-entropy: ``python benchmarks/molhiv_gnn.py``.

DeeperGCN from scratch on the 41,127 molecules with the benchmark's scaffold split, by cross-entropy
with Adam and by AUCM with PESG or with Adam, each on natural batches and on balanced ones, all with
the same network, number of steps and schedule. The learning rate is chosen among a few by the
validation AUC of seed 100, the epoch by that of each run; the test part is scored once per run of
seeds 0, 1, ...

Each finished run is a line of ``benchmarks/results/molhiv_gnn.csv`` with its test scores beside it,
as ranks, in ``molhiv_gnn_scores.npz``; done runs are not done again, so it may be stopped at any
time. The default is a small budget, for one core of a CPU. The size of the published run, 0.8159
on the test part for AUCM on natural batches, needs a GPU:

    python benchmarks/molhiv_gnn.py --device cuda --layers 14 --width 256 \
        --batch 512 --epochs 300 --seeds 10
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from molhiv_gnn_training import METHODS, Budget, Data, Result, read, run
from run import provenance

from aucmax.metrics import auroc, auroc_interval_over_seeds, auroc_test_over_seeds
from aucmax.report.tables import text_table

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data")) / "molhiv"
CHOOSING_SEED = 100
REFERENCES = ("CE", "CE balanced")
"""Whose test AUCs are subtracted from the others'."""
PUBLISHED = ["published: AUCM, 14 layers of 256, 300 epochs", "", "0.8054", "0.8159", *[""] * 3]
FIELDS = (
    "method", "stage", "lr", "seed", "layers", "width", "batch", "epochs",
    "epoch", "validation", "test", "seconds",
)  # fmt: skip
Key = tuple[str, str, float, int]
"""Method, stage, learning rate, seed."""


class Store:
    """Finished runs of one budget; those of others stay where they are."""

    def __init__(self, folder: Path, budget: Budget) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.scores = folder / "molhiv_gnn.csv", folder / "molhiv_gnn_scores.npz"
        self.budget = {name: str(value) for name, value in vars(budget).items()}
        self.rows: dict[Key, dict[str, str]] = {}
        if self.path.exists():
            with self.path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            own = (row for row in rows if self.budget.items() <= row.items())
            self.rows = {key_of(row): row for row in own}

    def add(self, key: Key, result: Result, data: Data) -> None:
        """Keep a run at once: its scores first, so that a line says that all is there."""
        test = ""
        if result.scores is not None:
            test = f"{float(auroc(result.scores, data.target[data.test])):.6f}"
            kept = self.kept() | {self.name(key): ranks(result.scores)}
            partial = self.scores.with_name("partial-" + self.scores.name)
            np.savez_compressed(partial, allow_pickle=False, **kept)
            partial.replace(self.scores)
        method, stage, lr, seed = key
        numbers = (str(result.epoch), f"{result.validation:.6f}", test, f"{result.seconds:.1f}")
        values = (method, stage, str(lr), str(seed), *self.budget.values(), *numbers)
        row = dict(zip(FIELDS, values, strict=True)) | provenance()
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.rows[key] = row

    def kept(self) -> dict[str, np.ndarray]:
        """Ranks of the test rows by run, of any budget."""
        if not self.scores.exists():
            return {}
        with np.load(self.scores) as file:
            return {name: file[name] for name in file.files}

    def name(self, key: Key) -> str:
        """Of a reported run's ranks."""
        return "|".join([key[0], str(key[2]), str(key[3]), *self.budget.values()])

    def chosen(self, method: str) -> float | None:
        """The rate that is best by validation AUC, once all are tried."""
        keys = [(method, "choosing", lr, CHOOSING_SEED) for lr in METHODS[method].rates]
        if not all(key in self.rows for key in keys):
            return None
        return max(keys, key=lambda key: float(self.rows[key]["validation"]))[2]


def key_of(row: dict[str, str]) -> Key:
    return row["method"], row["stage"], float(row["lr"]), int(row["seed"])


def ranks(scores: np.ndarray) -> np.ndarray:
    """Small integers in the same order, ties kept: the AUC is the same."""
    return np.unique(scores, return_inverse=True)[1].astype(np.uint16)


def left(store: Store, methods: list[str], seeds: int) -> Iterator[Key]:
    """Runs that are not done; rates first, then seed by seed, so that any stop leaves pairs."""
    for method in methods:
        for lr in METHODS[method].rates:
            yield method, "choosing", lr, CHOOSING_SEED
    for seed in range(seeds):
        for method in methods:
            lr = store.chosen(method)
            if lr is None:
                raise RuntimeError(f"no learning rate for {method!r} has been chosen")
            yield method, "reported", lr, seed


def report(store: Store, methods: list[str], seeds: int, target: np.ndarray) -> str:
    """A line for each method of which every seed is there; ``target`` is the test part's."""
    kept, found = store.kept(), {}
    for method in methods:
        keys = [(method, "reported", store.chosen(method), seed) for seed in range(seeds)]
        if all(key in store.rows for key in keys):
            found[method] = [store.rows[key] for key in keys]
    header = ["method", "lr", "validation", "test", "test, 95 %"]
    header += [f"minus {reference}, 95 %" for reference in REFERENCES]
    lines = [PUBLISHED]
    stacked = {
        method: np.stack([kept[store.name(key_of(row))] for row in rows])
        for method, rows in found.items()
    }
    for method, rows in found.items():
        validation, test = (np.mean([float(r[k]) for r in rows]) for k in ("validation", "test"))
        span = auroc_interval_over_seeds(stacked[method], target)
        line = [method, rows[0]["lr"], f"{validation:.4f}", f"{test:.4f}"]
        line.append(f"{span.low:.4f} to {span.high:.4f}")
        for reference in REFERENCES:
            there = reference in found and reference != method
            line.append(gap(stacked[method], stacked[reference], target) if there else "")
        lines.append(line)
    return text_table(header, lines)


def gap(ours: np.ndarray, theirs: np.ndarray, target: np.ndarray) -> str:
    """Difference of mean test AUCs, seed against seed, with its interval."""
    found = auroc_test_over_seeds(ours, theirs, target).difference
    return f"{found.estimate:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def main() -> None:
    """Train what is not yet trained, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the molecules")
    parser.add_argument("--cache", type=Path, help="folder where graphs are kept; none by default")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no run after these")
    parser.add_argument("--table", action="store_true", help="report what is there")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    budget = Budget(options.layers, options.width, options.batch, options.epochs)
    store, start = Store(options.output, budget), time.monotonic()
    data = None
    for key in left(store, options.only, options.seeds) if not options.table else ():
        if key in store.rows:
            continue
        if time.monotonic() - start > 60 * options.minutes:
            break
        data = data or Data(options.data, options.cache, torch.device(options.device))
        method, stage, lr, seed = key
        scored = stage == "reported"
        result = run(METHODS[method], lr, seed, budget, data, score_test=scored)
        store.add(key, result, data)
        row = store.rows[key]
        print(*(row[name] for name in FIELDS), sep=", ", flush=True)
    _, target, parts = read(options.data)
    print(report(store, options.only, options.seeds, target[parts["test"]].numpy()))


if __name__ == "__main__":
    main()

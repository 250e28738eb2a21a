"""Does each objective do its job? ``python benchmarks/objectives.py``, then with ``--table``.

CIFAR-10's cats against dogs with one positive in ten, a small network, and the two-stage recipe:
per seed one pretraining by cross-entropy, shared by all; a new last layer; then each objective at
equal budget. The learning rate is chosen among three with two seeds, the epoch by each run,
both on the validation part, by the metric that the objective is made for (for cross-entropy, by
each metric in turn). The test part is scored once per run of ``--seeds`` other seeds.

Each finished run is appended to a file in ``--work``, and done runs are not done again, so it may
be stopped at any time. ``--part 1/2`` and ``--part 2/2`` share the methods out to two processes,
of one thread each: about 35 minutes for both on two cores, 25 with ``--seeds 5``.
Results: ``benchmarks/results/objectives.csv`` and, with differences to cross-entropy on balanced
batches, ``objectives_table.csv``.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from objectives_data import Data, load
from objectives_methods import LEARNING_RATES, METHODS
from objectives_metrics import METRICS, measure
from objectives_table import report, scores_path
from objectives_training import Best, logits, pretrained, train
from run import provenance
from torch import nn

CHOOSING = (100, 101)
Key = tuple[str, str, float, int]
"""Method, stage, learning rate, seed."""
FIELDS = ("method", "stage", "lr", "seed", "chosen_by", "epoch", "seconds")


@dataclass(frozen=True)
class Budget:
    """Epochs of cross-entropy and of each objective, and the seeds."""

    pretrain: int
    epochs: int
    choosing: tuple[int, ...]
    reported: tuple[int, ...]


class Cells:
    """Finished runs, in one CSV file per process under a work folder."""

    def __init__(self, folder: Path, part: tuple[int, int]) -> None:
        self.folder, self.path = folder, folder / "runs-{}-of-{}.csv".format(*part)
        self.rows = [
            row
            for path in sorted(folder.glob("runs-*.csv"))
            for row in csv.DictReader(path.read_text().splitlines())
        ]

    def done(self, key: Key) -> bool:
        """Whether this run is finished."""
        return any(key_of(row) == key for row in self.rows)

    def add(self, rows: list[dict[str, str]]) -> None:
        """Append what one run found."""
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
        self.rows += rows

    def chosen(self, method: str, seeds: tuple[int, ...]) -> dict[float, tuple[str, ...]]:
        """Learning rates that win on the validation part, each with the metrics by which."""
        winners: dict[float, tuple[str, ...]] = {}
        for metric in METHODS[method].chosen_by:
            means = {
                lr: np.mean(
                    [
                        float(row[f"val_{metric}"])
                        for row in self.rows
                        if row["chosen_by"] == metric
                        and key_of(row) in {(method, "choosing", lr, seed) for seed in seeds}
                    ]
                )
                for lr in LEARNING_RATES
            }
            lr = max(means, key=lambda rate: means[rate])
            winners[lr] = (*winners.get(lr, ()), metric)
        return winners


def key_of(row: dict[str, str]) -> Key:
    return row["method"], row["stage"], float(row["lr"]), int(row["seed"])


def main() -> None:
    """Train what is not yet trained, or report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(tempfile.gettempdir()) / "aucmax-objectives"
    parser.add_argument("--work", type=Path, default=default, help="folder for what is finished")
    parser.add_argument(
        "--part", type=part, default=(1, 1), help="i/n: every n-th method from the i-th on"
    )
    parser.add_argument("--only", nargs="*", choices=METHODS, help="some methods")
    parser.add_argument("--minutes", type=float, default=np.inf, help="start no run after these")
    parser.add_argument("--seeds", type=int, default=10, help="how many are reported")
    parser.add_argument("--quick", action="store_true", help="two epochs, to try it out")
    parser.add_argument("--table", action="store_true", help="report what is finished")
    options = parser.parse_args()
    seeds = tuple(range(options.seeds))
    budget = (
        Budget(2, 2, CHOOSING[:1], seeds[:2]) if options.quick else Budget(60, 24, CHOOSING, seeds)
    )
    work = options.work / f"epochs-{budget.pretrain}-{budget.epochs}"
    data = load(options.work / "images.npz")
    work.mkdir(parents=True, exist_ok=True)
    cells = Cells(work, options.part)
    if options.table:
        output = work if options.quick else Path(__file__).parent / "results"
        report(cells.rows, budget.reported, work, data.test.target.numpy(), output)
        return
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * options.minutes
    first, step = options.part
    names = [name for name in METHODS if not options.only or name in options.only]
    for message in runs(names[first - 1 :: step], budget, cells, data, reverse=first % 2 == 0):
        print(message, flush=True)
        if time.monotonic() > end:
            print("out of time: the same command continues")
            return
    print("all runs are finished")


def part(text: str) -> tuple[int, int]:
    """``i/n`` as numbers."""
    first, step = (int(word) for word in text.split("/"))
    if not 1 <= first <= step:
        raise ValueError(text)
    return first, step


def runs(
    names: list[str], budget: Budget, cells: Cells, data: Data, *, reverse: bool
) -> Iterator[str]:
    """Do what is to be done, one run for each item; the items tell how far it is."""
    seeds = [*budget.choosing, *budget.reported]
    for seed in reversed(seeds) if reverse else seeds:  # two processes meet in the middle
        path = cells.folder / f"pretrained-{seed}.pt"
        if not path.exists():
            start = time.perf_counter()
            pretrained(path, data, seed, budget.pretrain)
            yield f"pretrained, seed {seed}: {time.perf_counter() - start:.0f} s"
    for name in names:
        everything = METHODS[name].chosen_by
        choosing = [(name, "choosing", lr, s) for lr in LEARNING_RATES for s in budget.choosing]
        yield from (
            one_run(k, everything, budget, cells, data) for k in choosing if not cells.done(k)
        )
        for lr, metrics in cells.chosen(name, budget.choosing).items():
            reported = [(name, "reported", lr, seed) for seed in budget.reported]
            yield from (
                one_run(k, metrics, budget, cells, data) for k in reported if not cells.done(k)
            )


def one_run(key: Key, metrics: tuple[str, ...], budget: Budget, cells: Cells, data: Data) -> str:
    """Train, record the best epoch by each metric, and in a reported run score the test part."""
    name, stage, lr, seed = key
    clock = time.perf_counter()
    start = pretrained(cells.folder / f"pretrained-{seed}.pt", data, seed, budget.pretrain)
    method = replace(METHODS[name], chosen_by=metrics)
    model, best = train(method, lr, seed, data, start, budget.epochs)
    seconds, facts, rows = f"{time.perf_counter() - clock:.1f}", provenance(), []
    for metric, found in best.items():
        own = (name, stage, str(lr), str(seed), metric, str(found.epoch), seconds)
        row = dict(zip(FIELDS, own, strict=True))
        row |= columns("val", found.measured or dict.fromkeys(METRICS, -1.0))
        scores = test_scores(model, found, data) if stage == "reported" else None
        row |= columns("test", {} if scores is None else measure(scores, data.test.target.numpy()))
        if scores is not None:
            np.save(scores_path(cells.folder, row), scores)
        rows.append(row | facts)
    cells.add(rows)
    told = ", ".join(f"{m} {b.value:.4f} at epoch {b.epoch}" for m, b in best.items())
    return f"{name}, {stage}, lr {lr}, seed {seed}: {told}; {seconds} s"


def columns(part: str, measured: dict[str, float]) -> dict[str, str]:
    return {f"{part}_{m}": f"{measured[m]:.6f}" if m in measured else "" for m in METRICS}


def test_scores(model: nn.Module, best: Best, data: Data) -> np.ndarray:
    """Logits of the test part at the epoch that was chosen."""
    if not best.state:
        raise RuntimeError("the chosen learning rate diverged in the first epoch of this seed")
    model.load_state_dict(best.state)
    return logits(model, data.test)


if __name__ == "__main__":
    main()

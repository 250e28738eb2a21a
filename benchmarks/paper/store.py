"""What is finished: a line in a CSV for each run, and test scores in a file for each cell.

Both are all that another machine needs to go on. Processes take turns by a lock.
"""

import csv
import fcntl
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from running import Request, Result
from training import READOUTS

RESULTS = Path(__file__).parents[1] / "results"
WORK = Path(tempfile.gettempdir()) / "aucmax-paper"
"""Caches, which may be lost."""
FIELDS: tuple[str, ...] = (
    "cell", "method", "stage", "lr", "seed", "steps",
    "best_round", "best_val", "best_test", "ema_round", "ema_val", "ema_test", "seconds",
    "date", "commit", "torch", "machine",
)  # fmt: skip
CHOOSING, REPORTED = "choosing", "reported"
Key = tuple[str, str, str, float, int, int]
"""Cell, method, stage, learning rate, seed, steps."""
Row = dict[str, str]
LEVELS = 256


class Store:
    """Finished runs under one folder."""

    def __init__(self, folder: Path = RESULTS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.runs, self.scores = folder / "paper_runs.csv", folder / "paper_scores"
        self.rows: dict[Key, Row] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what is there now, by whomever."""
        if self.runs.exists():
            with _lock(self.runs), self.runs.open(newline="") as file:
                self.rows = {key_of(row): row for row in csv.DictReader(file)}

    def add(self, request: Request, result: Result, target: np.ndarray) -> Row:
        """Keep a run at once: its scores first, so that a line says that all is there."""
        tests = {name: _auc_text(scores, target) for name, scores in result.scores.items()}
        row = dict(zip(FIELDS, request_words(request), strict=False))
        for name in READOUTS:
            row |= {f"{name}_round": str(result.round[name])}
            row |= {f"{name}_val": f"{result.value[name]:.6f}", f"{name}_test": tests.get(name, "")}
        row |= {"seconds": f"{result.seconds:.2f}", **facts_of_run()}
        with _lock(self.runs):
            if result.scores:
                self._add_scores(request, result, target)
            new = not self.runs.exists()
            with self.runs.open("a", newline="") as file:
                writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
                if new:
                    writer.writeheader()
                writer.writerow(row)
        self.rows[key_of(row)] = row
        return row

    def _add_scores(self, request: Request, result: Result, target: np.ndarray) -> None:
        found = self.cell_scores(request.cell.name)
        found["target"] = target.astype(np.uint8)
        for name, scores in result.scores.items():
            found[score_name(request.method, name, request.seed)] = levels(scores)
        self.scores.mkdir(exist_ok=True)
        path = self.scores / f"{request.cell.name}.npz"
        partial = path.with_name(f"{os.getpid()}-{path.name}")
        np.savez_compressed(partial, allow_pickle=False, **found)
        partial.replace(path)

    def cell_scores(self, cell: str) -> dict[str, np.ndarray]:
        """Ranks of the test rows, by method, readout and seed; and the ``target``."""
        path = self.scores / f"{cell}.npz"
        if not path.exists():
            return {}
        with np.load(path) as file:
            return {name: file[name] for name in file.files}


def request_words(request: Request) -> tuple[str, ...]:
    """The first six fields."""
    stage = REPORTED if request.scored else CHOOSING
    numbers = (str(request.lr), str(request.seed), str(request.cell.total_steps))
    return request.cell.name, request.method, stage, *numbers


def key_of(row: Row) -> Key:
    numbers = float(row["lr"]), int(row["seed"]), int(row["steps"])
    return row["cell"], row["method"], row["stage"], *numbers


def request_key(request: Request) -> Key:
    return key_of(dict(zip(FIELDS, request_words(request), strict=False)))


def score_name(method: str, readout: str, seed: int) -> str:
    return f"{method}|{readout}|{seed}"


def levels(scores: np.ndarray) -> np.ndarray:
    """Ranks in 256 steps, ties together: small, and the AUC of them is right to about 3e-4.

    The AUC itself is in the CSV, exactly; these are for the variance of differences.
    """
    clean = np.nan_to_num(scores.astype(np.float64))
    return (np.searchsorted(np.sort(clean), clean) * LEVELS // len(clean)).astype(np.uint8)


def _auc_text(scores: np.ndarray, target: np.ndarray) -> str:
    from aucmax.metrics import auroc

    return f"{float(auroc(np.nan_to_num(scores), target)):.6f}"


@cache
def facts_of_run() -> dict[str, str]:
    """Date, commit, version and machine: benchmarks/run.py's, which shares its name with ours."""
    path = Path(__file__).parents[1] / "run.py"
    spec = importlib.util.spec_from_file_location("benchmarks_run", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    facts: dict[str, str] = module.provenance()
    return {name: facts[name] for name in ("date", "commit", "torch", "machine")}


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One process at a time, on one machine."""
    words = "-".join(path.resolve().parts[1:])
    with (Path(tempfile.gettempdir()) / f"{words}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""A graph network blended with a forest on ogbg-molhiv: scores out-of-fold against in-sample.

The recipe ``molhiv`` at a small size: DeeperGCN of 3 layers and 32 features, AUC-M on balanced
batches for four epochs (the rate that the benchmark of networks chose), a forest of 200 trees, two
epochs of blending; three seeds, each with the same network before the blend. Both runs go through
``aucmax fit``, so the same command goes on after an interruption; about 20 minutes of two cores.
Rows of ``benchmarks/results/molhiv_blend.csv`` are test AUCs with intervals over seeds and rows,
and their difference.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from run import provenance

from aucmax import metrics
from aucmax.report import read_predictions

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data"))
SEEDS = 3
RUNS = {"out-of-fold": "oof", "in-sample": "insample"}
OPTIONS = {
    "model.layers": 3, "model.width": 32, "batches.size": 128, "batches.positives": 0.5,
    "optimizer.lr": 0.3, "schedule.epochs": 4, "schedule.decay_at": "0.5,0.75",
    "blend.epochs": 2, "forest.trees": 200, "seeds": SEEDS, "threads": 1, "data.workers": 0,
}  # fmt: skip


def main() -> None:
    """Train what is left, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs"), help="folder of the runs")
    work = parser.parse_args().work
    scores, target = {}, np.empty(0)
    for kind, name in RUNS.items():
        train(work, kind, name)
        folders = [work / name / f"aucm-seed{seed}" for seed in range(SEEDS)]
        found = [read_predictions(folder / "predictions.csv") for folder in folders]
        scores[kind] = np.stack([one.scores[:, 0] for one in found])
        target = np.asarray(found[0].target)[:, 0]
    rows = [row(kind, metrics.auroc_interval_over_seeds(s, target)) for kind, s in scores.items()]
    test = metrics.auroc_test_over_seeds(scores["out-of-fold"], scores["in-sample"], target)
    rows.append(row("difference", test.difference) | {"p_value": round(test.p_value, 4)})
    path = HERE / "results" / "molhiv_blend.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(path.read_text())


def train(work: Path, kind: str, name: str) -> None:
    """One run of ``aucmax fit``, or the rest of it."""
    place = {"name": name, "output": work, "resume": "true", "blend.scores": kind}
    place["data.csv"] = DATA / "molhiv" / "HIV_41127.csv.gz"
    place["data.cache"] = work / "cache"
    if (work / name / "report.html").exists():
        return
    words = [f"--{key}={value}" for key, value in (OPTIONS | place).items()]
    subprocess.run([sys.executable, "-m", "aucmax", "fit", "molhiv", *words], check=True)


def row(kind: str, found: Any) -> dict[str, Any]:
    """One line of the table."""
    numbers = {"auroc": found.estimate, "low": found.low, "high": found.high}
    rounded = {name: round(float(value), 6) for name, value in numbers.items()}
    return {"scores": kind, "seeds": SEEDS, **rounded, "p_value": "", **provenance()}


if __name__ == "__main__":
    main()

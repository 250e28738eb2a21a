"""The forest on ogbg-molhiv's scaffold split: ``python benchmarks/molhiv_forest.py``.

1,000 trees on Morgan and MACCS fingerprints, on both together, and on each alone; five seeds each;
beside two published entries of the same kind. Then, for one seed, how sure the forest is of the
molecules it was fitted on: in sample, out of fold, and out of fold with scaffolds kept together
(the latter two with 200 trees, which make a mean score no other than 1,000 do).

Each finished run is kept in ``--work``, and done runs are not done again, so it may be stopped at
any time. About one hour on one core; the data are sought in $AUCMAX_DATA, or in ../shared/data
beside the project. Results: ``benchmarks/results/molhiv_forest.csv``, written anew after each run.
"""

import argparse
import csv
import gzip
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from run import provenance

from aucmax import metrics
from aucmax.forests import ForestOptions, fit_forest, out_of_fold_scores
from aucmax.molecules import fingerprints, scaffolds

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data")) / "molhiv"
COLUMNS = {"both": slice(None), "morgan": slice(2048), "maccs": slice(2048, None)}
SEEDS = range(5)
FOLD_TREES = 200
IN_SAMPLE, OUT_OF_FOLD, BY_SCAFFOLD = "in sample", "out of fold", "out of fold by scaffold"
FIELDS = (
    "fingerprints", "trees", "seeds", "rows", "auroc", "low", "high", "sd_seeds",
    "mean_positive", "mean_negative", "fit_cpu_seconds", "source",
)  # fmt: skip
PUBLISHED = [
    ("Morgan", "validation", 0.8420, 0.0030, "OGB leaderboard, MorganFP+RF"),
    ("Morgan", "test", 0.8060, 0.0010, "OGB leaderboard, MorganFP+RF"),
    ("molecular fingerprints", "validation", 0.8036, 0.0059, "OGB leaderboard, Molecular FP + RF"),
    ("molecular fingerprints", "test", 0.8208, 0.0037, "OGB leaderboard, Molecular FP + RF"),
]
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """All molecules, and the rows of each part."""

    scaffolds: np.ndarray
    bits: np.ndarray
    target: np.ndarray
    parts: dict[str, np.ndarray]


def main() -> None:
    """Do what is not yet done, one forest after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "molhiv_forest")
    parser.add_argument("--trees", type=int, default=1000, help="fewer, to try it out")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "molhiv_forest.csv")
    options = parser.parse_args()
    work = options.work / f"trees-{options.trees}"
    work.mkdir(parents=True, exist_ok=True)
    data = load(options.work)
    for name, columns, seed in plan():
        if not (path := work / f"{name}-{seed}.npz").exists():
            run(path, name, columns, seed, data, ForestOptions(trees=options.trees))
            write(options.output, table(work, data))
    for row in table(work, data):
        print("  ".join(f"{text(value):24.24}" for value in row.values() if value != ""))
    print(f"written: {options.output}")


def load(work: Path) -> Data:
    """Read the data; fingerprints and scaffolds are kept in the work folder.

    A chain, which has no scaffold, is a group of its own.
    """
    with gzip.open(DATA / "HIV_41127.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    smiles = [row["smiles"] for row in rows]
    target = np.array([float(row["HIV_active"]) for row in rows])
    with np.load(DATA / "scaffold_split_rdkit.npz") as split:
        parts = {part: split[key] for part, key in PARTS.items()}
    found = scaffolds(smiles, work / "scaffolds").tolist()
    groups = np.array([name or f"row {k}" for k, name in enumerate(found)])
    return Data(groups, fingerprints(smiles, work / "fingerprints"), target, parts)


PARTS = {"train": "train", "validation": "valid", "test": "test"}


def plan() -> Iterator[tuple[str, str, int]]:
    """Name of the run, its fingerprints, its seed."""
    yield from (("both", "both", seed) for seed in SEEDS)
    yield from ((name, "both", 0) for name in (OUT_OF_FOLD, BY_SCAFFOLD))
    yield from (("morgan", "morgan", seed) for seed in SEEDS)
    yield from (("maccs", "maccs", seed) for seed in SEEDS)


def run(path: Path, name: str, columns: str, seed: int, data: Data, options: ForestOptions) -> None:
    """Fit, score, and keep the scores."""
    bits, train = data.bits[:, COLUMNS[columns]], data.parts["train"]
    clock = time.process_time()
    if name in (OUT_OF_FOLD, BY_SCAFFOLD):
        groups = data.scaffolds[train] if name == BY_SCAFFOLD else None
        options = replace(options, trees=min(options.trees, FOLD_TREES))
        scores = {
            name: out_of_fold_scores(
                bits[train], data.target[train], options, seed=seed, groups=groups
            )
        }
        seconds = time.process_time() - clock
    else:
        forest = fit_forest(bits[train], data.target[train], options, seed=seed)
        seconds = time.process_time() - clock
        in_sample = ("train",) if name == "both" and seed == 0 else ()
        asked = ("validation", "test", *in_sample)
        scores = {part: forest.scores(bits[data.parts[part]]) for part in asked}
    facts = json.dumps(
        {"trees": options.trees} | provenance() | {"scikit-learn": sklearn.__version__}
    )
    draft = path.with_suffix(".draft.npz")
    np.savez(draft, seconds=seconds, facts=facts, **{k: v[:, 0] for k, v in scores.items()})
    draft.replace(path)
    print(f"{name}, seed {seed}: {seconds:.0f} s of one core", flush=True)


def table(work: Path, data: Data) -> list[Row]:
    """A row for each run and part, one for all seeds of each, and the published ones."""
    rows: list[Row] = []
    for columns in COLUMNS:
        kept = {s: p for s in SEEDS if (p := work / f"{columns}-{s}.npz").exists()}
        runs = {seed: dict(np.load(path)) for seed, path in kept.items()}
        for part in ("validation", "test"):
            target = data.target[data.parts[part]]
            rows += [one(columns, str(s), part, r[part], target, r) for s, r in runs.items()]
            if len(runs) > 1:
                rows.append(over_seeds(columns, part, runs, target))
    for name, key in {
        "both": IN_SAMPLE,
        OUT_OF_FOLD: OUT_OF_FOLD,
        BY_SCAFFOLD: BY_SCAFFOLD,
    }.items():
        if (path := work / f"{name}-0.npz").exists():
            found = dict(np.load(path))
            scores = found["train" if key == IN_SAMPLE else name]
            target = data.target[data.parts["train"]]
            rows.append(one("both", "0", f"train, {key}", scores, target, found))
    for columns, part, value, sd, source in PUBLISHED:
        known = {"fingerprints": columns, "rows": part, "auroc": value}
        rows.append(known | {"sd_seeds": sd, "source": source})
    return rows


def one(
    columns: str, seed: str, rows: str, scores: np.ndarray, target: np.ndarray, run: dict
) -> Row:
    """AUC with DeLong's interval, and the mean scores of both classes."""
    found = metrics.auroc_interval(scores, target)
    return {
        "fingerprints": columns,
        "seeds": seed,
        "rows": rows,
        "auroc": found.estimate,
        "low": found.low,
        "high": found.high,
        "mean_positive": scores[target == 1].mean(),
        "mean_negative": scores[target == 0].mean(),
        "fit_cpu_seconds": float(run["seconds"]),
        "source": "measured",
        **json.loads(str(run["facts"])),
    }


def over_seeds(columns: str, part: str, runs: dict[int, dict], target: np.ndarray) -> Row:
    """The mean AUC, with an interval for other seeds and other rows."""
    scores = np.stack([run[part] for run in runs.values()])
    found = metrics.auroc_interval_over_seeds(scores, target)
    singles = [metrics.auroc(row, target) for row in scores]
    return {
        "fingerprints": columns,
        "seeds": f"{len(runs)} seeds",
        "rows": part,
        "auroc": found.estimate,
        "low": found.low,
        "high": found.high,
        "sd_seeds": float(np.std(singles, ddof=1)),
        "mean_positive": scores[:, target == 1].mean(),
        "mean_negative": scores[:, target == 0].mean(),
        "source": "measured",
        **json.loads(str(next(iter(runs.values()))["facts"])),
    }


def write(path: Path, rows: list[Row]) -> None:
    """The table as CSV."""
    facts = [key for key in rows[0] if key not in FIELDS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*FIELDS, *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: text(value) for key, value in row.items()} for row in rows)


def text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()

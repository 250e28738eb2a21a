"""Ten models of the CheXpert leaderboard, and their ensemble, beside three radiologists.

``python benchmarks/chexpert_test.py --data FOLDER --figures FOLDER`` reads the scores, the ground
truth and the radiologists' decisions that Stanford's group released for the 500 studies of the
test set, prints the table, and writes it to ``benchmarks/results/chexpert_test.csv``.
"""

import argparse
import csv
import os
from pathlib import Path
from typing import Any

from run import provenance

from aucmax import metrics
from aucmax.report import (
    Predictions,
    Reader,
    ensemble_mean,
    ensemble_rank,
    evaluate_readers,
    predictions_from_tables,
    read_readers,
    roc_figure,
    save_figure,
)
from aucmax.report.tables import text_table

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data")) / "chexpert_test"
TASKS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
PAPER = {
    "model": "published: the paper's ensemble",
    "mean_auc": 0.9305,
    "readers_below": 2.8,
    "source": "Yuan et al., ICCV 2021: other models, evaluated by the competition",
}
FIGURE = "ensemble of ten, ranks"
AREAS = ("mean_auc", "low", "high", "bootstrap_low", "bootstrap_high")


def main() -> None:
    """Print the table; write it and, if asked, the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the released folder")
    parser.add_argument("--figures", type=Path, help="folder for the ROC curves")
    parser.add_argument("--replicates", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "chexpert_test.csv")
    options = parser.parse_args()
    models, readers = load(options.data)
    rows = [row(name, p, readers, options.replicates) for name, p in models.items()]
    print(table([*rows, PAPER]))
    print()
    for names in shared_columns(models):
        print(names)
    write(options.output, [*rows, PAPER])
    print(f"\nwritten: {options.output}")
    if options.figures:
        options.figures.mkdir(parents=True, exist_ok=True)
        figure = roc_figure({FIGURE: models[FIGURE]}, readers=readers)
        for path in save_figure(figure, options.figures / "chexpert_test"):
            print(f"written: {path}")


def load(folder: Path) -> tuple[dict[str, Predictions], list[Reader]]:
    """The ten models, best mean AUC first, then both ensembles; and the three radiologists."""
    files = sorted((folder / "example_models/predictions/standard").glob("*_predictions.csv"))
    if len(files) != 10:
        raise FileNotFoundError(
            f"{folder} should hold ten files example_models/predictions/standard/"
            f"*_predictions.csv, found {len(files)}; name the released folder with --data"
        )
    truth = folder / "groundtruth.csv"
    named = {
        path.stem.removesuffix("_predictions"): predictions_from_tables(path, truth, TASKS)
        for path in files
    }
    order = sorted(named, key=lambda name: -metrics.macro_auroc(*arrays(named[name])))
    models = {name: named[name] for name in order}
    ten = list(models.values())
    models["ensemble of ten, mean"] = ensemble_mean(ten)
    models["ensemble of ten, ranks"] = ensemble_rank(ten)
    radiologists = folder / "radiologists" / "benchmark_radiologists"
    paths = {f"radiologist {k}": radiologists / f"bc{k}.csv" for k in (4, 6, 8)}
    return models, read_readers(paths, labels=TASKS)


def arrays(predictions: Predictions) -> tuple[Any, Any]:
    """Scores and target, as metrics take them."""
    return predictions.scores, predictions.target


def row(
    name: str, predictions: Predictions, readers: list[Reader], replicates: int
) -> dict[str, Any]:
    """All numbers of one model."""
    found = evaluate_readers(predictions, readers)
    area = found["macro"]["auroc"]
    check = metrics.bootstrap_interval(
        metrics.macro_auroc, *arrays(predictions), replicates=replicates
    )
    values = (area["estimate"], area["low"], area["high"], check.low, check.high)
    numbers = dict(zip(AREAS, values, strict=True))
    below = {"readers_below": found["macro"]["readers_below"], "source": "measured"}
    for task in TASKS:
        below[f"auc {task}"] = found["labels"][task]["auroc"]["estimate"]
        below[f"below {task}"] = found["labels"][task]["readers_below"]
    return {"model": name, **numbers, **below}


def shared_columns(models: dict[str, Predictions]) -> list[str]:
    """A line per task of which models have one and the same column of scores."""
    lines = []
    for k, task in enumerate(TASKS):
        columns: dict[bytes, list[str]] = {}
        for name, p in models.items():
            columns.setdefault(p.scores[:, k].tobytes(), []).append(name)
        lines += [
            f"{task}: {', '.join(sorted(names))} hold the same scores"
            for names in columns.values()
            if len(names) > 1
        ]
    return lines


def table(rows: list[dict[str, Any]]) -> str:
    """The table as text; per task the AUC and, in brackets, how many of three are below."""
    header = ["model", "mean AUC", "DeLong 95 %", "bootstrap 95 %"]
    header += [*(SHORT[task] for task in TASKS), "readers below"]
    cells = []
    for one in rows:
        intervals = [span(one, "low", "high"), span(one, "bootstrap_low", "bootstrap_high")]
        tasks = [
            f"{one[f'auc {task}']:.3f} ({one[f'below {task}']})" if f"auc {task}" in one else ""
            for task in TASKS
        ]
        area = f"{one['mean_auc']:.4f}"
        cells.append([one["model"], area, *intervals, *tasks, f"{one['readers_below']:.1f}"])
    return text_table(header, cells)


SHORT = dict(zip(TASKS, ("Atelect.", "Cardiom.", "Consol.", "Edema", "Pl. Eff."), strict=True))


def span(one: dict[str, Any], low: str, high: str) -> str:
    """An interval, or nothing where there is none."""
    return f"{one[low]:.4f} to {one[high]:.4f}" if low in one else ""


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The table as CSV with what it depends on."""
    facts = provenance()
    tasks = [f"{what} {task}" for task in TASKS for what in ("auc", "below")]
    columns = ["model", *AREAS, *tasks, "readers_below", "source", *facts]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for one in rows:
            rounded = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in one.items()}
            writer.writerow(rounded | (facts if one["source"] == "measured" else {}))


if __name__ == "__main__":
    main()

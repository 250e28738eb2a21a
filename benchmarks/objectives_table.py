"""The table of objectives.py: means over seeds, and paired differences to the reference."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from objectives_methods import METHODS, REFERENCE
from objectives_metrics import LEVEL, METRICS, TITLES, Difference, Draws, difference, holm

from aucmax.report.tables import text_table

Rows = list[dict[str, str]]


def scores_path(folder: Path, row: dict[str, str]) -> Path:
    """Where the test scores of a reported run lie."""
    name = re.sub(r"[^a-z0-9.+]+", "-", row["method"].lower())
    return folder / f"test-{name}-{row['chosen_by']}-{row['lr']}-{row['seed']}.npy"


def report(
    rows: Rows, seeds: tuple[int, ...], folder: Path, target: np.ndarray, output: Path
) -> None:
    """Print the table; write it and the runs behind it to ``output``."""
    reported = [row for row in rows if row["stage"] == "reported" and int(row["seed"]) in seeds]
    complete = finished(reported, seeds)
    if REFERENCE not in complete:
        raise SystemExit(f"the runs of {REFERENCE!r} are not finished; run without --table")
    order = {name: k for k, name in enumerate(METHODS)}
    reported.sort(key=lambda row: (order[row["method"]], row["chosen_by"], int(row["seed"])))
    write(output / "objectives.csv", [row for row in reported if row["method"] in complete])
    scores = {
        (name, metric): stacked(reported, folder, name, metric)
        for name in complete
        for metric in METRICS
    }
    lines = compared(scores, complete, Draws(target))
    write(output / "objectives_table.csv", lines)
    print(shown(lines))
    missing = [name for name in METHODS if name not in complete]
    print(f"\nnot finished: {'; '.join(missing) or 'none'}")


def finished(rows: Rows, seeds: tuple[int, ...]) -> list[str]:
    """Methods of which every seed is there, in the order of METHODS."""
    there = {(row["method"], row["chosen_by"], int(row["seed"])) for row in rows}
    return [
        name
        for name, method in METHODS.items()
        if there >= {(name, metric, seed) for metric in method.chosen_by for seed in seeds}
    ]


def stacked(rows: Rows, folder: Path, name: str, metric: str) -> np.ndarray:
    """Test scores (S, n) of a method; of cross-entropy, those that ``metric`` chose."""
    chosen_by = METHODS[name].chosen_by
    by = metric if metric in chosen_by else chosen_by[0]
    own = [row for row in rows if row["method"] == name and row["chosen_by"] == by]
    if len(own) != len({row["seed"] for row in own}):
        raise SystemExit(f"{name!r} has a seed twice in the files runs-*.csv of {folder}")
    return np.stack([np.load(scores_path(folder, row)) for row in own])


def compared(
    scores: dict[tuple[str, str], np.ndarray], names: list[str], draws: Draws
) -> list[dict[str, Any]]:
    """One line per metric and method: mean over seeds, and the difference to the reference."""
    lines: list[dict[str, Any]] = []
    for metric in METRICS:
        theirs = scores[REFERENCE, metric]
        found: dict[str, Difference] = {
            name: difference(draws, metric, scores[name, metric], theirs)
            for name in names
            if name != REFERENCE
        }
        corrected = dict(zip(found, holm([d.p_value for d in found.values()]), strict=True))
        for name in names:
            values = np.array([draws(metric, one)[0] for one in scores[name, metric]])
            line: dict[str, Any] = {"metric": metric, "method": name}
            line |= {"chosen_by_it": int(metric in METHODS[name].chosen_by)}
            line |= {"mean": values.mean(), "sd_seeds": values.std(ddof=1)}
            if name in found:
                line |= vars(found[name]) | {"p_holm": corrected[name]}
            lines.append(line)
    return lines


def shown(lines: list[dict[str, Any]]) -> str:
    """A block of text per metric; * an interval without 0, ** that also after Holm."""
    blocks = []
    for metric, title in TITLES.items():
        cells = []
        for line in (line for line in lines if line["metric"] == metric):
            mark = "->" if line["chosen_by_it"] else ""
            cell = [mark, line["method"], f"{line['mean']:.4f}", f"{line['sd_seeds']:.4f}"]
            if "estimate" in line:
                real = (line["low"] > 0 or line["high"] < 0) + (line["p_holm"] < 1 - LEVEL)
                gap = f"{line['estimate']:+.4f} [{line['low']:+.4f}, {line['high']:+.4f}]"
                cell += [gap, f"{line['p_holm']:.3f}", "*" * real]
            else:
                cell += ["reference", "", ""]
            cells.append(cell)
        header = ["chosen by it", title, "mean", "sd of seeds"]
        header += [f"difference, {LEVEL:.0%}", "p (Holm)", "real"]
        blocks.append(text_table(header, cells))
    return "\n\n".join(blocks)


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        for line in lines:
            rounded = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in line.items()}
            writer.writerow(rounded)
    print(f"written: {path}")

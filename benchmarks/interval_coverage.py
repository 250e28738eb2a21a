"""How often intervals hold the truth: simulations of every interval that the library prints.

``python benchmarks/interval_coverage.py --version after`` appends the rows of this version to
``benchmarks/results/interval_coverage.csv``: the share of nominal 95 % intervals that hold the true
value, and their mean width, for 5, 10 and 20 positives, with and without groups, at two
separations. To measure another version, set PYTHONPATH to the ``src`` of a checkout of it.
"""

import argparse
import csv
import inspect
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from run import provenance
from scipy import stats

import aucmax
from aucmax import metrics
from aucmax.report import Predictions, Reader, compare, evaluate_readers
from aucmax.report._label import KnownSamples

HERE = Path(__file__).resolve().parent
POSITIVES = (5, 10, 20)
NEGATIVES = 19  # for each positive: a prevalence of 5 %
SEPARATIONS = (2.0, 4.5)
ROWS = 4  # in a group
ALIKE = 0.6  # correlation of the scores of a group's rows
FPR, CORNER = 0.1, (0.3, 0.7)
REPEATS, REPLICATES = 100, 200
COLUMNS = ("interval", "positives", "groups", "separation", "truth", "coverage", "width", "points")


@dataclass(frozen=True)
class Truth:
    """What two normal classes ``d`` apart have, at the prevalence of the simulation."""

    d: float

    def tpr(self, fpr: Any) -> Any:
        """The ROC curve."""
        return stats.norm.sf(stats.norm.isf(fpr) - self.d)

    def auroc(self) -> float:
        """Area under it."""
        return float(stats.norm.cdf(self.d / 2**0.5))

    def precision(self, recall: Any) -> Any:
        """The precision-recall curve."""
        fpr = stats.norm.sf(stats.norm.isf(recall) + self.d)
        return recall / (recall + NEGATIVES * fpr)

    def average_precision(self) -> float:
        """Area under it."""
        return float(self.precision((np.arange(20000) + 0.5) / 20000).mean())

    def partial(self) -> float:
        """McClish's scale."""
        x = (np.arange(20000) + 0.5) / 20000 * FPR
        raw, chance = float(self.tpr(x).mean()) * FPR, FPR**2 / 2
        return 0.5 * (1 + (raw - chance) / (FPR - chance))

    def two_way(self) -> float:
        """The corner's share."""
        x = (np.arange(20000) + 0.5) / 20000 * CORNER[0]
        return float(np.maximum(self.tpr(x) - CORNER[1], 0).mean() / (1 - CORNER[1]))

    def at_top(self, positives: int, count: int) -> float:
        """Expected positives among the highest ``count`` rows, by a large sample's threshold."""
        share = count / (positives * (1 + NEGATIVES))

        def above(t: float) -> float:
            return (stats.norm.sf(t - self.d) + NEGATIVES * stats.norm.sf(t)) / (1 + NEGATIVES)

        low, high = -9.0, 9.0 + self.d
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if above(middle) > share else (low, middle)
        return positives * float(stats.norm.sf(low - self.d))


@dataclass(frozen=True)
class Data:
    """One simulated test set, judged by two models."""

    scores: np.ndarray
    other: np.ndarray
    target: np.ndarray
    groups: np.ndarray | None


def draw(rng: np.random.Generator, positives: int, d: float, grouped: bool) -> Data:
    """Normal scores; with groups each row of a patient is of one class, and so are its scores."""
    patients = positives * (1 + NEGATIVES)
    copies = ROWS if grouped else 1
    patient = np.repeat(np.arange(patients), copies)
    target = (patient < positives).astype(float)
    alike = ALIKE if grouped else 0.0

    def noise() -> np.ndarray:
        own, common = rng.normal(size=len(patient)), rng.normal(size=patients)[patient]
        return alike**0.5 * common + (1 - alike) ** 0.5 * own

    first = noise()
    second = 0.7 * first + 0.51**0.5 * noise()
    gap = 0.3 * d
    return Data(
        first + d * target, second + (d - gap) * target, target, patient if grouped else None
    )


Case = Callable[[Data], tuple[Any, float]]


def known(data: Data) -> KnownSamples:
    """As the reports compute their numbers."""
    return KnownSamples(data.scores, data.target, data.groups, 0, 0.95, REPLICATES)


def ends(found: Any) -> tuple[float, float]:
    """Limits of an interval, of whatever kind."""
    if isinstance(found, dict):
        return found["low"], found["high"]
    return found.low, found.high


def cases(positives: int, d: float) -> Iterator[tuple[str, Case]]:
    """Name, and limits with the truth, of every interval."""
    truth, weaker = Truth(d), Truth(0.7 * d)
    two = {"max_fpr": CORNER[0], "min_tpr": CORNER[1]}
    yield (
        "AUC",
        lambda x: (metrics.auroc_interval(x.scores, x.target, groups=x.groups), truth.auroc()),
    )
    yield "AP", lambda x: (known(x).bootstrap(metrics.average_precision), truth.average_precision())
    yield "partial AUC", lambda x: (known(x).partial(FPR), truth.partial())
    yield "two-way partial AUC", lambda x: (known(x).two_way(**two), truth.two_way())
    for wanted in ("sensitivity", "specificity"):
        for rate in ("sensitivity", "specificity", "precision"):
            yield f"{rate} at {wanted} 0.9", _rate(wanted, rate, d)
    for at in (0.05, 0.2):
        yield f"ROC band at {at}", _band(metrics.roc_band, at, float(truth.tpr(at)))
    for at in (0.5, 0.8):
        truth_at = float(truth.precision(at))
        yield f"PR band at {at}", _band(metrics.precision_recall_band, at, truth_at)
    yield "AUC difference", lambda x: (_compared(x), truth.auroc() - weaker.auroc())
    yield "AP difference", lambda x: (
        metrics.bootstrap_test(
            metrics.average_precision, x.scores, x.other, x.target,
            replicates=REPLICATES, groups=x.groups,
        ).difference,
        truth.average_precision() - weaker.average_precision(),
    )  # fmt: skip
    yield "mean AUC of two labels", lambda x: (_macro(x), (truth.auroc() + weaker.auroc()) / 2)
    yield (
        "mean AUC of two seeds",
        lambda x: (
            metrics.auroc_interval_over_seeds([x.scores, x.scores], x.target, groups=x.groups),
            truth.auroc(),
        ),
    )
    yield "sensitivity of a reader", lambda x: (_reader(x), _probability(d))


def _probability(d: float) -> float:
    """True sensitivity of the simulated reader."""
    return float(stats.norm.sf(1.0 - d))


def _rate(wanted: str, rate: str, d: float) -> Case:
    def one(x: Data) -> tuple[Any, float]:
        point = known(x).point({wanted: 0.9})
        tpr, fpr = (stats.norm.sf(point["threshold"] - shift) for shift in (d, 0.0))
        truths = {"sensitivity": tpr, "specificity": 1 - fpr}
        if rate == "precision":
            truths["precision"] = tpr / (tpr + NEGATIVES * fpr) if tpr + fpr > 0 else np.nan
        return point[rate], float(truths[rate])

    return one


def _band(function: Callable[..., Any], at: float, truth: float) -> Case:
    def one(x: Data) -> tuple[Any, float]:
        band = function(x.scores, x.target, grid=[at], replicates=REPLICATES, groups=x.groups)
        return {"low": band.low[0], "high": band.high[0]}, truth

    return one


def _predictions(x: Data, scores: np.ndarray) -> Predictions:
    ids = tuple(map(str, range(len(scores))))
    return Predictions(ids, ("target",), scores[:, None], x.target[:, None], x.groups)


def _compared(x: Data) -> dict[str, float]:
    found = compare(_predictions(x, x.scores), _predictions(x, x.other))
    return found["labels"]["target"]["difference"]


def _macro(x: Data) -> Any:
    """Two labels of the same rows: the second turns the order of rows round."""
    scores = np.stack([x.scores, x.other[::-1]], axis=1)
    return metrics.macro_auroc_interval(
        scores, np.stack([x.target, x.target[::-1]], axis=1), groups=x.groups
    )


def _reader(x: Data) -> dict[str, float]:
    """A reader who decides by a score of his own."""
    decisions = (x.scores > 1.0).astype(float)[:, None]
    reader = Reader("r", tuple(map(str, range(len(decisions)))), ("target",), decisions)
    found = evaluate_readers(_predictions(x, x.other), [reader])
    return found["labels"]["target"]["readers"]["r"]["sensitivity"]


def simulate(repeats: int, only: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """A row for each interval and setting."""
    for positives in POSITIVES:
        for grouped in (False, True):
            for d in SEPARATIONS:
                rng = np.random.default_rng(positives)
                sets = [draw(rng, positives, d, grouped) for _ in range(repeats)]
                for name, case in cases(positives, d):
                    if only is not None and name not in only:
                        continue
                    yield {
                        "interval": name, "positives": positives, "groups": int(grouped),
                        "separation": d, **summary([case(x) for x in sets]),
                    }  # fmt: skip


def summary(found: list[tuple[Any, float]]) -> dict[str, str]:
    """Coverage, mean width and share of points; where there is no limit, nothing is claimed."""
    limits = np.array([(*ends(interval), truth) for interval, truth in found], dtype=np.float64)
    low, high, truth = limits[~np.isnan(limits).any(axis=1)].T
    held = (low - 1e-9 <= truth) & (truth <= high + 1e-9)
    values = (truth.mean(), held.mean(), (high - low).mean(), (high - low < 1e-9).mean())
    return dict(zip(COLUMNS[4:], (f"{v:.4g}" for v in values), strict=True))


def main() -> None:
    """Simulate and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True, help="what to call the measured version")
    parser.add_argument("--only", nargs="*", help="some intervals, by name; the others are kept")
    parser.add_argument("--commit", help="of the measured source, where git does not know it")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "interval_coverage.csv")
    options = parser.parse_args()
    start = time.perf_counter()
    rows = []
    for row in simulate(options.repeats, options.only):
        rows.append({"version": options.version, **row})
        print(*rows[-1].values(), flush=True)
    facts = {k: v for k, v in provenance().items() if k != "torch"}
    facts["commit"] = options.commit or commit()
    before = []
    if options.output.exists():
        with options.output.open(newline="") as file:
            new = {(row["version"], row["interval"]) for row in rows}
            before = [
                row for row in csv.DictReader(file) if (row["version"], row["interval"]) not in new
            ]
    with options.output.open("w", newline="") as file:
        columns = ["version", *COLUMNS, "repeats", *facts]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        measured = [{**row, "repeats": options.repeats, **facts} for row in rows]
        writer.writerows(sorted([*before, *measured], key=_order))
    print(f"\n{time.perf_counter() - start:.0f} s; written: {options.output}")


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    setting = (int(row["positives"]), int(row["groups"]), float(row["separation"]))
    return row["version"] != "before", *setting, row["interval"]


def commit() -> str:
    """That of the measured version, which need not be the one of this script."""
    source = Path(inspect.getfile(aucmax)).parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=source, capture_output=True, text=True, check=False
        )  # fmt: skip
        return done.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", ".") else "")


if __name__ == "__main__":
    main()

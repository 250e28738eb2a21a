"""Speed of the metrics against scikit-learn, in the same process and in turns."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from aucmax.metrics import auroc, auroc_interval, average_precision

SIZE = 1_000_000
REPEATS = 7


def milliseconds(function: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return 1e3 * (time.perf_counter() - start)


def versus(ours: Callable[[], Any], rival: Callable[[], Any]) -> dict[str, float]:
    """Median times and median ratio of calls that alternate, after one call of each."""
    ours()
    rival()
    pairs = [(milliseconds(ours), milliseconds(rival)) for _ in range(REPEATS)]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    return {"ours_ms": round(mine, 2), "rival_ms": round(theirs, 2), "ratio": round(ratio, 2)}


def cases(prevalence: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A target and score arrays of several kinds."""
    rng = np.random.default_rng(0)
    target = (rng.random(SIZE) < prevalence).astype(np.int64)
    logits = rng.normal(size=SIZE) + target
    return target, {
        "float32": logits.astype(np.float32),
        "float64": logits,
        "float64 probabilities": 1 / (1 + np.exp(-logits)),
        "float32, 100 distinct values": np.round(logits, 1).astype(np.float32),
        "float64, 80,000 distinct values": np.round(logits, 4),
    }


def rows() -> list[dict[str, Any]]:
    """One row per function and kind of scores; ratio > 1 means that ours is faster."""
    rivals = [
        ("auroc", auroc, "sklearn roc_auc_score", roc_auc_score),
        ("auroc_interval", auroc_interval, "sklearn roc_auc_score", roc_auc_score),
        (
            "average_precision",
            average_precision,
            "sklearn average_precision_score",
            average_precision_score,
        ),
    ]
    table = []
    for prevalence in (0.5, 0.01):
        target, arrays = cases(prevalence)
        for name, ours, rival_name, rival in rivals:
            for kind, scores in arrays.items():
                times = versus(
                    lambda f=ours, s=scores, y=target: f(s, y),
                    lambda f=rival, s=scores, y=target: f(y, s),
                )
                note = f"{kind}, {prevalence:.0%} positive"
                table.append(
                    {"name": name, "rival": rival_name, "size": SIZE, "note": note, **times}
                )
    return table


def main() -> None:
    """Print the table."""
    columns = ["name", "ours_ms", "rival", "rival_ms", "ratio", "size", "note"]
    lines = [columns, *[[str(row[c]) for c in columns] for row in rows()]]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()

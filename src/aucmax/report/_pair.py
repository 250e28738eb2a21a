"""Two models, one or several training runs of each, on the same samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import metrics
from ._label import KnownSamples, targets
from ._samples import Floats, Predictions
from ._values import bounds, interval, number, p_value, percent


@dataclass(frozen=True, eq=False)
class Pair:
    """Runs of both sides, aligned: equal ids, labels, targets and groups."""

    sides: tuple[Sequence[Predictions], Sequence[Predictions]]
    names: tuple[str, str]
    level: float

    def label(self, column: int) -> dict[str, Any]:
        """Both AUCs and their difference for the label in ``column``."""
        runs = [
            [KnownSamples.of(run, column, level=self.level) for run in side] for side in self.sides
        ]
        known = runs[0][0]
        if known.missing():
            return known.counts()
        scores = [np.stack([run.scores for run in side]) for side in runs]
        return known.counts() | self._judged(scores, known.target, known.groups)

    def macro(self, columns: list[int]) -> dict[str, Any]:
        """The same for the mean over the labels in ``columns``."""
        first = self.sides[0][0]
        scores = [np.stack([run.scores[:, columns] for run in side]) for side in self.sides]
        return self._judged(scores, targets(first)[:, columns], first.groups)

    def _judged(self, scores: list[Floats], target: Floats, groups: Any) -> dict[str, Any]:
        # With one run per side these are exactly auroc_interval and auroc_test.
        first, second = scores
        test = metrics.auroc_test_over_seeds(first, second, target, level=self.level, groups=groups)
        own = [
            metrics.auroc_interval_over_seeds(side, target, level=self.level, groups=groups)
            for side in scores
        ]
        return {
            "auroc": dict(zip(self.names, map(interval, own), strict=True)),
            "difference": interval(test.difference),
            "z": test.z,
            "p_value": test.p_value,
        }


def add_holm(labels: Sequence[dict[str, Any]]) -> None:
    """Add ``p_value_holm``: with k tests, the i-th smallest p times (k - i), never decreasing."""
    highest = 0.0
    for rank, found in enumerate(sorted(labels, key=lambda found: found["p_value"])):
        highest = max(highest, min(1.0, (len(labels) - rank) * found["p_value"]))
        found["p_value_holm"] = highest


def sentence(
    found: dict[str, Any], names: Sequence[str], level: float, *, tests: int = 1, area: str = "AUC"
) -> str:
    """What a comparison of ``area`` means, in words; ``tests`` labels were compared in all."""
    if "note" in found:
        return f"{found['note'][0].upper()}{found['note'][1:]}."
    first, second = names
    gap = found["difference"]
    p = found["p_value"]
    alone = p < 1 - level
    if alone and found.get("p_value_holm", p) < 1 - level:
        better, worse, sign = (first, second, 1) if gap["estimate"] > 0 else (second, first, -1)
        ends = sorted((sign * gap["low"], sign * gap["high"]))
        return (
            f"{better} is better: its {area} is {number(abs(gap['estimate']))} higher than that of "
            f"{worse} ({percent(level)} interval {number(ends[0])} to {number(ends[1])}, "
            f"p {_relation(p)})."
        )
    why = f" that lasts after Holm's correction for {tests} labels" if alone else ""
    return (
        f"No difference shown{why}: {area} of {first} minus that of {second} is "
        f"{number(gap['estimate'], signed=True)} ({percent(level)} interval "
        f"{bounds(gap, signed=True)}, p {_relation(p)})."
    )


def _relation(p: float) -> str:
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"

"""The numbers of one label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from .. import metrics
from ..metrics.partial import mcclish_up_to, two_way_metric
from ._samples import Floats, Predictions
from ._values import interval

Metric = Callable[[Floats, Floats], Any]


@dataclass(frozen=True, eq=False)
class KnownSamples:
    """Samples whose target for one label is known, and how to judge them."""

    scores: Floats
    target: Floats
    groups: Any
    unknown: int
    level: float
    replicates: int = 1000

    @classmethod
    def of(
        cls, predictions: Predictions, column: int, *, level: float, replicates: int = 1000
    ) -> "KnownSamples":
        """Drop the rows of which the target in ``column`` is NaN."""
        target = targets(predictions)[:, column]
        known = ~np.isnan(target)
        groups = None if predictions.groups is None else predictions.groups[known]
        scores = predictions.scores[known, column]
        return cls(scores, target[known], groups, int((~known).sum()), level, replicates)

    @property
    def positives(self) -> int:
        """How many samples are positive."""
        return int(self.target.sum())

    def missing(self) -> str | None:
        """Why there is no AUC, or None if there is one."""
        if len(self.target) == 0:
            return "no AUC: no target is known"
        if self.positives == 0:
            return "no AUC: no sample is positive"
        if self.positives == len(self.target):
            return "no AUC: no sample is negative"
        return None

    def counts(self) -> dict[str, Any]:
        """Numbers of samples, and the note if the AUC is missing."""
        n = len(self.target)
        found: dict[str, Any] = {"n": n, "unknown": self.unknown, "positives": self.positives}
        found["prevalence"] = self.positives / n if n else None
        return found | ({"note": note} if (note := self.missing()) else {})

    def auroc(self) -> dict[str, float]:
        """AUC with DeLong's interval, of clusters if there are groups."""
        found = metrics.auroc_interval(
            self.scores, self.target, level=self.level, groups=self.groups
        )
        return interval(cast(metrics.Interval, found))

    def bootstrap(self, metric: Metric) -> dict[str, float]:
        """Any other area with a bootstrap interval; the seed is fixed."""
        return interval(
            metrics.bootstrap_interval(
                metric,
                self.scores,
                self.target,
                level=self.level,
                replicates=self.replicates,
                groups=self.groups,
                seed=0,
            )
        )

    def partial(self, max_fpr: float) -> dict[str, float]:
        """Partial AUC in its three scalings; the interval is that of McClish's."""
        area = metrics.partial_auroc(self.scores, self.target, fpr=(0.0, max_fpr))
        found = {"max_fpr": max_fpr, "raw": area.raw, "normalised": area.normalised}
        return found | self.bootstrap(mcclish_up_to(max_fpr))

    def two_way(self, max_fpr: float, min_tpr: float) -> dict[str, float]:
        """Two-way partial AUC with its interval."""
        return {"max_fpr": max_fpr, "min_tpr": min_tpr} | self.bootstrap(
            two_way_metric(max_fpr, min_tpr)
        )

    def point(self, wanted: dict[str, float]) -> dict[str, Any]:
        """Operating point that reaches ``{"sensitivity": x}`` or ``{"specificity": x}``."""
        point = metrics.operating_point(
            self.scores, self.target, level=self.level, groups=self.groups, **wanted
        )
        return {
            "wanted": wanted,
            "threshold": point.threshold,
            "sensitivity": interval(point.sensitivity),
            "specificity": interval(point.specificity),
            "precision": interval(point.precision),
        }


def targets(predictions: Predictions) -> Floats:
    """The targets, or an error if there are none."""
    if predictions.target is None:
        raise ValueError("predictions have no targets: add a target column per score column")
    return predictions.target

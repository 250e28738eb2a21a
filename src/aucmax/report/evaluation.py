"""Every number of one set of predictions, with its uncertainty: the content of metrics.json."""

from typing import Any

import numpy as np

from .. import metrics
from ._label import KnownSamples, targets
from ._samples import Predictions
from ._values import interval, rounded
from .comparison import compare as compare
from .comparison import compare_seeds as compare_seeds


def evaluate(
    predictions: Predictions,
    *,
    level: float = 0.95,
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    sensitivity: float | None = None,
    specificity: float | None = None,
    replicates: int = 1000,
) -> dict[str, Any]:
    """Judge predictions: AUC, average precision, partial areas and operating points.

    Intervals of the AUC are DeLong's (for clusters where the predictions have groups); those of the
    other areas come from a bootstrap with a fixed seed, or are score limits where these are wider;
    those of operating points are Wilson's, for clusters too. A label of which one class is absent
    has no AUC: its numbers are None, a note says why, and the macro average leaves it out by name.

    Args:
        predictions: scores with targets.
        level: coverage of every interval, in (0, 1).
        max_fpr: also the partial AUC over false positive rates in [0, max_fpr].
        min_tpr: with ``max_fpr``, also the two-way partial AUC where the true positive rate is at
            least this.
        sensitivity: the operating point that reaches it, in (0, 1]; None means 0.9.
        specificity: the operating point that reaches it, in (0, 1]; None means 0.9.
        replicates: bootstrap samples, >= 1.

    Returns:
        What JSON can hold: ``level``, ``n``, ``groups``, ``labels`` (a dictionary per label) and,
        with several labels, ``macro``. Numbers have 10 significant digits, so that a file of them
        stays the same from run to run; thresholds are exact.

    Raises:
        ValueError: if there are no targets, an argument is outside its range, or no label has both
            classes.

    Example:
        >>> import numpy as np
        >>> scores, target = np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]])
        >>> found = evaluate(Predictions(tuple("abcd"), ("target",), scores, target))
        >>> found["labels"]["target"]["auroc"]["estimate"]
        0.75
    """
    targets(predictions)
    if min_tpr is not None and max_fpr is None:
        raise ValueError(f"min_tpr={min_tpr} needs max_fpr too: a two-way area has two bounds")
    points = {
        "sensitivity": 0.9 if sensitivity is None else sensitivity,
        "specificity": 0.9 if specificity is None else specificity,
    }
    labels = {}
    for column, name in enumerate(predictions.labels):
        known = KnownSamples.of(predictions, column, level=level, replicates=replicates)
        labels[name] = _numbers(known, max_fpr, min_tpr, points)
    report: dict[str, Any] = {"level": level, "n": len(predictions)}
    if predictions.groups is not None:
        report["groups"] = len(np.unique(predictions.groups))
    report["labels"] = labels
    used = [name for name in labels if labels[name]["auroc"] is not None]
    if not used:
        raise ValueError(f"no label has both positive and negative samples: {_reasons(labels)}")
    if len(labels) > 1:
        report["macro"] = _macro(predictions, used, labels, level)
    return rounded(report)


def _numbers(
    known: KnownSamples, max_fpr: float | None, min_tpr: float | None, points: dict[str, float]
) -> dict[str, Any]:
    found = known.counts()
    if known.missing():
        return found | {"auroc": None, "average_precision": None}
    found["auroc"] = known.auroc()
    precision = known.bootstrap(metrics.average_precision)
    found["average_precision"] = precision | {"baseline": found["prevalence"]}
    if max_fpr is not None:
        found["partial_auroc"] = known.partial(max_fpr)
        if min_tpr is not None:
            found["two_way_partial_auroc"] = known.two_way(max_fpr, min_tpr)
    found["operating_points"] = [known.point({name: at}) for name, at in points.items()]
    return found


def _macro(
    predictions: Predictions, used: list[str], labels: dict[str, Any], level: float
) -> dict[str, Any]:
    columns = [predictions.labels.index(name) for name in used]
    mean = metrics.macro_auroc_interval(
        predictions.scores[:, columns],
        targets(predictions)[:, columns],
        level=level,
        groups=predictions.groups,
    )
    precision = [labels[name]["average_precision"]["estimate"] for name in used]
    return {
        "labels": used,
        "auroc": interval(mean),
        # A bootstrap of all labels at once would have to keep the rarest; the mean stands alone.
        "average_precision": {"estimate": float(np.mean(precision))},
    }


def _reasons(labels: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {values['note']}" for name, values in labels.items())

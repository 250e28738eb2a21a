"""The areas of many labels on one page: a row for each, with its interval."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import metrics
from ._label import KnownSamples
from ._samples import Predictions
from ._style import FAINT, colour, settle, shortened, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.27
"""Inches."""


def area_figure(predictions_by_name: Mapping[str, Predictions], *, level: float = 0.95) -> "Figure":
    """AUC and average precision of every label with their intervals, one row per label.

    Rows stand in the order of the labels of the first model. A small bar marks what a model without
    skill has: an AUC of 0.5, and the share of positives. A label with one class has an empty row.

    Args:
        predictions_by_name: what to call each model, and what it predicted; the labels of all are
            the same.
        level: coverage of the intervals, in (0, 1).

    Returns:
        A figure 10.4 inches wide, as high as the labels need.

    Raises:
        ValueError: if there are no predictions or no targets.
    """
    if not predictions_by_name:
        raise ValueError("predictions_by_name must hold at least one set of predictions")
    from matplotlib.figure import Figure

    labels = next(iter(predictions_by_name.values())).labels
    names = list(predictions_by_name)
    with style():
        height = 1.3 + ROW * len(labels) * max(1.0, 0.5 * len(names))
        figure = Figure(figsize=(10.4, height), dpi=100, layout="constrained")
        areas = figure.subplots(1, 2, sharey=True)
        for ax, title in zip(areas, ("AUC", "Average precision"), strict=True):
            ax.set(xlim=(0, 1), ylim=(len(labels) - 0.5, -0.5))
            ax.set_title(title)
        areas[0].set_yticks(range(len(labels)), [shortened(name, 44, 1) for name in labels])
        for k, (who, predictions) in enumerate(predictions_by_name.items()):
            shift = 0.6 * ((k + 0.5) / len(names) - 0.5)
            for row, label in enumerate(labels):
                known = KnownSamples.of(predictions, predictions.labels.index(label), level=level)
                if known.missing():
                    continue
                found = known.auroc(), known.bootstrap(metrics.average_precision)
                share = known.positives / len(known.target)
                for ax, value, chance in zip(areas, found, (0.5, share), strict=True):
                    _row(ax, row + shift, value, colour(k)[0])
                    ax.plot([chance] * 2, [row - 0.35, row + 0.35], color=FAINT, lw=1.2)
            areas[0].plot([], [], "o-", color=colour(k)[0], label=who)
        if len(names) > 1:
            figure.legend(loc="outside upper center", ncols=min(len(names), 4), frameon=False)
        return settle(figure)


def _row(ax: "Axes", y: float, value: Mapping[str, Any], ink: str) -> None:
    ax.plot([value["low"], value["high"]], [y, y], color=ink, lw=1.8, clip_on=False)
    ax.plot([np.clip(value["estimate"], 0, 1)], [y], "o", ms=4.5, color=ink, clip_on=False)

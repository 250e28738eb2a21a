"""Figures: ROC, precision-recall and training curves, each with what is not certain about them.

Figures are plain ``matplotlib.figure.Figure`` objects, made without ``pyplot``: no window, no
global state. Matplotlib is imported only when a figure is drawn.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import metrics
from .._files import write_bytes
from ._curves import GRID, Curves
from ._label import KnownSamples
from ._reader_marks import ReaderMarks
from ._samples import Floats, Predictions
from ._style import style
from .readers import Reader
from .training_figure import training_figure as training_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REPLICATES = 500


@dataclass(frozen=True)
class _ROC(Curves):
    """ROC curves, and the points of readers."""

    readers: ReaderMarks | None = None

    area, corner = "AUC", "lower right"
    x, y = "False positive rate (1 - specificity)", "True positive rate (sensitivity)"

    def points(self, known: KnownSamples) -> tuple[Floats, Floats]:
        curve = metrics.roc_curve(known.scores, known.target)
        return curve.fpr, curve.tpr

    def limits(self, known: KnownSamples) -> tuple[Floats, Floats]:
        options = {"level": self.level, "replicates": REPLICATES, "seed": 0}
        low, _, high = metrics.roc_band(
            known.scores, known.target, grid=GRID, groups=known.groups, **options
        )
        return low, high

    def value(self, known: KnownSamples) -> dict[str, float]:
        return known.auroc()

    def chance(self, known: KnownSamples) -> tuple[float, float, str]:
        return 0.0, 1.0, "chance"

    def mark(self, ax: "Axes", label: str, *, alone: bool) -> None:
        if self.readers:
            self.readers.draw(ax, label, alone=alone)

    def explain(self, figure: "Figure", names: list[str]) -> None:
        if self.readers:
            self.readers.explain(figure, names)
        else:
            super().explain(figure, names)


class _PrecisionRecall(Curves):
    """Precision-recall curves."""

    area, corner = "AP", "best"
    x, y = "Recall (sensitivity)", "Precision (positive predictive value)"

    def points(self, known: KnownSamples) -> tuple[Floats, Floats]:
        curve = metrics.precision_recall_curve(known.scores, known.target)
        # Steps, not slopes: what the average precision sums up, and the only points that exist.
        recall = np.concatenate([[0.0], np.repeat(curve.recall, 2)[:-1]])
        return recall, np.repeat(curve.precision, 2)

    def limits(self, known: KnownSamples) -> tuple[Floats, Floats]:
        options = {"level": self.level, "replicates": REPLICATES, "seed": 0}
        low, _, high = metrics.precision_recall_band(
            known.scores, known.target, grid=GRID, groups=known.groups, **options
        )
        return low, high

    def value(self, known: KnownSamples) -> dict[str, float]:
        return known.bootstrap(metrics.average_precision)

    def chance(self, known: KnownSamples) -> tuple[float, float, str]:
        share = known.positives / len(known.target)
        return share, share, f"prevalence {share:.3f}"


def roc_figure(
    predictions_by_name: Mapping[str, Predictions],
    label: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    band: bool = True,
    readers: Sequence[Reader] = (),
) -> "Figure":
    """ROC curves with the chance line, confidence bands and AUC with DeLong intervals.

    Args:
        predictions_by_name: what to call each model in the legend, and what it predicted.
        label: the label to draw, or several; None draws all. One panel each, at most 14:
            :func:`draw_curves` draws more, in several figures.
        level: coverage of bands and intervals, in (0, 1).
        band: shade the pointwise bootstrap band of each curve.
        readers: human readers of the same samples, each a point; with one model the point is
            filled if it lies strictly below the curve.

    Returns:
        A figure; 5.2 inches wide if it has one panel.

    Raises:
        ValueError: if there is nothing to draw, no target, no such label, too many labels, or a
            reader or a further model does not have the samples of the first model.
    """
    marks = ReaderMarks.of(predictions_by_name, readers, label, level) if readers else None
    return _ROC(level, band, marks).figure(predictions_by_name, label)


def precision_recall_figure(
    predictions_by_name: Mapping[str, Predictions],
    label: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    band: bool = True,
) -> "Figure":
    """Precision-recall curves with the prevalence line, bands and average precision.

    Args:
        predictions_by_name: what to call each model in the legend, and what it predicted.
        label: the label to draw, or several; None draws all. One panel each, at most 14:
            :func:`draw_curves` draws more, in several figures.
        level: coverage of bands and intervals (bootstrap), in (0, 1).
        band: shade the pointwise bootstrap band of each curve.

    Returns:
        A figure; 5.2 inches wide if it has one panel.

    Raises:
        ValueError: if there is nothing to draw, no target, no such label, or too many labels.
    """
    return _PrecisionRecall(level, band).figure(predictions_by_name, label)


def svg_text(figure: "Figure") -> str:
    """The figure as SVG; equal figures give equal text: no date, no random names."""
    return _rendered(figure, "svg").decode()


def save_figure(figure: "Figure", path_without_suffix: str | Path) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG, each in one step.

    Args:
        figure: any matplotlib figure.
        path_without_suffix: ``runs/x/roc`` writes ``runs/x/roc.png`` and ``runs/x/roc.svg``.

    Returns:
        The two paths.

    Raises:
        OSError: if a file cannot be written; a file that was there stays as it was.
    """
    base = Path(path_without_suffix)
    # Not with_suffix: a name such as "fpr0.1" has a dot of its own.
    png, svg = (base.with_name(base.name + suffix) for suffix in (".png", ".svg"))
    return write_bytes(png, _rendered(figure, "png")), write_bytes(svg, _rendered(figure, "svg"))


def _rendered(figure: "Figure", kind: str) -> bytes:
    content = io.BytesIO()
    # Without this, files would hold the time and the version of matplotlib.
    unwanted = ("Date", "Creator", "Format", "Type") if kind == "svg" else ("Software",)
    with style():
        figure.savefig(content, format=kind, dpi=150, metadata=dict.fromkeys(unwanted))
    return content.getvalue()

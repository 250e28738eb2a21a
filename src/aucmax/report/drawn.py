"""All figures of one or several models, drawn once: for files and for the page."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ._curves import MOST_PANELS
from ._reader_marks import ReaderMarks
from ._samples import Predictions
from ._values import percent
from .area_figure import area_figure
from .figures import _ROC, _PrecisionRecall, save_figure
from .readers import Reader

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 12
"""Labels on a page, where there are too many for one figure."""

T = TypeVar("T")

log = logging.getLogger("aucmax")


@dataclass(frozen=True, eq=False)
class NamedFigure:
    """A figure with the stem of its file and what it shows."""

    name: str
    caption: str
    figure: "Figure"


@dataclass(frozen=True, eq=False)
class Drawn:
    """The figures that could be drawn, and notes about those that could not.

    Args:
        figures: in the order of the page.
        notes: a sentence for each failure; it was logged as a warning too.
    """

    figures: tuple[NamedFigure, ...]
    notes: tuple[str, ...]

    def save(self, folder: str | Path) -> tuple[str, ...]:
        """Write each figure as PNG and SVG; what cannot be written is noted, as in ``notes``.

        Args:
            folder: an existing folder; ``roc.png``, ``roc.svg``, ``precision_recall.png`` and so on
                are written or replaced.

        Returns:
            All notes, of drawing and of writing.
        """
        notes = list(self.notes)
        for one in self.figures:
            _attempt(
                one.name, lambda one=one: save_figure(one.figure, Path(folder) / one.name), notes
            )
        return tuple(notes)


def draw_curves(
    predictions_by_name: Mapping[str, Predictions],
    *,
    level: float = 0.95,
    readers: Sequence[Reader] = (),
) -> Drawn:
    """ROC and precision-recall curves of all labels, with bands.

    Up to 14 labels share a figure. More are spread over pages of at most twelve panels, after a
    figure with the areas of all labels and their intervals. A figure that cannot be drawn leaves a
    note and a warning in the log, no error: the numbers do not depend on it.

    Args:
        predictions_by_name: what to call each model, and what it predicted.
        level: coverage of bands and intervals, in (0, 1).
        readers: human readers of the same samples, for the ROC figures.

    Returns:
        The figures and the notes.

    Example:
        >>> import numpy as np
        >>> scores, target = np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0], [0], [1], [1]])
        >>> drawn = draw_curves({"net": Predictions(tuple("abcd"), ("target",), scores, target)})
        >>> [one.name for one in drawn.figures], drawn.notes
        (['roc', 'precision_recall'], ())
    """
    notes: list[str] = []
    figures: list[NamedFigure] = []
    labels = next(iter(predictions_by_name.values())).labels if predictions_by_name else ()
    pages = _pages(labels)
    bands = f"with pointwise {percent(level)} bands"

    def add(name: str, caption: str, draw: Callable[[], "Figure"]) -> None:
        if (figure := _attempt(name, draw, notes)) is not None:
            figures.append(NamedFigure(name, caption, figure))

    if len(pages) > 1:
        caption = f"AUC and average precision of {len(labels)} labels, {percent(level)} intervals"
        add("areas", caption, lambda: area_figure(predictions_by_name, level=level))
    marks = None
    if readers:
        marks = ReaderMarks.of(predictions_by_name, readers, None, level)
    for stem, kind, curves in (
        ("roc", "ROC curves", _ROC(level, band=True, readers=marks)),
        ("precision_recall", "Precision-recall curves", _PrecisionRecall(level, band=True)),
    ):
        for number, page in enumerate(pages, 1):
            name = stem if number == 1 else f"{stem}-{number}"
            of = f", part {number} of {len(pages)}" if len(pages) > 1 else ""
            chosen = page if len(pages) > 1 else None
            add(
                name,
                f"{kind} {bands}{of}",
                lambda c=curves, p=chosen: c.figure(predictions_by_name, p),
            )
    return Drawn(tuple(figures), tuple(notes))


def _pages(labels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Labels of each figure: all in one, or as evenly as can be."""
    if len(labels) <= MOST_PANELS:
        return [labels]
    count = -(-len(labels) // PANELS)
    size = -(-len(labels) // count)
    return [labels[i : i + size] for i in range(0, len(labels), size)]


def _attempt(name: str, work: Callable[[], T], notes: list[str]) -> T | None:
    try:
        return work()
    except Exception as error:  # whatever it is, hours of training must not end with it
        notes.append(f"figure {name!r} is missing: {type(error).__name__}: {error}")
        log.warning("%s; the numbers are not affected", notes[-1])
        return None

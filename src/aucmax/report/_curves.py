"""What ROC and precision-recall figures have in common: panels, curves, bands and legends."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from ._label import KnownSamples, targets
from ._samples import Floats, Predictions
from ._style import FAINT, colour, panels, settle, shortened, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 14
GRID = np.linspace(0.0, 1.0, 201)
NEWLINE = "\n"
TICKS = [0.0, 0.25, 0.5, 0.75, 1.0]


@dataclass(frozen=True)
class Curves(ABC):
    """One kind of figure: a panel per label, in each a curve per set of predictions."""

    level: float
    band: bool

    area: ClassVar[str]
    x: ClassVar[str]
    y: ClassVar[str]
    corner: ClassVar[Literal["lower right", "best"]]

    @abstractmethod
    def points(self, known: KnownSamples) -> tuple[Floats, Floats]:
        """The curve."""

    @abstractmethod
    def limits(self, known: KnownSamples) -> tuple[Floats, Floats]:
        """Lower and upper end of the confidence band at ``GRID``."""

    @abstractmethod
    def value(self, known: KnownSamples) -> dict[str, float]:
        """The area below the curve with its interval."""

    def mark(self, ax: "Axes", label: str, *, alone: bool) -> None:
        """Draw more into the panel of a label, before its legend is made."""
        del ax, label, alone

    def explain(self, figure: "Figure", names: list[str]) -> None:
        """Tell once, for all panels, what is what; ``names`` are those of the predictions."""
        if len(names) > 1:
            _legend_of_names(figure, names)

    @abstractmethod
    def chance(self, known: KnownSamples) -> tuple[float, float, str]:
        """Height at x = 0 and at x = 1 of a model that knows nothing, and what to call it."""

    def figure(
        self, by_name: Mapping[str, Predictions], label: str | Sequence[str] | None
    ) -> "Figure":
        """Draw all, or the labels that are asked for."""
        labels = _labels(by_name, label)
        with style():
            figure, axes = panels(len(labels))
            for name, ax in zip(labels, axes, strict=True):
                known = {
                    who: KnownSamples.of(p, p.labels.index(name), level=self.level)
                    for who, p in by_name.items()
                }
                self._panel(ax, name, known, alone=len(labels) == 1)
                if len(labels) > 1 or label is not None:
                    ax.set_title(shortened(name, 26 if len(labels) > 1 else 48))
            figure.supxlabel(self.x, fontsize=10.5)
            figure.supylabel(self.y, fontsize=10.5)
            if len(labels) > 1:
                self.explain(figure, list(by_name))
            return settle(figure)

    def _panel(
        self, ax: "Axes", label: str, known: Mapping[str, KnownSamples], *, alone: bool
    ) -> None:
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=TICKS, yticks=TICKS)
        texts = ["0", "0.25", "0.5", "0.75", "1"] if alone else ["0", "", "0.5", "", "1"]
        ax.set_xticks(TICKS, texts)
        ax.set_yticks(TICKS, texts)
        whole = {who: one for who, one in known.items() if not one.missing()}
        if not whole:
            why = "\n".join(sorted({str(one.missing()) for one in known.values()}))
            ax.text(0.5, 0.5, why, ha="center", va="center", color=FAINT)
            return
        for start, end, name in dict.fromkeys(map(self.chance, whole.values())):
            title = name if alone else None
            ax.plot([0, 1], [start, end], color=FAINT, lw=1.2, ls=(0, (4, 3)), label=title)
        for place, (who, one) in enumerate(known.items()):
            if who in whole:
                self._curve(ax, place, self._title(who) if alone else "", one)
        self.mark(ax, label, alone=alone)
        ax.legend(loc=self.corner, fontsize=9.5 if alone else 8, handlelength=1.6)

    def _title(self, who: str) -> str:
        # A long name takes a line of its own, so that the legend stays within the axes.
        return f"{who}{': ' if len(who) <= 14 else NEWLINE}{self.area} "

    def _curve(self, ax: "Axes", place: int, name: str, known: KnownSamples) -> None:
        ink, dash = colour(place)
        text = "{estimate:.3f} ({low:.3f} to {high:.3f})".format(**self.value(known))
        ax.plot(*self.points(known), color=ink, ls=dash, label=name + text, clip_on=False)
        if self.band:
            ax.fill_between(GRID, *self.limits(known), color=ink, alpha=0.16, lw=0)


def _labels(
    by_name: Mapping[str, Predictions], label: str | Sequence[str] | None
) -> tuple[str, ...]:
    if not by_name:
        raise ValueError("predictions_by_name must hold at least one set of predictions")
    first = next(iter(by_name.values())).labels
    chosen = (label,) if isinstance(label, str) else None if label is None else tuple(label)
    for who, p in by_name.items():
        targets(p)
        for name in chosen or ():
            if name not in p.labels:
                raise ValueError(f"label must be one of {p.labels} for {who!r}, got {name!r}")
        if chosen is None and set(p.labels) != set(first):
            raise ValueError(
                f"all predictions of a figure need the same labels: {who!r} has {p.labels}, "
                f"others have {first}; name one with label=..."
            )
    drawn = first if chosen is None else chosen
    if not drawn:
        raise ValueError("label must name at least one label, got none")
    if len(drawn) > MOST_PANELS:
        raise ValueError(
            f"a figure shows at most {MOST_PANELS} labels, got {len(drawn)}; name some with "
            "label=[...], or use draw_curves, which draws several figures"
        )
    return drawn


def _legend_of_names(figure: "Figure", names: list[str]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour(i)[0], ls=colour(i)[1]) for i in range(len(names))]
    figure.legend(lines, names, loc="outside upper center", ncols=min(len(names), 4), frameon=False)

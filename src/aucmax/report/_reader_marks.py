"""Human readers as points in ROC figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ._samples import Predictions
from ._style import FAINT, INK, PAPER, colour
from ._values import percent
from .align import align
from .readers import Reader, evaluate_readers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
MEANING = "filled: below the curve\nhollow: on or above it"


@dataclass(frozen=True)
class ReaderMarks:
    """The points of R readers per label; filled or hollow if there is one curve to be below."""

    found: Mapping[str, Any]
    one_curve: bool

    @classmethod
    def of(
        cls,
        by_name: Mapping[str, Predictions],
        readers: Sequence[Reader],
        label: str | Sequence[str] | None,
        level: float,
    ) -> "ReaderMarks | None":
        """Points of readers who judged the samples of all models.

        None where the figure itself will refuse what it got: no model, or no such label.
        """
        chosen = (label,) if isinstance(label, str) else label
        if not by_name or any(set(chosen or ()) - set(p.labels) for p in by_name.values()):
            return None
        first, *others = (p if chosen is None else _only(p, chosen) for p in by_name.values())
        for other in others:
            align(first, other)
        return cls(evaluate_readers(first, readers, level=level), not others)

    def draw(self, ax: "Axes", label: str, *, alone: bool) -> None:
        """The points of one label; in a figure of one panel with their names."""
        found = self.found["labels"][label]
        for place, name in enumerate(self.found["readers"]):
            reader = found["readers"][name]
            if reader["below"] is None:
                continue
            x, y = 1 - reader["specificity"]["estimate"], reader["sensitivity"]["estimate"]
            look = _look(place, hollow=self.one_curve and not reader["below"])
            ax.plot([x], [y], **look | {"ms": 8.5, "mfc": PAPER, "mec": PAPER, "zorder": 4})  # halo
            ax.plot([x], [y], label=name if alone else None, **look)
        if self.one_curve:
            judged = sum(one["below"] is not None for one in found["readers"].values())
            ax.plot([], [], ls="", label=f"{found['readers_below']} of {judged} readers below")

    def explain(self, figure: "Figure", names: Sequence[str]) -> None:
        """One legend of models and readers, in the place of the first empty panel if any."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], color=colour(i)[0], ls=colour(i)[1], label=name)
            for i, name in enumerate(names)
        ]
        handles.append(Line2D([], [], color=FAINT, lw=1.2, ls=(0, (4, 3)), label="chance"))
        handles += [
            Line2D([], [], label=name, **_look(place, hollow=False))
            for place, name in enumerate(self.found["readers"])
        ]
        if self.one_curve:
            handles.append(Line2D([], [], ls="", label=MEANING))
            handles.append(Line2D([], [], ls="", label=self._mean()))
        _place(figure, handles)

    def _mean(self) -> str:
        macro = self.found["macro"]
        area = "{estimate:.3f} ({low:.3f} to {high:.3f})".format(**macro["auroc"])
        return (
            f"mean of {len(macro['labels'])}, {percent(self.found['level'])} interval:\n"
            f"AUC {area}\n{macro['readers_below']:.3g} readers below"
        )


def _only(predictions: Predictions, labels: Sequence[str]) -> Predictions:
    at = [predictions.labels.index(label) for label in labels]
    target = None if predictions.target is None else predictions.target[:, at]
    scores = predictions.scores[:, at]
    return replace(predictions, labels=tuple(labels), scores=scores, target=target)


def _look(place: int, *, hollow: bool) -> dict[str, Any]:
    return {
        "marker": SHAPES[place % len(SHAPES)],
        "ls": "",
        "ms": 6,
        "mfc": PAPER if hollow else INK,
        "mec": INK,
        "mew": 1.3,
        "clip_on": False,
        "zorder": 5,
    }


def _place(figure: "Figure", handles: list["Line2D"]) -> None:
    empty = [ax for ax in figure.axes if not ax.get_visible()]
    if empty:
        empty[0].set_visible(True)
        empty[0].axis("off")
        empty[0].legend(handles=handles, loc="center left", frameon=False, fontsize=10)
    else:
        figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)

"""How the validation AUC went, epoch by epoch and stage by stage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._style import FAINT, INK, colour, settle, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, str | float]
"""A row of a CSV file as ``csv.DictReader`` gives it; blank cells are no value."""


@dataclass(frozen=True)
class _Stage:
    """Values of one stage; epochs count from 1 over the whole run, ``start`` is the last before."""

    name: str
    start: int
    end: int
    epochs: list[int]
    values: list[float]


def training_figure(
    stages: Sequence[tuple[str, Sequence[Row]]], *, metric: str = "validation_auroc"
) -> "Figure":
    """Validation AUC per epoch, with the borders of the stages and the best epoch marked.

    Args:
        stages: for each stage its name and the rows of its metrics.csv: mappings with ``epoch``
            (from 0 in each stage) and ``metric``; rows where the metric is blank are passed over.
        metric: the column to draw.

    Returns:
        A figure 10.4 inches wide, or one that says so if no stage has a value.

    Raises:
        ValueError: if there are no stages or a cell is not a number.
    """
    if not stages:
        raise ValueError("stages must hold at least one (name, rows) pair")
    parts: list[_Stage] = []
    for name, rows in stages:
        parts.append(_stage(name, rows, metric, parts[-1].end if parts else 0))
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(10.4, 4.2), dpi=100, layout="constrained")
        ax = figure.subplots()
        ax.set(xlabel="Epoch", ylabel="Validation AUC")
        ax.grid(visible=False, axis="x")
        _draw(ax, [part for part in parts if part.epochs])
        return settle(figure)


def _draw(ax: "Axes", stages: list[_Stage]) -> None:
    from matplotlib.ticker import MaxNLocator

    if not stages:
        ax.text(0.5, 0.5, "no validation AUC was recorded", ha="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return
    for place, stage in enumerate(stages):
        ax.plot(stage.epochs, stage.values, "o-", ms=4, color=colour(place)[0], clip_on=False)
        if place:
            ax.axvline(stage.start + 0.5, color=FAINT, lw=1, ls=(0, (4, 3)))
        middle = (stage.start + 0.5 + stage.end + 0.5) / 2
        ax.text(
            *(middle, 1.02), stage.name, transform=ax.get_xaxis_transform(),
            ha="center", color=colour(place)[0], weight="bold",
        )  # fmt: skip
    ax.set_xlim(0.5, max(stages[-1].end, 1) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _mark_best(ax, stages)


def _mark_best(ax: "Axes", stages: list[_Stage]) -> None:
    value, epoch = max(
        (value, -epoch) for s in stages for epoch, value in zip(s.epochs, s.values, strict=True)
    )
    ax.plot([-epoch], [value], "o", ms=11, mfc="none", mec=INK, mew=1.5, clip_on=False, zorder=4)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.14 * (high - low))
    last = stages[-1].end
    side = "right" if -epoch > 0.75 * last else "left" if -epoch < 0.25 * last else "center"
    ax.annotate(
        f"best: {value:.4f} in epoch {-epoch}", (-epoch, value), xytext=(0, 10),
        textcoords="offset points", ha=side, va="bottom", color=INK,
    )  # fmt: skip


def _stage(name: str, rows: Sequence[Row], metric: str, start: int) -> _Stage:
    values: dict[int, float] = {}
    end = start
    for row in rows:
        if _blank(row.get("epoch")):
            continue
        epoch = start + 1 + int(_number(row["epoch"], name, "epoch"))
        end = max(end, epoch)
        if _blank(row.get(metric)):
            continue
        value = _number(row[metric], name, metric)
        if math.isfinite(value):
            values[epoch] = value
    epochs = sorted(values)
    return _Stage(name, start, end, epochs, [values[e] for e in epochs])


def _blank(cell: str | float | None) -> bool:
    return cell is None or not str(cell).strip()


def _number(cell: str | float, stage: str, column: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(
            f"stage {stage!r}: column {column!r} must hold numbers, got {cell!r}"
        ) from None

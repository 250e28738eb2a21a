"""Figures of the benchmark, as SVG: gaps of each method on each cell, and average ranks."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from stats import Found, against, complete, critical_difference, family_of, ranks

COLORS = {
    "cross-entropy": "#7a4a00",
    "cross-entropy, smooth": "#b8860b",
    "cross-entropy, as the default": "#b8860b",
    "ours": "#00468b",
    "LibAUC": "#a0123c",
}
WIDEST = 0.05
"""Gap at which the colours of the heat map end."""


def heat_map(cells: list[Found], methods: Sequence[str], readout: str) -> str:
    """Gaps to the best cross-entropy, in hundredths; bold where the interval leaves out 0."""
    gaps = against(cells, "cross-entropy")
    table = np.full((len(methods), len(cells)), np.nan)
    figure = Figure(figsize=(2.6 + 0.62 * len(cells), 1.5 + 0.27 * len(methods)))
    axes = figure.add_subplot()
    for i, method in enumerate(methods):
        for j, one in enumerate(cells):
            gap = gaps.get((method, readout), {}).get(one.cell.name)
            if gap is None:
                continue
            table[i, j] = gap.estimate
            weight = "normal" if gap.verdict == "tie" else "bold"
            dark = abs(gap.estimate) > 0.7 * WIDEST
            axes.text(
                j, i, f"{100 * gap.estimate:+.1f}", ha="center", va="center", fontsize=8,
                weight=weight, color="white" if dark else "black",
            )  # fmt: skip
    shown = axes.imshow(
        table, cmap="RdBu", norm=TwoSlopeNorm(0, -WIDEST, WIDEST), aspect="auto"
    )  # fmt: skip
    names = [one.cell.name for one in cells]
    axes.set_xticks(range(len(cells)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(methods)), methods, fontsize=8)
    for label, method in zip(axes.get_yticklabels(), methods, strict=True):
        label.set_color(COLORS[family_of(method)])
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=axes, pad=0.02)
    bar.set_label("test AUC less the best cross-entropy's", fontsize=8)
    return _svg(figure)


def rank_figure(cells: list[Found], readout: str) -> str:
    """Average ranks; those joined by a bar are not told apart (Nemenyi, 95 %)."""
    cells = complete(cells)
    names, table = ranks(cells, readout)
    if len(names) < 2 or len(cells) < 2:
        return ""
    average = table.mean(0)
    order = np.argsort(average)
    names, average = [names[k] for k in order], average[order]
    figure = Figure(figsize=(7.5, 1.0 + 0.24 * len(names)))
    axes = figure.add_subplot()
    for row, (name, rank) in enumerate(zip(names, average, strict=True)):
        color = COLORS[family_of(name)]
        axes.plot([1, rank], [row, row], color="0.85", linewidth=1, zorder=0)
        axes.plot(rank, row, "o", color=color, markersize=5)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_color(COLORS[family_of(name)])
    _bars(axes, average, critical_difference(len(names), len(cells)))
    axes.invert_yaxis()
    axes.set_xlabel(f"average rank over {len(cells)} cells, 1 is best", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return _svg(figure)


def _bars(axes: Axes, average: np.ndarray, width: float) -> None:
    """Vertical bars to the right, over the longest groups of neighbours within ``width``."""
    last, place = -1, float(average.max()) + 0.5
    for first, rank in enumerate(average):
        end = int(np.searchsorted(average, rank + width, "right")) - 1
        if end > last and end > first:
            axes.plot([place, place], [first - 0.3, end + 0.3], color="0.3", linewidth=2)
            place += 0.35
        last = max(last, end)


def _svg(figure: Figure) -> str:
    """The figure as text for a page."""
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "aucmax"}):
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]

"""The look of all figures: one ink, one paper, six colours that all eyes tell apart."""

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID, PAPER = "#262a31", "#717984", "#e2e5ea", "#ffffff"

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), yellow and black left out: they
# vanish on white and among the axes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("-", "--", "-.", ":")

DARK = {
    INK: "#e7e9ee",
    FAINT: "#9aa3af",
    GRID: "#343a44",
    PAPER: "#1a1d23",
    "#0072b2": "#4aa8e0",
    "#d55e00": "#ff8a3d",
    "#009e73": "#2fc79b",
    "#cc79a7": "#e59bc4",
    "#e69f00": "#f4b93a",
    "#56b4e9": "#8fd0f6",
}
"""What each colour becomes on a dark page."""

_SETTINGS = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": PAPER,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.facecolor": PAPER,
    "legend.edgecolor": GRID,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,  # a name with two dollar signs is a name
    "svg.fonttype": "path",
    "svg.hashsalt": "aucmax",
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib settings of this package, and those of the user again afterwards."""
    from matplotlib import rc_context, rcParamsDefault

    # Start from the defaults, so that a user's matplotlibrc does not change what a report holds.
    # The backend is left alone: no window system is touched.
    settings: dict[Any, Any] = {**rcParamsDefault, **_SETTINGS}
    for name in [name for name in settings if name.startswith("backend")]:
        del settings[name]
    with rc_context(settings), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes: no reason to bother or to fail.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def settle(figure: "Figure") -> "Figure":
    """Lay out the parts of a figure now and for good: each new drawing would move them a little."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def colour(index: int) -> tuple[str, str]:
    """Colour and dash pattern of the ``index``-th curve; after six curves the dashes change."""
    return COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)]


def shortened(name: str, width: int, lines: int = 2) -> str:
    """A name in at most ``lines`` lines of ``width`` characters; one that was cut ends in "…"."""
    parts = textwrap.wrap(name, width)
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][: width - 1] + "…"]
    return "\n".join(parts)


def panels(count: int) -> tuple["Figure", list["Axes"]]:
    """A figure with ``count`` square panels; only the outer ones carry axis labels."""
    from matplotlib.figure import Figure

    columns = min(count, 2 if count == 4 else 3 if count <= 9 else 4)
    rows = -(-count // columns)
    size = 5.2 if count == 1 else 3.1
    figure = Figure(figsize=(columns * size, rows * size), dpi=100, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    axes = list(grid.flat)
    for place, ax in enumerate(axes[:count]):
        ax.tick_params(labelbottom=place + columns >= count, length=3)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]

"""Figures hold the curves, bands and numbers that they should, and are the same each time."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from oracles_report import made_predictions, pairwise_auc, slow_average_precision, with_scores
from PIL import Image

from aucmax import metrics
from aucmax.report import Predictions, precision_recall_figure, roc_figure, save_figure
from aucmax.report.figures import svg_text

A = made_predictions(0)
B = with_scores(A, 1, shift=0.2)
BOTH = {"new": A, "old": B}


def _curves(ax):
    """Curves of an axes in order, without the line of chance."""
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_area_below_the_drawn_roc_curve_is_the_auc():
    (ax,) = roc_figure(BOTH).axes
    for line, p in zip(_curves(ax), BOTH.values(), strict=True):
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert area == pytest.approx(pairwise_auc(p.scores[:, 0], p.target[:, 0]))
    assert [line.get_color() for line in _curves(ax)] == ["#0072b2", "#d55e00"]


def test_the_area_below_the_drawn_precision_recall_steps_is_the_average_precision():
    (ax,) = precision_recall_figure(BOTH).axes
    for line, p in zip(_curves(ax), BOTH.values(), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert np.all((np.diff(x) == 0) | (np.diff(y) == 0))
        expected = slow_average_precision(p.scores[:, 0], p.target[:, 0])
        assert np.trapezoid(y, x) == pytest.approx(expected)


def test_axes_are_square_and_show_chance_or_prevalence():
    for figure, ends, name in (
        (roc_figure(BOTH), [0, 1], "chance"),
        (precision_recall_figure(BOTH), [A.target.mean()] * 2, f"prevalence {A.target.mean():.3f}"),
    ):
        (ax,) = figure.axes
        assert (ax.get_aspect(), ax.get_xlim(), ax.get_ylim()) == (1, (0, 1), (0, 1))
        (line,) = [line for line in ax.lines if len(line.get_xdata()) == 2]
        assert list(line.get_ydata()) == pytest.approx(ends)
        assert _legend(ax)[0] == line.get_label() == name


def test_sets_of_different_prevalence_have_a_line_each():
    (ax,) = precision_recall_figure({"a": A, "b": made_predictions(3)}).axes
    assert len([text for text in _legend(ax) if text.startswith("prevalence")]) == 2


@pytest.mark.parametrize("groups", [False, True])
def test_legend_and_band_are_those_of_the_metrics(groups):
    p = made_predictions(2, groups=groups)
    scores, target = p.scores[:, 0], p.target[:, 0]
    options = {"level": 0.8, "groups": p.groups}
    (ax,) = roc_figure({"net": p}, level=0.8).axes
    found = metrics.auroc_interval(scores, target, **options)
    expected = f"net: AUC {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"
    assert _legend(ax)[1] == expected
    low, _, high = metrics.roc_band(scores, target, grid=np.linspace(0, 1, 201), seed=0, **options)
    _same_band(ax, low, high)
    (ax,) = precision_recall_figure({"net": p}, level=0.8).axes
    band = metrics.precision_recall_band(
        scores, target, grid=np.linspace(0, 1, 201), seed=0, **options
    )
    _same_band(ax, band.low, band.high)


def _same_band(ax, low, high):
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    for y in (low, high):
        wanted = np.stack([np.linspace(0, 1, 201), y], 1)
        distance = np.abs(wanted[:, None] - corners[None]).sum(2).min(1)
        assert distance.max() < 1e-12


def test_a_band_can_be_left_out():
    assert not roc_figure(BOTH, band=False).axes[0].collections


def test_a_long_name_takes_a_line_of_its_own():
    (ax,) = roc_figure({"a network of many words": A}, band=False).axes
    assert _legend(ax)[1].startswith("a network of many words\nAUC 0.")


def test_several_labels_have_a_panel_each_and_one_legend_of_names():
    p = made_predictions(4, labels=tuple("abcde"))
    q = with_scores(p, 5, shift=0.1)
    # The other set holds its labels in another order; each panel must find its own.
    turned = Predictions(q.ids, q.labels[::-1], q.scores[:, ::-1], q.target[:, ::-1])
    figure = roc_figure({"new": p, "old": turned}, band=False)
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in panels] == list("abcde")
    for j, ax in enumerate(panels):
        area = pairwise_auc(q.scores[:, j], q.target[:, j])
        assert _legend(ax)[1].startswith(f"{area:.3f} (")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["new", "old"]
    assert not roc_figure({"new": p}, band=False).legends


def test_one_label_of_several_can_be_drawn():
    p = made_predictions(4, labels=("x", "y"))
    (ax,) = roc_figure({"net": p}, "y", band=False).axes
    assert ax.get_title(loc="left") == "y"
    assert f"{pairwise_auc(p.scores[:, 1], p.target[:, 1]):.3f}" in _legend(ax)[1]


def test_a_label_with_one_class_says_so_in_its_panel():
    p = made_predictions(5, n=20, labels=("x", "none"))
    target = p.target.copy()
    target[:, 1] = 0
    figure = roc_figure({"net": Predictions(p.ids, p.labels, p.scores, target)}, band=False)
    assert [text.get_text() for text in figure.axes[1].texts] == ["no AUC: no sample is positive"]
    assert not figure.axes[1].lines


@pytest.mark.parametrize("count", [1, 2, 4, 9, 14])
def test_up_to_fourteen_panels_are_readable_and_equal(count):
    p = made_predictions(6, n=30, labels=tuple(f"label {i}" for i in range(count)))
    figure = roc_figure({"net": p}, band=False)
    figure.draw_without_rendering()
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert len(panels) == count
    sizes = np.array([ax.get_window_extent().size for ax in panels])
    assert sizes.min() > 200
    np.testing.assert_allclose(sizes, sizes.mean(), rtol=0.01)


@pytest.mark.parametrize(
    ("by_name", "label", "message"),
    [
        ({}, None, "at least one set"),
        ({"a": A, "b": made_predictions(0, labels=("x",))}, None, r"same labels: 'b' has \('x',\)"),
        ({"a": A}, "x", r"label must be one of \('target',\) for 'a', got 'x'"),
        ({"a": Predictions(A.ids, A.labels, A.scores)}, None, "no targets"),
        (
            {"a": made_predictions(0, labels=tuple("abcdefghijklmno"))},
            None,
            "at most 14 labels, got 15; name some with",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(by_name, label, message):
    for draw in (roc_figure, precision_recall_figure):
        with pytest.raises(ValueError, match=message):
            draw(by_name, label)


def test_files_are_the_same_each_time_and_hold_no_date(tmp_path):
    first = save_figure(roc_figure(BOTH), tmp_path / "fpr0.1")
    assert [path.name for path in first] == ["fpr0.1.png", "fpr0.1.svg"]
    second = save_figure(roc_figure(BOTH), tmp_path / "again")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    text = first[1].read_text()
    assert "date" not in text.lower()
    assert ET.fromstring(text).tag.endswith("svg")
    with Image.open(first[0]) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 600


def test_a_users_settings_neither_change_a_figure_nor_are_changed():
    plain = svg_text(roc_figure(BOTH, band=False))
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9}):
        assert svg_text(roc_figure(BOTH, band=False)) == plain
    assert dict(matplotlib.rcParams) == before


def test_a_foreign_figure_can_be_saved(tmp_path):
    figure = Figure()
    figure.subplots().plot([0, 1])
    assert all(path.stat().st_size > 1000 for path in save_figure(figure, tmp_path / "x"))


def test_many_samples_do_not_make_a_large_file():
    p = made_predictions(7, n=30_000)
    assert len(svg_text(roc_figure({"net": p}, band=False))) < 300_000


def _said_by_a_fresh_python(code):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_nothing_heavy_is_imported_before_a_figure_is_drawn_and_pyplot_never():
    code = """
import sys, numpy as np, aucmax.report as r
heavy = {"matplotlib", "pandas", "sklearn", "lightning", "torchvision", "timm"}
print(sorted(heavy & set(sys.modules)))
p = r.Predictions("ab", "x", np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
r.roc_figure({"a": p}, band=False)
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    assert _said_by_a_fresh_python(code).split("\n") == ["[]", "True False"]

"""Figures of any number of labels, and what happens where one cannot be drawn."""

import logging

import numpy as np
import pytest
from oracles_report import made_predictions, with_scores

from aucmax.metrics import auroc_interval
from aucmax.report import (
    Predictions,
    area_figure,
    draw_curves,
    evaluate,
    evaluation_table,
    html_report,
    read_predictions,
    roc_figure,
    summarise,
    write_predictions,
)

ODD = (
    "Price $a$ and $\\frac$", "<b>&\"quotes\"</b>", "line\nbreak", "comma, and; more",
    "a name of very many words that goes on and on, far beyond the width of a panel or a row",
    "x" * 200, "\u65e5\u672c\u8a9e",
)  # fmt: skip


def many(count, n=40):
    return made_predictions(0, n=n, labels=tuple(f"label {k}" for k in range(count)))


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()]


@pytest.mark.parametrize(
    ("count", "pages"), [(1, [1]), (14, [14]), (15, [8, 7]), (28, [10, 10, 8])]
)
def test_all_labels_are_drawn_over_as_many_figures_as_they_need(count, pages):
    p = many(count)
    drawn = draw_curves({"net": p})
    assert drawn.notes == ()
    names = [one.name for one in drawn.figures]
    numbers = [""] + [f"-{k}" for k in range(2, len(pages) + 1)]
    curves = [f"{stem}{k}" for stem in ("roc", "precision_recall") for k in numbers]
    assert names == (["areas"] if count > 14 else []) + curves
    shown = [titles(one.figure) for one in drawn.figures if one.name.startswith("roc")]
    assert [len(page) for page in shown] == pages
    if count > 1:
        assert [title for page in shown for title in page] == list(p.labels)


def test_a_hundred_labels_are_evaluated_written_and_read(tmp_path):
    p = many(100, n=30)
    found = evaluate(p, replicates=10)
    assert len(found["labels"]) == 100
    assert evaluation_table(found).count("label 99") == 3  # areas, and two operating points
    write_predictions(tmp_path / "p.csv", p)
    assert read_predictions(tmp_path / "p.csv").labels == p.labels


def test_the_figure_of_areas_has_a_row_for_each_label_with_its_interval():
    p, q = many(16), with_scores(many(16), 1, shift=0.2)
    figure = area_figure({"new": p, "old": q})
    areas, precisions = figure.axes
    assert [t.get_text() for t in areas.get_yticklabels()] == list(p.labels)
    bars = [line for line in areas.lines if len(line.get_xdata()) == 2 and line.get_lw() == 1.8]
    assert len(bars) == 32
    assert len([x for x in precisions.lines if x.get_lw() == 1.8]) == 32
    interval = auroc_interval(p.scores[:, 3], p.target[:, 3])
    assert list(bars[3].get_xdata()) == pytest.approx([interval.low, interval.high])
    assert abs(bars[3].get_ydata()[0] - 3) < 0.5
    with pytest.raises(ValueError, match="at least one set"):
        area_figure({})


def test_some_labels_can_be_chosen():
    figure = roc_figure({"net": many(20)}, ["label 3", "label 17"], band=False)
    assert titles(figure) == ["label 3", "label 17"]
    with pytest.raises(ValueError, match="label must name at least one label, got none"):
        roc_figure({"net": many(3)}, [])


def test_names_are_shown_as_they_are_however_odd(tmp_path):
    p = made_predictions(0, n=40, labels=ODD)
    drawn = draw_curves({"net $x$ \\frac": p, "other": with_scores(p, 1, 0.5)})
    assert drawn.notes == drawn.save(tmp_path) == ()
    assert titles(drawn.figures[0].figure)[0] == ODD[0]
    assert all(
        len(line) <= 26 for title in titles(drawn.figures[0].figure) for line in title.split("\n")
    )
    wide = made_predictions(0, n=30, labels=(*ODD, *(f"label {k}" for k in range(10))))
    assert draw_curves({"net": wide}).save(tmp_path) == ()
    table = evaluation_table(evaluate(p, replicates=5)).splitlines()
    assert "line break" in table[4]
    page = html_report(summarise({"net": p}, title="x", drawn=drawn))
    assert "&lt;b&gt;&amp;&quot;quotes&quot;&lt;/b&gt;" in page
    assert "<b>&" not in page


def test_a_figure_that_cannot_be_drawn_leaves_a_note(monkeypatch, caplog, tmp_path):
    def fails(*_, **__):
        raise RuntimeError("no more ink")

    monkeypatch.setattr("aucmax.metrics.roc_band", fails)
    p = made_predictions(0)
    with caplog.at_level(logging.WARNING, "aucmax"):
        drawn = draw_curves({"net": p})
    assert [one.name for one in drawn.figures] == ["precision_recall"]
    assert drawn.notes == ("figure 'roc' is missing: RuntimeError: no more ink",)
    assert "no more ink; the numbers are not affected" in caplog.text
    page = summarise({"net": p}, title="x", drawn=drawn)
    assert page.facts["Missing figures"] == drawn.notes[0]
    monkeypatch.setattr("aucmax.report.drawn.save_figure", fails)
    assert len(drawn.save(tmp_path)) == 2


def test_labels_with_one_class_leave_an_empty_row_and_panel():
    p = many(16)
    target = p.target.copy()
    target[:, 4] = np.nan
    drawn = draw_curves({"net": Predictions(p.ids, p.labels, p.scores, target)})
    assert drawn.notes == ()
    assert len(drawn.figures) == 5

"""The history of training as a figure."""

import csv

import numpy as np
import pytest

from aucmax.report import training_figure

FIRST = [{"epoch": str(e), "validation_auroc": str(v)} for e, v in enumerate([0.6, 0.7, 0.65])]
SECOND = [{"epoch": float(e), "validation_auroc": v} for e, v in enumerate([0.72, 0.9, 0.85])]


def _lines(ax):
    return [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def test_epochs_run_on_over_the_stages_and_the_best_is_marked():
    (ax,) = training_figure([("01-bce", FIRST), ("02-aucm", SECOND)]).axes
    one, two = _lines(ax)
    assert (list(one.get_xdata()), list(one.get_ydata())) == ([1, 2, 3], [0.6, 0.7, 0.65])
    assert (list(two.get_xdata()), list(two.get_ydata())) == ([4, 5, 6], [0.72, 0.9, 0.85])
    (border,) = [line for line in ax.lines if list(line.get_xdata()) == [3.5, 3.5]]
    assert border.get_linestyle() != "-"
    assert _texts(ax) == ["01-bce", "02-aucm", "best: 0.9000 in epoch 5"]
    ring = ax.lines[-1]
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([5], [0.9])
    assert one.get_color() != two.get_color()


def test_of_equal_values_the_first_is_best():
    rows = [{"epoch": e, "validation_auroc": 0.8} for e in range(4)]
    (ax,) = training_figure([("a", rows)]).axes
    assert _texts(ax)[-1] == "best: 0.8000 in epoch 1"


def test_blank_cells_of_a_csv_file_are_passed_over():
    lines = ["epoch,step,validation_auroc,train_loss", "0,9,,0.7", "0,9,0.6,", "1,19,,0.5"]
    lines += ["1,19,nan,", "2,29,0.7", "3,39,,0.1"]
    rows = list(csv.DictReader(lines))
    (ax,) = training_figure([("a", rows), ("b", FIRST), ("c", [{"x": "1"}])]).axes
    first, second = _lines(ax)
    assert list(first.get_xdata()) == [1, 3]
    # Stage a had a fourth epoch without a value: stage b begins after it.
    assert list(second.get_xdata()) == [5, 6, 7]
    assert "c" not in _texts(ax)


def test_another_column_can_be_drawn():
    rows = [{"epoch": "0", "auc": "0.5"}, {"epoch": "1", "auc": "0.6"}]
    (ax,) = training_figure([("a", rows)], metric="auc").axes
    np.testing.assert_array_equal(_lines(ax)[0].get_ydata(), [0.5, 0.6])


def test_a_history_without_values_says_so():
    (ax,) = training_figure([("a", [{"epoch": "0", "validation_auroc": ""}]), ("b", [])]).axes
    assert _texts(ax) == ["no validation AUC was recorded"]


def test_one_epoch_is_enough():
    (ax,) = training_figure([("a", FIRST[:1])]).axes
    assert ax.get_xlim() == (0.5, 1.5)
    assert "best: 0.6000 in epoch 1" in _texts(ax)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "stages must hold at least one"),
        (
            [("a", [{"epoch": "0", "validation_auroc": "high"}])],
            "stage 'a': column 'validation_auroc' must hold numbers, got 'high'",
        ),
        ([("a", [{"epoch": "one"}])], "stage 'a': column 'epoch' must hold numbers, got 'one'"),
    ],
)
def test_what_is_no_history_is_refused(stages, message):
    with pytest.raises(ValueError, match=message):
        training_figure(stages)

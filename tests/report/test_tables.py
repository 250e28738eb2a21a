"""Text tables: they line up, and say what the dictionaries say."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_report import made_predictions, with_scores

from aucmax.report import (
    Predictions,
    compare,
    comparison_table,
    evaluate,
    evaluation_table,
    method_table,
)
from aucmax.report.tables import split_rows, text_table, verdict

CELLS = st.text(alphabet="ab 1.", max_size=6)


@given(
    st.integers(1, 4).flatmap(
        lambda k: st.lists(st.lists(CELLS, min_size=k, max_size=k), min_size=1)
    )
)
def test_every_line_of_a_table_has_its_cells_at_the_same_places(rows):
    header, *body = rows
    lines = text_table(header, body).split("\n")
    widths = [max(len(row[j]) for row in rows) for j in range(len(header))]
    starts = [sum(widths[:j]) + 2 * j for j in range(len(header))]
    assert len(lines) == len(rows) + 1
    assert lines[1] == "-" * (starts[-1] + widths[-1])
    for line, row in zip([lines[0], *lines[2:]], rows, strict=True):
        assert line == line.rstrip()
        for start, width, cell in zip(starts, widths, row, strict=True):
            assert line[start : start + width].strip() == cell.strip()


def test_numbers_stand_right_and_text_left():
    text = text_table(["a", "b", "c"], [["1", "x", "-0.5"], ["22", "yy", "10.25 (1 to 2)"]])
    assert text.split("\n")[2:] == ["1   x             -0.5", "22  yy  10.25 (1 to 2)"]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="each row needs 2 cells, as the header, got 1"):
        text_table(["a", "b"], [["1"]])


def _row(text, start):
    (line,) = [line for line in text.split("\n") if line.startswith(start)]
    return line.split("  ")


def test_the_evaluation_table_shows_the_numbers_of_each_label():
    p = made_predictions(0, labels=("x", "y"))
    found = evaluate(p, max_fpr=0.4, min_tpr=0.3, replicates=20)
    text = evaluation_table(json.loads(json.dumps(found)))
    one = found["labels"]["x"]
    area = one["auroc"]
    expected = f"{area['estimate']:.4f}  {area['low']:.4f} to {area['high']:.4f}"
    assert f"60  {one['positives']} ({one['positives'] / 60:.1%})".replace("%", " %") in text
    assert expected in text
    assert f"mean of 2                   {found['macro']['auroc']['estimate']:.4f}" in text
    assert "AUC, FPR up to 0.4 (McClish)" in text
    assert "AUC, FPR up to 0.4 and TPR from 0.3" in text
    point = one["operating_points"][0]
    assert f" sensitivity 0.9 {point['threshold']:.4g} " in " ".join(text.split())
    rate = point["specificity"]
    assert f"{rate['estimate']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})" in text
    assert "FPR" not in evaluation_table(evaluate(p, replicates=20))


def test_a_label_without_auc_is_shown_with_its_note():
    p = made_predictions(1, n=30, labels=("x", "none", "unknown"))
    target = p.target.copy()
    target[:, 1:] = [0, np.nan]
    text = evaluation_table(evaluate(Predictions(p.ids, p.labels, p.scores, target), replicates=20))
    assert _row(text, "none  ")[-1].strip() == "n/a"
    assert text.endswith(
        "none: no AUC: no sample is positive.\nunknown: no AUC: no target is known."
    )


def test_a_point_that_calls_nothing_positive_has_no_precision():
    target = np.array([[1.0], [0.0], [0.0]])
    p = Predictions(tuple("abc"), ("x",), [[0], [1], [2]], target)
    found = evaluate(p, specificity=1.0, replicates=20)
    assert found["labels"]["x"]["operating_points"][1]["threshold"] is None
    line = next(row for row in evaluation_table(found).split("\n") if "specificity 1" in row)
    assert line.split()[3] == "n/a"
    assert line.endswith("n/a")


def test_the_comparison_table_shows_both_models_their_difference_and_the_sentence():
    a = made_predictions(2)
    b = with_scores(a, 3, shift=0.2)
    found = compare(a, b, names=("new", "old"), level=0.9)
    text = comparison_table(json.loads(json.dumps(found)))
    one = found["labels"]["target"]
    gap = one["difference"]
    header, _, row, _, sentence = text.split("\n")
    assert header.split()[3:] == ["new", "old", "difference", "90", "%", "interval", "p"]
    cells = row.split()
    assert cells[5:8] == [
        f"{one['auroc']['new']['estimate']:.4f}",
        f"{one['auroc']['old']['estimate']:.4f}",
        f"{gap['estimate']:+.4f}",
    ]
    assert cells[8:11] == [f"{gap['low']:+.4f}", "to", f"{gap['high']:+.4f}"]
    assert float(row.split()[-1].lstrip("<")) == pytest.approx(one["p_value"], abs=1e-4)
    assert sentence == one["meaning"] == verdict(found)


def test_several_labels_have_holm_and_a_mean():
    a = made_predictions(3, labels=("x", "y", "none"))
    target = a.target.copy()
    target[:, 2] = 1
    a = Predictions(a.ids, a.labels, a.scores, target)
    found = compare(a, with_scores(a, 4, shift=0.2))
    text = comparison_table(found)
    assert text.split("\n")[0].endswith("p (Holm)")
    assert _row(text, "none  ")[-1].strip() == "n/a"
    assert _row(text, "mean of 2")[-1].strip() == f"{found['macro']['p_value']:.4f}"
    assert text.endswith(found["macro"]["meaning"])


@pytest.mark.parametrize("labels", [("target",), ("x", "y")])
def test_the_method_table_has_a_row_per_method_and_one_for_the_difference(labels):
    a = made_predictions(5, labels=labels)
    found = compare(a, with_scores(a, 6, shift=0.2), names=("aucm", "bce"))
    whole = found["macro"] if len(labels) > 1 else found["labels"]["target"]
    lines = method_table(found).split("\n")
    assert [line.split()[0] for line in lines[2:]] == ["aucm", "bce", "difference"]
    assert lines[2].split()[1] == f"{whole['auroc']['aucm']['estimate']:.4f}"
    assert lines[4].split()[1] == f"{whole['difference']['estimate']:+.4f}"
    assert len({len(line) for line in (lines[0], lines[1], lines[4])}) == 1


def test_the_split_is_counted_by_part_and_label():
    parts = {
        "train": np.array([[1, 0], [0, np.nan], [0, 1], [1, np.nan]]),
        "test": np.array([[0, np.nan]]),
    }
    header, rows = split_rows(parts, ["x", "y"])
    assert header == ["", "train", "test"]
    assert rows == [
        ["samples", "4", "1"],
        ["x positive", "2 (50.0 %)", "0 (0.0 %)"],
        ["y positive", "1 (50.0 %)", "n/a"],
    ]
    assert split_rows({"all": np.array([1, 0])}, ["target"])[1][1] == ["positive", "1 (50.0 %)"]

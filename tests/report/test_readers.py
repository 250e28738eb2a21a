"""Readers beside a model: rates by counting, files by name, points where they belong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from oracles_report import made_predictions, with_scores

from aucmax import metrics
from aucmax.report import Predictions, Reader, evaluate_readers, read_readers, readers_table
from aucmax.report import roc_figure as draw

LABELS = ("x", "y")
MODEL = made_predictions(0, n=40, labels=LABELS, unknown=0.1)


def made_reader(name, seed, p=MODEL, blank=0.0):
    """Decisions that are right three times out of four; rows and labels in another order."""
    rng = np.random.default_rng(seed)
    truth = np.nan_to_num(p.target)
    decisions = np.where(rng.random(truth.shape) < 0.75, truth, 1 - truth)
    decisions[rng.random(truth.shape) < blank] = np.nan
    order = rng.permutation(len(p))
    ids = tuple(p.ids[i] for i in order)
    return Reader(name, ids, p.labels[::-1], decisions[order][:, ::-1])


READERS = [made_reader("Ada", 1), made_reader("Ben", 2, blank=0.2)]


def decisions_by_id(reader, label):
    column = reader.decisions[:, reader.labels.index(label)]
    return dict(zip(reader.ids, column, strict=True))


def test_rates_are_shares_with_wilson_intervals():
    found = evaluate_readers(MODEL, READERS, level=0.9)
    for k, label in enumerate(LABELS):
        for reader in READERS:
            said = decisions_by_id(reader, label)
            pairs = [(said[i], y) for i, y in zip(MODEL.ids, MODEL.target[:, k], strict=True)]
            pairs = [(d, y) for d, y in pairs if not np.isnan(d) and not np.isnan(y)]
            one = found["labels"][label]["readers"][reader.name]
            assert one["n"] == len(pairs)
            for rate, true in (("sensitivity", 1), ("specificity", 0)):
                right, total = (
                    sum(d == y == true for d, y in pairs),
                    sum(y == true for _, y in pairs),
                )
                wanted = metrics.wilson_interval(right, total, level=0.9)
                expected = [right / total, wanted.low, wanted.high]
                assert [one[rate][e] for e in ("estimate", "low", "high")] == pytest.approx(
                    expected
                )


def test_who_is_below_is_what_the_metric_says_and_the_mean_is_over_labels():
    found = evaluate_readers(MODEL, READERS)
    counts = []
    for k, label in enumerate(LABELS):
        said = np.array([[decisions_by_id(r, label)[i] for r in READERS] for i in MODEL.ids])
        wanted = metrics.readers_below_curve(MODEL.scores[:, k], MODEL.target[:, k], said)
        one = found["labels"][label]
        assert [one["readers"][r.name]["below"] for r in READERS] == wanted.below.tolist()
        model = [one["readers"][r.name]["model_sensitivity"] for r in READERS]
        assert model == pytest.approx(wanted.curve_tpr.tolist())
        assert one["readers_below"] == wanted.count
        area = metrics.auroc(MODEL.scores[:, k], MODEL.target[:, k])
        assert one["auroc"]["estimate"] == pytest.approx(area)
        counts.append(wanted.count)
    assert found["macro"]["readers_below"] == sum(counts) / 2
    assert found["macro"]["auroc"]["estimate"] == pytest.approx(
        metrics.macro_auroc(MODEL.scores, MODEL.target)
    )
    json.dumps(found, allow_nan=False)


def test_a_label_with_one_class_is_left_out_of_the_mean():
    target = MODEL.target.copy()
    target[:, 1] = 0
    found = evaluate_readers(replace(MODEL, target=target), READERS)
    assert found["labels"]["y"]["note"] == "no AUC: no sample is positive"
    assert found["labels"]["y"]["readers_below"] is None
    assert found["macro"]["labels"] == ["x"]
    assert found["macro"]["readers_below"] == found["labels"]["x"]["readers_below"]
    text = readers_table(found)
    assert text.endswith("\n\ny: no AUC: no sample is positive.")
    with pytest.raises(ValueError, match=r"no label has both .* x: no AUC: no sample is positive"):
        evaluate_readers(replace(MODEL, target=np.zeros((40, 2))), READERS)


def test_a_reader_who_judged_no_positive_has_no_point():
    blind = np.where(MODEL.target == 1, np.nan, 0.0)
    reader = Reader("Cy", MODEL.ids, LABELS, blind)
    one = evaluate_readers(MODEL, [reader, READERS[0]])["labels"]["x"]
    assert one["readers"]["Cy"]["sensitivity"] is None
    assert one["readers"]["Cy"]["specificity"]["estimate"] == 1
    assert one["readers"]["Cy"]["below"] is None
    text = readers_table(evaluate_readers(MODEL, [reader, READERS[0]]))
    assert f"{one['readers_below']} of 1" in text


def test_the_nameless_task_matches_a_readers_only_label(tmp_path):
    model = made_predictions(3, n=30)
    said = Reader("Ada", model.ids, ("Edema",), model.target)
    assert evaluate_readers(model, [said])["labels"]["target"]["readers"]["Ada"]["below"] is False
    rows = "".join(f"\n{i},{t:.0f}" for i, t in zip(model.ids, model.target[:, 0], strict=True))
    (tmp_path / "Ada.csv").write_text("id,Edema" + rows)
    (read,) = read_readers([tmp_path / "Ada.csv"], labels=model.labels)
    assert (read.name, read.labels) == ("Ada", ("Edema",))
    assert evaluate_readers(model, [read]) == evaluate_readers(model, [said])


def test_files_are_read_by_column_name(tmp_path):
    one, two = tmp_path / "bc4.csv", tmp_path / "bc6.csv"
    one.write_text("Study,Edema,Lung Lesion\ns1,1,0\ns2,,1\n")
    two.write_text("id,Note,Lung Lesion,Edema\ns2,unsure,1,0.0\ns1,sure,0,1")
    a, b = read_readers([one, two], labels=["Edema"])
    assert (a.name, a.ids, a.labels) == ("bc4", ("s1", "s2"), ("Edema",))
    np.testing.assert_array_equal(a.decisions, [[1], [np.nan]])
    assert (b.ids, b.decisions.tolist()) == (("s2", "s1"), [[0.0], [1.0]])
    (everything,) = read_readers({"Dr. A": one})
    assert (everything.name, everything.labels) == ("Dr. A", ("Edema", "Lung Lesion"))
    with pytest.raises(
        ValueError, match=r"bc6.csv, line 2: column 'Note': a decision must be 0, 1"
    ):
        read_readers([two])
    with pytest.raises(ValueError, match=r"bc4.csv: no column for 'Fracture'; its columns are"):
        read_readers([one], labels=["Fracture"])
    with pytest.raises(ValueError, match="'bc4' occurs more than once"):
        read_readers([one, one])
    with pytest.raises(FileNotFoundError, match=r"no reader file .*bc5.csv"):
        read_readers([tmp_path / "bc5.csv"])
    with pytest.raises(TypeError, match="paths must be a list of files"):
        read_readers(one)
    with pytest.raises(ValueError, match="at least one reader is needed, got none"):
        read_readers([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"ids": ("q1", "q2", *MODEL.ids[2:])},
            r"the model and reader 'Ada' .* 2 only in the model",
        ),
        ({"ids": ("q1", *MODEL.ids[1:])}, r"1 only in reader 'Ada': 'q1'"),
        (
            {"labels": ("x", "z")},
            r"reader 'Ada' has no decisions for 'y'; there are some for 'x', 'z'",
        ),
    ],
)
def test_readers_of_other_samples_or_labels_are_refused(change, message):
    reader = replace(Reader("Ada", MODEL.ids, LABELS, np.zeros((40, 2))), **change)
    for use in (
        lambda: evaluate_readers(MODEL, [reader]),
        lambda: draw({"m": MODEL}, readers=[reader]),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_chexperts_own_folder_before_an_id_does_not_matter():
    names = tuple(f"test/patient{i}/study1" for i in range(40))
    plain = evaluate_readers(replace(MODEL, ids=names), [Reader("A", names, LABELS, np.eye(40, 2))])
    for folder in ("CheXpert-v1.0/", "CheXpert-v1.0-small/"):
        reader = Reader("A", tuple(folder + name for name in names), LABELS, np.eye(40, 2))
        assert evaluate_readers(replace(MODEL, ids=names), [reader]) == plain
    both = (f"CheXpert-v1.0/{names[1]}", *names[1:])
    with pytest.raises(ValueError, match=r"reader 'A': an id stands there with and without the"):
        evaluate_readers(replace(MODEL, ids=names), [Reader("A", both, LABELS, np.eye(40, 2))])
    other = Reader("A", tuple("other/" + name for name in names), LABELS, np.eye(40, 2))
    with pytest.raises(ValueError, match="40 only in the model"):
        evaluate_readers(replace(MODEL, ids=names), [other])


@pytest.mark.parametrize(
    ("ids", "labels", "decisions", "message"),
    [
        (("a", "a"), ("x",), [[0], [1]], "ids must all be different"),
        (("a", "b"), ("x", "x"), [[0, 1], [1, 1]], "labels must all be different"),
        (("a", "b"), ("x",), [0, 1], r"\(2, 1\), got shape \(2,\)"),
        (("a", "b"), ("x",), [[0], [0.5]], "decisions must be 0, 1 or NaN .*got 0.5"),
    ],
)
def test_a_reader_is_checked(ids, labels, decisions, message):
    with pytest.raises(ValueError, match=f"reader 'Ada': .*{message}"):
        Reader("Ada", ids, labels, decisions)


def test_readers_need_a_name_each_and_the_model_a_target():
    with pytest.raises(ValueError, match="'Ada' occurs more than once"):
        evaluate_readers(MODEL, [READERS[0], READERS[0]])
    with pytest.raises(ValueError, match="at least one reader"):
        evaluate_readers(MODEL, [])
    with pytest.raises(ValueError, match="no targets"):
        evaluate_readers(replace(MODEL, target=None), READERS)


def test_the_table_lines_up_and_holds_every_reader():
    text = readers_table(evaluate_readers(MODEL, READERS))
    above, below = text.split("\n\n")
    for part in (above, below):
        lines = part.splitlines()
        assert max(map(len, lines)) == len(lines[1])
    assert above.splitlines()[-1].startswith("mean of 2")
    assert [line.split()[1] for line in below.splitlines()[2:]] == ["Ada", "Ben"] * 2


def markers(ax):
    """(x, y, filled) of each reader's point; halos lie underneath."""
    return [
        (*line.get_xydata()[0], to_hex(line.get_markerfacecolor()) == "#262a31")
        for line in ax.lines
        if line.get_zorder() == 5
    ]


def test_points_stand_at_the_readers_rates_filled_if_below():
    found = evaluate_readers(MODEL, READERS)
    figure = draw({"net": MODEL}, band=False, readers=READERS)
    for label, ax in zip(LABELS, figure.axes, strict=True):
        one = found["labels"][label]
        wanted = [
            (1 - r["specificity"]["estimate"], r["sensitivity"]["estimate"], r["below"])
            for r in one["readers"].values()
        ]
        assert markers(ax) == [pytest.approx(point) for point in wanted]
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert texts[-1] == f"{one['readers_below']} of 2 readers below"
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[:4] == ["net", "chance", "Ada", "Ben"]
    assert f"{found['macro']['readers_below']:.3g} readers below" in texts[-1]


def test_one_panel_names_the_readers_and_needs_that_label_only():
    said = [Reader("Ada", MODEL.ids, ("y",), np.nan_to_num(MODEL.target[:, 1:]))]
    (ax,) = draw({"net": MODEL}, "y", band=False, readers=said).axes
    assert "Ada" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert markers(ax) == [(0.0, 1.0, False)]
    with pytest.raises(ValueError, match="label must be one of"):
        draw({"net": MODEL}, "z", readers=said)
    with pytest.raises(ValueError, match="at least one set"):
        draw({}, readers=said)


def test_an_empty_panel_takes_the_legend():
    p = made_predictions(4, n=40, labels=tuple("abcde"))
    figure = draw({"net": p}, band=False, readers=[made_reader("Ada", 1, p)])
    assert not figure.legends
    assert "Ada" in [text.get_text() for text in figure.axes[5].get_legend().get_texts()]


def test_several_models_share_filled_points_and_must_have_the_same_samples():
    other = with_scores(MODEL, 5, shift=0.2)
    figure = draw({"a": MODEL, "b": other}, band=False, readers=READERS)
    assert all(filled for ax in figure.axes for *_, filled in markers(ax))
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["a", "b"]
    with pytest.raises(ValueError, match="needs the same ids"):
        draw({"a": MODEL, "b": other.select(range(30))}, readers=READERS)


def test_a_label_without_a_curve_has_no_points():
    target = MODEL.target.copy()
    target[:, 1] = 0
    p = Predictions(MODEL.ids, LABELS, MODEL.scores, target)
    assert not draw({"net": p}, band=False, readers=READERS).axes[1].lines

"""The content of metrics.json against slow computations of the same numbers."""

import json
import math

import numpy as np
import pytest
from oracles_report import made_predictions, pairwise_auc, slow_average_precision
from sklearn.metrics import roc_auc_score

from aucmax import metrics
from aucmax.metrics.partial import two_way_metric
from aucmax.report import Predictions, evaluate

FAST = {"replicates": 20}


def _near(expected):
    return pytest.approx(expected, rel=1e-9)


def test_areas_are_those_of_all_pairs_and_of_scikit_learn():
    p = made_predictions(0, labels=("x", "y"), unknown=0.2)
    found = evaluate(p, max_fpr=0.3, **FAST)["labels"]
    for j, label in enumerate(p.labels):
        known = ~np.isnan(p.target[:, j])
        scores, target = p.scores[known, j], p.target[known, j]
        one = found[label]
        assert one["auroc"]["estimate"] == _near(pairwise_auc(scores, target))
        assert one["average_precision"]["estimate"] == _near(slow_average_precision(scores, target))
        partial = roc_auc_score(target, scores, max_fpr=0.3)
        assert one["partial_auroc"]["estimate"] == _near(partial)
        assert one["partial_auroc"]["raw"] == _near(0.3 * one["partial_auroc"]["normalised"])
        counts = (len(target), (~known).sum(), target.sum(), target.mean())
        assert (one["n"], one["unknown"], one["positives"]) == counts[:3]
        assert one["prevalence"] == one["average_precision"]["baseline"] == _near(counts[3])


@pytest.mark.parametrize("groups", [False, True])
def test_intervals_are_those_of_the_metrics(groups):
    p = made_predictions(1, labels=("x", "y"), unknown=0.1, groups=groups)
    found = evaluate(p, level=0.9, max_fpr=0.5, min_tpr=0.2, **FAST)
    for j, label in enumerate(p.labels):
        arrays = p.scores[:, j], p.target[:, j]
        options = {"level": 0.9, "groups": p.groups}
        draws = options | {"replicates": 20, "seed": 0}

        corner = two_way_metric(0.5, 0.2)

        for name, interval in {
            "auroc": metrics.auroc_interval(*arrays, **options),
            "average_precision": metrics.bootstrap_interval(
                metrics.average_precision, *arrays, **draws
            ),
            "two_way_partial_auroc": metrics.bootstrap_interval(corner, *arrays, **draws),
        }.items():
            for end in ("estimate", "low", "high"):
                assert found["labels"][label][name][end] == _near(getattr(interval, end))
    macro = metrics.macro_auroc_interval(p.scores, p.target, **options)
    assert found["macro"]["auroc"]["low"] == _near(macro.low)
    assert found.get("groups") == (30 if groups else None)


def test_macro_is_the_mean_of_the_labels():
    found = evaluate(made_predictions(2, labels=("x", "y", "z")), **FAST)
    for area in ("auroc", "average_precision"):
        mean = np.mean([one[area]["estimate"] for one in found["labels"].values()])
        assert found["macro"][area]["estimate"] == _near(mean)
    assert "macro" not in evaluate(made_predictions(2), **FAST)


def test_operating_points_hold_on_the_samples_that_they_were_read_from():
    p = made_predictions(3, n=200)
    # Scores whose tenth digit matters: a rounded threshold would lose the sample it came from.
    p = Predictions(p.ids, p.labels, 1e-12 * p.scores, p.target)
    scores, positive = p.scores[:, 0], p.target[:, 0] == 1
    high, specific = evaluate(p, sensitivity=0.8, **FAST)["labels"]["target"]["operating_points"]
    assert (high["wanted"], specific["wanted"]) == ({"sensitivity": 0.8}, {"specificity": 0.9})
    for point in (high, specific):
        called = scores >= point["threshold"]
        assert point["sensitivity"]["estimate"] == _near(called[positive].mean())
        assert point["specificity"]["estimate"] == _near((~called)[~positive].mean())
        assert point["precision"]["estimate"] == _near(positive[called].mean())
    assert high["sensitivity"]["estimate"] >= 0.8
    assert specific["specificity"]["estimate"] >= 0.9


def test_the_dictionary_survives_json_and_repeats_itself():
    p = made_predictions(4, labels=("x", "y"))
    text = json.dumps(evaluate(p, **FAST), allow_nan=False)
    assert json.loads(text) == evaluate(p, **FAST)


def test_a_label_with_one_class_has_a_note_and_is_left_out_of_the_mean():
    p = made_predictions(5, n=40, labels=("full", "none", "all", "unknown"))
    target = p.target.copy()
    target[:, 1:] = [0, 1, np.nan]
    found = evaluate(Predictions(p.ids, p.labels, p.scores, target), **FAST)
    notes = {name: one.get("note") for name, one in found["labels"].items()}
    assert notes == {
        "full": None,
        "none": "no AUC: no sample is positive",
        "all": "no AUC: no sample is negative",
        "unknown": "no AUC: no target is known",
    }
    assert found["labels"]["none"]["auroc"] is None
    assert found["labels"]["unknown"]["prevalence"] is None
    assert found["macro"]["labels"] == ["full"]
    assert found["macro"]["auroc"] == found["labels"]["full"]["auroc"]
    json.dumps(found, allow_nan=False)


def test_a_constant_score_and_a_perfect_one_keep_finite_intervals():
    target = np.array([[0.0], [1.0]] * 10)
    ids = [str(i) for i in range(20)]
    for scores, area in ((0 * target, 0.5), (target, 1.0)):
        one = evaluate(Predictions(ids, ("x",), scores, target), **FAST)["labels"]["x"]
        assert one["auroc"]["estimate"] == area
        assert one["auroc"]["low"] < one["auroc"]["high"]
        assert all(math.isfinite(v) for v in one["auroc"].values())


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"target": None}, {}, "no targets: add a target column"),
        (
            {"target": np.zeros((60, 1))},
            {},
            "no label has both .* target: no AUC: no sample is pos",
        ),
        ({}, {"min_tpr": 0.5}, "min_tpr=0.5 needs max_fpr too"),
        ({}, {"level": 1.5}, "level"),
        ({}, {"sensitivity": 1.5}, r"sensitivity must lie in \(0, 1\], got 1.5"),
        ({}, {"max_fpr": 2.0}, "fpr must be a range"),
        ({}, {"replicates": 0}, "replicates"),
    ],
)
def test_arguments_out_of_range_are_refused(change, options, message):
    p = made_predictions(0)
    fields = {"ids": p.ids, "labels": p.labels, "scores": p.scores, "target": p.target} | change
    with pytest.raises(ValueError, match=message):
        evaluate(Predictions(**fields), **options)


def test_real_scores_have_their_published_values(shared_data):
    table = np.loadtxt(
        shared_data / "molhiv" / "ogbg-molhiv_graph_test.csv", delimiter=",", skiprows=1
    )
    ids = [str(i) for i in range(len(table))]
    found = evaluate(Predictions(ids, ("HIV",), table[:, :1], table[:, 1:]), **FAST)
    one = found["labels"]["HIV"]
    assert (one["n"], one["positives"]) == (4113, 130)
    assert one["auroc"]["estimate"] == pytest.approx(0.75690, abs=5e-6)
    assert one["average_precision"]["estimate"] == pytest.approx(0.19758, abs=5e-6)

"""Whole reports from predictions."""

import platform

import numpy as np
import pytest
import torch
from oracles_report import Page, made_predictions, with_scores

import aucmax
from aucmax.report import Predictions, compare, evaluate, html_report, summarise, versions

A = made_predictions(0, n=50)
B = with_scores(A, 1, shift=0.2)
STAGES = [("01-bce", [{"epoch": 0, "validation_auroc": 0.5}])]


def test_one_model_is_reported_with_its_auc():
    report = summarise({"net": A}, title="Run")
    area = evaluate(A)["labels"]["target"]["auroc"]
    assert report.title == "Run"
    assert report.verdict == (
        f"net reaches an AUC of {area['estimate']:.4f} "
        f"(95 % interval {area['low']:.4f} to {area['high']:.4f})."
    )
    assert len(report.tables) == 2
    assert len(report.figures) == 2


def test_two_models_are_compared_and_share_a_table():
    report = summarise(
        {"new": A, "old": B},
        title="Run",
        level=0.9,
        stages=STAGES,
        parts={"train": np.array([[1.0], [0.0]]), "test": A.target},
        facts={"Data": "made"},
        configuration="seed: 1",
    )
    compared = compare(A, B, level=0.9, names=("new", "old"))
    assert report.verdict == compared["labels"]["target"]["meaning"]
    captions = [caption for caption, _, _ in report.tables]
    assert captions[1] == "AUC of new minus AUC of old, paired DeLong test"
    assert captions[2].startswith("new: Operating points")
    assert captions[-1] == "How the data were split"
    _, header, rows = report.tables[0]
    assert header[0] == "model"
    assert "90 % interval" in header
    assert [row[0] for row in rows] == ["new", "old"]
    assert [caption for caption, _ in report.figures][2].startswith("Validation AUC")
    assert report.facts["Data"] == "made"
    assert report.configuration == "seed: 1"
    assert Page(html_report(report)).within("h1") == ["Run"]


def test_several_labels_are_reported_by_their_mean_and_a_table_per_model():
    p = made_predictions(2, n=50, labels=("x", "y"))
    mean = evaluate(p)["macro"]["auroc"]["estimate"]
    report = summarise({"net": p}, title="Run")
    assert report.verdict.startswith(f"net reaches a mean AUC over 2 labels of {mean:.4f} (95 %")
    report = summarise({"net": p, "old": with_scores(p, 3, 0.0)}, title="Run")
    assert [caption.split(":")[0] for caption, _, _ in report.tables[:2]] == ["net", "old"]


def test_of_many_models_the_first_is_compared_with_each():
    report = summarise({"a": A, "b": B, "c": with_scores(A, 5, 0.0)}, title="Run")
    pairs = [caption for caption, _, _ in report.tables if "paired" in caption]
    assert [caption.split(",")[0] for caption in pairs] == [
        "AUC of a minus AUC of b",
        "AUC of a minus AUC of c",
    ]


def test_versions_are_those_that_run():
    found = versions()
    assert found["Python"].startswith(platform.python_version())
    assert found["aucmax"] == aucmax.__version__
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert summarise({"net": A}, title="Run").facts == found


def test_a_report_needs_predictions_with_targets():
    with pytest.raises(ValueError, match="at least one set of predictions"):
        summarise({}, title="Run")
    with pytest.raises(ValueError, match="no targets"):
        summarise({"a": Predictions(A.ids, A.labels, A.scores)}, title="Run")

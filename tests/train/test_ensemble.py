"""Several networks as one: predictions are the mean of the members', metrics those of the mean."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aucmax.cli import main
from aucmax.report import read_predictions

SHORT = ["--pretrain.epochs", "1", "--schedule.epochs", "1", "--baseline", "false"]
PAIR = ["--ensemble", "resnet20", "resnet32"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished ensemble of two networks and two seeds."""
    place = tmp_path_factory.mktemp("ensemble")
    words = ["fit", "digits", *PAIR, *SHORT, "--seeds", "2", "--name", "e", "--output", str(place)]
    assert main(words) == 0
    return place / "e"


def test_scores_are_the_mean_of_all_members(run):
    members = [
        read_predictions(run / f"{network}-seed{seed}" / "predictions.csv")
        for network in ("resnet20", "resnet32")
        for seed in (0, 1)
    ]
    joined = read_predictions(run / "predictions.csv")
    assert joined.ids == members[0].ids
    np.testing.assert_allclose(joined.scores, np.mean([m.scores for m in members], axis=0))


def test_metrics_are_those_of_the_mean_and_of_each_network(run):
    joined = read_predictions(run / "predictions.csv")
    found = json.loads((run / "metrics.json").read_text())
    (label,) = found["labels"].values()
    expected = roc_auc_score(joined.target, joined.scores)
    assert label["auroc"]["estimate"] == pytest.approx(expected)
    assert set(found["members"]) == {"resnet20", "resnet32"}
    assert (run / "report.html").exists()


def test_members_are_different_networks(run):
    a, b = (
        read_predictions(run / f"{network}-seed0" / "predictions.csv")
        for network in ("resnet20", "resnet32")
    )
    assert not np.allclose(a.scores, b.scores)


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--ensemble", "resnet20"], "--ensemble must name two or more different networks"),
        (["--ensemble", "resnet20", "resnet20"], "--ensemble must name two or more different"),
        ([*PAIR, "--baseline"], "--ensemble and --baseline cannot be combined"),
    ],
)
def test_wrong_ensembles_are_refused(tmp_path, capsys, words, fragment):
    code = main(["fit", "digits", *words, "--output", str(tmp_path / "runs")])
    assert code == 2
    assert fragment in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()

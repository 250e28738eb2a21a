"""The comparison with cross-entropy: which variant is the reference, and what is told of both."""

import json

import numpy as np
import pytest

from aucmax.metrics import macro_auroc
from aucmax.report import Predictions
from aucmax.train.baselines import validation_auroc
from aucmax.train.outcome import _compared


def runs(seeds, labels, rng):
    names = tuple("abc"[:labels])
    target = np.tile([0.0, 1.0, 0.0], 20)[:, None].repeat(labels, axis=1)
    ids = [str(row) for row in range(60)]
    return [
        Predictions(ids=ids, scores=rng.random((60, labels)), target=target, labels=names)
        for _ in range(seeds)
    ]


@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("better", ["natural", "balanced"])
def test_the_reference_is_the_better_by_validation_and_the_other_is_told(labels, seeds, better):
    rng = np.random.default_rng(0)
    found = {name: runs(seeds, labels, rng) for name in ("ours", "natural", "balanced")}
    other = "balanced" if better == "natural" else "natural"
    content, _, rows = _compared(found, {"ours": 0.9, better: 0.6, other: 0.5})
    assert content["names"] == ["ours", better]
    assert [row[0] for row in rows] == [
        "ours", f"{better} (the better by validation)", other, "difference",
    ]  # fmt: skip
    mean = np.mean([macro_auroc(run.scores, run.target) for run in found[other]])
    assert content["others"][other]["auroc"]["estimate"] == pytest.approx(mean, abs=1e-9)
    assert rows[2][1] == f"{mean:.4f}"


def test_one_baseline_alone_is_the_reference():
    rng = np.random.default_rng(0)
    found = {name: runs(2, 1, rng) for name in ("ours", "natural")}
    content, _, rows = _compared(found, {"ours": 0.9, "natural": 0.6})
    assert content["others"] == {}
    assert [row[0] for row in rows] == ["ours", "natural", "difference"]


def test_validation_auc_is_the_mean_over_runs_of_the_last_stage(tmp_path):
    for run, values in {"x-seed0": (0.9, 0.5), "x-seed1": (0.8, 0.7)}.items():
        for stage, value in zip(("01-bce", "02-aucm"), values, strict=True):
            folder = tmp_path / run / stage
            folder.mkdir(parents=True)
            (folder / "stage.json").write_text(json.dumps({"validation_auroc": value}))
    assert validation_auroc(tmp_path.glob("x-seed*")) == pytest.approx(0.6)

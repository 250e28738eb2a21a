"""Each medical recipe from the command line, on a small tree in the official layout."""

import math
import re

import numpy as np
import oracles_chests as chests
import oracles_medical as trees
import pytest
import yaml
from oracles_medical import SMALL, split_csv
from oracles_train import FILES, files_below, fit, read_json, read_rows
from sklearn.metrics import roc_auc_score

from aucmax.train.arguments import parse_fit

NATIVE = "--model.image_size=null"
RECIPES = {
    "chexpert": (chests.chexpert, ["--split.validation=0.3"]),
    "chexpert-unknown": (chests.chexpert_unknown, ["--split.validation=0.3"]),
    "chexpert-single": (chests.chexpert_single, ["--split.validation=0.3"]),
    "chestxray14": (chests.chestxray14, ["--split.validation=0.3"]),
    "melanoma": (trees.melanoma, []),
    "ham10000": (trees.ham10000, []),
    "mammography": (trees.mammography, []),
    "patchcamelyon": (trees.patchcamelyon, [NATIVE, "--batches.workers=1"]),
    "breastmnist": (trees.medmnist_set("breastmnist", 2, colour=False), [NATIVE]),
    "retinamnist": (trees.medmnist_set("retinamnist", 5, colour=True), [NATIVE]),
    "chestmnist": (trees.medmnist_set("chestmnist", 14, colour=False), []),
}


@pytest.fixture(scope="module", params=RECIPES)
def run(request, tmp_path_factory, pictures):
    """The tree of a recipe, and the folder of its run."""
    make, options = RECIPES[request.param]
    place = tmp_path_factory.mktemp(request.param)
    tree = make(place / "data", pictures)
    fit(*tree.words, *SMALL, *options, "--output", place, "--name", "run")
    return tree, place / "run"


def values(rows, start):
    """The columns of a predictions file that begin alike: (n, L), a blank is NaN."""
    names = [name for name in rows[0] if name.startswith(start)]
    return np.array([[float(row[name] or "nan") for name in names] for row in rows])


def test_the_run_folder_is_whole(run):
    _, folder = run
    assert files_below(folder) >= FILES
    stages = sorted(path.name for path in folder.glob("0*"))
    assert stages in (["01-bce", "02-aucm"], ["01-bce", "02-pairwise-auc"])
    for stage in stages:
        assert files_below(folder / stage) >= {"metrics.csv", "best.ckpt"}
        (epoch,) = read_rows(folder / stage / "metrics.csv")
        assert math.isfinite(float(epoch["train_loss"]))
        assert 0 <= float(epoch["validation_auroc"]) <= 1
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["model"]["name"] == "resnet20"
    made = {"aucm": "AUCMLoss", "pairwise-auc": "PairwiseAUCLoss"}[stages[1][3:]]
    assert config["loss"]["class_path"].endswith(f".{made}")
    page = (folder / "report.html").read_text()
    assert page.count("<svg") >= 3
    assert not re.search(r"(src|href)=.https?:", page)


def test_every_image_is_in_the_official_part_and_patients_in_one(run):
    tree, folder = run
    rows = split_csv(folder / "split.csv")
    assert set(rows) == set(tree.truth)
    assert {row["part"] for row in rows.values()} == {"train", "validation", "test"}
    for name, row in rows.items():
        assert row["group"] == tree.group.get(name, "")
        if tree.part[name]:
            assert row["part"] == tree.part[name]
        else:
            assert row["part"] != "test" or "test" not in tree.part.values()
    for group in set(tree.group.values()):
        assert len({row["part"] for row in rows.values() if row["group"] == group}) == 1


def test_predictions_are_of_the_test_rows_with_their_labels(run):
    tree, folder = run
    tested = [
        name for name, row in split_csv(folder / "split.csv").items() if row["part"] == "test"
    ]
    rows = read_rows(folder / "predictions.csv")
    assert [row["id"] for row in rows] == tested
    expected = [[math.nan if v is None else v for v in tree.truth[name]] for name in tested]
    np.testing.assert_array_equal(values(rows, "target"), expected)
    scores = values(rows, "score")
    assert ((scores > 0) & (scores < 1)).all()
    assert len(np.unique(scores[:, 0])) > len(rows) // 2


def test_metrics_are_those_of_the_predictions(run):
    _, folder = run
    rows = read_rows(folder / "predictions.csv")
    scores, target = values(rows, "score"), values(rows, "target")
    areas = []
    for column, found in enumerate(read_json(folder / "metrics.json")["labels"].values()):
        known = ~np.isnan(target[:, column])
        areas.append(roc_auc_score(target[known, column], scores[known, column]))
        assert found["auroc"]["estimate"] == pytest.approx(areas[-1], abs=1e-9)
        assert found["auroc"]["low"] <= areas[-1] <= found["auroc"]["high"]
    assert len(areas) == target.shape[1]
    if len(areas) > 1:
        macro = read_json(folder / "metrics.json")["macro"]["auroc"]["estimate"]
        assert macro == pytest.approx(np.mean(areas), abs=1e-9)


@pytest.mark.parametrize("blank", ["negative", "unknown"])
@pytest.mark.parametrize("policy", chests.POLICIES)
def test_uncertain_and_blank_chexpert_labels(tmp_path, pictures, policy, blank):
    tree = chests.chexpert(tmp_path, pictures, policy, blank)
    words = [*tree.words, "--data.uncertain", policy, "--data.blank", blank]
    data = parse_fit(words)[0].data.load()
    expected = [[math.nan if v is None else v for v in tree.truth[name]] for name in data.ids]
    assert set(data.ids) == set(tree.truth)
    np.testing.assert_array_equal(data.target, expected)


def test_the_ensemble_recipe_averages_its_networks(tmp_path, pictures):
    tree = chests.chexpert(tmp_path / "data", pictures)
    words = ["chexpert-ensemble" if word == "chexpert" else word for word in tree.words]
    networks = ["--ensemble", "resnet20", "resnet32"]
    fit(*words, *SMALL, "--split.validation=0.3", *networks, "--output", tmp_path, "--name", "run")
    folder = tmp_path / "run"
    joined = values(read_rows(folder / "predictions.csv"), "score")
    members = [
        values(read_rows(folder / f"{network}-seed0" / "predictions.csv"), "score")
        for network in ("resnet20", "resnet32")
    ]
    np.testing.assert_allclose(joined, np.mean(members, axis=0))
    assert read_json(folder / "metrics.json")["members"].keys() == {"resnet20", "resnet32"}
    assert (folder / "report.html").exists()

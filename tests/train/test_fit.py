"""``aucmax fit`` from data on disk to a run folder, for every kind of source."""

import numpy as np
import pytest
import yaml
from oracles_train import FILES, files_below, fit, npz_data, read_json, read_rows, write_recipe
from sklearn.metrics import average_precision_score, roc_auc_score

from aucmax.train.checkpoints import read_checkpoint

SOURCES = ["csv", "three", "folder", "npz", "digits"]
STAGES = {f"{stage}/{name}" for stage in ("01-bce", "02-aucm") for name in
          ("best.ckpt", "metrics.csv", "stage.json")}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_a_run_folder_holds_what_the_design_says(finished, source):
    folder = finished(source).folder
    assert files_below(folder) == FILES | STAGES
    for stage in ("01-bce", "02-aucm"):
        (row,) = read_rows(folder / stage / "metrics.csv")
        best = read_json(folder / stage / "stage.json")
        assert best == {
            "epochs": 1,
            "best_epoch": 0,
            "validation_auroc": float(row["validation_auroc"]),
        }
    page = (folder / "report.html").read_text()
    assert "<svg" in page
    assert f"{source}: aucm" in page


@pytest.mark.parametrize("source", SOURCES)
def test_predictions_are_the_test_rows_and_metrics_are_theirs(finished, source):
    folder = finished(source).folder
    rows = read_rows(folder / "predictions.csv")
    parts = read_rows(folder / "split.csv")
    assert [row["id"] for row in rows] == [r["id"] for r in parts if r["part"] == "test"]
    found = read_json(folder / "metrics.json")
    assert found["n"] == len(rows)
    areas = []
    for label, values in found["labels"].items():
        known = [row for row in rows if row[f"target_{label}"] != ""]
        target = [int(row[f"target_{label}"]) for row in known]
        score = [float(row[f"score_{label}"]) for row in known]
        areas.append(roc_auc_score(target, score))
        assert values["auroc"]["estimate"] == pytest.approx(areas[-1], abs=1e-9)
        precision = average_precision_score(target, score)
        assert values["average_precision"]["estimate"] == pytest.approx(precision, abs=1e-9)
    if len(areas) > 1:
        assert found["macro"]["auroc"]["estimate"] == pytest.approx(np.mean(areas), abs=1e-9)


def test_no_patient_is_in_two_parts(finished):
    rows = read_rows(finished("csv").folder / "split.csv")
    parts = {}
    for row in rows:
        parts.setdefault(row["group"], set()).add(row["part"])
    assert len(rows) == 60
    assert len(parts) == 20
    assert all(len(found) == 1 for found in parts.values())
    assert read_json(finished("csv").folder / "metrics.json")["groups"] == 3


def test_given_parts_are_kept(finished):
    rows = read_rows(finished("three").folder / "split.csv")
    cycle = ["train", "train", "train", "validation", "test", "test"]
    assert [row["part"] for row in rows] == cycle * 12
    parts = [row["part"] for row in read_rows(finished("npz").folder / "split.csv")]
    assert parts == ["train"] * 36 + ["validation"] * 12 + ["test"] * 24


def test_unknown_targets_stay_blank(finished):
    rows = read_rows(finished("three").folder / "predictions.csv")
    blanks = sum(
        row[f"target_{name}"] == "" for row in rows for name in ("edema", "mass", "nodule")
    )
    assert blanks == sum(row % 5 == 0 for row in range(72) if row % 6 in (4, 5))


def test_the_checkpoint_says_what_is_needed_to_use_it(finished):
    content = read_checkpoint(finished("three").folder / "02-aucm" / "best.ckpt")
    card = content["card"]
    assert card["model"] == "resnet20"
    assert card["labels"] == ["edema", "mass", "nodule"]
    assert card["preparation"]["channels"] == 1


def test_config_yaml_is_a_recipe_of_the_same_run(finished, tmp_path):
    folder = finished("three").folder
    options = yaml.safe_load((folder / "config.yaml").read_text())
    assert options["data"]["init_args"]["label"] == ["edema", "mass", "nodule"]
    assert options["batches"] == {"size": 16, "positives": 0.5, "workers": 0}
    assert "resume" not in options
    fit(folder / "config.yaml", "--output", tmp_path)
    again = tmp_path / "three"
    assert read_json(again / "metrics.json") == read_json(folder / "metrics.json")
    ours, theirs = ((f / "config.yaml").read_text().splitlines() for f in (again, folder))
    assert [a for a, b in zip(ours, theirs, strict=True) if a != b] == [f"output: {tmp_path}"]


def test_an_option_set_to_null_is_null_in_config_yaml_too(sources, tmp_path):
    fit(*sources["npz"], "--output", tmp_path, "--name", "a", "--batches.positives", "null")
    options = yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())
    assert options["batches"]["positives"] is None
    fit(tmp_path / "a" / "config.yaml", "--name", "b")
    a, b = (read_rows(tmp_path / name / "02-aucm" / "metrics.csv") for name in "ab")
    assert a == b


def test_without_pretraining_there_is_one_stage(sources, tmp_path):
    fit(*sources["npz"], "--output", tmp_path, "--name", "x", "--pretrain.epochs", 0)
    stage = {name for name in files_below(tmp_path / "x") if "/" in name}
    assert stage == {f"01-aucm/{name}" for name in ("best.ckpt", "metrics.csv", "stage.json")}


def test_two_stages_learn(tmp_path):
    npz = npz_data(tmp_path / "x.npz", n=150)
    recipe = write_recipe(tmp_path / "r.yaml", "NPZ", pretrain=6, epochs=6)
    fit(recipe, "--data.npz", npz, "--output", tmp_path, "--loss", "PairwiseAUCLoss")
    found = read_json(tmp_path / "r" / "metrics.json")
    assert found["labels"]["label"]["auroc"]["estimate"] > 0.9

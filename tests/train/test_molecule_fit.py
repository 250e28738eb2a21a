"""``aucmax fit`` and ``predict`` on molecules: network, forest, and both in a blend."""

import logging
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles_loss_table import LOSSES
from oracles_nav import TINY, molecules, nav_csv
from oracles_train import files_below, fit, read_json, read_rows, refused, scores_of, write_csv
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from aucmax.cli import main
from aucmax.data import Molecules
from aucmax.molecules import fingerprints
from aucmax.report import read_predictions
from aucmax.samplers import BalancedBatches
from aucmax.train import training
from aucmax.train.config import Network
from aucmax.train.graphs import GraphInputs
from aucmax.train.seeds import derive

NAMES = ("01-bce", "02-pairwise-auc", "03-blend")


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    return nav_csv(tmp_path_factory.mktemp("nav") / "nav.csv", 150)


@pytest.fixture(scope="session")
def blend(table, tmp_path_factory):
    """A finished run of three stages, with the words that made it."""
    place = tmp_path_factory.mktemp("runs")
    words = ["molecules", "--data.csv", table, "--data.label", "active", "--split.by", "label",
             "--blend.epochs", 1, *TINY, "--output", place]  # fmt: skip
    fit(*words, "--name", "blend")
    return SimpleNamespace(folder=place / "blend", words=words, place=place)


@pytest.fixture(scope="session")
def forest(table, tmp_path_factory):
    place = tmp_path_factory.mktemp("forests")
    words = ["molhiv-forest", "--data.csv", table, "--data.label", "active", "--data.workers", 0,
             "--split.by", "label", "--forest.trees", 12, "--output", place]  # fmt: skip
    fit(*words, "--name", "forest")
    return SimpleNamespace(folder=place / "forest", words=words, place=place)


def bits_of(folder):
    """Fingerprints and targets of each part, as split.csv has it."""
    pairs = molecules(150)
    bits = fingerprints([smiles for smiles, _ in pairs], progress=False)
    target = np.array([label for _, label in pairs])
    parts = np.array([row["part"] for row in read_rows(folder / "split.csv")])
    return {part: (bits[parts == part], target[parts == part]) for part in set(parts.tolist())}


def test_three_stages_leave_a_run_folder(blend):
    there = files_below(blend.folder)
    wanted = {f"{stage}/{name}" for stage in NAMES
              for name in ("best.ckpt", "metrics.csv", "stage.json")}  # fmt: skip
    assert wanted | {"forest/forest.npz", "forest/scores.npy"} <= there
    rows = read_rows(blend.folder / "predictions.csv")
    assert [row["id"] for row in rows] == [
        row["id"] for row in read_rows(blend.folder / "split.csv") if row["part"] == "test"
    ]
    found = read_json(blend.folder / "metrics.json")["labels"]["active"]["auroc"]["estimate"]
    target = [int(row["target_active"]) for row in rows]
    score = [float(row["score_active"]) for row in rows]
    assert found == pytest.approx(roc_auc_score(target, score), abs=1e-9)


def test_the_forest_is_scikit_learns(forest):
    parts = bits_of(forest.folder)
    by_hand = RandomForestClassifier(
        12, criterion="entropy", min_samples_leaf=2, class_weight={0: 1, 1: 10},
        random_state=derive(0, "forest") % 2**32,
    ).fit(*parts["train"])  # fmt: skip
    _, scores = scores_of(forest.folder / "predictions.csv")
    assert scores == pytest.approx(by_hand.predict_proba(parts["test"][0])[:, 1], abs=1e-12)
    validation = read_json(forest.folder / "01-forest" / "stage.json")["validation_auroc"]
    bits, target = parts["validation"]
    expected = roc_auc_score(target, by_hand.predict_proba(bits)[:, 1])
    assert validation == pytest.approx(expected, abs=1e-12)


def test_several_forests_are_told_together(forest):
    fit(*forest.words, "--name", "two", "--seeds", 2)
    found = read_json(forest.place / "two" / "metrics.json")
    assert len(found["each_seed"]["forest"]) == 2
    first = (forest.place / "two" / "forest-seed0" / "predictions.csv").read_text()
    assert first == (forest.folder / "predictions.csv").read_text()


def test_training_rows_are_scored_by_forests_that_have_not_seen_them(blend):
    scores = np.load(blend.folder / "forest" / "scores.npy")
    parts = np.array([row["part"] for row in read_rows(blend.folder / "split.csv")])
    fit(*blend.words, "--name", "in", "--blend.scores", "in-sample")
    seen = np.load(blend.place / "in" / "forest" / "scores.npy")
    assert np.array_equal(scores[parts != "train"], seen[parts != "train"])
    target = np.array([label for _, label in molecules(150)])
    active = (parts == "train") & (target == 1)
    assert seen[active].mean() > scores[active].mean() + 0.1


def test_the_blend_is_its_formula(blend):
    card = torch.load(blend.folder / "03-blend" / "best.ckpt", weights_only=True)
    weights = card["state_dict"]
    beta = float(weights["network.beta"])
    assert 0 < beta < 1
    assert beta != 0.5
    inputs = GraphInputs("smiles")
    network = inputs.network(Network("deepergcn", layers=2, width=8), 1)
    prefix = "network.network."
    network.load_state_dict(
        {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    )
    data = Molecules(blend.words[2], label="active", workers=0).load()
    rows = [int(row["id"]) for row in read_rows(blend.folder / "predictions.csv")]
    with torch.no_grad():
        g = torch.sigmoid(network.eval()(data.graphs.batch(rows)))[:, 0].numpy()
    f = np.load(blend.folder / "forest" / "scores.npy")[rows, 0]
    _, scores = scores_of(blend.folder / "predictions.csv")
    assert scores == pytest.approx((1 - beta) * g + beta * f, abs=1e-5)


@pytest.mark.parametrize("stage", NAMES)
def test_a_run_that_stops_in_a_stage_goes_on_to_the_same(blend, stage, monkeypatch):
    name = f"stopped-{stage}"
    real = training.load_network

    def strike(network, path):
        if path.parent.name == stage:
            raise KeyboardInterrupt
        real(network, path)

    with monkeypatch.context() as patch:
        patch.setattr(training, "load_network", strike)
        assert main(["fit", *map(str, blend.words), "--name", name]) == 130
    fit(*blend.words, "--name", name, "--resume")
    for file in ("predictions.csv", "metrics.json", f"{stage}/metrics.csv"):
        there = (blend.place / name / file).read_text()
        assert there == (blend.folder / file).read_text(), file


@pytest.mark.parametrize("model", ["01-bce/best.ckpt", "03-blend/best.ckpt", "forest/forest.npz"])
def test_predict_gives_a_row_to_every_line(blend, tmp_path, caplog, model, capsys):
    rows = [("bad", "C1CC"), *((f"m{i}", s) for i, (s, _) in enumerate(molecules(150))), ("no", "")]
    path = write_csv(tmp_path / "new.csv", ["name", "smiles"], rows)
    out = tmp_path / "out.csv"
    words = ["predict", blend.folder / model, path, "--id", "name", "--output", out]
    assert main([str(word) for word in words]) == 0
    assert "150 molecules scored, 2 SMILES cannot be read" in capsys.readouterr().out
    found = read_rows(out)
    assert [row["id"] for row in found] == [name for name, _ in rows]
    for row in (found[0], found[-1]):
        assert row["score_active"] == ""
        assert row["error"]
    with caplog.at_level(logging.WARNING, "aucmax"):
        kept = read_predictions(out)
    assert len(kept) == 150
    assert "2 of 152 rows have an error and no score: left out" in caplog.text
    if model.startswith("03"):
        test = read_rows(blend.folder / "predictions.csv")
        by_name = dict(zip(kept.ids, kept.scores[:, 0], strict=True))
        expected = [float(row["score_active"]) for row in test]
        assert [by_name[f"m{row['id']}"] for row in test] == pytest.approx(expected, abs=1e-6)


def test_what_predict_refuses(blend, tmp_path, capsys):
    bad = write_csv(tmp_path / "bad.csv", ["smiles"], [("C1CC",)])
    checkpoint = blend.folder / "03-blend" / "best.ckpt"
    message = refused(capsys, 1, "predict", checkpoint, bad)
    assert "none of the 1 values in column 'smiles'" in message
    assert "give one CSV file" in refused(capsys, 2, "predict", checkpoint, bad, bad)
    assert "no column 'S'" in refused(capsys, 1, "predict", checkpoint, bad, "--smiles", "S")
    alone = tmp_path / "alone" / "03-blend"
    alone.mkdir(parents=True)
    shutil.copy(checkpoint, alone)
    message = refused(capsys, 1, "predict", alone / "best.ckpt", blend.words[2])
    assert "keep the run folder together" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model.name", "deepergnc"], "did you mean 'deepergcn'"),
        (["--model.pretrained", "true"], "--model.pretrained: for images only"),
        (["--augment.flip", "true"], "--augment: for images only"),
        (["--model.layers", "0"], "--model.layers and --model.width must be at least 1"),
        (["--blend.lr", "0"], "--blend.lr > 0"),
        (["--forest.trees", "0"], "--forest.trees"),
        (["--model.name", "forest"], "--loss, --optimizer, --pretrain.epochs: options of networks"),
        (["--ensemble", "forest", "deepergcn"], "--ensemble takes networks only"),
        (["--data.label", "acitve"], "did you mean 'active'"),
    ],
)
def test_what_fit_refuses(table, words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--data.csv", str(table), "--data.label", "active", "--split.by", "label"]
    assert main(["fit", "molecules", *options, *words]) in {1, 2}
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split.by", "scaffold"], "--split.by scaffold: only molecules have scaffolds"),
        (["--blend.epochs", "1"], "--blend.epochs: a forest on fingerprints takes molecules"),
        (["--model.width", "8"], "width: options of networks for molecules"),
    ],
)
def test_what_images_refuse(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "digits", "--baseline", "false", *words]) == 1
    assert message in capsys.readouterr().err


def test_a_part_without_both_classes_is_refused_with_the_name_of_the_task(tmp_path, capsys):
    rows = [(s, int(row == 0)) for row, (s, _) in enumerate(molecules(60))]
    path = write_csv(tmp_path / "x.csv", ["smiles", "rare"], rows)
    words = ["fit", "molecules", "--data.csv", path, "--data.label", "rare", *TINY]
    assert main([str(word) for word in [*words, "--output", tmp_path]]) == 1
    assert "needs both classes of label 'rare'" in capsys.readouterr().err


def test_parts_that_the_data_name_are_not_drawn_again(tmp_path, capsys):
    cycle = ["train", "val", "test"]
    rows = [(*pair, cycle[row % 3]) for row, pair in enumerate(molecules(60))]
    path = write_csv(tmp_path / "x.csv", ["smiles", "active", "part"], rows)
    words = ["fit", "molecules", "--data.csv", path, "--data.label", "active", *TINY,
             "--data.split", "part", "--output", tmp_path]  # fmt: skip
    assert main([str(word) for word in words]) == 1
    assert "the data name their parts themselves" in capsys.readouterr().err


def test_several_tasks_and_a_baseline(tmp_path):
    rows = [(s, y, "" if row % 4 == 0 else int(row % 2)) for row, (s, y)
            in enumerate(molecules(150))]  # fmt: skip
    path = write_csv(tmp_path / "x.csv", ["smiles", "a", "b"], rows)
    words = ["molecules", "--data.csv", path, "--data.label", "a,b", *TINY,
             "--model.name", "gine-virtual", "--split.by", "chance", "--baseline", "true",
             "--split.validation", 0.3, "--split.test", 0.3, "--output", tmp_path,
             "--batches.size", 16]  # fmt: skip
    fit(*words, "--name", "two")
    found = read_json(tmp_path / "two" / "metrics.json")
    assert set(found["validation"]) == {"pairwise-auc", "cross-entropy", "cross-entropy-balanced"}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_takes_a_step_on_graphs(table, name):
    data = Molecules(table, label="active", workers=0).load()
    inputs = GraphInputs("smiles")
    examples = inputs.examples(data)
    network, objective = (
        inputs.network(Network("deepergcn", layers=2, width=8), 1),
        LOSSES[name](None),
    )
    sampler = BalancedBatches(data.target, 16, positives=0.25)
    graphs, target, index = examples.__getitems__(list(next(iter(sampler))))
    assert target.sum() == 4
    value = objective(network(graphs)[:, 0], target[:, 0], index)
    value.backward()
    assert value.isfinite()
    assert network.fc.weight.grad.abs().sum() > 0

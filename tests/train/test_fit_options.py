"""Losses, optimizers, networks, trainer options: each works by its name from the command line."""

import numpy as np
import pytest
import torch
from oracles_train import (
    FILES,
    files_below,
    fit,
    made_images,
    read_json,
    read_rows,
    write_csv,
    write_pngs,
    write_recipe,
)

from aucmax.report.predictions import read_predictions
from aucmax.train.checkpoints import read_checkpoint
from aucmax.train.config import Recipe
from aucmax.train.option_errors import class_names

LOSSES = {
    "AUCMLoss": ["--loss.margin", 0.5],
    "AUCSquareLoss": [],
    "PairwiseAUCLoss": ["--loss.surrogate", "logistic", "--loss.activation", "torch.nn.Identity"],
    "BCELoss": ["--loss.pos_weight", 2],
    "FocalLoss": ["--loss.gamma", 1.5],
    "LogitAdjustedLoss": ["--loss.prior", 0.3],
    "APLoss": ["--loss.gamma", 0.9],
    "AUMLoss": [],
    "CompositionalAUCLoss": ["--optimizer", "PDSCA", "--optimizer.inner_lr", 0.05],
    "CrossEntropyAUCLoss": ["--loss.auc", "PairwiseAUCLoss", "--loss.auc.margin", 0.5],
    "OneVsOneLoss": ["--loss.loss", "PairwiseAUCLoss"],
    "OneVsRestLoss": ["--loss.loss", "PairwiseAUCLoss", "--loss.activation", "torch.tanh"],
    "PNormPushLoss": ["--loss.p", 3],
    "PartialAUCLoss": ["--loss.max_fpr", 0.3, "--loss.gamma", 0.5],
    "PAUCILoss": ["--loss.max_fpr", 0.5, "--loss.min_tpr", 0.2],
    "SmoothPartialAUCLoss": ["--loss.temperature", 0.5],
    "SmoothTwoWayPartialAUCLoss": ["--loss.positive_temperature", 2],
    "TwoWayPartialAUCLoss": ["--loss.max_fpr", 0.5, "--loss.min_tpr", 0.5],
}
BASELINES = {"BCELoss", "FocalLoss", "LogitAdjustedLoss"}
OF_CLASSES = {"OneVsOneLoss", "OneVsRestLoss"}
OPTIMIZERS = {
    "PESG": ["--optimizer.momentum", 0.9, "--optimizer.clip", 1],
    "PESGAdam": ["--optimizer.lr", 0.01],
    "SGD": ["--optimizer.momentum", 0.9, "--optimizer.nesterov", "true"],
    "Adam": ["--optimizer.lr", 0.01],
    "PDSCA": ["--loss", "CompositionalAUCLoss", "--optimizer.inner_average", 0.5],
}


@pytest.fixture
def one_stage(sources, tmp_path):
    """Fit a single stage on the archive; give its folder."""

    def run(*words, source="npz", name="x"):
        fit(
            *sources[source],
            *("--output", tmp_path, "--name", name, "--pretrain.epochs", 0),
            *words,
        )
        return tmp_path / name

    return run


def test_every_loss_and_own_optimizer_is_tried_below():
    assert class_names("loss") == LOSSES.keys()
    assert class_names("optimizer") >= OPTIMIZERS.keys()


@pytest.mark.parametrize("loss", LOSSES.keys() - OF_CLASSES)
def test_losses_by_name(one_stage, loss):
    folder = one_stage("--loss", loss, *LOSSES[loss])
    stage = f"01-{Recipe(loss).name}"
    (row,) = read_rows(folder / stage / "metrics.csv")
    assert np.isfinite(float(row["train_loss"]))
    assert ("batch_auroc" in row) == (loss not in BASELINES)
    assert 0 <= read_json(folder / "metrics.json")["labels"]["label"]["auroc"]["estimate"] <= 1


@pytest.mark.parametrize("loss", sorted(OF_CLASSES))
@pytest.mark.parametrize("inner", ["PairwiseAUCLoss", "AUCMLoss"])
def test_losses_for_classes_take_labels_of_which_each_row_has_one(tmp_path, loss, inner):
    pixels, _ = made_images(60)
    kind = np.arange(60) % 3
    pixels[:, :8] = np.maximum(pixels[:, :8], 60 * kind[:, None, None]).astype(np.uint8)
    rows = [
        (n, *map(int, np.eye(3)[k]))
        for n, k in zip(write_pngs(tmp_path, pixels), kind, strict=True)
    ]
    table = write_csv(tmp_path / "kinds.csv", ["image", "red", "white", "platelet"], rows)
    words = ["--loss", loss, "--loss.loss", inner, "--batches.positives", "null"]
    fit(
        *(write_recipe(tmp_path / "r.yaml", "CSV"), "--data.csv", table, "--data.label"),
        *("red", "white", "platelet", "--pretrain.epochs", 0, *words),
        *("--output", tmp_path, "--name", "x"),
    )
    stage = tmp_path / "x" / f"01-{Recipe(loss).name}"
    (row,) = read_rows(stage / "metrics.csv")
    assert np.isfinite(float(row["train_loss"]))
    assert 0 <= float(row["batch_auroc"]) <= 1
    state = read_checkpoint(stage / "best.ckpt")["state_dict"]
    if inner == "AUCMLoss":
        assert state["loss.loss.loss.alpha"].shape == (6 if loss == "OneVsOneLoss" else 3,)


def test_averages_have_a_place_for_every_row_of_the_training_part(one_stage):
    folder = one_stage("--loss", "APLoss", source="three")
    state = read_checkpoint(folder / "01-ap" / "best.ckpt")["state_dict"]
    averages = state["loss.loss.of_negatives.value"]
    assert averages.shape == (36, 3)
    assert averages.isfinite().any()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_by_name(one_stage, optimizer):
    folder = one_stage("--optimizer", optimizer, *OPTIMIZERS[optimizer])
    stage = "01-compositional-auc" if optimizer == "PDSCA" else "01-aucm"
    (row,) = read_rows(folder / stage / "metrics.csv")
    assert float(row["batch_alpha"]) > 0  # the dual variable was ascended


def test_several_labels_with_a_margin_for_each(one_stage):
    folder = one_stage("--loss.margin", 0.5, 1, 2, source="three")
    state = read_checkpoint(folder / "01-aucm" / "best.ckpt")["state_dict"]
    assert state["loss.loss.alpha"].shape == (3,)


def test_averaged_weights_are_judged_and_kept(one_stage):
    folder = one_stage("--average", 0.5, "--schedule.epochs", 2)
    content = read_checkpoint(folder / "01-aucm" / "best.ckpt")
    name = next(key for key in content["state_dict"] if key.endswith("weight"))
    averaged, current = (content[key][name] for key in ("state_dict", "current_model_state"))
    assert not torch.equal(averaged, current)
    assert "averaging_state" in content


def test_patience_ends_a_stage(one_stage):
    words = ["--schedule.epochs", 30, "--schedule.patience", 2, "--optimizer.lr", 0]
    folder = one_stage(*words)  # nothing is learned, so after epoch 0 nothing gets better
    found = read_json(folder / "01-aucm" / "stage.json")
    rows = read_rows(folder / "01-aucm" / "metrics.csv")
    assert found["epochs"] == len(rows) < 30
    assert len(rows) == found["best_epoch"] + 1 + 2


def test_the_learning_rate_of_an_epoch_is_the_one_it_was_trained_with(one_stage):
    folder = one_stage(
        *("--schedule.epochs", 4, "--schedule.decay_at", 0.25, 0.75, "--schedule.gamma", 0.5),
        *("--optimizer.lr", 0.08),
    )
    rows = read_rows(folder / "01-aucm" / "metrics.csv")
    assert [float(row["lr"]) for row in rows] == pytest.approx([0.08, 0.04, 0.04, 0.02])


def test_tensorboard(one_stage):
    pytest.importorskip("tensorboard")
    folder = one_stage("--tensorboard", "true")
    assert any("events.out.tfevents" in name for name in files_below(folder / "01-aucm"))


@pytest.mark.parametrize(
    "words",
    [
        ("--trainer.precision", "bf16-mixed"),
        ("--trainer.accumulate_grad_batches", 2),
        ("--trainer.gradient_clip_val", 1),
        ("--trainer.limit_train_batches", 1),
    ],
    ids=lambda words: words[0],
)
def test_trainer_options(one_stage, words):
    folder = one_stage(*words, "--trainer.accelerator", "cpu")
    rows = read_rows(folder / "01-aucm" / "metrics.csv")
    plain = read_rows(one_stage(name="plain") / "01-aucm" / "metrics.csv")
    assert np.isfinite(float(rows[0]["train_loss"]))
    assert rows != plain  # the option has an effect


def test_a_network_of_timm_takes_grey_images(one_stage):
    words = ["--model.name", "resnet10t", "--model.image_size", 32, "--augment.flip", "true"]
    folder = one_stage(*words)
    card = read_checkpoint(folder / "01-aucm" / "best.ckpt")["card"]
    assert card["model"] == "resnet10t"
    assert card["preparation"]["size"] == 32
    assert card["preparation"]["channels"] == 1


def test_copies_change_the_scores_of_the_test_rows_and_nothing_else(one_stage):
    words = ["--augment.flip", "true", "--augment.shift", 0.2]
    plain = one_stage(*words, name="plain")
    averaged = one_stage(*words, "--augment.at_test", "true", name="averaged")
    epochs = [read_rows(folder / "01-aucm" / "metrics.csv") for folder in (plain, averaged)]
    assert epochs[0] == epochs[1]
    found, again = (read_predictions(folder / "predictions.csv") for folder in (plain, averaged))
    assert found.ids == again.ids
    assert np.abs(found.scores - again.scores).max() > 1e-6
    config = (averaged / "config.yaml").read_text()
    assert "at_test: true" in config


def test_a_transformer_of_timm_in_two_stages(sources, tmp_path):
    size = ["--model.name", "test_vit", "--model.image_size", 160]
    fit(*sources["npz"], "--output", tmp_path, "--name", "x", *size)
    assert files_below(tmp_path / "x") >= FILES


def test_a_new_head_or_the_old_one(sources, tmp_path):
    """With the old head and no learning, the second stage judges the first stage's network."""
    words = [*sources["npz"], "--output", tmp_path, "--optimizer.lr", 0, "--schedule.epochs", 1]
    fit(*words, "--name", "old", "--pretrain.new_head", "false")
    fit(*words, "--name", "new")
    old, new = (
        [
            read_checkpoint(tmp_path / name / stage / "best.ckpt")["state_dict"]
            for stage in ("01-bce", "02-aucm")
        ]
        for name in ("old", "new")
    )
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    weights = [k for k in old[0] if k.startswith("network.") and not k.endswith(buffers)]
    head = {key.split(".")[1] for key in weights if not torch.equal(new[0][key], new[1][key])}
    assert len(head) == 1
    assert all(torch.equal(old[0][key], old[1][key]) for key in weights)


def test_seeds_and_baselines_are_compared(sources, tmp_path, capsys):
    words = ["--output", tmp_path, "--name", "x", "--seeds", 2, "--baseline", "true", "--seed", 5]
    fit(*sources["npz"], *words)
    folder, methods = tmp_path / "x", ("aucm", "cross-entropy", "cross-entropy-balanced")
    runs = [f"{method}-seed{seed}" for method in methods for seed in (5, 6)]
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(runs)
    assert {path.name for path in folder.iterdir() if path.is_file()} == FILES - {"predictions.csv"}
    found = read_json(folder / "metrics.json")
    assert found["seeds"] == 2
    validation = {}
    for method in methods:
        own = [folder / f"{method}-seed{seed}" for seed in (5, 6)]
        aucs = [read_json(f / "metrics.json")["labels"]["label"]["auroc"]["estimate"] for f in own]
        assert found["each_seed"][method] == pytest.approx(aucs, abs=1e-9)
        stages = [read_json(sorted(f.glob("*/stage.json"))[-1]) for f in own]
        validation[method] = np.mean([stage["validation_auroc"] for stage in stages])
    assert found["validation"] == pytest.approx(validation, abs=1e-9)
    better, other = sorted(methods[1:], key=lambda name: -validation[name])
    assert found["names"] == ["aucm", better]
    mean = np.mean(found["each_seed"][other])
    assert found["others"][other]["auroc"]["estimate"] == pytest.approx(mean, abs=1e-9)
    assert read_json(folder / "cross-entropy-seed5" / "01-bce" / "stage.json")["epochs"] == 2
    page, told = (folder / "report.html").read_text(), capsys.readouterr().out
    assert "Test AUC of each training seed" in page
    for name in (f"{better} (the better by validation)", other):
        assert name in page
        assert name in told


def test_several_seeds_without_baseline(sources, tmp_path, capsys):
    fit(*sources["npz"], "--output", tmp_path, "--name", "x", "--seeds", 2, "--pretrain.epochs", 0)
    found = read_json(tmp_path / "x" / "metrics.json")
    mean = np.mean(found["each_seed"]["aucm"])
    assert found["auroc"]["estimate"] == pytest.approx(mean, abs=1e-9)
    assert f"Mean AUC of 2 seeds of aucm: {mean:.4f}" in capsys.readouterr().out


def test_threads_of_the_processor(one_stage):
    before = torch.get_num_threads()
    try:
        one_stage("--threads", 2, "--trainer.accelerator", "cpu")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

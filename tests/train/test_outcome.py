"""What a run leaves is never lost to what comes after its training."""

import numpy as np
import pytest
from oracles_train import (
    FILES,
    files_below,
    fit,
    made_images,
    read_json,
    read_rows,
    write_csv,
    write_pngs,
)

from aucmax.cli import main

LABELS = tuple(f"finding {k}" for k in range(15))


@pytest.fixture
def fifteen(tmp_path):
    """Images of fifteen labels, in a CSV file."""
    pixels, _ = made_images(48)
    names = write_pngs(tmp_path / "images", pixels)
    target = (np.random.default_rng(0).random((48, 15)) < 0.5).astype(int)
    parts = ["train", "train", "val", "test"]
    rows = [
        (name, *row, parts[k % 4]) for k, (name, row) in enumerate(zip(names, target, strict=True))
    ]
    return write_csv(tmp_path / "images" / "cases.csv", ["image", *LABELS, "part"], rows)


def test_fifteen_labels_are_trained_evaluated_and_reported(sources, fifteen, tmp_path, capsys):
    words = ["--data.csv", fifteen, "--data.label", *LABELS, "--data.split", "part"]
    fit(sources["csv"][0], *words, "--output", tmp_path, "--name", "x")
    folder = tmp_path / "x"
    areas = {f"{name}.{kind}" for name in ("areas", "roc-2", "precision_recall-2")
             for kind in ("png", "svg")}  # fmt: skip
    assert {path for path in files_below(folder) if "/" not in path} == FILES | areas
    assert set(read_json(folder / "metrics.json")["labels"]) == set(LABELS)
    assert "finding 14" in capsys.readouterr().out
    predictions = str(folder / "predictions.csv")
    assert main(["evaluate", predictions, "--output", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "roc-2.png").exists()
    assert main(["report", predictions, "--output", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().count("<figure") == 5


def test_a_figure_that_fails_leaves_a_note_and_no_ruin(sources, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no more ink")

    monkeypatch.setattr("aucmax.metrics.roc_band", fails)
    fit(*sources["npz"], "--output", tmp_path, "--name", "x", "--pretrain.epochs", "0")
    folder = tmp_path / "x"
    assert {"predictions.csv", "metrics.json", "precision_recall.png"} <= files_below(folder)
    assert not (folder / "roc.png").exists()
    assert "no more ink" in (folder / "report.html").read_text()


@pytest.mark.parametrize("seeds", [1, 2])
def test_what_was_predicted_is_there_whatever_fails_next_and_is_resumed(
    sources, tmp_path, monkeypatch, seeds
):
    def fails(*_, **__):
        raise OSError("the disk is full")

    words = [*sources["npz"], "--output", tmp_path, "--name", "x", "--pretrain.epochs", "0",
             "--seeds", seeds]  # fmt: skip
    with monkeypatch.context() as broken:
        broken.setattr("aucmax.train.outcome.write_json", fails)
        assert main(["fit", *map(str, words)]) != 0
    folder = tmp_path / "x" if seeds == 1 else tmp_path / "x" / "aucm-seed0"
    before = read_rows(folder / "predictions.csv")
    assert not (folder / "report.html").exists()
    monkeypatch.setattr("aucmax.train.training.Training.predictions", fails_if_asked(seeds))
    fit(*words, "--resume")
    assert read_rows(folder / "predictions.csv") == before
    assert {"metrics.json", "report.html", "roc.png"} <= files_below(folder)


def fails_if_asked(seeds):
    """A second seed was never trained; the first must not be trained or scored again."""
    from aucmax.train.training import Training

    original = Training.predictions

    def predictions(self):
        assert seeds > 1
        assert self.folder.name.endswith("seed1")
        return original(self)

    return predictions

"""Prepared and damaged images: the same numbers from the store, and what is left out."""

import os

import numpy as np
import oracles_chests as chests
import oracles_medical as trees
import pytest
from oracles_medical import SMALL, split_csv
from oracles_train import read_json, read_rows, refused
from PIL import Image

from aucmax.cli import main

MAKERS = {"chexpert": chests.chexpert, "melanoma": trees.melanoma, "mammography": trees.mammography}
SOURCE = {"chexpert": "CheXpert", "melanoma": "Melanoma", "mammography": "Mammography"}


def told(capsys, *words):
    """What a command that must succeed says on either channel."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr()


def truncate(path):
    """Cut a file in the middle of its pixels: its head can still be read."""
    os.truncate(path, 2 * path.stat().st_size // 3)
    Image.open(path).close()
    with pytest.raises(OSError, match="truncated"), Image.open(path) as image:
        image.load()


def spoil(path):
    """A longer file of noise, cut, so that pixels are missing whatever the picture was."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    truncate(path)


@pytest.mark.parametrize("name", MAKERS)
def test_a_fit_uses_the_prepared_images_with_the_same_numbers(capsys, tmp_path, pictures, name):
    tree = MAKERS[name](tmp_path, pictures)
    words = [*tree.words, *SMALL, "--split.validation=0.3", "--output", tmp_path]
    plain = told(capsys, "fit", *words, "--name", "plain")
    assert "prepared" not in plain.err
    source = ["--data", SOURCE[name], "--data.root", tree.root]
    store = (
        tree.root.with_name(f"{tree.root.name}.aucmax") / f"16px-{3 if name == 'melanoma' else 1}"
    )
    prepared = told(capsys, "prepare", *source, "--size", 16, "--workers", 0)
    assert prepared.out == f"{len(tree.truth)} images prepared: {store}\n"
    stored = told(capsys, "fit", *words, "--name", "stored")
    assert f"note: using the prepared images in {store}\n" in stored.err
    for file in ("metrics.json", "split.csv", "predictions.csv"):
        assert (tmp_path / "stored" / file).read_bytes() == (tmp_path / "plain" / file).read_bytes()
    again = told(capsys, "prepare", *source, "--size", 16, "--workers", 0)
    assert f"the images in {store} are prepared already" in again.err


def test_other_sizes_are_not_taken_from_the_store_and_changed_files_are_told(
    capsys, tmp_path, pictures, monkeypatch
):
    tree = trees.melanoma(tmp_path, pictures)
    words = [*tree.words, *SMALL, "--output", tmp_path, "--pretrain.epochs=0"]
    source = ["--data", "Melanoma", "--data.root", tree.root, "--data.prepared", tmp_path / "store"]
    told(capsys, "prepare", *source, "--size", 16, "--workers", 0)
    assert not (tmp_path / "ISIC_2020.aucmax").exists()
    note = "are not there, so the files are decoded: run aucmax prepare"
    other = [*words, "--data.prepared", tmp_path / "store", "--model.image_size=12"]
    assert note in told(capsys, "fit", *other, "--name", "other").err
    trees.save(tree.root / "train/ISIC_0000007.jpg", np.zeros((30, 30, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    words += ["--data.prepared", tmp_path / "store", "--name", "stale"]
    message = refused(capsys, 1, "fit", *words)
    assert "1 images have changed since: 'ISIC_0000007'" in message
    assert "aucmax prepare" in message


@pytest.mark.parametrize("prepared", [False, True])
def test_truncated_images_are_skipped_and_listed(capsys, tmp_path, pictures, prepared):
    tree = trees.melanoma(tmp_path, pictures)
    bad = {name: tree.root / f"train/{name}.jpg" for name in ("ISIC_0000004", "ISIC_0000031")}
    for path in bad.values():
        spoil(path)
    if prepared:
        source = ["--data", "Melanoma", "--data.root", tree.root]
        note = told(capsys, "prepare", *source, "--size", 16, "--workers", 0).err
        assert "2 of 72 images cannot be read" in note
    words = [*tree.words, *SMALL, "--data.on_error", "skip", "--output", tmp_path]
    note = told(capsys, "fit", *words, "--name", "run").err
    assert "2 of 72 images cannot be read and are left out (listed in skipped.csv)" in note
    assert str(bad["ISIC_0000004"]) in note
    skipped = read_rows(tmp_path / "run" / "skipped.csv")
    assert {row["id"]: row["path"] for row in skipped} == {k: str(v) for k, v in bad.items()}
    assert all("truncated" in row["reason"] for row in skipped)
    assert set(split_csv(tmp_path / "run" / "split.csv")) == set(tree.truth) - set(bad)


@pytest.mark.parametrize("prepared", [False, True])
def test_truncated_images_are_an_error_otherwise(capsys, tmp_path, pictures, monkeypatch, prepared):
    tree = chests.chexpert(tmp_path / "data", pictures)
    path = tree.root / "train/patient00006/study1/view1_frontal.jpg"
    spoil(path)
    if prepared:
        told(capsys, "prepare", "--data=CheXpert", "--data.root", tree.root, "--size", 16)
    monkeypatch.chdir(tmp_path)
    message = refused(capsys, 1, "fit", *tree.words, *SMALL, "--split.validation=0.3")
    assert message.count("\n") == 1
    assert repr(str(path)) in message
    assert "truncated" in message


def test_nothing_skipped_is_said_too(capsys, tmp_path, pictures):
    tree = trees.ham10000(tmp_path, pictures)
    words = [*tree.words, *SMALL, "--data.on_error=skip", "--output", tmp_path, "--name", "run"]
    note = told(capsys, "fit", *words, "--pretrain.epochs=0").err
    assert "all 60 images can be read: none is left out" in note
    assert (tmp_path / "run" / "skipped.csv").read_text() == "id,path,reason\n"
    words = [*tree.words, *SMALL, "--output", tmp_path, "--name", "plain"]
    told(capsys, "fit", *words, "--pretrain.epochs=0")
    assert not (tmp_path / "plain" / "skipped.csv").exists()
    numbers = (read_json(tmp_path / name / "metrics.json") for name in ("run", "plain"))
    assert next(numbers) == next(numbers)

"""Scores of images in their order, and rows that cannot be learned from."""

import logging

import numpy as np
import pytest
import torch
from oracles_train import fit, made_images, read_rows, write_csv, write_pngs, write_recipe
from PIL import Image

from aucmax.data import ArrayImages, ImageSet
from aucmax.models import AveragedCopies, create
from aucmax.train.checkpoints import load_network
from aucmax.train.config import Augment
from aucmax.train.predict import images_of, predictions, score
from aucmax.train.transforms import Preparation


def saved(path, labels=("a", "b"), channels=1, size=None, copies=None):
    """A checkpoint of an untrained network."""
    preparation = Preparation(channels, size, (0.5,) * channels, (0.25,) * channels, copies)
    network = create("resnet20", channels=channels, num_labels=len(labels)).eval()
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    card = {"model": "resnet20", "labels": list(labels), "preparation": preparation.as_dict()}
    torch.save({"card": card, "state_dict": state}, path)
    return network


def test_scores_are_sigmoids_of_logits_in_the_order_of_the_images(tmp_path):
    network = saved(tmp_path / "x.ckpt")
    pixels, target = made_images(300, labels=2)  # more than one batch
    images = ImageSet(ArrayImages(pixels), target, ("c", "d"), tuple(map(str, range(300))))
    found = score(tmp_path / "x.ckpt", images)
    inputs = (torch.from_numpy(pixels)[:, None] / 255 - 0.5) / 0.25
    with torch.no_grad():
        expected = torch.sigmoid(network(inputs).double())
    assert found.scores == pytest.approx(expected.numpy(), abs=1e-6)
    assert found.ids == images.ids
    assert np.array_equal(found.target, target)


def test_a_checkpoint_tells_that_copies_of_an_image_are_scored(tmp_path):
    network = saved(tmp_path / "x.ckpt", copies=Augment(flip=True, shift=0.2, at_test=True))
    pixels, target = made_images(9, labels=2)
    images = ImageSet(ArrayImages(pixels), target, ("c", "d"), tuple(map(str, range(9))))
    inputs = (torch.from_numpy(pixels)[:, None] / 255 - 0.5) / 0.25
    with torch.no_grad():
        plain = torch.sigmoid(network(inputs)).numpy()
        expected = torch.sigmoid(AveragedCopies(network, flip=True, shift=0.2).eval()(inputs))
    found = score(tmp_path / "x.ckpt", images).scores
    assert found == pytest.approx(expected.double().numpy(), abs=1e-6)
    assert np.abs(found - plain).max() > 1e-3


def test_unknown_targets_are_none_at_all():
    unknown = np.full((2, 1), np.nan, dtype=np.float32)
    images = ImageSet(ArrayImages(np.zeros((2, 4, 4), np.uint8)), unknown, ("y",), ("a", "b"))
    found = predictions(images, torch.tensor([[0.0], [2.0]], dtype=torch.float64))
    assert found.target is None
    assert found.scores[:, 0] == pytest.approx([0.5, 1 / (1 + np.exp(-2))])


def test_files_and_folders_become_what_the_checkpoint_takes(tmp_path):
    saved(tmp_path / "x.ckpt", channels=3, size=16)
    write_pngs(tmp_path / "f" / "b", made_images(2, size=20)[0])
    Image.new("RGB", (30, 8)).save(tmp_path / "f" / "a.JPG")
    (tmp_path / "f" / "notes.txt").write_text("no image")
    write_pngs(tmp_path / "e", made_images(1, size=20)[0])
    images = images_of(tmp_path / "x.ckpt", [tmp_path / "f", tmp_path / "e" / "000.png"])
    names = [name.removeprefix(str(tmp_path)) for name in images.ids]
    assert names == ["/f/a.JPG", "/f/b/000.png", "/f/b/001.png", "/e/000.png"]
    assert images.images.channels == 3
    assert score(tmp_path / "x.ckpt", images).scores.shape == (4, 2)


def test_an_image_named_twice_is_refused(tmp_path):
    saved(tmp_path / "x.ckpt")
    write_pngs(tmp_path, made_images(1)[0])
    with pytest.raises(ValueError, match="ids must be unique"):
        images_of(tmp_path / "x.ckpt", [tmp_path / "000.png", tmp_path / "000.png"])


def test_another_number_of_labels_is_refused(tmp_path):
    saved(tmp_path / "x.ckpt")
    pixels, target = made_images(6)
    images = ImageSet(ArrayImages(pixels), target, ("y",), tuple("abcdef"))
    with pytest.raises(ValueError, match=r"was trained for the labels \['a', 'b'\], the images"):
        score(tmp_path / "x.ckpt", images)
    with pytest.raises(ValueError, match="holds another model"):
        load_network(create("resnet32", channels=1, num_labels=2), tmp_path / "x.ckpt")


def test_rows_without_any_label_are_left_out_aloud_and_copies_are_told(tmp_path, caplog):
    pixels, target = made_images(60)
    pixels[31] = pixels[30]
    names = write_pngs(tmp_path / "images", pixels)
    labels = ["" if row % 10 == 7 else int(y) for row, y in enumerate(target[:, 0])]
    write_csv(tmp_path / "images" / "c.csv", ["image", "label"], zip(names, labels, strict=True))
    recipe = write_recipe(tmp_path / "r.yaml", "CSV")
    with caplog.at_level(logging.INFO, "aucmax"):
        fit(recipe, "--data.csv", tmp_path / "images" / "c.csv", "--output", tmp_path)
    told = [record.getMessage() for record in caplog.records]
    assert "6 of 60 rows have no known label: left out" in told
    assert any("030.png" in sentence and "031.png" in sentence for sentence in told)
    assert len(read_rows(tmp_path / "r" / "split.csv")) == 54

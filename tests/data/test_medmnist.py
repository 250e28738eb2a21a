"""Every two-dimensional set of MedMNIST, small, under its official name."""

import numpy as np
import pytest

from aucmax.data._medmnist_labels import LABELS
from aucmax.data.medmnist import MedMNIST

PARTS = {"train": 60, "val": 30, "test": 40}


def archive(folder, name, labels_of, shape=(28, 28), key="labels"):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in PARTS.items():
        arrays[f"{part}_images"] = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        arrays[f"{part}_{key}"] = labels_of(n)
    path = folder / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    return path, arrays


def cycle(classes):
    return lambda n: (np.arange(n) % classes).astype(np.uint8)[:, None]


def findings(n):
    return np.random.default_rng(n).integers(0, 2, (n, 14), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "size", "channels"), [("breastmnist", 28, 1), ("pneumoniamnist_224", 224, 1)]
)
def test_two_classes_are_one_label(tmp_path, name, size, channels):
    path, arrays = archive(tmp_path, name, cycle(2), (size, size))
    data = MedMNIST(path).load()
    assert data.labels == (LABELS[name.split("_")[0]][1],)
    assert data.target[:, 0].tolist() == [row % 2 for n in PARTS.values() for row in range(n)]
    assert data.images.channels == channels
    assert (data.ids[0], data.ids[60], data.ids[-1]) == ("train-00", "val-00", "test-39")
    np.testing.assert_array_equal(data.images[61][0].numpy(), arrays["val_images"][1])
    assert data.split.tolist() == ["train"] * 60 + ["validation"] * 30 + ["test"] * 40


CLASSES = [name for name, labels in LABELS.items() if len(labels) > 2 and name != "chestmnist"]


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_one_label_each_against_the_rest(tmp_path, name):
    classes = LABELS[name]
    path, arrays = archive(tmp_path, f"{name}_64", cycle(len(classes)), (64, 64, 3))
    data = MedMNIST(path).load()
    number = np.concatenate([arrays[f"{part}_labels"][:, 0] for part in PARTS])
    assert data.labels == classes
    for row in range(130):
        assert data.target[row].tolist() == [float(number[row] == c) for c in range(len(classes))]
    np.testing.assert_array_equal(
        data.images[129].numpy(), np.moveaxis(arrays["test_images"][39], 2, 0)
    )


def test_findings_are_labels(tmp_path):
    path, arrays = archive(tmp_path, "chestmnist_128", findings, (8, 8))
    data = MedMNIST(path, exclude="val-00").load()
    expected = np.concatenate([arrays[f"{part}_labels"] for part in PARTS])
    np.testing.assert_array_equal(data.target, np.delete(expected, 60, axis=0))
    assert data.labels[:3] == ("atelectasis", "cardiomegaly", "effusion")
    either = MedMNIST(path, positive=("mass", "nodule")).load()
    assert either.labels == ("mass+nodule",)
    np.testing.assert_array_equal(either.target[:, 0], expected[:, 4] | expected[:, 5])


@pytest.mark.parametrize(
    ("positive", "numbers", "label"),
    [
        ("melanoma", [4], "melanoma"),
        ((4, "basal cell carcinoma"), [1, 4], "basal cell carcinoma+melanoma"),
        (0, [0], "actinic keratoses and intraepithelial carcinoma"),
        ("6", [6], "vascular lesions"),
    ],
)
def test_positive_classes(tmp_path, positive, numbers, label):
    path, arrays = archive(tmp_path, "dermamnist", cycle(7))
    data = MedMNIST(path, positive=positive).load()
    number = np.concatenate([arrays[f"{part}_labels"][:, 0] for part in PARTS])
    assert data.labels == (label,)
    assert data.target[:, 0].tolist() == [float(n in numbers) for n in number]


def test_malignant_is_class_0_of_breastmnist(tmp_path):
    path, _ = archive(tmp_path, "breastmnist", cycle(2))
    data = MedMNIST(path, positive="malignant").load()
    assert data.target[:4, 0].tolist() == [1, 0, 1, 0]


def test_names_of_grades_are_names_before_they_are_numbers(tmp_path):
    path, _ = archive(tmp_path, "retinamnist", cycle(5))
    assert MedMNIST(path).load().labels == ("0", "1", "2", "3", "4")
    assert MedMNIST(path, positive=("3", 4)).load().labels == ("3+4",)


def test_file_with_another_name(tmp_path):
    path, _ = archive(tmp_path, "mine", cycle(8))
    assert MedMNIST(path).load().labels == tuple(f"class-{n}" for n in range(8))
    assert MedMNIST(path, name="bloodmnist").load().labels == LABELS["bloodmnist"]
    path, _ = archive(tmp_path, "other", findings)
    assert MedMNIST(path).load().labels[13] == "label-13"
    path, _ = archive(tmp_path, "two", cycle(2))
    assert MedMNIST(path).load().labels == ("class-1",)


def test_pixels_are_not_copied(tmp_path):
    path, _ = archive(tmp_path, "breastmnist", cycle(2))
    inner = MedMNIST(path).load().images._images
    assert [array.shape[0] for array in inner._arrays] == list(PARTS.values())
    assert all(array.dtype == np.uint8 for array in inner._arrays)


@pytest.mark.parametrize(
    ("name", "labels_of", "options", "message"),
    [
        ("breastmnist", cycle(3), {}, "labels must be from 0 to 1, got 2"),
        ("chestmnist", lambda n: findings(n) * 2, {}, "labels must be from 0 to 1, got 2"),
        ("chestmnist", cycle(2), {}, "has 14 columns of labels, got 1; say with name which set"),
        ("bloodmnist", findings, {}, "has 8 columns of labels, got 14; say with name"),
        ("bloodmnist", cycle(7), {}, "label 'platelet' holds one class only"),
        ("bloodmnist", lambda n: np.full((n, 1), -1), {}, "labels must be from 0 to 7, got -1"),
        ("bloodmnist", lambda n: cycle(8)(n) / 2, {}, "labels of .* must be whole numbers"),
        ("bloodmnist", cycle(8), {"positive": "platelets"}, "no class 'platelets'; did you mean"),
        ("bloodmnist", cycle(8), {"positive": 8}, "no class '?8'?.*with the numbers 0 to 7"),
        ("breastmnist", cycle(2), {"positive": (0, 1)}, "positive names every class"),
    ],
)
def test_refused(tmp_path, name, labels_of, options, message):
    path, _ = archive(tmp_path, name, labels_of)
    with pytest.raises(ValueError, match=message):
        MedMNIST(path, **options).load()


def test_volumes_are_refused(tmp_path):
    path, _ = archive(tmp_path, "organmnist3d", cycle(11), (28, 28, 28))
    with pytest.raises(ValueError, match=r"holds volumes of shape \(28, 28, 28\); only"):
        MedMNIST(path).load()


def test_missing_array_and_file(tmp_path):
    path, _ = archive(tmp_path, "breastmnist", cycle(2), key="targets")
    with pytest.raises(ValueError, match=r"has no array 'train_labels'"):
        MedMNIST(path).load()
    with pytest.raises(FileNotFoundError, match=r"breastmnst.npz'; did you.*medmnist.com"):
        MedMNIST(tmp_path / "breastmnst.npz").load()
    (tmp_path / "pathmnist.npz").write_text("<html>Not found</html>")
    with pytest.raises(ValueError, match=r"pathmnist.npz' is no NumPy archive"):
        MedMNIST(tmp_path / "pathmnist.npz").load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "skinmnist"}, "name: there is no 'skinmnist'"),
        ({"positive": ("melanoma", "")}, "positive must name a class, got ''"),
    ],
)
def test_options_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MedMNIST("x.npz", **options)


def test_number_and_names_of_the_sets():
    assert len(LABELS) == 12
    counts = [9, 14, 7, 4, 2, 5, 2, 8, 8, 11, 11, 11]  # as published for the twelve sets
    assert [len(labels) for labels in LABELS.values()] == counts
    assert all(len(set(labels)) == len(labels) for labels in LABELS.values())

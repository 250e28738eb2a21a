"""Bad input of every recipe: one message that names the place and the cure, and no traceback."""

import gzip
import os
import re
import shutil

import h5py
import numpy as np
import oracles_medical as trees
import pytest
from oracles_medical import SMALL
from oracles_train import refused, write_csv

from aucmax.data.chexpert import FINDINGS

MAKERS = {
    "chexpert": trees.chexpert,
    "chestxray14": trees.chestxray14,
    "melanoma": trees.melanoma,
    "ham10000": trees.ham10000,
    "mammography": trees.mammography,
    "patchcamelyon": trees.patchcamelyon,
    "breastmnist": trees.medmnist_set("breastmnist", 2, colour=False),
}
FOLDERS = {
    "chexpert": "stanfordmlgroup.github.io",
    "chexpert-single": "stanfordmlgroup.github.io",
    "chestxray14": "nihcc.app.box.com",
    "melanoma": "isic-archive.com",
    "mammography": "cancerimagingarchive.net",
    "patchcamelyon": "github.com/basveeling/pcam",
}
TABLES = {
    "chexpert": "train.csv",
    "chestxray14": "Data_Entry_2017.csv",
    "melanoma": "ISIC_2020_Training_GroundTruth_v2.csv",
    "ham10000": "HAM10000_metadata.csv",
    "mammography": "mass_case_description_train_set.csv",
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, pictures):
    """Each tree, made once."""
    folder = tmp_path_factory.mktemp("kept")
    return {name: make(folder / name, pictures) for name, make in MAKERS.items()}


@pytest.fixture
def tree(kept, tmp_path):
    """A copy of a tree, to be spoilt: (words, root)."""

    def copy(name):
        original = kept[name]
        root = tmp_path / original.root.name
        shutil.copytree(original.root, root)
        old, new = str(original.root), str(root)
        return [word.replace(old, new) for word in original.words], root

    return copy


def message(capsys, words, *more, code=1):
    text = refused(capsys, code, "fit", *words, *SMALL, "--split.validation=0.3", *more)
    assert text.count("\n") == 1, text
    return text


def edit(path, old, new, count=1):
    """Put other words into the first data row that holds the old ones."""
    head, _, rows = path.read_text().partition("\n")
    assert old in rows
    path.write_text(f"{head}\n{rows.replace(old, new, count)}")


@pytest.mark.parametrize("recipe", FOLDERS)
def test_wrong_root(capsys, tmp_path, recipe):
    text = message(capsys, [recipe, "--data.root", "nowhere"])
    assert "root: there is no folder 'nowhere'; " in text
    assert FOLDERS[recipe] in text
    (tmp_path / "empty").mkdir()
    text = message(capsys, [recipe, "--data.root", "empty"])
    assert "'empty' holds no file " in text
    assert FOLDERS[recipe] in text
    (tmp_path / "file").write_text("x")
    assert "'file' is a file; name the folder" in message(capsys, [recipe, "--data.root", "file"])
    text = message(capsys, [recipe], code=2)
    assert re.search(r"--data \w+ needs --data.root", text)


def test_wrong_file_of_medmnist(capsys, tmp_path):
    text = message(capsys, ["medmnist", "--data.npz", "breastmnist.npz"])
    assert "there is no file 'breastmnist.npz'" in text
    assert "medmnist.com" in text
    (tmp_path / "breastmnist.npz").write_bytes(b"<html>not found</html>")
    text = message(capsys, ["medmnist", "--data.npz", "breastmnist.npz"])
    assert "breastmnist.npz" in text
    assert "--data MedMNIST needs --data.npz" in message(capsys, ["medmnist"], code=2)


ONE_IMAGE = {
    "chexpert": "train/patient00003/study2/view1_frontal.jpg",
    "chestxray14": "images_001/images/00000003_000.png",
    "melanoma": "train/ISIC_0000003.jpg",
    "ham10000": "HAM10000_images_part_1/ISIC_0024308.jpg",
    "mammography": "png/Mass-Training_P_00003_LEFT_CC/1-1.png",
}


@pytest.mark.parametrize("name", ONE_IMAGE)
def test_a_row_without_its_image(capsys, tree, name):
    words, root = tree(name)
    (root / ONE_IMAGE[name]).unlink()
    for more in ([], ["--data.on_error=skip"]):  # files that are not there are always an error
        text = message(capsys, words, *more)
        assert re.search(r"\b1 of (the )?\d+ images", text)
        assert ONE_IMAGE[name].split("/")[-2 if name == "mammography" else -1].split(".")[0] in text
        assert "https://" in text


@pytest.mark.parametrize("name", ONE_IMAGE)
def test_a_truncated_image(capsys, tree, name):
    words, root = tree(name)
    path = root / ONE_IMAGE[name]
    os.truncate(path, path.stat().st_size // 2)
    text = message(capsys, words)
    assert repr(str(path)) in text
    assert "cannot be read" in text


LABELS = {
    "chexpert": ("Pleural Effusion", "Pleural_Effusion"),
    "chestxray14": ("Finding Labels", "Findings"),
    "melanoma": ("target", "label"),
    "ham10000": ("dx,", "diagnosis,"),
    "mammography": ("pathology", "diagnosis"),
}


@pytest.mark.parametrize("name", LABELS)
def test_a_missing_label_column(capsys, tree, name):
    words, root = tree(name)
    path, (column, other) = root / TABLES[name], LABELS[name]
    text = path.read_text()
    assert text.count(column) == 1
    path.write_text(text.replace(column, other))
    text = message(capsys, words)
    assert f"{str(path)!r} has no column {column.strip(',')!r}" in text
    assert other.strip(",") in text


VALUES = {
    "chexpert": (",-1.0,", ",2.0,", "'2.0'; allowed are"),
    "chestxray14": ("Hernia", "Pneumonya", "'Pneumonya'; did you mean 'Pneumonia'?"),
    "melanoma": ("nevus,benign,0", "nevus,benign,2", "column 'target' holds '2'"),
    "ham10000": (",bkl,", ",wart,", "column 'dx' holds 'wart'; allowed are 'akiec'"),
    "mammography": ("BENIGN,", "UNKNOWN,", "column 'pathology' holds 'UNKNOWN'; allowed are"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_outside_the_allowed_set(capsys, tree, name):
    words, root = tree(name)
    path, (old, new, fragment) = root / TABLES[name], VALUES[name]
    edit(path, old, new)
    line = next(i for i, row in enumerate(path.read_text().splitlines(), 1) if new in row)
    text = message(capsys, words, *(["--data.labels=all"] if name == "chexpert" else []))
    assert f"{str(path)!r}, line {line}: " in text
    assert fragment in text


def test_a_patient_in_two_official_parts(capsys, tree):
    words, root = tree("chexpert")
    folder = root / "valid/patient64541"
    folder.rename(root / "valid/patient00001")
    edit(root / "valid.csv", "patient64541", "patient00001", -1)
    text = message(capsys, words)
    assert "a patient must be in one part only, but 'patient00001' has images in t" in text
    words, root = tree("chestxray14")
    path = root / "train_val_list.txt"
    path.write_text(path.read_text().replace("00000001_000.png\n", ""))
    (root / "test_list.txt").write_text((root / "test_list.txt").read_text() + "00000001_000.png\n")
    text = message(capsys, words)
    assert "a patient must be in one part only, but '1' has images in t" in text


def test_a_lesion_of_a_patient_in_both_sets_of_mammograms(capsys, tree):
    words, root = tree("mammography")
    path = root / "calc_case_description_test_set.csv"
    path.write_text(path.read_text().replace("P_00022,LEFT", "P_00001,LEFT"))
    text = message(capsys, words, "--data.parts=official")
    assert "'P_00001' has rows in" in text


def test_a_slide_in_two_parts(capsys, tree):
    words, root = tree("patchcamelyon")
    path = root / "camelyonpatch_level_2_split_valid_meta.csv"
    path.write_text(path.read_text().replace("camelyon16_valid_000", "camelyon16_train_000"))
    assert "'camelyon16_train_000' has rows in" in message(capsys, words)


def test_a_group_in_two_given_parts_of_a_table(capsys, tmp_path, pictures):
    rows = []
    for row, image in enumerate(pictures(24, colour=False, seed=1)):
        trees.save(tmp_path / f"{row}.png", image)
        part = ("train", "train", "val", "test")[row % 4]
        rows.append([f"{row}.png", row // 4 % 2, f"p{row}", part])
    rows[3][2] = "p0"
    write_csv(tmp_path / "c.csv", ["image", "label", "patient", "part"], rows)
    words = ["csv", "--data.csv", "c.csv", "--data.group=patient", "--data.split=part"]
    text = message(capsys, words)
    assert "'p0' has rows in 'test', 'train or free'" in text
    edit(tmp_path / "c.csv", "test", "tset")
    text = message(capsys, words)
    assert "line 5: column 'part' holds 'tset'; allowed are" in text


def test_truncated_hdf5(capsys, tree):
    words, root = tree("patchcamelyon")
    path = root / "camelyonpatch_level_2_split_train_x.h5"
    os.truncate(path, path.stat().st_size // 2)
    text = message(capsys, words)
    assert f"{str(path)!r} cannot be opened as HDF5" in text
    assert "truncated" in text
    assert "the download may be incomplete" in text


def test_hdf5_of_other_content(capsys, tree):
    words, root = tree("patchcamelyon")
    path = root / "camelyonpatch_level_2_split_test_y.h5"
    with h5py.File(path, "w") as file:
        file["y"] = np.full((12, 1, 1, 1), 2, np.uint8)
    assert "must hold 0 and 1, but holds 2" in message(capsys, words)
    with h5py.File(path, "w") as file:
        file["y"] = np.zeros((5, 1, 1, 1), np.uint8)
    assert "has shape (5, 1, 1, 1) for 12 patches" in message(capsys, words)
    path.rename(f"{path}.gz")
    assert f"{path.name} is still packed; run: gunzip" in message(capsys, words)


def test_a_table_that_was_cut_in_its_download(capsys, tree):
    words, root = tree("melanoma")
    path = root / TABLES["melanoma"]
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    (root / f"{path.name}.gz").write_bytes(packed[:-30])
    assert "cannot be unpacked" in message(capsys, words)


def test_archive_of_medmnist_cut_in_its_download(capsys, tree):
    words, root = tree("breastmnist")
    os.truncate(root / "breastmnist.npz", 3000)
    path = str(root / "breastmnist.npz")
    assert f"npz: {path!r} is no NumPy archive" in message(capsys, words)


def test_test_studies_without_images_or_labels(capsys, tree):
    words, root = tree("chexpert")
    text = message(capsys, words, "--data.test", root / "groundtruth.csv")
    assert "test: there is no file" in text
    assert "https://github.com/rajpurkarlab/cheXpert-test-set-labels" in text
    row = ["CheXpert-v1.0/test/patient64741/study1", *[0] * len(FINDINGS)]
    write_csv(root / "groundtruth.csv", ["Study", *FINDINGS], [row])
    text = message(capsys, words, "--data.test", root / "groundtruth.csv")
    assert "there is no folder 'test' with the images of the test set" in text


PREPARE = [
    (["--size", 16], 2, "give --data with its options, such as --data CSV --data.csv cases.csv"),
    (["--data=CSV", "--data.csv=c.csv"], 2, "arguments are required: size"),
    (["--data=CSV", "--size=16"], 2, "--data CSV needs --data.csv"),
    (["--data=Melanoma", "--data.root=x", "--size=16"], 1, "there is no folder 'x'"),
    (["--data=Digits", "--size=16"], 1, "Digits keeps its images in one file, or in memory"),
    (["--data=Melanom", "--data.root=x", "--size=16"], 2, "there is no 'Melanom'; choose one of"),
]


@pytest.mark.parametrize(("words", "code", "fragment"), PREPARE)
def test_prepare(capsys, words, code, fragment):
    text = refused(capsys, code, "prepare", *words)
    assert fragment in text
    assert text.count("\n") == 1


def test_prepare_sizes(capsys, tree):
    words, _ = tree("melanoma")
    source = ["--data=Melanoma", *words[1:]]
    assert "size must be >= 1" in refused(capsys, 1, "prepare", *source, "--size=0")
    assert "--size" in refused(capsys, 2, "prepare", *source, "--size=large")

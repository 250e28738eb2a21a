"""Bad input of every recipe: one message that names the place and the cure, and no traceback."""

import os
import re

import pytest
from oracles_medical import edit
from oracles_medical import refused_fit as message

pytestmark = pytest.mark.usefixtures("in_tmp_path")

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
    text = message(capsys, words)
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

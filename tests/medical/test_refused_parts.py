"""Bad input of single sets: patients in two parts, cut downloads, test studies, `prepare`."""

import gzip
import os

import h5py
import numpy as np
import oracles_medical as trees
import pytest
from oracles_medical import edit
from oracles_medical import refused_fit as message
from oracles_train import refused, write_csv

from aucmax.data.chexpert import FINDINGS

pytestmark = pytest.mark.usefixtures("in_tmp_path")


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
    path = root / "ISIC_2020_Training_GroundTruth_v2.csv"
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
    assert "size must be at least 1" in refused(capsys, 2, "prepare", *source, "--size=0")
    assert "--size" in refused(capsys, 2, "prepare", *source, "--size=large")

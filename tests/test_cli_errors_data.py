"""Every fault in the data becomes one message that says where it is, before a folder is made."""

import numpy as np
import pytest
from oracles_train import csv_data, made_images, refused, tree_data, write_csv, write_recipe
from PIL import Image


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Sound data of each kind, of which each test spoils a copy."""
    place = tmp_path_factory.mktemp("sound")
    csv_data(place / "csv", n=30)
    for name in ("CSV", "NPZ", "Folder"):
        write_recipe(place / f"{name}.yaml", name)
    return place


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(n=30, **columns):
    """Rows (image, label, patient) with some columns replaced by a function of the row."""
    plain = {"image": lambda row: f"{row:03d}.png", "label": lambda row: int(row % 3 == 0)}
    plain["patient"] = lambda row: f"p{row // 3}"
    return [[make(row) for make in (plain | columns).values()] for row in range(n)]


CSVS = {
    "no column": ({}, ["--data.label", "malignent"], ["has no column 'malignent'",
                       "its columns are 'image', 'label', 'patient'"]),
    "label -1": ({"label": lambda row: 1 if row % 3 == 0 else -1}, [],
                 ["'cases.csv', line 3", "column 'label' holds '-1'", "write 0, 1 or a blank"]),
    "one class": ({"label": lambda row: 1}, [],
                  ["label 'label' holds one class only: all 30 known values are positive"]),
    "images gone": ({"image": lambda row: f"gone{row}.png"}, [],
                    ["30 image files are not there: ", "gone0.png'", "(see root and suffix)"]),
    "twice": ({"image": lambda row: f"{row // 2:03d}.png"}, [],
              ["ids must be unique, but these come more than once: '000.png'"]),
    "no positive to spare": ({"label": lambda row: int(row == 0)}, [],
                             ["part needs both classes of label 'label' for an AUC"]),
    "blank image": ({"image": lambda row: "" if row == 4 else f"{row:03d}.png"}, [],
                    ["line 6: column 'image' is blank"]),
    "patient in two parts": (
        {"part": lambda row: ["train", "val", "test"][row % 3]},
        ["--data.group", "patient", "--data.split", "part"],
        ["groups must not be divided", "'p0'", "put all rows of a group into one part"],
    ),
    "unknown part": ({"part": lambda row: "exam"}, ["--data.split", "part"],
                     ["line 2: column 'part' holds 'exam'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CSVS)
def test_faults_of_a_csv_file(capsys, tmp_path, place, case):
    columns, words, fragments = CSVS[case]
    header = ["image", "label", "patient", *(set(columns) - {"image", "label", "patient"})]
    write_csv(tmp_path / "cases.csv", header, rows_of(**columns))
    source = ["--data.csv", "cases.csv", "--data.root", place / "csv"]
    message = refused(capsys, 1, "fit", place / "CSV.yaml", *source, *words)
    for fragment in fragments:
        assert fragment in message


def test_a_csv_file_that_is_not_there_or_none(capsys, tmp_path, place):
    recipe = place / "CSV.yaml"
    write_csv(tmp_path / "cases.csv", ["image|label"], [["a.png|1"]])
    message = refused(capsys, 1, "fit", recipe, "--data.csv", "case.csv")
    assert "csv: there is no file 'case.csv'; did you mean 'cases.csv'?" in message
    message = refused(capsys, 1, "fit", recipe, "--data.csv", "cases.csv")
    assert "has no column 'image'; did you mean 'image|label'?" in message


def spoiled(folder, spoil):
    """Write 30 JPEG files of which number 7 is spoiled, and their CSV file."""
    pixels, target = made_images(30, size=64)
    folder.mkdir()
    for row, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{row}.jpg")
    spoil(folder / "7.jpg")
    rows = [(f"{row}.jpg", int(y)) for row, y in enumerate(target[:, 0])]
    return write_csv(folder / "cases.csv", ["image", "label"], rows)


IMAGES = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-200]), "truncated"),
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "no image": (lambda path: path.write_text("hello"), "it is no image file"),
    "another size": (
        lambda path: Image.new("L", (40, 64)).save(path),
        "images differ in size, for example (64, 40) and (64, 64): give --model.image_size",
    ),
}


@pytest.mark.parametrize("case", IMAGES)
def test_spoiled_images_are_named(capsys, tmp_path, place, case):
    spoil, fragment = IMAGES[case]
    table = spoiled(tmp_path / "images", spoil)
    # all rows are looked at, also those of no use in training
    message = refused(capsys, 1, "fit", place / "CSV.yaml", "--data.csv", table)
    assert fragment in message
    assert case == "another size" or "7.jpg" in message


PIXELS, TARGET = made_images(30)
NPZS = {
    "no images": ({"pixels": PIXELS}, ["has no array 'images'", "its arrays are 'pixels'"]),
    "no labels": ({"images": PIXELS}, ["has no array 'labels'"]),
    "floats with NaN": (
        {"images": np.full((30, 8, 8), np.nan), "labels": TARGET},
        ["images must be uint8 (0 to 255), got float64"],
    ),
    "channels first": (
        {"images": np.zeros((30, 3, 8, 8), np.uint8), "labels": TARGET},
        ["channels come last: images.transpose(0, 2, 3, 1)"],
    ),
    "label -1": (
        {"images": PIXELS, "labels": 2 * TARGET[:, 0] - 1},
        ["the labels are -1 (20 times), 1 (10 times)"],
    ),
    "lengths": (
        {"images": PIXELS, "labels": TARGET[:9]},
        ["array 'labels' has 9 rows for 30 images"],
    ),
}


@pytest.mark.parametrize("case", NPZS)
def test_faults_of_an_archive(capsys, tmp_path, place, case):
    arrays, fragments = NPZS[case]
    np.savez(tmp_path / "x.npz", **arrays)
    message = refused(capsys, 1, "fit", place / "NPZ.yaml", "--data.npz", "x.npz")
    for fragment in fragments:
        assert fragment in message


def test_a_damaged_archive(capsys, tmp_path, place):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    message = refused(capsys, 1, "fit", place / "NPZ.yaml", "--data.npz", "x.npz")
    assert "npz: 'x.npz' is no NumPy archive" in message


def test_faults_of_a_folder(capsys, tmp_path, place):
    recipe = place / "Folder.yaml"
    message = refused(capsys, 1, "fit", recipe, "--data.root", "nowhere")
    assert "root: there is no folder 'nowhere'" in message
    (tmp_path / "bare").mkdir()
    message = refused(capsys, 1, "fit", recipe, "--data.root", "bare")
    assert "needs one for each class" in message
    tree_data(tmp_path / "tree", n=30)
    words = ["fit", recipe, "--data.root", "tree"]
    message = refused(capsys, 1, *words, "--data.positive", "malign")
    assert "there is no class 'malign'; did you mean 'malignant'?" in message
    assert "group must be a regular expression" in refused(capsys, 2, *words, "--data.group", "(")


def test_a_class_too_small_for_a_batch_is_told_before_training(capsys, tmp_path, place):
    labels = [0] * 4 + [1] * 26
    parts = ["train", "train", "val", "test", *["train"] * 22, *["val"] * 2, *["test"] * 2]
    np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
    rows = [
        (f"{i:03d}.png", y, part) for i, (y, part) in enumerate(zip(labels, parts, strict=True))
    ]
    write_csv(tmp_path / "cases.csv", ["image", "label", "part"], rows)
    words = ["--data.csv", "cases.csv", "--data.root", place / "csv", "--data.split", "part"]
    message = refused(capsys, 1, "fit", place / "CSV.yaml", *words)
    assert "--batches: labels hold 22 positives and 2 negatives, but a batch" in message
    assert "use a smaller batch_size or another share of positives" in message

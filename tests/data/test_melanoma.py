"""ISIC 2020: the official tree, the real table in full, and what is refused."""

import csv
import gzip
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from aucmax.data import split as split_parts
from aucmax.data.melanoma import Melanoma

NAME = "ISIC_2020_Training_GroundTruth_v2.csv"
HEAD = "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,"
HEAD += "diagnosis,benign_malignant,target"
ROWS = ["a,p1,l1,male,45,torso,unknown,benign,0", "b,p1,l2,male,45,,melanoma,malignant,1"]
ROWS += ["c,p2,l3,,,head/neck,nevus,benign,0", "d,p3,l4,female,50,torso,melanoma,malignant,1"]


@pytest.fixture
def tree(tmp_path, write_image):
    for seed, name in enumerate("abcd"):
        write_image(f"train/{name}.jpg", seed=seed, shape=(6, 7, 3))
    (tmp_path / NAME).write_text("\n".join([HEAD, *ROWS]))
    return tmp_path


def test_official_tree(tree):
    data = Melanoma(tree).load()
    assert data.ids == ("a", "b", "c", "d")
    assert data.target.tolist() == [[0], [1], [0], [1]]
    assert data.labels == ("melanoma",)
    assert data.groups.tolist() == ["p1", "p1", "p2", "p3"]
    assert data.split is None
    assert data.images[3].shape == (3, 6, 7)


def test_diagnosis_and_the_other_columns_are_not_read(tree):
    """Whatever they say, and even if they are not there, the images and targets are the same."""
    before = Melanoma(tree).load()
    others = ["image_name,target,diagnosis,benign_malignant,patient_id"]
    others += [
        f"{n},{t},melanoma,malignant,{p}" for n, t, p in zip("abcd", "0101", "wxyz", strict=True)
    ]
    for lines in (others, [",".join(np.array(line.split(","))[[0, 1, 4]]) for line in others]):
        (tree / NAME).write_text("\n".join(lines))
        after = Melanoma(tree).load()
        assert after.ids == before.ids
        assert after.labels == before.labels
        assert after.groups.tolist() == list("wxyz")
        np.testing.assert_array_equal(after.target, before.target)
        for row in range(4):
            np.testing.assert_array_equal(after.images[row], before.images[row])


@pytest.mark.parametrize("folder", ["jpeg/train", "ISIC_2020_Training_JPEG/train"])
def test_other_places_and_names(tree, folder):
    (tree / folder).parent.mkdir()
    (tree / "train").rename(tree / folder)
    (tree / NAME).rename(tree / "train.csv")
    assert len(Melanoma(tree, csv=tree / "train.csv").load()) == 4
    assert len(Melanoma(tree).load()) == 4
    (tree / "train.csv").rename(tree / "other.csv")
    with pytest.raises(FileNotFoundError, match=r"holds no file ISIC_2020_Training_GroundTruth\*"):
        Melanoma(tree).load()


def test_exclude_and_duplicates(tree, write_image):
    assert Melanoma(tree, exclude="b").load().ids == ("a", "c", "d")
    path = tree / "ISIC_2020_Training_Duplicates.csv"
    path.write_text("image_name_1,image_name_2\nc,a\nc,a\nelsewhere,b\n")
    assert Melanoma(tree, duplicates=path).load().ids == ("a", "b", "d")
    path.write_text("image_name_1,image_name_2\nd,c\nb,d\nc,b\n")
    assert Melanoma(tree, duplicates=path).load().ids == ("a", "b")
    path.write_text("image_name_1,image_name_2\nx,y\n")
    with pytest.raises(ValueError, match=r"duplicates: none of the pairs .* look like 'a', 'b'"):
        Melanoma(tree, duplicates=path).load()
    with pytest.raises(ValueError, match=r"duplicates: .* must have two columns"):
        Melanoma(tree, duplicates=tree / NAME).load()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("target", "label", "csv: .* has no column 'target'"),
        ("patient_id", "patient", r"no column 'patient_id'; did you mean 'patient'\?"),
        ("malignant,1", "malignant,2", "line 3: column 'target' holds '2'; allowed are '0', '1'"),
        ("a,p1", "a,", "line 2: column 'patient_id' is blank"),
        ("b,p1", "a,p1", "ids must be unique, .* 'a'"),
        ("malignant,1", "malignant,0", "label 'melanoma' holds one class only"),
    ],
)
def test_refused(tree, old, new, message):
    (tree / NAME).write_text((tree / NAME).read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        Melanoma(tree).load()


def test_a_part_is_missing(tree):
    (tree / "train/b.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 4 images .*b.jpg'; get ISIC 2020 from"):
        Melanoma(tree).load()
    shutil.rmtree(tree / "train")
    with pytest.raises(
        FileNotFoundError, match=r"4 of the 4 .*: the JPEG images, in train or jpeg"
    ):
        Melanoma(tree).load()
    with pytest.raises(FileNotFoundError, match=r"root: there is no folder .*; get ISIC 2020 from"):
        Melanoma(tree / "x").load()
    with pytest.raises(FileNotFoundError, match="csv: there is no file"):
        Melanoma(tree, csv="x.csv").load()
    (tree / NAME).write_text(HEAD)
    with pytest.raises(ValueError, match="holds only a header"):
        Melanoma(tree).load()


def test_the_released_table_in_full(shared_data, tmp_path):
    """33,126 rows, each with a picture (of a blood cell)."""
    released = shared_data / "isic2020" / f"{NAME}.gz"
    cell = np.load(shared_data / "bccd" / "bccd_cells_28.npz")["images"][0]
    (tmp_path / "train").mkdir()
    Image.fromarray(cell).save(tmp_path / "cell.jpg")
    (tmp_path / released.name).symlink_to(released)
    with gzip.open(released, "rt") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        (tmp_path / "train" / f"{row['image_name']}.jpg").hardlink_to(tmp_path / "cell.jpg")
    data = Melanoma(tmp_path).load()
    assert len(data) == len(rows) == 33_126
    assert int(data.target.sum()) == 584 == Counter(row["target"] for row in rows)["1"]
    assert len(set(data.groups.tolist())) == 2_056
    assert data.target[:, 0].tolist() == [row["benign_malignant"] == "malignant" for row in rows]
    assert data.groups.tolist() == [row["patient_id"] for row in rows]
    assert data.images[33_125].shape == (3, 28, 28)
    part = split_parts(data.target, groups=data.groups)
    shares = {name: data.target[part == name].mean() for name in ("train", "validation", "test")}
    assert all(abs(share - 584 / 33_126) < 0.001 for share in shares.values())

"""CheXpert: official trees, and what is refused."""

import gzip
from collections import Counter

import numpy as np
import pytest

from aucmax.data.chexpert import COMPETITION, CheXpert, chexpert_labels

HEAD = "Path,Sex,Age,Frontal/Lateral,AP/PA,Atelectasis,Cardiomegaly,Consolidation,Edema,"
HEAD += "Pleural Effusion,Fracture"
ROWS = {
    "train": {
        "patient00001/study1/view1_frontal": "1.0,-1.0,,0.0,1.0,-1.0",
        "patient00001/study1/view2_lateral": "1.0,-1.0,,0.0,1.0,-1.0",
        "patient00002/study1/view1_frontal": "-1.0,1.0,1.0,-1.0,-1.0,1.0",
        "patient00002/study2/view1_frontal": "0.0,0.0,-1.0,,0.0,0.0",
        "patient00003/study1/view1_frontal": ",,0.0,1.0,,",
    },
    "valid": {
        "patient64541/study1/view1_frontal": "0.0,1.0,0.0,1.0,0.0,0.0",
        "patient64542/study1/view1_frontal": "1.0,0.0,0.0,1.0,1.0,0.0",
        "patient64542/study1/view2_lateral": "1.0,0.0,0.0,1.0,1.0,0.0",
    },
}
STUDIES = {"patient64741/study1": "0,1,0,1,0", "patient64742/study1": "1,0,1,0,1"}


def table(part, rows, name):
    lines = [f"{name}/{part}/{path}.jpg,Male,50,Frontal,AP,{v}" for path, v in rows.items()]
    return "\n".join([HEAD, *lines]) + "\n"


@pytest.fixture(params=["CheXpert-v1.0-small", "CheXpert-v1.0"])
def tree(tmp_path, write_image, request):
    """The official folder, with a picture for every row."""
    root = tmp_path / request.param
    for part, rows in ROWS.items():
        for seed, path in enumerate(rows):
            write_image(f"{request.param}/{part}/{path}.jpg", seed=seed)
        (root / f"{part}.csv").write_text(table(part, rows, request.param))
    return root


@pytest.fixture
def tested(tree, write_image):
    """The folder of the test set, as it comes from elsewhere; beside it the labels of studies."""
    for path in ("patient64741/study1/view1_frontal", "patient64742/study1/view1_frontal"):
        write_image(f"more/test/{path}.jpg")
    write_image("more/test/patient64742/study1/view2_lateral.jpg")
    head = ",".join(["Study", *COMPETITION])
    lines = [f"CheXpert-v1.0/test/{study},{values}" for study, values in STUDIES.items()]
    folder = tree.parent / "more"
    (folder / "groundtruth.csv").write_text("\n".join([head, *lines]))
    return folder


def rows_of(data):
    return {name: data.target[row].tolist() for row, name in enumerate(data.ids)}


def test_official_tree_by_the_papers_policy(tree):
    data = CheXpert(tree).load()
    assert data.labels == COMPETITION
    expected = {
        "train/patient00001/study1/view1_frontal.jpg": [1, 0, 0, 0, 1],
        "train/patient00002/study1/view1_frontal.jpg": [1, 1, 1, 1, 0],
        "train/patient00002/study2/view1_frontal.jpg": [0, 0, 0, 0, 0],
        "train/patient00003/study1/view1_frontal.jpg": [0, 0, 0, 1, 0],
        "valid/patient64541/study1/view1_frontal.jpg": [0, 1, 0, 1, 0],
        "valid/patient64542/study1/view1_frontal.jpg": [1, 0, 0, 1, 1],
    }
    assert rows_of(data) == expected
    assert data.groups.tolist() == [name.split("/")[1] for name in expected]
    assert data.split.tolist() == ["train"] * 4 + ["test"] * 2
    assert data.target.dtype == np.float32
    assert data.images[0].shape == (1, 9, 12)


def test_root_may_be_the_folder_above(tree):
    assert CheXpert(tree.parent).load().ids == CheXpert(tree).load().ids


def test_a_renamed_folder_and_a_compressed_table(tree):
    tree = tree.rename(tree.parent / "x-rays")
    (tree / "train.csv.gz").write_bytes(gzip.compress((tree / "train.csv").read_bytes()))
    (tree / "train.csv").unlink()
    assert len(CheXpert(tree).load()) == 6


def test_lateral_images_on_demand(tree):
    data = CheXpert(tree, frontal=False).load()
    assert [name for name in data.ids if "lateral" in name] == [
        "train/patient00001/study1/view2_lateral.jpg",
        "valid/patient64542/study1/view2_lateral.jpg",
    ]
    assert len(data) == 8


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"valid": "validation"}, {"train": 4, "validation": 2}),
        ({"valid": "test"}, {"train": 4, "test": 2}),
        ({"valid": "unused"}, {"train": 4}),
    ],
)
def test_what_the_official_validation_set_is_for(tree, options, parts):
    if options["valid"] == "unused":
        (tree / "valid.csv").unlink()
    assert Counter(CheXpert(tree, **options).load().split.tolist()) == parts


@pytest.mark.parametrize("frontal", [True, False])
def test_labels_of_studies_go_to_their_views(tree, tested, frontal):
    data = CheXpert(tree, test=tested, frontal=frontal).load()
    part = data.part("test")
    both = [] if frontal else ["test/patient64742/study1/view2_lateral.jpg"]
    assert list(part.ids) == [f"test/{study}/view1_frontal.jpg" for study in STUDIES] + both
    assert part.target.tolist() == [[0, 1, 0, 1, 0]] + [[1, 0, 1, 0, 1]] * (1 + len(both))
    assert part.groups.tolist() == ["patient64741"] + ["patient64742"] * (1 + len(both))
    assert len(data.part("validation")) == (2 if frontal else 3)
    assert part.images[0].shape == (1, 9, 12)


def test_labels_of_test_images_and_images_beside_the_training_table(tree, tested):
    (tested / "test").rename(tree / "test")
    (tested / "groundtruth.csv").unlink()
    lines = [f"CheXpert/test/{s}/view1_frontal.jpg,{values}" for s, values in STUDIES.items()]
    csv = tested / "test_labels.csv"
    csv.write_text("\n".join([",".join(["Path", *COMPETITION]), *lines]))
    for place in (csv, tested):
        part = CheXpert(tree, test=place).load().part("test")
        assert part.target.tolist() == [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]


def test_exclude(tree):
    out = "train/patient00003/study1/view1_frontal.jpg"
    assert out not in CheXpert(tree, exclude=out).load().ids
    with pytest.raises(ValueError, match="no row has the id 'train/patient3'"):
        CheXpert(tree, exclude="train/patient3").load()


@pytest.mark.parametrize(
    ("part", "old", "new", "message"),
    [
        ("train", "Edema", "Oedema", r"no column 'Edema'; did you mean 'Oedema'\?"),
        ("train", "Path,", "File,", "csv: .* has no column 'Path'"),
        ("train", "-1.0,1.0,1.0", "-2,1.0,1.0", "line 4: column 'Atelectasis' holds '-2'"),
        ("train", "study1/view2_l", "view2_l", "line 3: column 'Path' holds .* not of the form"),
        ("valid", "patient64541", "patient00002", "'patient00002' has images in test and in train"),
    ],
)
def test_bad_tables(tree, part, old, new, message):
    csv = tree / f"{part}.csv"
    csv.write_text(csv.read_text().replace(old, new))
    (tree / "valid/patient64541").rename(tree / "valid/patient00002")
    with pytest.raises(ValueError, match=message):
        CheXpert(tree).load()


def test_a_row_without_its_image(tree):
    (tree / "train/patient00001/study1/view1_frontal.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 6 images .*view1_frontal.jpg'; get Che"):
        CheXpert(tree).load()


def test_an_image_that_cannot_be_decoded_is_named_when_it_is_read(tree):
    bad = tree / "train/patient00001/study1/view1_frontal.jpg"
    bad.write_bytes(bad.read_bytes()[:40])
    data = CheXpert(tree, on_error="skip").load()
    with pytest.raises(ValueError, match=r"image '.*patient00001/.*frontal.jpg' cannot be read"):
        data.images[0]
    assert data.images[1].shape == (1, 9, 12)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (
            "train.csv",
            r"holds no file train.csv, but 'train', 'valid.*; get CheXpert from https://stanfordmlgroup",
        ),
        ("valid.csv", r"holds no file valid.csv"),
    ],
)
def test_a_table_is_missing(tree, lost, message):
    (tree / lost).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        CheXpert(tree).load()


def test_wrong_roots(tree, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"root: there is no folder .*; get CheXpert from"):
        CheXpert(tmp_path / "nowhere").load()
    with pytest.raises(FileNotFoundError, match=r"root: .*train.csv' is a file; name the folder"):
        CheXpert(tree / "train.csv").load()
    (tmp_path / "CheXpert-v1.0-other").mkdir()
    (tmp_path / "CheXpert-v1.0-other" / "train.csv").touch()
    with pytest.raises(ValueError, match=r"holds 'CheXpert-v1.0.*', 'CheXpert-v1.0-.*'; name one"):
        CheXpert(tmp_path).load()


def test_an_empty_or_a_damaged_table(tree):
    text = (tree / "train.csv").read_text()
    (tree / "train.csv").write_text(HEAD + "\n")
    with pytest.raises(ValueError, match="holds only a header"):
        CheXpert(tree).load()
    (tree / "train.csv").unlink()
    (tree / "train.csv.gz").write_bytes(gzip.compress(text.encode())[:-12])
    with pytest.raises(ValueError, match=r"train.csv.gz' cannot be unpacked: .* incomplete"):
        CheXpert(tree).load()
    (tree / "train.csv").write_text(text)
    with pytest.raises(ValueError, match=r"holds 'train.csv', 'train.csv.gz'; only one of them"):
        CheXpert(tree).load()


def test_a_test_set_with_something_missing(tree, tested):
    with pytest.raises(FileNotFoundError, match=r"no file .*truth.csv'.*cheXpert-test-set-labels"):
        CheXpert(tree, test=tested / "truth.csv").load()
    with pytest.raises(
        FileNotFoundError, match=r"holds no file groundtruth.csv or test_labels.csv"
    ):
        CheXpert(tree, test=tree).load()
    (tested / "test/patient64742/study1/view1_frontal.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 2 studies .*'test/patient64742/study1'"):
        CheXpert(tree, test=tested).load()
    (tested / "test").rename(tested / "images")
    with pytest.raises(FileNotFoundError, match="there is no folder 'test' with the images of the"):
        CheXpert(tree, test=tested).load()


def test_all_problems_of_the_options_at_once():
    with pytest.raises(ValueError, match=r"^CheXpert: ") as caught:
        CheXpert("x", labels=("Edema", "Fractur", "Edema"), uncertain="one", blank="", valid="tset")
    for part in (
        "labels: there is no 'Fractur'; did you mean 'Fracture'?",
        "labels names 'Edema' more than once",
        "uncertain must be one of 'ignore', 'zeros', 'ones', 'paper', got 'one'",
        "blank must be one of 'negative', 'unknown', got ''",
        "valid must be one of 'validation', 'test', 'unused', got 'tset'",
    ):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="labels must name at least one of 'No Finding'"):
        CheXpert("x", labels=())
    with pytest.raises(ValueError, match="valid=test and a test set in test"):
        CheXpert("x", valid="test", test="y")
    with pytest.raises(ValueError, match="uncertain must be one of"):
        chexpert_labels("x", uncertain="U-Ones")


def test_one_finding_and_unknown_blanks(tree):
    read = chexpert_labels(tree / "train.csv", "Consolidation", uncertain="ignore", blank="unknown")
    nan = np.nan
    np.testing.assert_array_equal(read.target[:, 0], [nan, nan, 1, nan, 0])
    with pytest.raises(FileNotFoundError, match="csv: there is no file"):
        chexpert_labels(tree / "trian.csv")


def test_findings_without_a_choice_of_the_paper_stay_unknown(tree):
    read = chexpert_labels(tree / "train.csv", ("Fracture", "Edema"))
    np.testing.assert_array_equal(read.target[:, 0], [np.nan, np.nan, 1, 0, 0])
    assert read.target[:, 1].tolist() == [0, 0, 1, 0, 1]

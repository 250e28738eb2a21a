"""HAM10000 and ISIC 2018: both official trees, and what is refused."""

import shutil

import pytest

from aucmax.data.ham10000 import HAM10000

ROWS = {"a": ("mel", "l1"), "b": ("nv", "l2"), "c": ("mel", "l1"), "d": ("bcc", "l3")}
TRUTH = "ISIC2018_Task3_Training_GroundTruth.csv"
LESIONS = "ISIC2018_Task3_Training_LesionGroupings.csv"


@pytest.fixture
def ham(tmp_path, write_image):
    for seed, name in enumerate(ROWS):
        write_image(f"HAM10000_images_part_{1 + seed % 2}/{name}.jpg", seed, (6, 7, 3))
    rows = [f"{lesion},{name},{dx},histo,80.0,male,scalp" for name, (dx, lesion) in ROWS.items()]
    head = "lesion_id,image_id,dx,dx_type,age,sex,localization"
    (tmp_path / "HAM10000_metadata.csv").write_text("\n".join([head, *rows]))
    return tmp_path


@pytest.fixture
def isic(tmp_path, write_image):
    columns = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    rows = [
        ",".join([name, *(f"{float(column.lower() == dx)}" for column in columns)])
        for name, (dx, _) in ROWS.items()
    ]
    (tmp_path / TRUTH).write_text("\n".join([",".join(["image", *columns]), *rows]))
    groups = [f"{name},{lesion},single image expert" for name, (_, lesion) in ROWS.items()]
    groups.reverse()
    head = "image,lesion_id,diagnosis_confirm_type"
    (tmp_path / LESIONS).write_text("\n".join([head, *groups]))
    for seed, name in enumerate(ROWS):
        write_image(f"ISIC2018_Task3_Training_Input/{name}.jpg", seed, (6, 7, 3))
    return tmp_path


@pytest.mark.parametrize("layout", ["ham", "isic"])
def test_official_trees(layout, request):
    root = request.getfixturevalue(layout)
    data = HAM10000(root).load()
    assert data.ids == tuple("abcd")
    assert data.target.tolist() == [[1], [0], [1], [0]]
    assert data.labels == ("mel",)
    assert data.groups.tolist() == ["l1", "l2", "l1", "l3"]
    assert data.split is None
    assert data.images[1].shape == (3, 6, 7)
    several = HAM10000(root, positive=("bcc", "mel"), exclude="a").load()
    assert several.target.tolist() == [[0], [1], [1]]
    assert several.labels == ("bcc+mel",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dx,dx_type", "diagnosis,dx_type", "root: .* has no column 'dx'"),
        ("l2,b,nv", "l2,b,nev", "line 3: column 'dx' holds 'nev'; allowed are 'akiec'"),
        ("l2,b", ",b", "line 3: column 'lesion_id' is blank"),
        ("l2,b", "l2,a", "ids must be unique"),
        ("mel", "nv", "label 'mel' holds one class only"),
    ],
)
def test_refused(ham, old, new, message):
    path = ham / "HAM10000_metadata.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        HAM10000(ham).load()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (TRUTH, "NV", "N", "has no column 'NV'"),
        (TRUTH, "b,0.0,1.0", "b,1.0,1.0", "line 3: exactly one diagnosis must be 1, got 2"),
        (TRUTH, "b,0.0,1.0", "b,0.0,0.5", "line 3: column 'NV' holds '0.5'"),
        (LESIONS, "b,l2", "e,l2", "LesionGroupings.csv' does not name the images 'b'"),
    ],
)
def test_refused_of_isic_2018(isic, name, old, new, message):
    (isic / name).write_text((isic / name).read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        HAM10000(isic).load()


def test_a_part_is_missing(ham):
    (ham / "HAM10000_images_part_2/b.jpg").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 of the 4 images that the table .*b.jpg'; get HAM"
    ):
        HAM10000(ham).load()
    for part in (1, 2):
        shutil.rmtree(ham / f"HAM10000_images_part_{part}")
    with pytest.raises(
        FileNotFoundError,
        match=r"4 of the 4 images .*HAM10000_images_part_1, HAM10000_images_part_2",
    ):
        HAM10000(ham).load()
    (ham / "HAM10000_metadata.csv").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no file HAM10000_metadata.csv.*; get HAM10000 from"
    ):
        HAM10000(ham).load()
    with pytest.raises(FileNotFoundError, match="root: there is no folder"):
        HAM10000(ham / "x").load()


def test_lesions_of_isic_2018_are_missing(isic):
    (isic / LESIONS).unlink()
    with pytest.raises(
        FileNotFoundError, match="holds no file ISIC2018_Task3_Training_LesionGroup"
    ):
        HAM10000(isic).load()


def test_unknown_diagnoses():
    with pytest.raises(ValueError, match=r"positive: there is no 'mell'; did you mean 'mel'\?"):
        HAM10000("x", positive="mell")
    with pytest.raises(ValueError, match="positive names every diagnosis: none is negative"):
        HAM10000("x", positive=("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"))
    with pytest.raises(ValueError, match="positive must name at least one of 'akiec'"):
        HAM10000("x", positive=())

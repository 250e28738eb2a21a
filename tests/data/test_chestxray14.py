"""ChestX-ray14: the official tree, and what is refused."""

import pytest

from aucmax.data.chestxray14 import NIH_FINDINGS, ChestXray14

# The released header has commas inside brackets, so it reads as more columns than it means.
HEAD = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
HEAD += "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
ROWS = {
    "00000001_000.png": ("Cardiomegaly", 1),
    "00000001_001.png": ("Cardiomegaly|Emphysema", 1),
    "00000002_000.png": ("No Finding", 2),
    "00000003_000.png": ("Hernia|Infiltration", 3),
    "00000004_000.png": ("Emphysema", 4),
}
LISTS = {
    "train_val_list.txt": ["00000001_000.png", "00000001_001.png", "00000002_000.png"],
    "test_list.txt": ["00000003_000.png", "00000004_000.png"],
}
LABELS = ("Emphysema", "Cardiomegaly", "Hernia")


def csv_text():
    rows = [f"{k},{found},0,{p},57,M,PA,2682,2749,0.14,0.14," for k, (found, p) in ROWS.items()]
    return "\n".join([HEAD, *rows]) + "\n"


@pytest.fixture(params=["images_001/images", "images", "images_001"])
def tree(tmp_path, write_image, request):
    for seed, name in enumerate(ROWS):
        place = request.param if seed < 3 else request.param.replace("001", "012")
        write_image(f"{place}/{name}", seed=seed)
    (tmp_path / "Data_Entry_2017.csv").write_text(csv_text())
    for name, images in LISTS.items():
        (tmp_path / name).write_text("\n".join(images))
    return tmp_path


def test_official_tree(tree):
    data = ChestXray14(tree, labels=LABELS).load()
    assert data.labels == LABELS
    assert data.ids == tuple(ROWS)
    assert data.target.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert data.split.tolist() == ["train"] * 3 + ["test"] * 2
    assert data.groups.tolist() == ["1", "1", "2", "3", "4"]
    assert data.images[4].shape == (1, 9, 12)


def test_every_finding_by_default(tmp_path, tree):
    rows = [f"0000000{k + 1}_000.png,{name},0,{k}" for k, name in enumerate(NIH_FINDINGS[:4])]
    (tree / "Data_Entry_2017.csv").write_text("Image Index,Finding Labels,F,Patient ID\n" + rows[0])
    source = ChestXray14(tree)
    assert source.labels == NIH_FINDINGS
    assert len(NIH_FINDINGS) == 14
    with pytest.raises(ValueError, match="label 'Hernia' holds one class only: all 1 known"):
        source.load()


def test_the_newer_table_and_colour_files(tree, write_image):
    (tree / "Data_Entry_2017.csv").rename(tree / "Data_Entry_2017_v2020.csv")
    for path in tree.glob("images*/**/00000001_000.png"):
        write_image(path.relative_to(tree), shape=(5, 5, 4))
    data = ChestXray14(tree, labels=LABELS).load()
    assert data.images[0].shape == (1, 5, 5)
    (tree / "Data_Entry_2017.csv").touch()
    with pytest.raises(
        ValueError, match=r"holds 'Data_Entry_2017.csv', 'Data_Entry_2017_v2020.csv'"
    ):
        ChestXray14(tree, labels=LABELS).load()


def test_exclude(tree):
    assert (
        "00000002_000.png" not in ChestXray14(tree, LABELS, exclude="00000002_000.png").load().ids
    )


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("Data_Entry_2017.csv", "Patient ID", "Patient", "no column 'Patient ID'; did you mean"),
        ("Data_Entry_2017.csv", "Finding Labels", "Labels", "no column 'Finding Labels'"),
        (
            "Data_Entry_2017.csv",
            "Hernia|",
            "Hernai|",
            "line 5: .* holds 'Hernai'; did you mean 'Her",
        ),
        ("Data_Entry_2017.csv", "|Infil", "|No Finding|Infil", "names findings and 'No Finding'"),
        ("Data_Entry_2017.csv", "|Infil", "||Infil", "line 5: column 'Finding Labels' holds ''"),
        ("Data_Entry_2017.csv", ",0,4,", ",0,2,", "'2' has images in test and in train"),
        ("test_list.txt", "00000004_000.png", "", "neither .* names '00000004_000.png'"),
        ("test_list.txt", "00000004", "00000002", r"share '00000002_000.png'"),
    ],
)
def test_refused(tree, name, old, new, message):
    file = tree / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        ChestXray14(tree, labels=LABELS).load()


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (
            "Data_Entry_2017.csv",
            r"holds no file Data_Entry_2017\*.csv, but .*; get ChestX-ray14 from https",
        ),
        ("train_val_list.txt", r"holds no file train_val_list.txt, but .*; get ChestX-ray14 from"),
        ("test_list.txt", r"holds no file test_list.txt, but .*; get ChestX-ray14 from"),
        ("*/**/00000003_000.png", r"1 of the 5 images that 'Data_Entry_2017.csv' names are not"),
    ],
)
def test_a_part_is_missing(tree, lost, message):
    for path in tree.glob(lost):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=message):
        ChestXray14(tree, labels=LABELS).load()


def test_wrong_root_and_unknown_labels(tmp_path):
    with pytest.raises(FileNotFoundError, match="root: there is no folder"):
        ChestXray14(tmp_path / "x").load()
    with pytest.raises(
        ValueError, match=r"labels: there is no 'Efusion'; did you mean 'Effusion'\?"
    ):
        ChestXray14("x", labels=("Efusion",))


def test_an_empty_table(tree):
    (tree / "Data_Entry_2017.csv").write_text(HEAD + "\n")
    with pytest.raises(ValueError, match="holds only a header"):
        ChestXray14(tree).load()

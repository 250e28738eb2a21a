"""Published sets as other sites hand them out: other folders, formats and tables."""

from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image

from aucmax.data import HAM10000, ChestXray14, CheXpert, Melanoma, usable

SCAN = Path(pydicom.data.get_testdata_file("MR_small.dcm"))
NAMES = ("ISIC_0000001", "ISIC_0000002", "ISIC_0000003", "ISIC_0000004")


def image(path, shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), 50 + shade, np.uint8)).save(path)


def kaggle(root, *, jpeg=True, dicom=True):
    """The layout of Kaggle's archive of SIIM-ISIC 2020."""
    root.mkdir(exist_ok=True)
    rows = [f"{name},p{row // 2},male,45,torso,unknown,benign,{row % 2}"
            for row, name in enumerate(NAMES)]  # fmt: skip
    head = "image_name,patient_id,sex,age_approx,anatom_site,diagnosis,benign_malignant,target"
    (root / "train.csv").write_text("\n".join([head, *rows]))
    for row, name in enumerate(NAMES):
        if jpeg:
            image(root / "jpeg" / "train" / f"{name}.jpg", 20 * row)
            image(root / "jpeg" / "test" / f"ISIC_9{row}.jpg")
        if dicom:
            (root / "train").mkdir(exist_ok=True)
            (root / "train" / f"{name}.dcm").write_bytes(SCAN.read_bytes())
    return root


def names_of(data, root):
    return [Path(path).relative_to(root).as_posix() for path in data.images.paths]


def test_kaggles_layout_of_isic_2020(tmp_path):
    root = kaggle(tmp_path / "isic")
    for source in (Melanoma(root), Melanoma(root, csv=root / "train.csv")):
        data = source.load()
        assert data.ids == NAMES
        assert data.groups.tolist() == ["p0", "p0", "p1", "p1"]
        assert names_of(data, root) == [f"jpeg/train/{name}.jpg" for name in NAMES]
        assert abs(int(data.images[2][0, 0, 0]) - 90) < 3


def test_kaggles_dicom_files_alone(tmp_path):
    root = kaggle(tmp_path / "isic", jpeg=False)
    data = Melanoma(root).load()
    assert names_of(data, root) == [f"train/{name}.dcm" for name in NAMES]
    assert data.images[0].shape == (3, 64, 64)


@pytest.mark.parametrize("form", ["train/{}.png", "train/{}.JPG", "Images/{}.jpeg", "{}.jpg"])
def test_other_folders_and_formats_of_isic_2020(tmp_path, form):
    root = kaggle(tmp_path / "isic", jpeg=False, dicom=False)
    for name in NAMES:
        image(root / form.format(name))
    assert names_of(Melanoma(root).load(), root) == [form.format(name) for name in NAMES]


def test_two_copies_in_folders_of_no_known_name_are_refused(tmp_path):
    root = kaggle(tmp_path / "isic", jpeg=False, dicom=False)
    for name in NAMES:
        image(root / "small" / f"{name}.jpg")
        image(root / "large" / f"{name}.jpg")
    with pytest.raises(ValueError, match=r"may be any of 'large/ISIC_0000001.jpg', 'small/ISIC"):
        Melanoma(root).load()


HAM = ["lesion_id,image_id,dx,dx_type,age", "l1,a,mel,histo,40", "l2,b,nv,histo,50", "l1,c,nv,x,6"]


@pytest.mark.parametrize(
    "table", ["HAM10000_metadata.tab", "ham10000_metadata.csv", "HAM10000_metadata"]
)
@pytest.mark.parametrize(
    "folders",
    [("HAM10000_images_part_1", "HAM10000_images_part_2"), ("ham10000_images_part_1",) * 2,
     ("images", "images"), (".", ".")],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_tables_and_folders_of_ham10000(tmp_path, table, folders, suffix):
    lines = [line.replace(",", "\t") for line in HAM] if table.endswith("tab") else HAM
    quoted = ["\t".join(f'"{x}"' for x in line.split("\t")) for line in lines]
    (tmp_path / table).write_text("\n".join(quoted if table.endswith("tab") else lines))
    for name, folder in zip("abc", [folders[0], folders[1], folders[0]], strict=True):
        image(tmp_path / folder / f"{name}{suffix}")
    data = HAM10000(tmp_path).load()
    assert data.ids == ("a", "b", "c")
    assert data.target.tolist() == [[1], [0], [0]]
    assert data.groups.tolist() == ["l1", "l2", "l1"]
    assert [Path(path).name for path in data.images.paths] == [f"{n}{suffix}" for n in "abc"]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".jpeg"])
def test_converted_copies_of_chexpert(tmp_path, caplog, suffix):
    root = tmp_path / "CheXpert-v1.0-small"
    labels = "Cardiomegaly,Edema,Consolidation,Atelectasis,Pleural Effusion"
    for part, name in (("train", "train.csv"), ("valid", "valid.csv")):
        rows = []
        for row in range(4):
            number = row + (100 if part == "valid" else 0)
            inside = f"{part}/patient{number:05d}/study1/view1_frontal"
            image(root / f"{inside}{suffix}")
            rows.append(
                f"CheXpert-v1.0-small/{inside}.jpg,Male,40,Frontal,AP" + f",{row % 2}.0" * 5
            )
        head = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{labels}"
        (root / name).write_text("\n".join([head, *rows]))
    data = CheXpert(root).load()
    assert len(data) == 8
    assert data.ids[0] == "train/patient00000/study1/view1_frontal.jpg"
    assert {Path(path).suffix for path in data.images.paths} == {suffix}
    assert ("8 of the 8 images" in caplog.text) == (suffix != ".jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("folder", ["images", "images_003/images", "IMAGES", "."])
def test_converted_copies_of_chestxray14(tmp_path, suffix, folder):
    names = [f"0000000{row}_000.png" for row in range(4)]
    rows = [
        f"{name},{'Edema' if row % 2 else 'No Finding'},0,{row},60"
        for row, name in enumerate(names)
    ]
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age"
    (tmp_path / "Data_Entry_2017.csv").write_text("\n".join([head, *rows]))
    (tmp_path / "train_val_list.txt").write_text("\n".join(names[:2]))
    (tmp_path / "test_list.txt").write_text("\n".join(names[2:]))
    for name in names:
        image(tmp_path / folder / name.replace(".png", suffix))
    data = ChestXray14(tmp_path, labels="Edema").load()
    assert data.ids == tuple(names)
    assert data.target[:, 0].tolist() == [0, 1, 0, 1]
    assert {Path(path).suffix for path in data.images.paths} == {suffix}


def test_missing_images_of_a_set_are_skipped_if_asked_for(tmp_path):
    root = kaggle(tmp_path / "isic", dicom=False)
    (root / "jpeg" / "train" / f"{NAMES[1]}.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 4 images .*on_error=skip"):
        Melanoma(root).load()
    source = Melanoma(root, on_error="skip")
    kept, skipped = usable(source, source.load(), size=None, progress=False)
    assert [image.id for image in skipped] == [NAMES[1]]
    assert len(kept) == 3

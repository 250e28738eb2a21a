"""CBIS-DDSM's case files with small images, laid out as published and as converted."""

import csv
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image

from aucmax.data import split
from aucmax.data.mammography import Mammography

HEADER = [
    "patient_id", "breast_density", "left or right breast", "image view", "abnormality id",
    "abnormality type", "mass shape", "mass margins", "assessment", "pathology", "subtlety",
    "image file path", "cropped image file path", "ROI mask file path",
]  # fmt: skip
# patient, breast, view, number of the lesion, pathology
ROWS = {
    ("mass", "train"): [
        ("P_00001", "LEFT", "CC", 1, "MALIGNANT"),
        ("P_00001", "LEFT", "MLO", 1, "BENIGN"),
        ("P_00002", "RIGHT", "CC", 1, "BENIGN"),
        ("P_00002", "RIGHT", "CC", 2, "MALIGNANT"),
        ("P_00003", "RIGHT", "CC", 1, "BENIGN_WITHOUT_CALLBACK"),
        ("P_00009", "LEFT", "CC", 1, "BENIGN"),
    ],
    ("mass", "test"): [("P_00004", "LEFT", "CC", 1, "MALIGNANT"),
                       ("P_00005", "LEFT", "CC", 1, "BENIGN")],
    ("calc", "train"): [("P_00003", "RIGHT", "CC", 1, "MALIGNANT"),
                        ("P_00006", "LEFT", "CC", 1, "BENIGN")],
    ("calc", "test"): [("P_00009", "LEFT", "CC", 1, "MALIGNANT"),
                       ("P_00007", "LEFT", "CC", 1, "BENIGN")],
}  # fmt: skip
FULL, CROP = (24, 16), (6, 5)


def shade(path):
    """A shade of grey that belongs to one case."""
    return 40 + sum(map(ord, path.split("/")[0])) % 150


def lesions(kind, part):
    """Rows of a case file: paths end in names that are not those on disk."""
    for number, (patient, side, view, lesion, pathology) in enumerate(ROWS[kind, part]):
        case = f"{kind.title()}-{'Training' if part == 'train' else 'Test'}_{patient}_{side}_{view}"
        series = f"1.3.6.{list(ROWS).index((kind, part))}.{number}"
        paths = [
            f"{case}/{series}.1/{series}.2/000000.dcm",
            f"{case}_{lesion}/{series}.3/{series}.4/000001.dcm",
            f"{case}_{lesion}/{series}.3/{series}.4/000000.dcm",
        ]
        row = [patient, "3", side, view, str(lesion), kind, "", "", "4", pathology, "3", *paths]
        yield dict(zip(HEADER, row, strict=True))


def write_cases(root):
    for kind, part in ROWS:
        with (root / f"{kind}_case_description_{part}_set.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, HEADER)
            writer.writeheader()
            for row in lesions(kind, part):  # the published files have such line breaks
                writer.writerow(row | {HEADER[-2]: row[HEADER[-2]] + "\n"})


def every_row():
    return [row for kind, part in ROWS for row in lesions(kind, part)]


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".dcm":
        data = pydicom.dcmread(Path(pydicom.data.__file__).parent / "test_files/MR_small.dcm")
        del data.WindowCenter, data.WindowWidth
        data.Rows, data.Columns = pixels.shape
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation = 0
        data["PixelData"].VR = "OW"
        data.PixelData = (pixels.astype(np.uint16) * 257).tobytes()
        data.save_as(path)
    else:
        Image.fromarray(pixels).save(path)


def write_images(root, place):
    """All images; ``place`` makes a path on disk of kind (1 to 3) and path in the case file."""
    masked = np.zeros(FULL, np.uint8)
    masked[2:8, 3:8] = 255
    for row in every_row():
        full, crop, mask = (row[name] for name in HEADER[-3:])
        save(root / place(1, full), np.full(FULL, shade(full), np.uint8))
        save(root / place(2, crop), np.full(CROP, shade(crop), np.uint8))
        save(root / place(3, mask), masked)


def tcia(kind, path):
    """The archive's own downloader: descriptive folders and short file names."""
    case = path.split("/")[0]
    folder = {1: "1.000000-full mammogram images-1", 2: "1.000000-ROI mask images-2"}
    return f"CBIS-DDSM/{case}/07-20-2016-DDSM/{folder[min(kind, 2)]}/1-{1 if kind < 3 else 2}.dcm"


def classic(kind, path):
    """The archive's classic layout, crop and mask the other way round."""
    return path.replace("00000", "00000" if kind == 1 else "x")


def jpeg(kind, path):
    """One folder for each series, as the widespread conversion to JPEG has it."""
    return f"jpeg/{path.split('/')[2]}/1-{kind:03d}.jpg"


def png(kind, path):
    """One flat folder, named by case; masks apart."""
    return f"{'masks' if kind == 3 else 'images'}/{path.split('/')[0]}.png"


@pytest.fixture(params=[tcia, classic, jpeg])
def root(request, tmp_path):
    write_cases(tmp_path)
    write_images(tmp_path, request.param)
    return tmp_path


def expected_views(kinds):
    """Slowly: view and part -> malignant if any lesion of that view is, in any set."""
    rows = [(kind, part, *row) for (kind, part), all_ in ROWS.items() for row in all_
            if kind in kinds]  # fmt: skip
    found = {}
    for _, part, *view, _, _ in rows:
        found[tuple(view), part] = any(r[2:5] == tuple(view) and r[6] == "MALIGNANT" for r in rows)
    return found


@pytest.mark.parametrize("kinds", [("mass",), ("calc",), ("mass", "calc")])
def test_mammograms_are_malignant_if_a_lesion_is(root, kinds):
    data = Mammography(root, lesions=kinds, parts="official").load()
    expected = expected_views(kinds)
    assert len(data) == len(expected)
    for row, name in enumerate(data.ids):
        _, *patient, side, view = name.split("_")
        key = ("_".join(patient), side, view), str(data.split[row])
        assert data.target[row, 0] == expected[key]
        assert data.groups[row] == key[0][0]
        pixels = data.images[row]
        assert pixels.shape == (1, *FULL)
        assert abs(int(pixels[0, 0, 0]) - shade(name)) <= 2  # JPEG is not exact


def test_crops(root):
    data = Mammography(root, crop=True, parts="official").load()
    rows = every_row()
    assert len(data) == len(rows) == 12
    by_case = {row[HEADER[-2]].split("/")[0]: row for row in rows}
    for row, name in enumerate(data.ids):
        assert data.target[row, 0] == (by_case[name]["pathology"] == "MALIGNANT")
        assert data.groups[row] == by_case[name]["patient_id"]
        assert data.images[row].shape == (1, *CROP)
        assert abs(int(data.images[row][0, 0, 0]) - shade(name)) <= 2


def test_patients_of_both_sets(root):
    official = Mammography(root, parts="official").load()
    with pytest.raises(ValueError, match=r"groups must not be divided.*'P_00009'"):
        split(official.target, groups=official.groups, given=official.split)
    disjoint = Mammography(root).load()
    assert set(official.ids) - set(disjoint.ids) == {"Mass-Training_P_00009_LEFT_CC"}
    part = split(disjoint.target, groups=disjoint.groups, given=disjoint.split, validation=0)
    assert (part == disjoint.split).all()
    free = Mammography(root, parts="free").load()
    assert free.split is None
    assert len(free) == len({name.split("_", 1)[1] for name in official.ids}) == len(official) - 1


def test_flat_png_by_case(tmp_path):
    write_cases(tmp_path)
    write_images(tmp_path, png)
    for path in (tmp_path / "masks").iterdir():  # else two files are named like each case
        path.unlink()
    data = Mammography(tmp_path, crop=True, exclude="Mass-Training_P_00001_LEFT_CC_1").load()
    assert len(data) == 10
    assert [int(data.images[row][0, 0, 0]) for row in range(10)] == [shade(n) for n in data.ids]
    full = Mammography(tmp_path).load()
    assert [int(full.images[row][0, 0, 0]) for row in range(len(full))] == [
        shade(name) for name in full.ids
    ]


@pytest.mark.parametrize("place", [tcia, jpeg])
def test_rows_without_image(tmp_path, place):
    write_cases(tmp_path)
    write_images(tmp_path, place)
    row = every_row()[0]  # it ends in line 3, as it contains a line break
    for kind, name in enumerate(HEADER[-3:], start=1):
        (tmp_path / place(kind, row[name])).unlink()
    message = (
        r"root: 1 of \d+ images are not below .*'mass_case_description_train_set.csv, line 3: "
        r"Mass-Training_P_00001_LEFT_CC.*cancerimagingarchive"
    )
    for crop in (False, True):
        with pytest.raises(FileNotFoundError, match=message):
            Mammography(tmp_path, crop=crop).load()


def test_a_mask_is_never_taken_for_a_crop(tmp_path):
    write_cases(tmp_path)
    write_images(tmp_path, jpeg)
    row = every_row()[0]
    (tmp_path / jpeg(2, row[HEADER[-2]])).unlink()
    with pytest.raises(ValueError, match=r"line 3: only the mask of Mass-Training_P_00001_LEFT_CC"):
        Mammography(tmp_path, crop=True).load()
    save(tmp_path / jpeg(2, row[HEADER[-2]]), np.full(FULL, 9, np.uint8))
    with pytest.raises(ValueError, match=r"line 3: crop and mask, .*, are of one size"):
        Mammography(tmp_path, crop=True).load()


def test_too_many_images_in_a_folder(tmp_path):
    write_cases(tmp_path)
    write_images(tmp_path, tcia)
    row = every_row()[0]
    for kind, name in ((1, HEADER[-3]), (2, HEADER[-2])):
        extra = (tmp_path / tcia(kind, row[name])).with_name("copy.dcm")
        save(extra, np.full(FULL, 3, np.uint8))
    with pytest.raises(ValueError, match=r"line 3: .* may be any of .*copy.dcm.*keep one"):
        Mammography(tmp_path).load()
    with pytest.raises(ValueError, match=r"line 3: .* may be any of .*keep crop and mask only"):
        Mammography(tmp_path, crop=True).load()


def test_unreadable_image(tmp_path):
    write_cases(tmp_path)
    write_images(tmp_path, jpeg)
    bad = tmp_path / jpeg(1, every_row()[0][HEADER[-3]])
    bad.write_text("no image")
    with pytest.raises(ValueError, match=r"1-001.jpg' cannot be read: it is no image file"):
        Mammography(tmp_path).load()
    assert len(Mammography(tmp_path, on_error="skip").load()) == 9


def test_wrong_root_and_missing_case_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*; CBIS-DDSM is at https"):
        Mammography(tmp_path / "gone").load()
    write_cases(tmp_path)
    (tmp_path / "calc_case_description_test_set.csv").unlink()
    message = r"holds no file calc_case_description_test_set.csv; CBIS-DDSM is at"
    with pytest.raises(FileNotFoundError, match=message):
        Mammography(tmp_path).load()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MALIGNANT", "CANCER", r"train_set.csv', line 3: column 'pathology' holds 'CANCER'"),
        ("pathology", "diagnosis", r"pathology: .* has no column 'pathology'"),
        ("P_00001,", ",", r"line 3: column 'patient_id' is blank"),
    ],
)  # fmt: skip
def test_case_file_refused(tmp_path, old, new, message):
    write_cases(tmp_path)
    path = tmp_path / "mass_case_description_train_set.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        Mammography(tmp_path).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lesions": ("masses",)}, "lesions: there is no 'masses'; did you mean 'mass'"),
        ({"parts": "all"}, "parts must be one of 'disjoint', 'official', 'free', got 'all'"),
        ({"bits": 8}, "bits must be from 9 to 16"),
    ],
)
def test_options_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Mammography("x", **options)

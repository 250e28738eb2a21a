"""A hospital's own DICOM files, listed in a CSV: the numbers are those of the same pictures."""

import numpy as np
import pydicom
import pytest
from oracles_medical import SMALL, save, split_csv
from oracles_train import fit, read_rows, refused, write_csv
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from aucmax.cli import main

COUNT = 48


def write_dicom(path, pixels, **tags):
    """A file of grey pixels, 8 or 16 bits; without any if ``pixels`` is None."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = generate_uid()
    data.Modality, data.PatientID = "DX", "secret"
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
        data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
        data.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def write_as_dicom(path, kind, picture):
    """One picture as four kinds of files that a viewer shows alike."""
    wide = picture.astype(np.uint16)
    if kind == 0:
        write_dicom(path, picture)
    elif kind == 1:
        write_dicom(path, 255 - picture, PhotometricInterpretation="MONOCHROME1")
    elif kind == 2:  # a window from 1000 to 1255 of 12 bits
        window = {"WindowCenter": 1128, "WindowWidth": 256}
        write_dicom(path, wide + 1000, **window, BitsStored=12, HighBit=11)
    else:  # Hounsfield units, with a window that leaves nothing out
        rescale = {"RescaleSlope": 2, "RescaleIntercept": -1024, "SOPClassUID": CTImageStorage}
        window = {"WindowCenter": 255 - 1024, "WindowWidth": 511, "VOILUTFunction": "LINEAR"}
        write_dicom(path, wide, **rescale, **window)


@pytest.fixture(scope="module")
def place(tmp_path_factory, pictures):
    """The same table and pictures twice, as DICOM and as PNG, each with a finished run."""
    place = tmp_path_factory.mktemp("dicom")
    small = [Image.fromarray(x).resize((24, 30)) for x in pictures(COUNT, colour=False, seed=9)]
    for kind in ("dcm", "png"):
        folder = place / kind
        for row, image in enumerate(small):
            path = folder / f"scans/{row // 2:02d}/{row % 2}.{kind}"
            if kind == "dcm":
                write_as_dicom(path, row % 4, np.asarray(image))
            else:
                save(path, np.asarray(image))
        rows = [
            [f"scan{row}", f"scans/{row // 2:02d}/{row % 2}.{kind}", int(row // 2 % 3 == 0)]
            for row in range(COUNT)
        ]
        rows = [[*row, f"patient{number // 2:02d}"] for number, row in enumerate(rows)]
        write_csv(folder / "cases.csv", ["scan", "file", "malignant", "patient"], rows)
        fit(*words(folder), "--output", place, "--name", f"run-{kind}")
    return place


def words(folder):
    columns = ["--data.image=file", "--data.label=malignant", "--data.group=patient"]
    return ["csv", "--data.csv", folder / "cases.csv", "--data.id=scan", *columns, *SMALL]


def test_the_numbers_are_those_of_the_pictures(place):
    for name in ("predictions.csv", "metrics.json"):
        one, other = ((place / f"run-{kind}" / name).read_bytes() for kind in ("dcm", "png"))
        assert one == other
    splits = [read_rows(place / f"run-{kind}" / "split.csv") for kind in ("dcm", "png")]
    for row, other in zip(*splits, strict=True):  # the files themselves differ
        assert row.pop("content") != other.pop("content")
        assert row == other
    rows = split_csv(place / "run-dcm" / "split.csv")
    assert len(rows) == COUNT
    for number in range(COUNT // 2):
        first, second = rows[f"scan{2 * number}"], rows[f"scan{2 * number + 1}"]
        assert first["part"] == second["part"]
        assert first["group"] == f"patient{number:02d}"


def test_a_checkpoint_scores_dicom_files(place, tmp_path):
    checkpoint = place / "run-dcm" / "02-pairwise-auc" / "best.ckpt"
    out = tmp_path / "p.csv"
    assert main(["predict", str(checkpoint), str(place / "dcm/scans"), "--output", str(out)]) == 0
    found = {row["id"]: row for row in read_rows(out)}
    assert len(found) == COUNT
    for row in read_rows(place / "run-dcm" / "predictions.csv"):
        number = int(row["id"].removeprefix("scan"))
        path = place / f"dcm/scans/{number // 2:02d}/{number % 2}.dcm"
        score = next(value for name, value in found[str(path)].items() if name.startswith("score"))
        other = next(value for name, value in row.items() if name.startswith("score"))
        assert float(score) == pytest.approx(float(other), abs=1e-6)


def test_dicom_without_pixels_is_refused_by_name_or_skipped(capsys, place, tmp_path, monkeypatch):
    table = (place / "dcm/cases.csv").read_text()
    report = tmp_path / "report.dcm"
    write_dicom(report, None, Modality="SR")
    (tmp_path / "cases.csv").write_text(table.replace("scans/03/1.dcm", str(report)))
    monkeypatch.chdir(tmp_path)
    mine = [*words(tmp_path), "--data.root", place / "dcm"]
    message = refused(capsys, 1, "fit", *mine)
    assert f"image {str(report)!r} cannot be read" in message
    assert "(modality SR) holds no pixels" in message
    fit(*mine, "--data.on_error=skip", "--name", "run", "--pretrain.epochs=0")
    (skipped,) = read_rows(tmp_path / "runs/run/skipped.csv")
    assert (skipped["id"], skipped["path"]) == ("scan7", str(report))
    assert "no pixels" in skipped["reason"]
    assert "scan7" not in split_csv(tmp_path / "runs/run/split.csv")


def test_nothing_of_the_header_reaches_the_run_folder(place):
    assert pydicom.dcmread(place / "dcm/scans/00/0.dcm").PatientID == "secret"
    for path in (place / "run-dcm").rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()

"""Which files count as images, where they are looked for, and what is said of the others."""

import io
import os
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image

from aucmax.data import CSV, FileImages, Folder
from aucmax.data._image_files import FolderTree, found_files, has_dicom_head, has_image_head

NOISE = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
FORMATS = {
    "BMP": "", "GIF": "", "JPEG": ".jfif", "JPEG2000": ".jp2", "PNG": ".image", "PPM": "",
    "TIFF": ".1", "WEBP": "", "AVIF": ".avif",
}  # fmt: skip


def encoded(form):
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, format=form)
    return file.getvalue()


def dicom_file(name="MR_small.dcm"):
    return Path(pydicom.data.get_testdata_file(name)).read_bytes()


def bare_dicom():
    """DICOM without preamble, mark and file meta information."""
    data = pydicom.dcmread(io.BytesIO(dicom_file()))
    file = io.BytesIO()
    pydicom.dcmwrite(file, pydicom.Dataset(data), implicit_vr=True, little_endian=True)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_a_folder_holds_images_of_every_format_whatever_their_name(tmp_path, form):
    content = encoded(form)
    assert has_image_head(content[:140])
    assert not has_dicom_head(content[:140])
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / f"IM0001{FORMATS[form]}").write_bytes(content)
    data = Folder(tmp_path).load()
    assert len(data) == 2
    assert data.images[0].shape == (3, 8, 8)


@pytest.mark.parametrize("name", ["IM000001", "x.ima", "1.2.840.113", "scan.DCM"])
@pytest.mark.parametrize("content", [dicom_file, bare_dicom])
def test_a_folder_holds_dicom_files_whatever_their_name(tmp_path, name, content):
    for place in "ab":
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_bytes(content())
    data = Folder(tmp_path).load()
    assert data.ids == (f"a/{name}", f"b/{name}")
    expected = FileImages([pydicom.data.get_testdata_file("MR_small.dcm")])[0]
    np.testing.assert_array_equal(data.images[1], expected)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_content_counts_where_the_suffix_lies(tmp_path, form):
    (tmp_path / "x.dcm").write_bytes(encoded(form))
    (tmp_path / "y.png").write_bytes(dicom_file())
    assert FileImages([tmp_path / "x.dcm"])[0].shape == (3, 8, 8)
    assert FileImages([tmp_path / "y.png"])[0].shape == (1, 64, 64)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"hello", b"BM is a text", b"P5 is one too", b"GIF", b"RIFFxxxxWAVE", b"{}",
     b"PK\x03\x04", b"\x89HDF\r\n", b"II, the second", b"MM.", b"\0" * 200, b"\x02\0" * 90,
     b"....ftypheic", b"II*", b"\x93NUMPY\x01\0v\0", b"%PDF-1.4"],
)  # fmt: skip
def test_other_files_are_no_images(content):
    assert not has_image_head(content)
    assert not has_dicom_head(content)


def test_files_that_are_left_out_are_counted(tmp_path, write_image, caplog):
    for name in ("a/1.png", "b/1.png", "3.png"):
        write_image(name)
    for name in ("a/notes.txt", "a/Thumbs.db", "b/.hidden.png", "list.csv"):
        (tmp_path / name).write_bytes(b"\0no image")
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert Folder(tmp_path).load().ids == ("a/1.png", "b/1.png")
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "1 images are in no class folder and are left out: '3.png'",
        f"{tmp_path}: 4 files are no images and are left out: 'a/Thumbs.db', 'a/gone.png', "
        "'a/notes.txt', ... (4 in all)",
    ]


def test_a_tree_of_1500_levels_is_read(tmp_path, write_image):
    write_image("a/1.png")
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        Path("b").mkdir()
        os.chdir("b")
        for _ in range(1_500):
            Path("d").mkdir()
            os.chdir("d")
        Path("2.png").symlink_to(tmp_path / "a" / "1.png")
    finally:
        os.chdir(here)
    ids = Folder(tmp_path).load().ids
    assert ids == ("a/1.png", "b/" + "d/" * 1_500 + "2.png")
    (tmp_path / ids[1]).unlink()
    for depth in range(1_500, 0, -1):  # pytest itself cannot remove such a tree
        (tmp_path / ("b/" + "d/" * depth)).rmdir()


def test_a_link_to_a_folder_is_followed_but_not_in_a_circle(tmp_path, write_image):
    write_image("outside/1.png")
    write_image("tree/a/2.png")
    (tmp_path / "tree" / "a" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "a" / "circle").symlink_to(tmp_path / "tree")
    assert FolderTree.read(tmp_path / "tree").images == ["a/2.png", "a/linked/1.png"]


def test_a_folder_that_may_not_be_read_is_an_error(tmp_path, write_image, monkeypatch):
    write_image("a/1.png")
    write_image("b/1.png")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError, match="Permission denied"):
        FolderTree.read(tmp_path)


def test_a_file_that_may_not_be_read_says_so(tmp_path, write_image, monkeypatch):
    import aucmax.data.images as images

    write_image("1.png")

    def refusing(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(images, "read_head", refusing)
    monkeypatch.setattr(Image, "open", refusing)
    for name in ("1.png", "scan"):
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match=rf"{name}' cannot be read: Permission denied"):
            FileImages([tmp_path / name])


@pytest.fixture
def table(tmp_path, write_image):
    write_image("imgs/0.png")
    write_image("imgs/1.JPG")
    write_image("imgs/1.2.3.png")
    write_image("imgs/sub/3.png")
    (tmp_path / "imgs" / "IM4").write_bytes(dicom_file())

    def load(*names, **options):
        lines = [f'"{name}",{row % 2}' for row, name in enumerate(names)]
        (tmp_path / "cells.csv").write_text("\n".join(["image,label", *lines]))
        data = CSV(tmp_path / "cells.csv", **options).load()
        return [os.path.relpath(path, tmp_path) for path in data.images.paths]

    return load


def test_names_are_found_with_backslashes_without_suffix_and_in_other_formats(table, caplog):
    found = table("imgs\\0.png", "imgs/sub/3", "imgs/1.png", "imgs/1.2.3", "imgs/IM4.dcm")
    assert found == ["imgs/0.png", "imgs/sub/3.png", "imgs/1.JPG", "imgs/1.2.3.png", "imgs/IM4"]
    (record,) = caplog.records
    assert "5 of the 5 images that 'cells.csv' names are found under another name, the first: " in (
        record.getMessage()
    )


def test_a_suffix_can_be_given(table, tmp_path, caplog):
    assert table("0", "1.2.3.png", root=tmp_path / "imgs", suffix=".png") == [
        "imgs/0.png",
        "imgs/1.2.3.png",
    ]
    assert not caplog.records
    with pytest.raises(
        ValueError, match=r"suffix must begin with a point, such as .png, got 'png'"
    ):
        CSV("x.csv", suffix="png")


def test_two_files_of_a_name_are_refused(table, write_image):
    write_image("imgs/0.bmp")
    with pytest.raises(ValueError, match=r"any of '0.bmp', '0.png' can be meant; write the suffix"):
        table("imgs/0", "imgs/1.JPG")
    assert table("imgs/0.png", "imgs/1.JPG") == ["imgs/0.png", "imgs/1.JPG"]


def test_what_is_nowhere_keeps_its_name(tmp_path):
    paths = [tmp_path / "no" / "x.png", tmp_path / "y"]
    assert found_files(paths) == (paths, paths)


def test_a_name_that_is_no_text_is_refused_before_training(tmp_path, write_image):
    write_image("a/1.png")
    (tmp_path / "b").mkdir()
    name = os.fsencode(tmp_path) + b"/b/\xe4.png"
    Path(os.fsdecode(name)).write_bytes(encoded("PNG"))
    with pytest.raises(ValueError, match=r"file name b'b/.xe4.png' is not text in UTF-8; rename"):
        Folder(tmp_path).load()


def test_a_column_that_may_name_patients_is_noted_unless_it_is_the_group(table, tmp_path, caplog):
    table("imgs/0.png", "imgs/1.JPG")
    rows = ["imgs/0.png,0,p", "imgs/1.JPG,1,p"]
    (tmp_path / "cells.csv").write_text("\n".join(["image,label,Patient_ID", *rows]))
    CSV(tmp_path / "cells.csv").load()
    (record,) = caplog.records
    assert "column 'Patient_ID' is not used; if rows with the same value" in record.getMessage()
    caplog.clear()
    CSV(tmp_path / "cells.csv", group="patient_id").load()
    assert not caplog.records

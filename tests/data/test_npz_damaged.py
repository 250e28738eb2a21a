"""Archives that are damaged, claim too much, or are none at all."""

import io
import struct
import zipfile

import numpy as np
import pytest

from aucmax.data import NPZ, MedMNIST, split
from aucmax.data._npzfile import free_memory

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
CLASSES = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def archive(tmp_path):
    def write(**arrays):
        path = tmp_path / "x.npz"
        np.savez(path, **arrays)
        return path

    return write


def test_parts_whose_images_differ_in_size(archive):
    path = archive(
        train_images=GRAY[:3], train_labels=CLASSES[:3] % 2, test_images=GRAY[3:, 1:],
        test_labels=CLASSES[3:] % 2,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"images: arrays of the parts differ in shape: \[\(3, 4, 5"
    ):
        NPZ(path).load()


def test_the_training_part_alone(archive):
    data = NPZ(archive(train_images=GRAY, train_labels=CLASSES % 2)).load()
    assert data.split.tolist() == ["train"] * 6
    part = split(np.tile(data.target, (9, 1)), given=np.tile(data.split, 9))
    assert set(part.tolist()) == {"train", "validation", "test"}


def test_labels_without_columns(archive):
    with pytest.raises(ValueError, match=r"labels must hold a value for each image, .*\(6, 0\)"):
        NPZ(archive(images=GRAY, labels=np.zeros((6, 0)))).load()


@pytest.mark.parametrize("groups", [[1.0, 1, np.nan, 2, 2, 3], ["a", "a", "NA", "b", "b", "c"]])
def test_unknown_groups(archive, groups):
    path = archive(images=GRAY, labels=CLASSES % 2, who=np.array(groups))
    with pytest.raises(ValueError, match=r"group: array 'who' holds '(nan|NA)' in row 2 .1 in all"):
        NPZ(path, group="who").load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "is a zip file: it begins with b'<!DOCT'; .*get it again"),
        (b"", "which is a zip file: it is empty"),
        (b"\x80\x04\x95pickle", "which is a zip file: it begins with"),
        (b"PK\x03\x04 cut off", "or is damaged: .*get it again"),
    ],
)
@pytest.mark.parametrize("source", [NPZ, MedMNIST])
def test_what_is_no_archive_gets_no_unsafe_advice(tmp_path, source, content, message):
    path = tmp_path / "breastmnist.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        source(path).load()
    assert "pickle" not in str(error.value).replace("pickle'", "")


def claiming(path, shape, *, size=None):
    """An archive whose array has a head that claims a shape."""
    head = io.BytesIO()
    content = {"shape": shape, "fortran_order": False, "descr": "|u1"}
    np.lib.format.write_array_header_1_0(head, content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(100))
        archive.writestr("labels.npy", head.getvalue() + bytes(100))
    if size is not None:  # the directory claims the same
        data = path.read_bytes()
        old = struct.pack("<I", len(head.getvalue()) + 100)
        path.write_bytes(data.replace(old, struct.pack("<I", len(head.getvalue()) + size)))


def test_a_head_that_claims_a_terabyte_allocates_nothing(tmp_path):
    claiming(tmp_path / "x.npz", (10_000_000, 316, 316))
    with pytest.raises(
        ValueError, match=r"'images' .* its head claims 998,560,000,000 bytes, and 100 are there"
    ):
        NPZ(tmp_path / "x.npz").load()


def test_an_archive_larger_than_the_memory_allocates_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("aucmax.data._npzfile.free_memory", lambda: 10_000_000)
    claiming(tmp_path / "x.npz", (4, 100, 10_000), size=4_000_000)
    with pytest.raises(ValueError, match="cannot be read: "):  # what it claims is not there
        NPZ(tmp_path / "x.npz").load()
    claiming(tmp_path / "x.npz", (40, 1_000, 10_000), size=400_000_000)
    with pytest.raises(ValueError, match=r"takes 400,000,000 bytes, and 10,000,000 of memory are"):
        NPZ(tmp_path / "x.npz").load()


def test_the_free_memory_is_a_number_of_bytes():
    assert 2**20 < free_memory() < 2**63


def test_other_files_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images", "text")
        archive.writestr("labels.npy", "text")
    with pytest.raises(ValueError, match=r"images: array 'images' .* cannot be read: "):
        NPZ(tmp_path / "x.npz").load()

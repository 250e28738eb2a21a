"""PatchCamelyon's official files, small, and read by several processes at once."""

import multiprocessing
import pickle
import sys

import h5py
import numpy as np
import pytest
from torch.utils.data import DataLoader

from aucmax.data import split
from aucmax.data.patchcamelyon import _USED, HDF5Images, PatchCamelyon

LENGTHS = {"train": 8, "valid": 4, "test": 6}
META = "coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n"


def patches(part):
    seed = sorted(LENGTHS).index(part)
    return np.random.default_rng(seed).integers(0, 256, (LENGTHS[part], 96, 96, 3), dtype=np.uint8)


def put(root, part, end, key, array, **options):
    path = root / f"camelyonpatch_level_2_split_{part}_{end}.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(key, data=array, **options)
    return path


@pytest.fixture
def root(tmp_path):
    for part, length in LENGTHS.items():
        compressed = {"chunks": (2, 96, 96, 3), "compression": "gzip"} if part == "train" else {}
        put(tmp_path, part, "x", "x", patches(part), **compressed)
        labels = (np.arange(length) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)
        put(tmp_path, part, "y", "y", labels)
    return tmp_path


def slides(root, part, rows):
    path = root / f"camelyonpatch_level_2_split_{part}_meta.csv"
    path.write_text(META + "".join(f"1,2,True,False,{row}\n" for row in rows))


def test_all_parts(root):
    data = PatchCamelyon(root).load()
    assert data.labels == ("tumour",)
    assert data.groups is None
    assert data.split.tolist() == ["train"] * 8 + ["validation"] * 4 + ["test"] * 6
    assert (data.ids[0], data.ids[8], data.ids[-1]) == ("train-0", "validation-0", "test-5")
    assert data.target[:, 0].tolist() == [0, 1] * 9
    expected = np.concatenate([patches(part) for part in LENGTHS])
    for row in (0, 7, 8, 11, 12, 17):
        np.testing.assert_array_equal(data.images[row].numpy(), np.moveaxis(expected[row], 2, 0))
    assert data.images.channels == 3
    given = split(data.target, given=data.split)
    np.testing.assert_array_equal(given, data.split)


def test_slides_are_groups(root):
    for part, length in LENGTHS.items():
        slides(root, part, [f"{part}_{row // 2}" for row in range(length)])
    data = PatchCamelyon(root).load()
    assert data.groups.tolist()[:3] == ["train_0", "train_0", "train_1"]
    assert (split(data.target, groups=data.groups, given=data.split) == data.split).all()
    assert PatchCamelyon(root, group=None).load().groups is None


def test_a_slide_in_two_parts_is_refused(root):
    for part, length in LENGTHS.items():
        slides(root, part, ["the_same"] * length)
    data = PatchCamelyon(root).load()
    with pytest.raises(ValueError, match=r"groups must not be divided.*'the_same'"):
        split(data.target, groups=data.groups, given=data.split)


def test_some_parts_and_some_patches(root):
    (root / "camelyonpatch_level_2_split_train_x.h5").unlink()
    data = PatchCamelyon(root, parts=("test", "validation"), exclude="validation-1").load()
    assert data.ids[:2] == ("validation-0", "validation-2")
    assert len(data) == 9
    np.testing.assert_array_equal(data.images[1].numpy(), np.moveaxis(patches("valid")[2], 2, 0))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_what_is_in_the_files(root, start):
    images = PatchCamelyon(root).load().images
    np.testing.assert_array_equal(images[3].numpy(), np.moveaxis(patches("train")[3], 2, 0))
    context = multiprocessing.get_context(start)
    loader = DataLoader(images, batch_size=3, num_workers=2, multiprocessing_context=context)
    read = np.concatenate([batch.numpy() for batch in loader])
    expected = np.concatenate([patches(part) for part in LENGTHS]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(read, expected)
    assert images[17].numpy().tolist() == expected[17].tolist()


def test_no_file_is_open_while_the_process_divides(root):
    images = HDF5Images(root / "camelyonpatch_level_2_split_test_x.h5", key="x")
    first = images[0]
    assert images in _USED
    assert len(images._open) == 1
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(len(images._open)))
    child.start()
    child.join()
    assert queue.get() == 0
    assert images._open == {}
    assert (images[0] == first).all()
    assert pickle.loads(pickle.dumps(images))._open == {}


def test_index_outside(root):
    images = HDF5Images(root / "camelyonpatch_level_2_split_test_x.h5", key="x")
    assert (images[-1] == images[5]).all()
    with pytest.raises(IndexError, match="image 6 of 6"):
        images[6]


def test_wrong_root(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*; PatchCamelyon is at https"):
        PatchCamelyon(tmp_path / "gone").load()


@pytest.mark.parametrize("end", ["x", "y"])
def test_missing_or_packed_file(root, end):
    path = root / f"camelyonpatch_level_2_split_valid_{end}.h5"
    path.rename(f"{path}.gz")
    with pytest.raises(FileNotFoundError, match=rf"valid_{end}.h5 is still packed; run: gunzip -k"):
        PatchCamelyon(root).load()
    path.with_name(path.name + ".gz").unlink()
    message = rf"holds no file camelyonpatch_level_2_split_valid_{end}.h5.*; PatchCamelyon is at"
    with pytest.raises(FileNotFoundError, match=message):
        PatchCamelyon(root).load()


def test_slides_of_one_part_missing(root):
    slides(root, "train", "abcdefgh")
    with pytest.raises(FileNotFoundError, match=r"no file camelyonpatch_.*_valid_meta.csv"):
        PatchCamelyon(root).load()
    slides(root, "train", "abc")
    with pytest.raises(ValueError, match=r"train_meta.csv' has 3 rows for 8 patches"):
        PatchCamelyon(root).load()


@pytest.mark.parametrize("end", ["x", "y"])
def test_truncated(root, end):
    path = root / f"camelyonpatch_level_2_split_train_{end}.h5"
    path.write_bytes(path.read_bytes()[:-100])
    message = rf"train_{end}.h5' cannot be opened as HDF5: .*truncated.*may be incomplete"
    with pytest.raises(ValueError, match=message):
        PatchCamelyon(root).load()


def test_damaged_patch_is_named(root):
    path = root / "camelyonpatch_level_2_split_train_x.h5"
    images = HDF5Images(path, key="x")
    with h5py.File(path) as file:
        start = file["x"].id.get_chunk_info(1).byte_offset
    content = bytearray(path.read_bytes())
    content[start : start + 500] = b"\xff" * 500
    path.write_bytes(content)
    assert images[0].shape == (3, 96, 96)
    with pytest.raises(ValueError, match=r"images: '.*train_x.h5' cannot be read"):
        images[2]


@pytest.mark.parametrize(
    ("end", "key", "array", "message"),
    [
        ("x", "pixels", patches("valid"), r"valid_x.h5' has no array 'x'; it has 'pixels'"),
        ("x", "x", np.zeros((4, 96, 96, 3)), r"array 'x' of .* must be uint8 .* got float64"),
        ("x", "x", np.zeros((4, 3, 96, 96), np.uint8), r"got uint8 of shape \(4, 3, 96, 96\)"),
        ("x", "x", np.zeros((4, 96, 96, 1), np.uint8), "the files differ in channels"),
        ("y", "y", np.zeros((5, 1, 1, 1)), r"array 'y' of .* has shape \(5, 1, 1, 1\) for 4"),
        ("y", "y", np.full((4, 1, 1, 1), 2), r"valid_y.h5' must hold 0 and 1, but holds 2"),
    ],
)
def test_refused(root, end, key, array, message):
    put(root, "valid", end, key, array)
    with pytest.raises(ValueError, match=message):
        PatchCamelyon(root).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ("valid",)}, "parts: there is no 'valid'; did you mean 'validation'"),
        ({"parts": ()}, "parts must name at least one of"),
        ({"group": ""}, "group must name a column, got ''"),
    ],
)
def test_options_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PatchCamelyon("x", **options)


def test_without_h5py(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match=r"HDF5 files need h5py.*aucmax\[medical\]"):
        PatchCamelyon(root).load()

import io
import zipfile

import numpy as np
import pytest

from aucmax import _arrays
from aucmax.forests import Forest
from aucmax.forests._file import FORMAT, read_trees, write_trees
from aucmax.forests._tree import Tree

STUMP = Tree(np.array([1, -1, -1], dtype=np.int32), np.array([0.25, 0.75]))
LEAF = Tree(np.array([-1], dtype=np.int32), np.array([0.5]))
TREES = ((STUMP, LEAF), (LEAF, STUMP), (STUMP, STUMP))


@pytest.fixture
def path(tmp_path):
    return write_trees(tmp_path / "forest.npz", ("a", "b", "c"), 4, TREES)


def written(path, **changed):
    """The file again, with some arrays changed, or left out where they are None."""
    arrays = dict(np.load(path)) | changed
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_what_is_written_is_read(path):
    labels, width, trees = read_trees(path)
    assert (labels, width) == (("a", "b", "c"), 4)
    assert [[tree.feature.tolist() for tree in row] for row in trees] == [
        [tree.feature.tolist() for tree in row] for row in TREES
    ]
    assert [[tree.share.tolist() for tree in row] for row in trees] == [
        [tree.share.tolist() for tree in row] for row in TREES
    ]


def test_an_unchanged_copy_is_read(path):
    """So what is refused below is refused for what was changed."""
    assert read_trees(written(path))[1] == 4
    assert str(np.load(path)["format"]) == FORMAT


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": np.array(["a", "b"])},
        {"labels": np.array([1, 2, 3])},
        {"width": np.array(1)},
        {"width": np.array([4])},
        {"width": np.array(4.0)},
        {"nodes": np.array([3, 1, 1, 3, 3, 3])},
        {"nodes": np.array([[3, 1], [1, 3], [3, 4]])},
        {"nodes": np.array([[1, 3], [1, 3], [3, 3]])},
        {"nodes": np.array([[3, 1], [1, 3], [7, -1]])},
        {"nodes": np.zeros((3, 0), dtype=int)},
        {"feature": np.array([1, -1, -1, -1, -1, 4, -1, -1, 1, -1, -1, 1, -1, -1])},
        {"feature": np.array([1, -1, -1, -1, -1, -1, 1, -1, 1, -1, -1, 1, -1, -1])},
        {"feature": np.array([1, -1, -1, -1, -1, -2, -1, -1, 1, -1, -1, 1, -1, -1])},
        {"feature": np.full(14, -1.0)},
        {"share": np.full(10, 1.5)},
        {"share": np.full(10, np.nan)},
        {"share": np.full(9, 0.5)},
        {"share": np.full(10, 0.5, dtype=np.float32)},
        {"share": np.full((10, 1), 0.5)},
    ],
)
def test_arrays_that_make_no_trees_are_refused(path, changed):
    with pytest.raises(ValueError, match=r"its arrays do not make trees.*fit and save the forest"):
        read_trees(written(path, **changed))


@pytest.mark.parametrize(
    "changed",
    [{"format": np.array("aucmax forest 2")}, {"share": None}, {"more": np.zeros(3)}],
)
def test_other_arrays_are_refused(path, changed):
    with pytest.raises(ValueError, match=r"is no forest that Forest.save wrote \('aucmax forest 1"):
        read_trees(written(path, **changed))


def test_pickled_objects_are_refused(path):
    with pytest.raises(
        ValueError, match=r"is damaged, or no forest .*Python objects, which are not read"
    ):
        read_trees(written(path, share=np.array([{}], dtype=object)))


def claiming(shape):
    """An archive with one array whose header says that it is larger than it is."""
    header, archive = io.BytesIO(), io.BytesIO()
    content = {"shape": shape, "fortran_order": False, "descr": "<f8"}
    np.lib.format.write_array_header_1_0(header, content)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("share.npy", header.getvalue())
    return archive.getvalue()


def test_an_archive_that_unfolds_beyond_the_memory(path, monkeypatch):
    monkeypatch.setattr(_arrays, "memory_bytes", lambda: 10)
    with pytest.raises(ValueError, match="more than the memory holds"):
        Forest.load(path)


def test_other_files_are_refused(path):
    one = io.BytesIO()
    np.save(one, np.zeros(3))
    for content, text in [
        (b"", "is damaged, or no forest"),
        (b"smiles,label\nCCO,1\n", "is damaged, or no forest"),
        (path.read_bytes()[:-30], "is damaged, or no forest"),
        (one.getvalue(), "is damaged, or no forest"),
        (claiming((10**12,)), "its header claims 8,000,000,000,000 bytes, it holds"),
        (claiming((2**62, 2**62)), "its header claims"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=text):
            read_trees(path)


def test_a_changed_byte_is_found_wherever_it_stands(path):
    """Not so in the parts of a zip archive that nothing depends on: those read the same."""
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            labels, width, trees = read_trees(path)
        except ValueError:
            refused += 1
        else:
            assert (labels, width) == (("a", "b", "c"), 4)
            assert all(tree.is_sound(4) for row in trees for tree in row)
    assert refused > len(whole) / 2


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_trees(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_trees(tmp_path / "none" / "forest.npz", ("a",), 4, ((LEAF,),))


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(path, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left on device; what was there is unchanged"):
        write_trees(path, ("a",), 4, ((LEAF,),))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]

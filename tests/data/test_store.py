"""Prepared images are served by name, and whatever is wrong with them is told with its cure."""

import json
import logging
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles_store import (
    contents,
    file_set,
    image_set,
    logged,
    memory_set,
    rewrite,
    small_blocks,
)
from torch.utils.data import DataLoader

from aucmax.data import (
    CSV,
    NPZ,
    FileImages,
    FileSource,
    Folder,
    Store,
    StoredImages,
    default_folder,
    find_store,
    prepare,
    prepare_source,
)
from aucmax.data._index import Index, _text, checksum
from aucmax.data.resize import resized


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of 20 images in memory, five blocks of four."""
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch)
        return prepare(memory_set(), tmp_path_factory.mktemp("store"), size=8, progress=False)


@pytest.fixture
def files(tmp_path, write_image, monkeypatch):
    """Images in files, and their store."""
    small_blocks(monkeypatch)
    data = file_set(tmp_path / "png", write_image)
    return data, prepare(data, tmp_path / "store", size=8, progress=False)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, 19), min_size=1, unique=True))
def test_any_rows_in_any_order_get_their_own_pixels(made, rows):
    part = memory_set().subset(np.array(rows))
    served = made.serve(part)
    assert served.ids == part.ids
    assert served.target is part.target
    for row in range(len(rows)):
        expected = resized(part.images[row], channels=1, size=8)
        assert torch.equal(served.images[row], expected)


def test_files_are_not_decoded_again(files, monkeypatch):
    data, store = files
    rows = logged(monkeypatch)
    served = store.serve(data.subset(np.array([7, 3])))
    assert torch.equal(served.images[1], store.images[3])
    assert rows == []


def test_a_pickle_holds_no_pixels_and_an_image_is_a_copy(made):
    images = made.images
    first = images[0].clone()
    images[0].zero_()
    assert torch.equal(images[0], first)
    again = pickle.loads(pickle.dumps(images))
    assert again._pixels is None
    assert len(pickle.dumps(images)) < 1000
    assert torch.equal(again[19], images[19])
    assert torch.equal(images[-1], images[19])
    with pytest.raises(IndexError):
        images[20]


def test_reading_processes_see_the_same(made):
    loader = DataLoader(made.images, batch_size=5, num_workers=2, generator=torch.Generator())
    read = torch.cat(list(loader))
    assert np.array_equal(read.numpy(), made.images.mapped())


def test_an_image_that_the_store_lacks(made):
    data = memory_set(22)
    with pytest.raises(
        ValueError,
        match=r"lack 2 of 22 images: '20', '21'; run aucmax prepare again with the same --data opt",
    ):
        made.serve(data)


@pytest.mark.parametrize("change", ["time", "content"])
def test_a_file_that_has_changed_since(files, tmp_path, write_image, change):
    data, store = files
    path = tmp_path / "png" / "02.png"
    if change == "time":
        os.utime(path, ns=(1, 1))
    else:
        facts = path.stat()
        write_image("png/02.png", shape=(3, 3))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(
        ValueError, match=r"older than the data: 1 images have changed since: '02.png'; run aucmax"
    ):
        store.serve(data)
    rest = np.delete(np.arange(20), 2)
    assert len(store.serve(data.subset(rest))) == 19


def test_images_in_memory_that_have_changed_since(made):
    with pytest.raises(ValueError, match=r"16 images have changed since: '00', .*run aucmax"):
        made.serve(memory_set(seed=1))


def test_files_that_are_decoded_in_another_way_now(files):
    data, store = files
    other = image_set(FileImages(data.images.paths, bits=12), data.ids)
    with pytest.raises(ValueError, match=r"decoded in another way than with bits=12; run aucmax"):
        store.serve(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(version=9), r"has version 9, this aucmax reads 1; run"),
        (lambda content: content.pop("version"), r"index.json is damaged: version is missing; run"),
        (lambda content: content["index"]["ids"].pop(), r"its checksum is another one; run"),
    ],
)
def test_an_index_that_cannot_be_used(files, change, message):
    _, store = files
    rewrite(store.folder, change)
    with pytest.raises(ValueError, match=message):
        Store.open(store.folder)


def test_an_index_that_is_cut_short(files):
    _, store = files
    os.truncate(store.folder / "index.json", 100)
    with pytest.raises(ValueError, match=r"index.json is damaged: .* run aucmax prepare again"):
        Store.open(store.folder)


def test_the_index_reads_what_it_wrote(files, tmp_path):
    data, store = files
    assert Index.read(store.folder) == store.index
    assert list(store.index.paths) == data.images.paths
    content = json.loads((store.folder / "index.json").read_text())
    assert content["checksum"] == checksum(_text(content["index"]).encode())


def flip(path, at):
    """Change a byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 255
    path.write_bytes(content)


def test_a_damaged_block_is_named_with_its_images(files):
    _, store = files
    store.verify()
    path = store.folder / store.index.pixels
    flip(path, len(path.read_bytes()) - 20 * 64 + 5 * 64)  # in image 5
    message = r"damaged: block 1, images '04.png' to '07.png'; run aucmax prepare again"
    with pytest.raises(ValueError, match=message):
        Store.open(store.folder).verify()  # opening looks at the last block only
    flip(path, len(path.read_bytes()) - 1)
    with pytest.raises(ValueError, match=r"damaged: block 4, images '16.png' to '19.png'; run"):
        Store.open(store.folder)
    with pytest.raises(ValueError, match=r"block 1, .* \(and 1 more blocks\); run"):
        store.verify()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: os.truncate(path, 1000), "are damaged: .*; run aucmax prepare again"),
        (lambda path: path.write_bytes(b"hello"), "are damaged: .*; run aucmax prepare again"),
        (lambda path: np.save(path, np.zeros(3)), r"\(20, 1, 8, 8\) is expected, got float64 of"),
        (Path.unlink, "are not there; run aucmax prepare again"),
    ],
)
def test_pixels_that_cannot_be_used(files, damage, message):
    _, store = files
    damage(store.folder / store.index.pixels)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Store.open(store.folder)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (CSV("a/b.csv", root="c"), "a/b.csv.aucmax/32px-3"),
        (Folder("a/b/"), "a/b.aucmax/32px-3"),
        (Folder("a/b", prepared="d"), "d/32px-3"),
    ],
)
def test_where_prepared_images_lie(source, place):
    assert default_folder(source, 32, 3).as_posix() == place


def test_a_source_that_does_not_say_where_its_data_lie():
    class Nowhere(FileSource):
        def load(self):
            raise NotImplementedError

    with pytest.raises(TypeError, match=r"Nowhere has no field csv or root: give it a place\(\)"):
        default_folder(Nowhere(), 8, 1)


def test_a_store_is_found_by_size_and_channels(tmp_path, caplog):
    caplog.set_level(logging.INFO, "aucmax")
    data, source = memory_set(), Folder(tmp_path / "data")
    folder = tmp_path / "data.aucmax" / "8px-1"
    assert find_store(source, data, 8) is None
    made = prepare(data, default_folder(source, 8, 1), size=8, progress=False)
    assert made.folder == folder
    found = find_store(source, data, 8)
    assert contents(found) == contents(made)
    assert f"using the prepared images in {folder}" in caplog.text
    assert find_store(source, data, None) is None
    assert find_store(source, data, 16) is None
    assert find_store(NPZ(tmp_path / "data"), data, 8) is None


def test_a_store_that_is_not_finished_is_told(tmp_path, caplog):
    folder = default_folder(Folder(tmp_path / "data"), 8, 1)
    with pytest.MonkeyPatch.context() as patch:
        logged(patch, stop=3)
        with pytest.raises(KeyboardInterrupt):
            prepare(memory_set(), folder, size=8, progress=False)
    assert find_store(Folder(tmp_path / "data"), memory_set(), 8) is None
    assert "8px-1 are not finished, so the files are decoded: run aucmax prepare" in caplog.text


def test_prepared_images_that_were_asked_for_and_are_not_used(tmp_path, caplog):
    source = Folder(tmp_path / "data", prepared=tmp_path / "other")
    assert find_store(source, memory_set(), 8) is None
    assert "other/8px-1 are not there, so the files are decoded" in caplog.text
    assert find_store(source, memory_set(), None) is None
    assert "prepared images are not used, as images are not resized: give --model" in caplog.text


def test_a_source_is_prepared_where_training_looks(tmp_path, write_image):
    for row in range(4):
        write_image(f"root/{'ab'[row % 2]}/{row}.png", seed=row)
    source = Folder(tmp_path / "root")
    store = prepare_source(source, size=8, workers=1, progress=False)
    found = find_store(source, source.load(), 8)
    assert found.folder == store.folder == tmp_path / "root.aucmax" / "8px-1"
    with pytest.raises(
        ValueError, match=r"NPZ keeps its images in one file, .* nothing to prepare"
    ):
        prepare_source(NPZ("x.npz"), size=8)


def test_other_pixels_must_be_as_many():
    with pytest.raises(ValueError, match=r"images must be as long as ids \(20\), got 3"):
        memory_set().showing(StoredImages("x.npy", (3, 1, 8, 8)))

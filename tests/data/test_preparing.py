"""Preparing images: every pixel as training makes it, and nothing lost by an interruption."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles_store import contents, file_set, interrupted, logged, memory_set, small_blocks
from oracles_train import files_below

from aucmax.data import ArrayImages, Store, prepare
from aucmax.data._index import Index
from aucmax.data._making import JOURNAL
from aucmax.train.transforms import Preparation

KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
from oracles_store import file_set, small_blocks
from aucmax.data import FileImages, prepare
small_blocks()
read = FileImages.__getitem__
def killed(self, index):
    if index == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, index)
FileImages.__getitem__ = killed
prepare(file_set({folder!r}), {store!r}, size=8, progress=False)
"""


@pytest.fixture(autouse=True)
def _blocks(monkeypatch):
    small_blocks(monkeypatch)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_resized_as_in_training(tmp_path, write_image, channels):
    data = file_set(tmp_path / "png", write_image, channels=channels)
    store = prepare(data, tmp_path / "store", size=8)
    preparation = Preparation(channels, 8, (0.5,), (0.5,))
    assert store.size == 8
    assert len(store) == len(store.images) == len(data) == 20
    for row in range(20):
        expected = preparation.resized(data.images[row])
        assert store.images[row].shape == (channels, 8, 8)
        assert store.images[row].dtype == torch.uint8
        assert torch.equal(store.images[row], expected)
    whole = np.load(store.folder / store.index.pixels)
    assert np.array_equal(whole[3], store.images[3].numpy())


@pytest.mark.parametrize("kind", ["files", "memory"])
def test_any_number_of_processes_gives_the_same(tmp_path, write_image, kind):
    data = file_set(tmp_path / "png", write_image) if kind == "files" else memory_set()
    alone, two = (
        contents(prepare(data, tmp_path / str(workers), size=8, workers=workers, progress=False))
        for workers in (0, 2)
    )
    assert alone == two


def test_after_a_kill_the_rest_is_done_and_the_result_is_the_same(
    tmp_path, write_image, monkeypatch
):
    data = file_set(tmp_path / "png", write_image)
    tests = Path(__file__).resolve().parents[1]
    script = KILLED.format(
        paths=[str(tests), str(tests.parent / "src")],
        folder=str(tmp_path / "png"),
        store=str(tmp_path / "store"),
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=900)
    assert done.returncode == -9
    with pytest.raises(FileNotFoundError, match=r"there are no prepared images in .*store"):
        Store.open(tmp_path / "store")
    journal = (tmp_path / "store" / JOURNAL).read_bytes()
    assert len(journal.splitlines()) == 1 + 3  # rows 0 to 11: blocks of 4, and 13 was never read
    with (tmp_path / "store" / JOURNAL).open("ab") as file:
        file.write(b'{"checksum": "12')  # as if the kill had come while it was written
    (pixels,) = (tmp_path / "store").glob("pixels-*.npy")
    with pixels.open("ab") as file:
        file.write(b"half a block")
    with monkeypatch.context() as patch:
        rows = logged(patch)
        again = prepare(data, tmp_path / "store", size=8)
    assert rows == list(range(12, 20))
    assert contents(again) == contents(prepare(data, tmp_path / "other", size=8))
    assert files_below(again.folder) == {".lock", "index.json", again.index.pixels}


def test_images_in_memory_are_resumed_if_they_are_the_same(tmp_path, monkeypatch):
    interrupted(memory_set(), tmp_path)
    with monkeypatch.context() as patch:
        rows = logged(patch)
        store = prepare(memory_set(), tmp_path, size=8)
    assert rows[:2] == [0, 4]  # the first of each block that is done: is it the same?
    assert rows[2:14] == list(range(8, 20))
    assert contents(store) == contents(prepare(memory_set(), tmp_path / "new", size=8))


def test_two_kills_one_of_them_while_the_journal_was_written(tmp_path, monkeypatch):
    interrupted(memory_set(), tmp_path)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"checksum": "12')
    interrupted(memory_set(), tmp_path, stop=14)
    with monkeypatch.context() as patch:
        rows = logged(patch)
        store = prepare(memory_set(), tmp_path, size=8)
    assert rows[:11] == [0, 4, 8, *range(12, 20)]
    assert contents(store) == contents(prepare(memory_set(), tmp_path / "new", size=8))


@pytest.mark.parametrize("change", ["pixels", "size", "file", "cut"])
def test_what_was_begun_otherwise_is_not_taken_up(tmp_path, write_image, change):
    files = change == "file"
    data = file_set(tmp_path / "png", write_image) if files else memory_set()
    folder, size = tmp_path / "store", 8
    interrupted(data, folder)
    (pixels,) = folder.glob("pixels-*.npy")
    if change == "pixels":
        data = memory_set(seed=1)
    elif change == "size":
        size = 16
    elif change == "file":
        os.utime(tmp_path / "png" / "00.png", ns=(1, 1))
    else:
        os.truncate(pixels, 200)
    store = prepare(data, folder, size=size)
    assert contents(store) == contents(prepare(data, tmp_path / "new", size=size))
    assert pixels.exists() == (pixels.name == store.index.pixels) is False


def test_prepared_images_are_checked_in_full_and_kept(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "aucmax")
    store = prepare(memory_set(), tmp_path, size=8)
    before = contents(store)
    rows = logged(monkeypatch)
    part = memory_set().subset(np.arange(0, 20, 2))
    assert prepare(part, tmp_path, size=8).index == store.index
    assert set(rows) == set(range(0, 20, 2))  # read to see whether they are the same
    assert "are prepared already" in caplog.text
    path = store.folder / store.index.pixels
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    path.write_bytes(content)
    mended = prepare(memory_set(), tmp_path, size=8)
    assert "preparing anew: " in caplog.text
    assert contents(mended) == before
    assert not path.exists()


def test_another_size_or_changed_images_are_prepared_anew(tmp_path, caplog):
    caplog.set_level(logging.INFO, "aucmax")
    prepare(memory_set(), tmp_path, size=8)
    assert prepare(memory_set(), tmp_path, size=16).size == 16
    assert "holds images of another size or colour" in caplog.text
    changed = prepare(memory_set(seed=1), tmp_path, size=16)
    assert contents(changed) == contents(prepare(memory_set(seed=1), tmp_path / "x", size=16))
    assert len(list(tmp_path.glob("pixels-*.npy"))) == 1


def test_a_kill_between_the_index_and_the_end(tmp_path):
    store = prepare(memory_set(), tmp_path, size=8)
    head = {"key": "old", "pixels": store.index.pixels}
    (tmp_path / JOURNAL).write_text(json.dumps(head) + "\n")
    assert contents(prepare(memory_set(), tmp_path, size=8)) == contents(store)
    assert not (tmp_path / JOURNAL).exists()


def test_a_kill_between_the_index_and_the_end_then_damage(tmp_path, monkeypatch):
    write = Index.write

    def killed(self, folder):
        write(self, folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Index, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(memory_set(), tmp_path, size=8)
    (pixels,) = tmp_path.glob("pixels-*.npy")
    pixels.write_bytes(pixels.read_bytes()[:-1] + b"\x00")
    store = prepare(memory_set(), tmp_path, size=8)
    assert contents(store) == contents(prepare(memory_set(), tmp_path / "new", size=8))


def test_a_full_disk_is_told_and_what_is_done_is_kept(tmp_path, monkeypatch):
    sync, calls = os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) == 5:  # two files a block: the third block
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            OSError,
            match=r"No space left.*; 8 of 20 are done and kept: free some space, .*--data.prepared",
        ) as caught:
            prepare(memory_set(), tmp_path, size=8)
    assert caught.value.errno == errno.ENOSPC
    rows = logged(monkeypatch)
    store = prepare(memory_set(), tmp_path, size=8)
    assert rows[:14] == [0, 4, *range(8, 20)]
    assert contents(store) == contents(prepare(memory_set(), tmp_path / "new", size=8))


def test_too_little_space_is_found_before_the_work(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    rows = logged(monkeypatch)
    with pytest.raises(OSError, match=r"1,280 bytes are needed, 1,000 are free; 0 of 20 are done"):
        prepare(memory_set(), tmp_path, size=8)
    assert rows == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"store' cannot be written .*--data.prepared"):
        prepare(memory_set(), tmp_path / "file" / "store", size=8)


def test_two_processes_do_not_prepare_in_one_folder(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / ".lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process is preparing images in"):
            prepare(memory_set(), tmp_path, size=8)
    assert len(prepare(memory_set(), tmp_path, size=8)) == 20


def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog):
    fcntl = pytest.importorskip("fcntl")

    def none(*arguments):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    caplog.set_level(logging.INFO, "aucmax")
    assert len(prepare(memory_set(), tmp_path, size=8)) == 20
    assert "cannot be locked: see that no other process" in caplog.text


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 8, "workers": -1}])
def test_options_out_of_range(tmp_path, options):
    with pytest.raises(ValueError, match="size must be >= 1 and workers >= 0, got size"):
        prepare(memory_set(), tmp_path / "store", **options)
    assert not (tmp_path / "store").exists()


def test_a_process_that_the_system_ends(tmp_path, monkeypatch):
    read = ArrayImages.__getitem__

    def deadly(self, index):
        if index == 2:
            os.kill(os.getpid(), 9)
        return read(self, index)

    monkeypatch.setattr(ArrayImages, "__getitem__", deadly)
    with pytest.raises(OSError, match=r"was ended .*take fewer workers; 0 of 20 are done and kept"):
        prepare(memory_set(), tmp_path, size=8, workers=1, progress=False)


def test_an_error_of_another_kind_is_not_hidden(tmp_path, monkeypatch):
    def broken(self, index):
        raise RuntimeError("something else")

    monkeypatch.setattr(ArrayImages, "__getitem__", broken)
    with pytest.raises(RuntimeError, match="something else"):
        prepare(memory_set(), tmp_path, size=8)

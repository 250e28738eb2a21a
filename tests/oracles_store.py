"""Small image sets for the tests of prepared images, and what a store holds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aucmax.data import ArrayImages, FileImages, ImageSet, _blocks, prepare
from aucmax.data._index import _text, checksum

SIDES = [(9, 12), (30, 20), (8, 8), (5, 40)]


def small_blocks(monkeypatch=None):
    """Blocks of four grey images of 8 x 8."""
    if monkeypatch is None:
        _blocks.BLOCK_BYTES = 256
    else:
        monkeypatch.setattr(_blocks, "BLOCK_BYTES", 256)


def image_set(images, ids):
    """Images with a label, the first half negative."""
    target = (np.arange(len(ids)) >= len(ids) // 2).astype(np.float32)[:, None]
    return ImageSet(images=images, target=target, labels=("x",), ids=tuple(ids))


def memory_set(n=20, seed=0):
    """Grey noise of 10 x 14 in memory."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 10, 14), dtype=np.uint8)
    return image_set(ArrayImages(pixels), [f"{row:02d}" for row in range(n)])


def file_set(folder, write_image=None, channels=1, n=20):
    """PNG files of several sizes; they are written if ``write_image`` is given."""
    names = [f"{row:02d}.png" for row in range(n)]
    for row, name in enumerate(names if write_image else []):
        shape = SIDES[row % 4] + ((3,) if channels == 3 else ())
        write_image(Path(folder, name), seed=row, shape=shape)
    return image_set(FileImages([Path(folder, name) for name in names]), names)


def logged(monkeypatch, stop=None):
    """The rows that are read from now on, as a list that grows; at row ``stop`` the work ends."""
    rows = []
    for images in (ArrayImages, FileImages):
        monkeypatch.setattr(images, "__getitem__", _logging(images.__getitem__, rows, stop))
    return rows


def _logging(read, rows, stop):
    def read_and_log(self, index):
        if index == stop:
            raise KeyboardInterrupt
        rows.append(index)
        return read(self, index)

    return read_and_log


def contents(store):
    """Pixels and index of a store; without the name of the file, which is drawn at random."""
    pixels = (store.folder / store.index.pixels).read_bytes()
    return pixels, replace(store.index, pixels="")


def rewrite(folder, change, *, signed=False):
    """Change the index, and if wanted make its checksum right."""
    path = folder / "index.json"
    content = json.loads(path.read_text())
    change(content)
    if signed:
        content["checksum"] = checksum(_text(content["index"]).encode())
    path.write_text(json.dumps(content))


def interrupted(data, folder, stop=10):
    """Prepare, until row 10 is asked for: blocks of four, so 8 rows are done."""
    with pytest.MonkeyPatch.context() as patch:
        logged(patch, stop=stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(data, folder, size=8, progress=False)

"""Prepared images: decoded and resized once, then read straight from a memory-mapped file."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aucmax.data._index import (
    CURE,
    INDEX,
    Index,
    checksum,
    decoding_of,
    evenly,
    marks_of,
    pixel_mark,
)
from aucmax.data._making import JOURNAL
from aucmax.data._messages import listed
from aucmax.data.base import FileSource, ImageSet, Source
from aucmax.data.images import Rows
from aucmax.data.unreadable import Unreadable, named, read_or_reason, refuse

log = logging.getLogger("aucmax")


class StoredImages:
    """The images of a store: ``images[i]`` is a uint8 tensor (C, size, size), a copy.

    The file is mapped into memory when the first image is asked for, in each process on its own.
    All processes share its pages, which the system takes back when memory is short. A pickle
    holds the path, not the pixels.

    Args:
        path: a .npy file of uint8, (n, C, size, size).
        shape: what it must hold.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int, int, int]) -> None:
        self.path, self.shape = Path(path), shape
        self.channels: int = shape[1]
        self._pixels: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int, /) -> Tensor:
        if self._pixels is None:
            self._pixels = self.mapped()
        return torch.from_numpy(np.array(self._pixels[index]))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pixels": None}

    def mapped(self) -> NDArray[np.uint8]:
        """All pixels, as an array that is read from the disk where it is looked at.

        Raises:
            FileNotFoundError: the file is not there.
            ValueError: it is cut short, or holds something else.
        """
        if not self.path.is_file():
            raise FileNotFoundError(f"prepared images {str(self.path)!r} are not there; {CURE}")
        try:
            pixels = np.load(self.path, mmap_mode="r")
        except PermissionError:
            raise
        except (ValueError, OSError, EOFError, SyntaxError) as error:
            raise ValueError(
                f"prepared images {str(self.path)!r} are damaged: {error}; {CURE}"
            ) from error
        if pixels.shape != self.shape or pixels.dtype != np.uint8:
            raise ValueError(
                f"prepared images {str(self.path)!r} are damaged: uint8 of shape {self.shape} is "
                f"expected, got {pixels.dtype} of shape {pixels.shape}; {CURE}"
            )
        return np.asarray(pixels)  # a plain array: np.memmap is slow to index


@dataclass(frozen=True, eq=False)
class Store:
    """A folder of prepared images, made by :func:`aucmax.data.prepare`.

    Args:
        folder: with ``index.json`` and the file of pixels.
        index: what ``index.json`` says.
    """

    folder: Path
    index: Index

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a store, after the quick checks: index, length of the file, and its last block.

        Raises:
            FileNotFoundError: no store is there, or its pixels are missing.
            ValueError: it is damaged, or of another version.
        """
        folder = Path(folder).expanduser()
        store = cls(folder, Index.read(folder))
        store._refuse_damaged([len(store.index.blocks) - 1])
        return store

    def __len__(self) -> int:
        return self.index.shape[0]

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.index.shape[2]

    @cached_property
    def images(self) -> StoredImages:
        """All images, in the order of ``index.ids``; those that cannot be read are black."""
        return StoredImages(self.folder / self.index.pixels, self.index.shape)

    def verify(self) -> None:
        """Read everything and compare it with the checksums.

        Raises:
            ValueError: blocks are damaged: which, and the ids of their images.
        """
        self._refuse_damaged(list(range(len(self.index.blocks))))

    def unreadable(self, data: ImageSet) -> tuple[Unreadable, ...]:
        """Those of some images that could not be read when they were prepared.

        Raises:
            ValueError: as :meth:`serve`.
        """
        self._rows(data)
        reasons = self.index.unreadable
        rows = {row: reasons[name] for row, name in enumerate(data.ids) if name in reasons}
        return named(data, rows)

    def serve(self, data: ImageSet) -> ImageSet:
        """The same rows, with the prepared pixels.

        Images are found by their ids: the store may hold more of them, in another order.

        Args:
            data: images as their source gives them.

        Raises:
            ValueError: an image is not in the store, has changed since, or could not be read; the
                files are decoded in another way now.
        """
        refuse(self.unreadable(data))
        return data.showing(Rows(self.images, self._rows(data)))

    def _rows(self, data: ImageSet) -> NDArray[np.int64]:
        now, then = decoding_of(data.images), self.index.decoding
        if now != then:
            changed = [f"{k}={now.get(k)!r}" for k in now | then if now.get(k) != then.get(k)]
            raise self._stale(f"were decoded in another way than with {', '.join(changed)}")
        places = {name: row for row, name in enumerate(self.index.ids)}
        if missing := [name for name in data.ids if name not in places]:
            raise self._stale(f"lack {len(missing)} of {len(data)} images: {listed(missing)}")
        rows = np.array([places[name] for name in data.ids], dtype=np.int64)
        if changed := self._changed(data, rows):
            raise self._stale(
                f"are older than the data: {len(changed)} images have changed since: "
                f"{listed(changed)}"
            )
        return rows

    def _changed(self, data: ImageSet, rows: NDArray[np.int64]) -> list[str]:
        """Ids of images whose file, or (of some that are in no files) pixels, are others now."""
        then, now = self.index.marks, marks_of(data.images)
        if now is not None:
            return [data.ids[i] for i, row in enumerate(rows) if now[i] != then[row]]
        found = {i: read_or_reason(data.images, i)[0] for i in evenly(range(len(data)))}
        marks = {i: "" if x is None else pixel_mark(x.numpy()) for i, x in found.items()}
        return [data.ids[i] for i, mark in marks.items() if mark != then[rows[i]]]

    def _stale(self, what: str) -> ValueError:
        return ValueError(
            f"the prepared images in {str(self.folder)!r} {what}; {CURE}, or delete that folder"
        )

    def _refuse_damaged(self, blocks: list[int]) -> None:
        pixels, step = self.images.mapped(), self.index.rows_per_block
        bad = [
            block
            for block in blocks
            if checksum(pixels[block * step : (block + 1) * step].data) != self.index.blocks[block]
        ]
        if bad:
            ids = self.index.ids[bad[0] * step : (bad[0] + 1) * step]
            more = f" (and {len(bad) - 1} more blocks)" if len(bad) > 1 else ""
            raise ValueError(
                f"the prepared images in {str(self.folder)!r} are damaged: block {bad[0]}, images "
                f"{ids[0]!r} to {ids[-1]!r}{more}; {CURE}"
            )


def default_folder(source: FileSource, size: int, channels: int) -> Path:
    """Where prepared images of a source lie, unless somebody says otherwise.

    >>> from aucmax.data import CSV
    >>> default_folder(CSV("scans/cases.csv"), 224, 1).as_posix()
    'scans/cases.csv.aucmax/224px-1'
    """
    place = source.place()
    beside = place.with_name(f"{place.name}.aucmax")
    return Path(source.prepared or beside).expanduser() / f"{size}px-{channels}"


def find_store(source: Source, data: ImageSet, size: int | None) -> Store | None:
    """The prepared images of a source in a size, if there are any; says so aloud.

    Args:
        source: where ``data`` came from.
        data: all its images.
        size: side in pixels that is wanted; None (images as they are) has no store.

    Raises:
        ValueError: there is a store, but it is damaged.
    """
    if not isinstance(source, FileSource):
        return None
    if size is None:
        if source.prepared is not None:
            log.warning(
                "prepared images are not used, as images are not resized: give --model.image_size"
            )
        return None
    folder = default_folder(source, size, data.images.channels)
    if (folder / INDEX).exists():
        log.info("using the prepared images in %s", folder)
        return Store.open(folder)
    if source.prepared is not None or (folder / JOURNAL).exists():
        what = "not finished" if (folder / JOURNAL).exists() else "not there"
        log.warning(
            "the prepared images in %s are %s, so the files are decoded: run aucmax prepare, "
            "again if it was interrupted",
            folder,
            what,
        )
    return None

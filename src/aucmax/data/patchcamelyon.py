"""PatchCamelyon: patches of lymph node sections, in the official HDF5 files."""

import os
import threading
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aucmax.data._csvfile import CSVFile
from aucmax.data._medical import needed
from aucmax.data._messages import listed, names, near
from aucmax.data._official import existing_folder, label_problems
from aucmax.data._options import kept_rows
from aucmax.data.base import PARTS, ImageSet, Source
from aucmax.data.images import Rows, inside

_OFFICIAL = {"train": "train", "validation": "valid", "test": "test"}
_WHERE = "PatchCamelyon is at https://github.com/basveeling/pcam (also https://zenodo.org/records/2546921)"


@dataclass(frozen=True)
class PatchCamelyon(Source):
    """PatchCamelyon: 327,680 patches of lymph node sections, tumour in the centre or not.

    The official HDF5 files ``camelyonpatch_level_2_split_train_x.h5``, ``..._train_y.h5`` and so on
    for train, valid and test, unpacked (they come as .h5.gz). Patches of 96 x 96 pixels are read
    when they are asked for; each process has its own open file. See Veeling et al., MICCAI 2018,
    https://arxiv.org/abs/1806.03962.
    """

    root: str | Path
    """Folder with the files."""
    parts: str | tuple[str, ...] = PARTS
    """Parts to read: train, validation, test, or some of these."""
    group: str | None = "wsi"
    """Column of the files ``..._meta.csv`` that says which patches belong together: the slide.
    Without these files, or with null, patches are in no groups."""
    exclude: str | tuple[str, ...] = ()
    """Ids of patches to leave out, such as train-000042 (the row in the file, from 0)."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        yield from label_problems("parts", names(self.parts), PARTS)
        if self.group == "":
            yield "group must name a column, got ''"

    def load(self) -> ImageSet:
        """Read the labels; the patches stay in the files.

        Raises:
            FileNotFoundError: a file that is not there, or is still packed.
            ValueError: a file that is damaged or cut off, labels other than 0 and 1, files that do
                not match.
            ModuleNotFoundError: h5py is not installed.
        """
        root = existing_folder("root", self.root, _WHERE)
        parts = [part for part in PARTS if part in names(self.parts)]
        images = HDF5Images(*(_file(root, part, "x.h5") for part in parts), key="x")
        target = [
            _labels(_file(root, part, "y.h5"), length)
            for part, length in zip(parts, images.lengths, strict=True)
        ]
        digits = len(str(max(images.lengths)))
        counts = zip(parts, images.lengths, strict=True)
        ids = [f"{part}-{row:0{digits}d}" for part, length in counts for row in range(length)]
        groups = self._groups(root, parts, images.lengths)
        keep = kept_rows(ids, self.exclude)
        return ImageSet(
            images=Rows(images, keep),
            target=np.concatenate(target)[keep, None],
            labels=("tumour",),
            ids=tuple(ids[row] for row in keep),
            groups=None if groups is None else groups[keep],
            split=np.repeat(parts, images.lengths)[keep],
        )

    def _groups(
        self, root: Path, parts: Sequence[str], lengths: Sequence[int]
    ) -> NDArray[np.str_] | None:
        paths = [root / _name(part, "meta.csv") for part in parts]
        if self.group is None or not any(path.is_file() for path in paths):
            return None
        found: list[str] = []
        for part, length in zip(parts, lengths, strict=True):
            path = _file(root, part, "meta.csv")
            values = CSVFile.read(path).filled("group", self.group, words=True)
            if len(values) != length:
                raise ValueError(f"{str(path)!r} has {len(values)} rows for {length} patches")
            found += values
        return np.array(found)


class HDF5Images:
    """Images in one array of an HDF5 file, or of several files that follow one another.

    A file is opened when an image is first asked for, and closed before the process divides, as an
    HDF5 file that two processes share gives wrong pixels. So these images can be given to the
    workers of a loader, however those are started.

    Args:
        paths: the files.
        key: name of the array in each: uint8, (n, H, W, 3) or (n, H, W, 1).

    Raises:
        ValueError: no HDF5 file, or one that is cut off; no such array, or one of another kind.
        ModuleNotFoundError: h5py is not installed.
    """

    def __init__(self, *paths: Path, key: str) -> None:
        self.files = [str(path) for path in paths]
        self.key = key
        shapes = [_shape(path, key) for path in paths]
        if len({shape[3] for shape in shapes}) != 1:
            raise ValueError(f"images: the files differ in channels, their shapes are {shapes}")
        self.channels: int = shapes[0][3]
        self.lengths: list[int] = [shape[0] for shape in shapes]
        self._starts = [0, *accumulate(self.lengths)]
        self._open: dict[str, Any] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: int, /) -> Tensor:
        index = inside(index, len(self))
        which = bisect_right(self._starts, index) - 1
        path = self.files[which]
        with _READING:
            try:
                pixels = self._array(path)[index - self._starts[which]]
            except OSError as error:
                raise ValueError(f"images: {path!r} cannot be read: {error}") from error
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}  # another process opens the files itself

    def close(self) -> None:
        """Close the files; they are opened again when an image is asked for."""
        for file in self._open.values():
            file.close()
        self._open = {}

    def _array(self, path: str) -> Any:
        if path not in self._open:
            self._open[path] = _opened(path)
            _USED.add(self)
        return self._open[path][self.key]


_USED: "weakref.WeakSet[HDF5Images]" = weakref.WeakSet()
_READING = threading.Lock()  # h5py itself reads one array at a time, so this costs nothing


def _close_all() -> None:
    _READING.acquire()
    for images in list(_USED):
        images.close()


if hasattr(os, "register_at_fork"):  # where processes can divide at all
    os.register_at_fork(
        before=_close_all, after_in_parent=_READING.release, after_in_child=_READING.release
    )


def _opened(path: str | Path) -> Any:
    h5py = needed("h5py", "HDF5 files")
    try:
        return h5py.File(path, "r", locking=False)  # some network drives cannot lock files
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} cannot be opened as HDF5: {error}; the download may be incomplete: "
            "compare its size and checksum with the official ones, and get it again"
        ) from error


def _shape(path: Path, key: str) -> tuple[int, ...]:
    with _opened(path) as file:
        array = _in(file, path, key)
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3):
            raise ValueError(
                f"images: array {key!r} of {str(path)!r} must be uint8 of shape (n, height, width, "
                f"1 or 3), got {array.dtype} of shape {array.shape}"
            )
        return array.shape


def _labels(path: Path, length: int) -> NDArray[np.float32]:
    with _opened(path) as file:
        array = _in(file, path, "y")
        if array.size != length or len(array) != length:
            raise ValueError(
                f"labels: array 'y' of {str(path)!r} has shape {array.shape} for {length} patches"
            )
        values = np.asarray(array[...]).reshape(-1)
    if other := sorted({float(v) for v in np.unique(values)} - {0.0, 1.0}):
        raise ValueError(f"labels: {str(path)!r} must hold 0 and 1, but holds {other[0]:g}")
    return values.astype(np.float32)


def _in(file: Any, path: Path, key: str) -> Any:
    if key not in file:
        raise ValueError(f"{str(path)!r} has no array {key!r}; it has {listed(file)}")
    return file[key]


def _name(part: str, end: str) -> str:
    return f"camelyonpatch_level_2_split_{_OFFICIAL[part]}_{end}"


def _file(root: Path, part: str, end: str) -> Path:
    path = root / _name(part, end)
    if path.is_file():
        return path
    if path.with_name(path.name + ".gz").is_file():
        raise FileNotFoundError(f"root: {path.name} is still packed; run: gunzip -k {path}.gz")
    hint = near(path.name, sorted(entry.name for entry in root.iterdir()))
    raise FileNotFoundError(f"root: {str(root)!r} holds no file {path.name}{hint}; {_WHERE}")

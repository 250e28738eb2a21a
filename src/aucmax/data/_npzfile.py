"""A NumPy archive, with errors that say what is in it."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from aucmax.data._messages import listed, near

# RuntimeError: a changed byte may ask for a password, or for a compression that nobody knows
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)
_UNREADABLE += (NotImplementedError, MemoryError, OverflowError)


class NPZFile:
    """An open .npz archive; a context manager."""

    def __init__(self, path: Path, file: BinaryIO, archive: Any) -> None:
        self.path = path
        self.keys: list[str] = list(archive.files)
        self._file, self._archive = file, archive

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an archive, without pickled objects.

        Raises:
            ValueError: the file is something else, or damaged.
        """
        file = path.open("rb")  # given a path, NumPy leaves a damaged archive open
        try:
            return cls(path, file, cls._loaded(path, file))
        except ValueError:
            file.close()
            raise

    @staticmethod
    def _loaded(path: Path, file: BinaryIO) -> Any:
        head = file.read(6)
        file.seek(0)
        if head == b"\x93NUMPY":
            raise ValueError(f"npz: {str(path)!r} holds one array; np.savez makes an archive")
        if not head.startswith(b"PK"):
            what = f"it begins with {head!r}" if head else "it is empty"
            raise ValueError(
                f"npz: {str(path)!r} is no NumPy archive, which is a zip file: {what}; if it was "
                "downloaded, get it again"
            )
        try:
            return np.load(file, allow_pickle=False)
        except _UNREADABLE as error:
            raise ValueError(
                f"npz: {str(path)!r} is no NumPy archive, or is damaged: {error}; if it was "
                "downloaded, get it again"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    def read(self, argument: str, key: str) -> NDArray[Any]:
        """One array.

        Raises:
            ValueError: it is not there, damaged, larger than the memory, a single number, or holds
                Python objects.
        """
        if key not in self.keys:
            raise ValueError(
                f"{argument}: {str(self.path)!r} has no array {key!r}{near(key, self.keys)}; "
                f"its arrays are {listed(self.keys, 30)}"
            )
        try:
            shape = self._checked_shape(key)
            array = self._archive[key] if shape else np.zeros(())
        except _UNREADABLE as error:
            raise ValueError(
                f"{argument}: array {key!r} of {str(self.path)!r} cannot be read: "
                f"{error or type(error).__name__}"
            ) from error
        if array.ndim == 0:
            raise ValueError(f"{argument}: array {key!r} of {str(self.path)!r} is a single value")
        return array

    def _checked_shape(self, key: str) -> tuple[int, ...]:
        """The shape that an array's own head claims, if the file and the memory can hold it.

        Raises:
            ValueError: they cannot, or it is an array of Python objects.
        """
        archive: zipfile.ZipFile = self._archive.zip
        name = key if key in archive.namelist() else f"{key}.npy"
        with archive.open(name) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
            read = np.lib.format.read_array_header_2_0 if version == (2, 0) else read
            if read is None:  # names that are not ASCII, which plain arrays do not have
                raise ValueError(f"its format {version} is not known")
            shape, _, dtype = read(file)
            start = file.tell()
        if dtype.hasobject:
            raise ValueError("it holds Python objects; save it as an array of numbers or text")
        claimed = dtype.itemsize
        for side in shape:
            claimed *= side
        there = archive.getinfo(name).file_size - start
        if claimed != there:
            raise ValueError(
                f"its head claims {claimed:,} bytes, and {there:,} are there: the file is damaged"
            )
        if claimed > (free := free_memory()):
            raise ValueError(f"it takes {claimed:,} bytes, and {free:,} of memory are free")
        return shape

    def joined(
        self, argument: str, starts: Sequence[str], key: str, lengths: Sequence[int]
    ) -> NDArray[Any]:
        """The arrays ``start + key`` of all parts, one below the other.

        Raises:
            ValueError: as :meth:`read`; an array that is not as long as the images of its part.
        """
        arrays = [self.read(argument, start + key) for start in starts]
        for start, array, length in zip(starts, arrays, lengths, strict=True):
            if len(array) != length:
                raise ValueError(
                    f"{argument}: array {start + key!r} has {len(array)} rows for {length} images"
                )
        if len({array.shape[1:] for array in arrays}) > 1:
            raise ValueError(
                f"{argument}: arrays of the parts differ in shape: {[a.shape for a in arrays]}"
            )
        return np.concatenate(arrays)


def same_size(images: Sequence[NDArray[Any]]) -> None:
    """Refuse arrays of images of different size.

    Raises:
        ValueError: they differ in height, width or channels.
    """
    shapes = [array.shape for array in images]
    if len({shape[1:] for shape in shapes}) > 1:
        raise ValueError(
            f"images: arrays of the parts differ in shape: {shapes}; all images in an archive must "
            "have one size"
        )


def free_memory() -> int:
    """Bytes that can be allocated without swapping, as far as the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**63 - 1

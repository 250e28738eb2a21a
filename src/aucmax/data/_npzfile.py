"""A NumPy archive, with errors that say what is in it."""

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
        try:
            archive = np.load(file, allow_pickle=False)
        except _UNREADABLE as error:
            raise ValueError(f"npz: {str(path)!r} is no NumPy archive: {error}") from error
        if isinstance(archive, np.ndarray):
            raise ValueError(f"npz: {str(path)!r} holds one array; np.savez makes an archive")
        return archive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    def read(self, argument: str, key: str) -> NDArray[Any]:
        """One array.

        Raises:
            ValueError: it is not there, damaged, a single number, or holds Python objects.
        """
        if key not in self.keys:
            raise ValueError(
                f"{argument}: {str(self.path)!r} has no array {key!r}{near(key, self.keys)}; "
                f"its arrays are {listed(self.keys, 30)}"
            )
        try:
            array = self._archive[key]
        except _UNREADABLE as error:
            raise ValueError(
                f"{argument}: array {key!r} of {str(self.path)!r} cannot be read: {error}"
            ) from error
        if array.ndim == 0:
            raise ValueError(f"{argument}: array {key!r} of {str(self.path)!r} is a single value")
        return array

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

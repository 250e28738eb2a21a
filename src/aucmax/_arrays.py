"""Read NumPy files of ours, after a comparison of what they claim with the file and the memory."""

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

UNREADABLE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError,
    NotImplementedError, MemoryError, SyntaxError,
)  # fmt: skip
"""What a damaged file may raise while it is read."""


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of a .npy file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or its header claims more than the file holds.
    """
    with path.open("rb") as file:
        try:
            return _array(file, path.stat().st_size)
        except UNREADABLE as error:
            raise ValueError(f"{path} is damaged or no .npy file: {error}") from error


def read_npz(source: Path | bytes) -> dict[str, NDArray[Any]]:
    """Read all arrays of a .npz file, or of its content.

    Raises:
        One of ``UNREADABLE``: if it is damaged, or claims more than it holds or than fits memory.
    """
    with (
        source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file,
        zipfile.ZipFile(file) as archive,
    ):
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > memory_bytes():
            raise ValueError(f"its arrays claim {total:,} bytes, more than the memory holds")
        arrays: dict[str, NDArray[Any]] = {}
        for member in members:
            with archive.open(member) as part:
                arrays[member.filename.removesuffix(".npy")] = _array(part, member.file_size)
    if len(arrays) != len(members):
        raise ValueError("two of its arrays have the same name")
    return arrays


def memory_bytes() -> int:
    """Return the size of the machine's memory; a huge number where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**62


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Read one .npy stream of ``size`` bytes."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"the .npy format {version} is not read here")
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    claimed = dtype.itemsize
    for length in shape:  # Python's integers do not overflow
        claimed *= length
    if claimed > size:
        raise ValueError(f"its header claims {claimed:,} bytes, it holds {size:,}")
    content = file.read(claimed + 1)
    if len(content) != claimed:
        raise ValueError(f"it is cut short or too long: {claimed:,} bytes are expected")
    array = np.frombuffer(bytearray(content), dtype=dtype) if claimed else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")

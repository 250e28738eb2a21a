"""A short digest of each row of the data, by which a resumed run sees that one has changed."""

import hashlib
import os

from ..data import ImageSet, LabelledSet, MoleculeSet
from ..data._index import evenly, paths_of

_ENDS = 4096
"""Bytes at each end of an image file that are looked at: with its size they change when it does."""
_READ_UP_TO = 20_000
"""Images that are in no files of their own and are read for this at most, with equal steps."""


def row_contents(data: LabelledSet) -> dict[str, str]:
    """Return a digest of the targets and of the image or molecule of each row, by its id."""
    inputs = _inputs(data)
    return {
        name: hashlib.blake2b(
            data.target[row].tobytes() + inputs.get(row, b""), digest_size=8
        ).hexdigest()
        for row, name in enumerate(data.ids)
    }


def _inputs(data: LabelledSet) -> dict[int, bytes]:
    if isinstance(data, MoleculeSet):
        return {row: text.encode("utf-8", "replace") for row, text in enumerate(data.smiles)}
    if not isinstance(data, ImageSet):
        return {}
    paths = paths_of(data.images)
    if paths is not None:
        return {row: _ends(path) for row, path in enumerate(paths)}
    found: dict[int, bytes] = {}
    for row in evenly(range(len(data)), _READ_UP_TO):
        pixels = data.images[row].numpy()
        found[row] = repr(pixels.shape).encode() + pixels.tobytes()
    return found


def _ends(path: str) -> bytes:
    """Size, head and tail of a file; nothing if it cannot be read, which is told elsewhere."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of 200,000 is slow
            size = os.fstat(file.fileno()).st_size
            head = file.read(_ENDS)
            file.seek(max(0, size - _ENDS))
            return f"{size} ".encode() + head + file.read(_ENDS)
    except OSError:
        return b""

"""What lies in a store of prepared images: the index, a JSON file with its own checksum."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from aucmax._files import write_text
from aucmax._schema import parse_as, read_json
from aucmax.data.base import Images
from aucmax.data.images import Rows

INDEX = "index.json"
VERSION = 1


@dataclass(frozen=True)
class Index:
    """What the file ``index.json`` says.

    Args:
        shape: (n, C, size, size) of the array of pixels.
        pixels: name of the file with the array.
        rows_per_block: how many images make a block.
        blocks: checksum of each block.
        decoding: how files became pixels (:func:`decoding_of`).
        ids: of the images, in the order of the array.
        paths: of their files when they were prepared; empty for images that are in no files.
        marks: of each image, by which a change is seen (:func:`file_mark`, :func:`pixel_mark`).
        unreadable: why an image could not be read, by its id; its pixels are zeros.
    """

    shape: tuple[int, int, int, int]
    pixels: str
    rows_per_block: int
    blocks: tuple[str, ...]
    decoding: dict[str, Any]
    ids: tuple[str, ...]
    paths: tuple[str, ...]
    marks: tuple[str, ...]
    unreadable: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``folder/index.json``.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged, or of another version.
        """
        path = folder / INDEX
        if not path.is_file():
            raise FileNotFoundError(f"there are no prepared images in {str(folder)!r} (no {INDEX})")
        content = read_json(path, cure=CURE)
        version = content.get("version") if isinstance(content, dict) else None
        if isinstance(version, int) and version != VERSION:
            raise ValueError(f"{path} has version {version!r}, this aucmax reads {VERSION}; {CURE}")
        file = parse_as(_File, content, file=path, cure=CURE)
        if checksum(_text(file.index).encode()) != file.checksum:
            raise ValueError(f"{path} is damaged: its checksum is another one; {CURE}")
        body = parse_as(_Body, file.index, file=path, cure=CURE)
        fields: dict[str, Any] = vars(body) | {"paths": body.full_paths()}
        del fields["folders"]
        return cls(**fields)

    def write(self, folder: Path) -> None:
        """Write ``folder/index.json`` in one step: from then on the images are prepared."""
        body = asdict(self)
        folders: dict[str, int] = {}  # most images share their folder with others
        split = [os.path.split(path) for path in self.paths]
        body["paths"] = [[folders.setdefault(head, len(folders)), tail] for head, tail in split]
        body["folders"] = list(folders)
        text = _text(body)
        head = f'{{"version": {VERSION}, "checksum": "{checksum(text.encode())}", "index": '
        write_text(folder / INDEX, head + text + "}\n")


@dataclass(frozen=True)
class _File:
    """The file as it is written."""

    version: int
    checksum: str
    index: dict[str, Any]


@dataclass(frozen=True)
class _Body:
    """An :class:`Index` as it is written: each folder once, a path as (folder, name)."""

    shape: tuple[int, int, int, int]
    pixels: str
    rows_per_block: int
    blocks: tuple[str, ...]
    decoding: dict[str, Any]
    ids: tuple[str, ...]
    paths: tuple[tuple[int, str], ...]
    marks: tuple[str, ...]
    unreadable: dict[str, str]
    folders: tuple[str, ...]

    def __post_init__(self) -> None:
        n, channels, height, width = self.shape
        if min(self.shape) < 1 or channels not in {1, 3} or height != width:
            raise ValueError(f"shape must be that of n square images, got {self.shape}")
        if not PIXELS.fullmatch(self.pixels):
            raise ValueError(f"pixels must name a file of pixels, got {self.pixels[:60]!r}")
        if self.rows_per_block < 1 or len(self.blocks) != -(-n // self.rows_per_block):
            raise ValueError("blocks must hold a checksum for each block of rows")
        if len(set(self.ids)) != n or len(self.marks) != n or len(self.paths) not in {0, n}:
            raise ValueError(f"ids, marks and paths must be those of {n} images")
        if any(not 0 <= at < len(self.folders) for at, _ in self.paths):
            raise ValueError("paths must lie in folders that are named")

    def full_paths(self) -> tuple[str, ...]:
        """Return the path of each image."""
        return tuple(os.path.join(self.folders[at], name) for at, name in self.paths)  # noqa: PTH118 - a Path each is slow


PIXELS = re.compile(r"pixels-[0-9a-f]{8}\.npy")
"""Names of files of pixels: others are never read, replaced or removed."""

CURE = "run aucmax prepare again with the same --data options"
"""What helps against whatever is wrong with prepared images."""


def checksum(*parts: bytes | memoryview) -> str:
    """Blake2b of 16 bytes, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def file_mark(path: str) -> str:
    """Size and time of modification of a file; "" where it is not there."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, for 200,000 files
    except OSError:
        return ""
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def pixel_mark(pixels: Any) -> str:
    """Checksum of an image's own pixels (before it is resized)."""
    array = np.ascontiguousarray(pixels)
    return checksum(repr(array.shape).encode(), array.data)


def marks_of(images: Images) -> list[str] | None:
    """The mark of each image's file; None where images are in no files."""
    paths = paths_of(images)
    return None if paths is None else [file_mark(path) for path in paths]


def paths_of(images: Images) -> Sequence[str] | None:
    """The file of each image, if they are in files."""
    if not isinstance(images, Rows):
        return getattr(images, "paths", None)
    paths: Sequence[str] | None = getattr(images._images, "paths", None)
    return None if paths is None else [paths[int(row)] for row in images._rows]


def decoding_of(images: Images) -> dict[str, Any]:
    """The class of images and its options, such as bits: others would give other pixels."""
    inner: Any = images._images if isinstance(images, Rows) else images
    options = {k: v for k, v in vars(inner).items() if not k.startswith("_") and _is_option(v)}
    return {"class": type(inner).__name__, **options}


def evenly(rows: Iterable[int], at_most: int = 16) -> list[int]:
    """Some of the rows, with equal steps from the first to the last."""
    every = list(rows)
    return [every[i] for i in sorted({*np.linspace(0, len(every) - 1, at_most).astype(int)})]


def _is_option(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)

"""Lazy sequences of images: arrays in memory, and files that are decoded when asked for."""

import operator
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._decoding import Bits, decode, is_gray, opened
from ._image_files import (
    DICOM_SUFFIXES,
    PILLOW_SUFFIXES,
    has_dicom_head,
    has_image_head,
    missing_files,
    read_head,
)
from ._messages import listed
from .dicom import dicom_shape, read_dicom

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


class Rows:
    """Some rows of a sequence of images.

    >>> images = ArrayImages(np.arange(3, dtype=np.uint8).reshape(3, 1, 1))
    >>> Rows(images, np.array([2, 0]))[0].item()
    2
    """

    def __init__(self, images: Any, rows: NDArray[np.int64]) -> None:
        inside = isinstance(images, Rows)  # a part of a part looks its row up once, not twice
        self._images = images._images if inside else images
        self._rows = images._rows[rows] if inside else rows
        self.channels: int = images.channels

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int, /) -> Tensor:
        return self._images[int(self._rows[operator.index(index)])]


class ArrayImages:
    """Images that are in memory already, in one array or in several (which are not joined).

    Args:
        arrays: uint8, (n, H, W) grey, or (n, H, W, C) with C = 1 or 3; all with the same C.

    Raises:
        ValueError: another type or shape.

    >>> ArrayImages(np.zeros((5, 8, 8), np.uint8), np.zeros((2, 8, 8, 1), np.uint8))[6].shape
    torch.Size([1, 8, 8])
    """

    def __init__(self, *arrays: NDArray[np.uint8]) -> None:
        for array in arrays:
            _check_array(array)
        self._arrays = arrays
        self._starts = [0, *accumulate(len(a) for a in arrays)]
        channels = {1 if a.ndim == 3 else a.shape[3] for a in arrays}
        if len(channels) != 1:
            raise ValueError(f"images: all arrays must be grey, or all colour, got C in {channels}")
        self.channels: int = channels.pop()

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: int, /) -> Tensor:
        index = inside(index, len(self))
        which = bisect_right(self._starts, index) - 1
        pixels = self._arrays[which][index - self._starts[which]]
        return _to_tensor(pixels)


class FileImages:
    """Images in files, decoded when they are asked for.

    Every format that Pillow reads becomes 8 bits a channel, in one documented way: the EXIF
    rotation is applied; a palette becomes RGB; a transparent pixel is laid over black;
    CMYK and other colour spaces become RGB; of several frames the first counts. Where some
    files are grey and some colour, grey ones get three equal channels. Files with 16 bits a
    channel are scaled by 255 / (2^bits - 1) and rounded; where white is zero they are inverted.
    DICOM files (by content, whatever their name) are read with
    :func:`aucmax.data.dicom.read_dicom`, through the window that they contain; from lowest to
    highest value where they contain none and ``bits`` is None or "auto".

    Args:
        paths: one file an image.
        bits: how many bits a file of 16 bits a channel really uses, 9 to 16 (medical images often
            use 12). "auto": 12 for a file with no value above 4095, 16 for others. None: 16, and an
            error for an image with no value above 4095, which looks like 12 bits and would be left
            with 16 levels of grey.
        channels: 1 or 3 to have every image so (1 makes colours grey). None reads the head of every
            file to find out (:func:`check_images`), and so finds unreadable files before the
            work starts.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        *,
        bits: Bits = None,
        channels: int | None = None,
    ) -> None:
        self.paths: list[str] = [str(path) for path in paths]
        self.bits: Bits = bits
        self.channels: int = check_images(self.paths) if channels is None else channels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> Tensor:
        path = self.paths[inside(index, len(self))]
        return _to_tensor(_pixels(path, self.channels, self.bits))


def check_images(paths: Sequence[str | Path]) -> int:
    """Read the head of every file; how many channels an image that fits them all has: 1 or 3.

    This finds files that are missing, empty or no images. What is damaged further inside a file
    shows only when it is decoded.

    Raises:
        FileNotFoundError: files that are not there: the first five and how many.
        ValueError: files that are no image: the first five with the reason, and how many.
    """
    grey, bad = _heads(paths)
    if bad:
        more = f"; ... ({len(bad)} files in all)" if len(bad) > 5 else ""
        raise ValueError("; ".join(bad[:5]) + more)
    return 1 if grey else 3


def readable_channels(paths: Sequence[str | Path]) -> int:
    """As :func:`check_images`, but files that are not there or no images have no say.

    Raises:
        FileNotFoundError: not one file is there.
    """
    missing = set(map(str, missing_files(paths)))
    there = [path for path in paths if str(path) not in missing]
    if paths and not there:
        raise FileNotFoundError(
            f"none of the {len(paths)} image files is there, the first: {str(paths[0])!r}"
        )
    return 1 if _heads(there)[0] else 3


def _heads(paths: Sequence[str | Path]) -> tuple[bool, list[str]]:
    """Whether all images are grey, and what is wrong with the files that are none."""
    if missing := missing_files(paths):
        raise FileNotFoundError(
            f"{len(missing)} image files are not there: {listed(missing)}; set on_error=skip to "
            "leave them out: skipped.csv then lists them all"
        )
    kinds: set[bool] = set()
    bad: list[str] = []
    for path in paths:
        try:
            kinds.add(_is_grey(path))
        except ValueError as error:
            bad.append(str(error))
    return all(kinds), bad


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image, from the head of its file.

    Raises:
        FileNotFoundError, ValueError: as :func:`check_images`.
    """
    return _by_content(
        path, lambda: dicom_shape(path)[:2], lambda image: (image.height, image.width)
    )


def _by_content(path: str | Path, dicom: Callable[[], T], pillow: Callable[["Image"], T]) -> T:
    """What one of two functions makes of a file; its first bytes decide which.

    Where the suffix is one of Pillow's, Pillow is asked first: nearly always that is all.
    """
    error: ValueError | None = None
    if os.path.splitext(path)[1].lower() in PILLOW_SUFFIXES:  # noqa: PTH122 - for speed
        try:
            return opened(path, pillow)
        except ValueError as failed:
            error = failed
    if _is_dicom(path):
        return dicom()
    if error is not None:
        raise error
    return opened(path, pillow)


def _is_dicom(path: str | Path) -> bool:
    """Whether a file, which must be there and hold something, is DICOM."""
    try:
        head = read_head(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"image file {str(path)!r} is not there (it was moved or deleted)"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"image {str(path)!r} cannot be read: {reason}") from error
    if not head:
        raise ValueError(f"image {str(path)!r} cannot be read: the file is empty")
    named = Path(path).suffix.lower() in DICOM_SUFFIXES
    # A slide may be TIFF and DICOM at once: its preamble is the head of the other format.
    return has_dicom_head(head) or (named and not has_image_head(head))


def _is_grey(path: str | Path) -> bool:
    return _by_content(path, lambda: dicom_shape(path)[2] == 1, is_gray)


def _pixels(path: str, channels: int, bits: Bits) -> NDArray[np.uint8]:
    return _by_content(
        path,
        lambda: _dicom_pixels(path, channels, bits),
        lambda image: decode(image, channels, bits),
    )


def _dicom_pixels(path: str, channels: int, bits: Bits) -> NDArray[np.uint8]:
    from PIL import Image

    pixels = read_dicom(path, bits=None if bits == "auto" else bits)
    if pixels.dtype == np.uint16:
        pixels = np.round(pixels / 257).astype(np.uint8)
    return np.asarray(Image.fromarray(pixels).convert("L" if channels == 1 else "RGB"))


def _check_array(array: NDArray[Any]) -> None:
    if array.dtype != np.uint8:
        raise ValueError(
            f"images must be uint8 (0 to 255), got {array.dtype}; convert them, for example "
            "(255 * images).astype('uint8') for values from 0 to 1"
        )
    grey_or_colour = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (1, 3))
    if not grey_or_colour:
        first = array.ndim == 4 and array.shape[1] in (1, 3)
        hint = "; channels come last: images.transpose(0, 2, 3, 1)" if first else ""
        raise ValueError(
            "images must have shape (n, height, width) or (n, height, width, 1 or 3), "
            f"got {array.shape}{hint}"
        )


def inside(index: int, length: int) -> int:
    """The position from the front of an index that may count from the end."""
    position = operator.index(index)
    if not -length <= position < length:
        raise IndexError(f"image {position} of {length}")
    return position % length


def _to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    array = np.array(pixels)  # a copy: what a transform writes must not reach the data set
    tensor = torch.from_numpy(array)
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1).contiguous()

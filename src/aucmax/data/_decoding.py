"""From an open image of Pillow to 8 bits a channel, in one documented way."""

import re
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
Bits = int | Literal["auto"] | None
"""How many bits count in 16-bit files: a number, "auto": by each file's own values, or None."""

MAX_PIXELS = 178_956_970
"""Pillow's own limit for one image: 512 MiB in color. More is a damaged or hostile file."""

_GRAY = frozenset(("1", "L", "LA", "La", "I", "F"))
_WHITE_IS_ZERO = 0
_DEPTHS, _PHOTOMETRIC, _PLANES = 258, 262, 284  # tags of TIFF
_SWAPPED = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}

# Pillow's plugins raise almost anything on damaged files, so all of these say "unreadable".
UNREADABLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, OSError),
    *(EOFError, NotImplementedError, RuntimeError, SyntaxError, TypeError, ValueError),
)


def opened(path: str | Path, read: Callable[["Image"], T]) -> T:
    """What ``read`` makes of the image at ``path``.

    Raises:
        ValueError: if it cannot be read; the message names the path.
    """
    from PIL import Image

    try:
        with _identified(path) as image:
            return read(image)
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"image {str(path)!r} cannot be read: it is no image file") from error
    except Image.DecompressionBombError as error:
        claimed = re.search(r"\d+", str(error))
        raise ValueError(
            f"image {str(path)!r} cannot be read: {too_large(int(claimed[0]) if claimed else 0)}"
        ) from error
    except (*UNREADABLE, struct.error, zlib.error) as error:
        raise ValueError(f"image {str(path)!r} cannot be read: {reason_of(error)}") from error


def _identified(path: str | Path) -> "Image":
    """The image at ``path``, of which only the head has been read.

    While Pillow tries one format after the other, some of them warn of what is none of theirs.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(path)


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def too_large(pixels: int) -> str:
    """Why an image of so many pixels is not decoded."""
    return (
        f"its head claims {pixels:,} pixels, more than the {MAX_PIXELS:,} that are decoded: the "
        "file is damaged, or the image must be made smaller first"
    )


def is_gray(image: "Image") -> bool:
    """Whether an image has no colors, by its head."""
    return image.mode in _GRAY or image.mode.startswith("I;16") or _raw_mode(image) == "LA;16B"


def decode(image: "Image", channels: int, bits: Bits) -> NDArray[np.uint8]:
    """(H, W), or (H, W, 3), of 8 bits."""
    from PIL import Image, ImageOps

    _restore_planes(image)
    if ";16" in _raw_mode(image) and image.mode in ("RGB", "RGBA"):
        image = Image.fromarray(_deep_colors(image, bits))
    else:
        inverted = image.mode.startswith("I") and _is_white_zero(image)
        image = ImageOps.exif_transpose(image)
        if image.mode == "F":
            raise ValueError(
                "its pixels are floating-point numbers; convert it to 8 or 16 bits first"
            )
        if image.mode.startswith("I"):
            image = Image.fromarray(_eight_bits(np.asarray(image), bits, inverted=inverted))
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
    return np.asarray(image.convert("L" if channels == 1 else "RGB"))


def _deep_colors(image: "Image", bits: Bits) -> NDArray[np.uint8]:
    """Colors, or gray with alpha, of 16 bits, over black: (H, W, 3)."""
    pixels, opacity = _deep_pixels(image)
    colors = _eight_bits(pixels, bits)
    if opacity is not None:
        own = _bits_of(opacity, bits)  # alpha may use all 16 bits where the colors do not
        share = opacity / (2 ** (own if opacity.max(initial=0) < 2**own else 16) - 1)
        colors = np.round(colors * share[..., None]).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(colors, (*colors.shape[:2], 3)))


def _deep_pixels(image: "Image") -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """All 16 bits of (H, W, C) pixels, C = 1 or 3, and the opacity if there is one.

    Pillow keeps the high byte of each value. It takes the low byte for the high one if it is told
    that the bytes are in the other order, so the image is decoded twice.
    """
    from PIL import ImageOps

    raw, path = _raw_mode(image), vars(image)["filename"]
    if raw == "LA;16B":  # four bytes a pixel, which are taken as they are
        image._mode = "RGBA"
        _retile(image, lambda _: "RGBA")
        four = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
        both = four[..., 0::2] * 256 + four[..., 1::2]
        return both[..., :1], both[..., 1]
    with _identified(path) as again:
        _restore_planes(again)
        _retile(again, lambda mode: mode[:-3] + _SWAPPED[mode[-3:]])
        low = np.asarray(ImageOps.exif_transpose(again)).astype(np.uint16)
    both = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16) * 256 + low
    clear = image.info.get("transparency")  # one color that is transparent throughout
    if both.shape[2] == 4:
        return both[..., :3], both[..., 3]
    if isinstance(clear, tuple):
        return both, np.where((both == clear).all(-1), 0, 65535).astype(np.uint16)
    return both, None


def _raw_mode(image: "Image") -> str:
    """How Pillow will take the bytes of the file apart; "" if it does not say."""
    tiles: Any = getattr(image, "tile", None) or []
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _retile(image: "Image", change: Callable[[str], str]) -> None:
    """Have Pillow take the bytes apart in another way."""
    tiles: Any = image

    def changed(tile: Any) -> Any:
        old = tile[3]
        new = (change(old[0]), *old[1:]) if isinstance(old, tuple) else change(old)
        # Before Pillow 11 these were plain tuples.
        return tile._replace(args=new) if hasattr(tile, "_replace") else (*tile[:3], new)

    tiles.tile = [changed(tile) for tile in tiles.tile]


def _restore_planes(image: "Image") -> None:
    """Say that colors in planes of their own have 16 bits, which Pillow forgets."""
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(_PLANES) == 2 and set(tags.get(_DEPTHS, ())) == {16} and len(_raw_mode(image)) == 1:
        order = "B" if tags.prefix == b"MM" else "L"
        _retile(image, lambda band: f"{band};16{order}")


def _is_white_zero(image: "Image") -> bool:
    """Whether the smallest value is white; Pillow inverts such images of 8 bits, not of 16."""
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _bits_of(pixels: NDArray[Any], bits: Bits) -> int:
    if bits == "auto":
        return 12 if pixels.max(initial=0) <= 4095 else 16
    return bits or 16


def _eight_bits(pixels: NDArray[Any], bits: Bits, *, inverted: bool = False) -> NDArray[np.uint8]:
    used = _bits_of(pixels, bits)
    highest = 2**used - 1
    low, top = int(pixels.min(initial=0)), int(pixels.max(initial=0))
    if low < 0 or top > highest:
        more = "" if low < 0 or used == 16 else "; bits=auto decides for each file"
        raise ValueError(
            f"a pixel holds {low if low < 0 else top}, and {used} bits go from 0 to {highest}{more}"
        )
    if bits is None and 0 < top <= 4095:
        raise ValueError(
            f"it is a 16-bit file whose highest pixel is {top}, so it would become almost black; "
            "say how many bits count: bits=12 for values up to 4095, bits=16 to take it as it is, "
            "bits=auto to decide for each file by its highest pixel"
        )
    pixels = highest - pixels if inverted else pixels
    return np.round(pixels * (255 / highest)).astype(np.uint8)

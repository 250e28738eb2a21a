"""Pictures from DICOM files, as a viewer shows them."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._decoding import UNREADABLE, reason_of
from ._dicom_head import (
    Display,
    complete_syntax,
    first_frame,
    little_endian_palette,
    read_dataset,
    reason_of_head,
)
from ._image_files import DICOM_SUFFIXES, has_dicom_head, read_head

Window = Literal["file", "range"] | tuple[float, float]


def is_dicom(path: str | Path) -> bool:
    """Whether a file is named *.dcm or *.dicom, or begins as DICOM does.

    That is with the mark DICM behind 128 bytes, or at once with the first group of elements.

    >>> is_dicom("scan.DCM"), is_dicom("photo.jpg")
    (True, False)
    """
    if Path(path).suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        return has_dicom_head(read_head(path))
    except OSError:
        return False


def dicom_shape(path: str | Path) -> tuple[int, int, int]:
    """Height, width and channels (1 or 3) of the picture, from the head of the file alone.

    Raises:
        ValueError: no DICOM file, or one without pixels.
    """
    with _explained(path):
        header = read_dataset(path, defer_size=1024)
        colour = header.SamplesPerPixel > 1 or header.PhotometricInterpretation == "PALETTE COLOR"
        return int(header.Rows), int(header.Columns), 3 if colour else 1


def read_dicom(
    path: str | Path, *, window: Window = "file", bits: int | None = None
) -> NDArray[Any]:
    r"""The picture in a DICOM file: bright is high, and all 16 bits of grey are kept.

    Grey: stored values are rescaled (slope and intercept, or the modality table), then brought to
    0 ... 65535, and inverted for MONOCHROME1. For the window with centre c and width w this is

    .. math:: y = 65535 \cdot \min(1, \max(0, (x - (c - 1/2)) / (w - 1) + 1/2))

    or the exact linear or sigmoid function if the file asks for it. Colour (RGB, YBR, palette)
    becomes RGB with 8 bits a channel, without a window. Of several frames the first counts, with
    the window and the rescaling of its functional groups. Files without the mark DICM are read, and
    so are uncompressed ones without a transfer syntax.

    Args:
        path: the file; compressed ones need the decoders of ``pip install 'aucmax[medical]'``.
        window: "file": the file's table or first window; where it has none, 8-bit pixels are
            taken as they are, others as with "range". "range": from the lowest to the highest value
            of the picture, padding (a value or a range) left out. Or centre and width, in rescaled
            units (Hounsfield units in computed tomography).
        bits: how many bits of the stored values count, instead of the range of pixels with more
            than 8 bits: with 12 an image goes from 0 to 4095, whatever it contains.

    Returns:
        (H, W) uint16 grey, or (H, W, 3) uint8 colour.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no DICOM file, one without pixels, pixels that cannot be decoded, a value that
            needs more than ``bits``, a width of no use.
        ModuleNotFoundError: pydicom is not installed.

    Source: DICOM PS3.3, C.11.1 and C.11.2, https://dicom.nema.org/medical/dicom/current/output/html/part03.html
    """
    if problem := _window_problem(window):
        raise ValueError(problem)
    if not Path(path).is_file():
        raise FileNotFoundError(f"image file {str(path)!r} is not there")
    with _explained(path):
        data = read_dataset(path)
        pixels = _pixels(data)
        return pixels if pixels.ndim == 3 else _grey(pixels, data, window, bits)


def _window_problem(window: object) -> str:
    if window in ("file", "range"):
        return ""
    pair = isinstance(window, tuple) and len(window) == 2 and window[1] >= 1
    return "" if pair else f'window must be "file", "range" or (centre, width >= 1), got {window!r}'


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    """Every failure names the path."""
    try:
        yield
    except ImportError:
        raise
    except (*UNREADABLE, struct.error, zlib.error) as error:
        reason = reason_of_head(reason_of(error))
        if "missing dependencies" in reason:
            reason += "; the decoders come with pip install 'aucmax[medical]'"
        raise ValueError(f"image {str(path)!r} cannot be read: {reason}") from error


def _pixels(data: Any) -> NDArray[Any]:
    """Stored values of the first frame: (H, W), or (H, W, 3) uint8 for colour."""
    from pydicom.pixels.processing import apply_color_lut

    complete_syntax(data)
    pixels, bits = first_frame(data), int(data.BitsStored)
    if data.PhotometricInterpretation == "PALETTE COLOR":
        little_endian_palette(data)
        pixels = apply_color_lut(pixels, data)[..., :3]
        bits = 8 * pixels.dtype.itemsize
    if pixels.ndim == 3 and pixels.dtype != np.uint8:
        pixels = np.round(pixels * (255 / (2**bits - 1))).astype(np.uint8)
    return pixels


def _grey(pixels: NDArray[Any], data: Any, window: Window, bits: int | None) -> NDArray[np.uint16]:
    """The shade of every pixel; a pixel's shade depends on its stored value alone."""
    low, high = _ends(pixels, data)
    if pixels.dtype.itemsize == 1 and window == "file":
        bits = int(data.BitsStored)
    if bits is not None and (pixels.dtype.itemsize > 1 or window == "file"):
        low, high = _bit_range(pixels, bits, signed=bool(data.PixelRepresentation))
    if pixels.dtype.itemsize > 2:
        return _shades(pixels, data, window, (low, high))
    first, last = int(pixels.min()), int(pixels.max())
    table = _shades(np.arange(first, last + 1), data, window, (low, high))
    return table[pixels.astype(np.int32) - first]


def _shades(
    stored: NDArray[Any], data: Any, window: Window, ends: tuple[int, int]
) -> NDArray[np.uint16]:
    display = Display(data)
    values = display.rescaled(stored)
    own = display.window() if window == "file" else None
    if window == "file" and data.get("VOILUTSequence"):
        share = _tabulated(values, data)
    elif isinstance(window, tuple):
        share = _windowed(values, *window)
    elif own is not None:
        share = _windowed(values, *own, function=str(display.value("VOILUTFunction") or "LINEAR"))
    else:
        low, high = np.sort(display.rescaled(np.array(ends)))
        share = (values - low) / max(high - low, 1e-12)
    share = np.clip(share, 0, 1)
    if data.PhotometricInterpretation == "MONOCHROME1":
        share = 1 - share
    return np.round(share * 65535).astype(np.uint16)


def _tabulated(values: NDArray[np.float64], data: Any) -> NDArray[np.float64]:
    """Shades from the file's own table."""
    from pydicom.pixels.processing import apply_voi

    bits = int(data.VOILUTSequence[0].LUTDescriptor[2])
    top = 2**bits - 1
    shades = apply_voi(np.round(values).astype(np.int64), data)
    entries = data.VOILUTSequence[0].LUTData
    highest = int(np.max(np.frombuffer(entries, "u2") if isinstance(entries, bytes) else entries))
    if bits == 16 and highest <= 4095:  # some makers name the bits of a word, not of an entry
        top = 2 ** max(highest.bit_length(), 8) - 1
    return shades / top


def _windowed(
    values: NDArray[np.float64], center: float, width: float, *, function: str = "LINEAR"
) -> NDArray[np.float64]:
    if width < 1 if function == "LINEAR" else width <= 0:
        raise ValueError(f"its window is {width:g} wide; give another one with window")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR_EXACT":
        return (values - center) / width + 0.5
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return (values - (center - 0.5)) / (width - 1) + 0.5


def _ends(pixels: NDArray[Any], data: Any) -> tuple[int, int]:
    """Lowest and highest stored value, without the values that pad the picture."""
    padding, limit = data.get("PixelPaddingValue"), data.get("PixelPaddingRangeLimit")
    if padding is None:
        return int(pixels.min()), int(pixels.max())
    low, high = sorted((int(padding), int(padding if limit is None else limit)))
    inside = pixels[(pixels < low) | (pixels > high)]
    inside = inside if inside.size else pixels
    return int(inside.min()), int(inside.max())


def _bit_range(pixels: NDArray[Any], bits: int, *, signed: bool) -> tuple[int, int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if pixels.min() < low or pixels.max() > high:
        outside = int(pixels.min()) if pixels.min() < low else int(pixels.max())
        raise ValueError(f"a pixel holds {outside}, and {bits} bits go from {low} to {high}")
    return low, high

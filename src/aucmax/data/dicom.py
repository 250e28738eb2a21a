"""Pictures from DICOM files, as a viewer shows them."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aucmax.data._medical import needed

Window = Literal["file", "range"] | tuple[float, float]

EXTENSIONS = frozenset((".dcm", ".dicom"))
_UNREADABLE = (AttributeError, EOFError, IndexError, KeyError, NotImplementedError, OSError)
_UNREADABLE += (RuntimeError, TypeError, ValueError, struct.error)


def is_dicom(path: str | Path) -> bool:
    """Whether a file is named *.dcm or *.dicom, or carries the mark DICM at byte 128.

    >>> is_dicom("scan.DCM"), is_dicom("photo.jpg")
    (True, False)
    """
    path = Path(path)
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def dicom_shape(path: str | Path) -> tuple[int, int, int]:
    """Height, width and channels (1 or 3) of the picture, from the head of the file alone.

    Raises:
        ValueError: no DICOM file, or one without pixels.
    """
    with _explained(path):
        header = _read(path, defer_size=1024)
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
    becomes RGB with 8 bits a channel, without a window. Of several frames the first counts.

    Args:
        path: the file; compressed ones need the decoders of ``pip install 'aucmax[medical]'``.
        window: "file": the file's table or first window; where it has none, 8-bit pixels are
            taken as they are, others as with "range". "range": from the lowest to the highest value
            of the picture, padding left out. Or centre and width, in rescaled units (Hounsfield
            units in computed tomography).
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
        data = _read(path)
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
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if "missing dependencies" in reason:
            reason += "; the decoders come with pip install 'aucmax[medical]'"
        raise ValueError(f"image {str(path)!r} cannot be read: {reason}") from error


def _read(path: str | Path, defer_size: int | None = None) -> Any:
    pydicom = needed("pydicom", "DICOM files")
    try:
        data = pydicom.dcmread(path, defer_size=defer_size)
    except pydicom.errors.InvalidDicomError as error:
        raise ValueError("it is no DICOM file (the mark DICM is missing)") from error
    if "PixelData" not in data:
        kind = data.get("Modality") or "unknown"
        decimal = "FloatPixelData" in data or "DoubleFloatPixelData" in data
        what = "only floating-point pixels" if decimal else "no pixels"
        raise ValueError(f"the DICOM file (modality {kind}) holds {what}")
    return data


def _pixels(data: Any) -> NDArray[Any]:
    """Stored values of the first frame: (H, W), or (H, W, 3) uint8 for colour."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    pixels, bits = pixel_array(data, index=0), int(data.BitsStored)
    if data.PhotometricInterpretation == "PALETTE COLOR":
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
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    values = apply_modality_lut(stored, data).astype(np.float64)
    if window == "file" and data.get("VOILUTSequence"):
        top = 2 ** int(data.VOILUTSequence[0].LUTDescriptor[2]) - 1
        share = apply_voi(np.round(values).astype(np.int64), data) / top
    elif window == "range" or (window == "file" and data.get("WindowCenter") is None):
        low, high = np.sort(apply_modality_lut(np.array(ends), data).astype(np.float64))
        share = (values - low) / max(high - low, 1e-12)
    else:
        share = _windowed(values, data, window)
    share = np.clip(share, 0, 1)
    if data.PhotometricInterpretation == "MONOCHROME1":
        share = 1 - share
    return np.round(share * 65535).astype(np.uint16)


def _windowed(values: NDArray[np.float64], data: Any, window: Window) -> NDArray[np.float64]:
    if isinstance(window, tuple):
        (center, width), function = window, "LINEAR"
    else:
        center, width = (float(np.ravel(data[k].value)[0]) for k in ("WindowCenter", "WindowWidth"))
        function = data.get("VOILUTFunction") or "LINEAR"
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
    """Lowest and highest stored value, without the value that pads the picture."""
    padding = data.get("PixelPaddingValue")
    inside = pixels if padding is None else pixels[pixels != padding]
    inside = inside if inside.size else pixels
    return int(inside.min()), int(inside.max())


def _bit_range(pixels: NDArray[Any], bits: int, *, signed: bool) -> tuple[int, int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if pixels.min() < low or pixels.max() > high:
        outside = int(pixels.min()) if pixels.min() < low else int(pixels.max())
        raise ValueError(f"a pixel holds {outside}, and {bits} bits go from {low} to {high}")
    return low, high

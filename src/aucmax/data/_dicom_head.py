"""What the head of a DICOM file says of its pixels, wherever in the head that is."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._decoding import MAX_PIXELS, too_large
from ._image_files import has_dicom_head, read_head
from ._medical import needed

_CURE = "repair the file, or leave it out with exclude or --data.on_error skip"
_FUNCTIONAL_GROUPS = {
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}


def read_dataset(path: str | Path, defer_size: int | None = None) -> Any:
    """A DICOM file that holds pixels; with or without the mark DICM and a transfer syntax.

    Raises:
        ValueError: no DICOM file, or one without pixels.
    """
    pydicom = needed("pydicom", "DICOM files")
    try:
        data = pydicom.dcmread(path, defer_size=defer_size)
    except pydicom.errors.InvalidDicomError as error:
        if not has_dicom_head(read_head(path)):
            raise ValueError(
                "it is no DICOM file: it has no mark DICM and does not begin with a DICOM element"
            ) from error
        data = pydicom.dcmread(path, defer_size=defer_size, force=True)
    if "PixelData" not in data:
        kind = data.get("Modality") or "unknown"
        decimal = "FloatPixelData" in data or "DoubleFloatPixelData" in data
        what = "only floating-point pixels" if decimal else "no pixels"
        raise ValueError(f"the DICOM file (modality {kind}) holds {what}")
    pixels = int(data.Rows) * int(data.Columns)
    if pixels > MAX_PIXELS:
        raise ValueError(too_large(pixels))
    return data


def complete_syntax(data: Any) -> None:
    """Give a data set without a transfer syntax that of its uncompressed pixels.

    Raises:
        ValueError: if the pixels are compressed, as nobody knows how.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if getattr(data, "file_meta", None) is None:
        data.file_meta = FileMetaDataset()
    if data.file_meta.get("TransferSyntaxUID"):
        return
    expected = int(data.Rows) * int(data.Columns) * int(data.get("SamplesPerPixel") or 1)
    expected *= int(data.BitsAllocated) // 8 * int(data.get("NumberOfFrames") or 1)
    if bytes(data.PixelData[:4]) == b"\xfe\xff\x00\xe0" or len(data.PixelData) < expected:
        raise ValueError(
            "its head has no TransferSyntaxUID, so nobody knows how the pixels are compressed; "
            f"{_CURE}"
        )
    implicit, little = data.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


class Display:
    """How stored values become shades: rescaling and window of the first frame.

    Enhanced objects keep these in functional groups: of the frame, or shared by all frames.

    Args:
        data: a DICOM data set.
    """

    def __init__(self, data: Any) -> None:
        self.data = data
        groups = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
        self._groups = [data[name].value[0] for name in groups if data.get(name)]

    def value(self, name: str) -> Any:
        """The value of an element of the functional groups, or else of the data set; or None."""
        for group in self._groups:
            sequence = group.get(_FUNCTIONAL_GROUPS[name])
            if sequence and not _is_blank(found := sequence[0].get(name)):
                return found
        found = self.data.get(name)
        return None if _is_blank(found) else found

    def number(self, name: str) -> float | None:
        """The first number of an element, or None.

        Raises:
            ValueError: if it holds anything else.
        """
        found = self.value(name)
        if found is None:
            return None
        first = found if isinstance(found, str) else np.ravel(np.asarray(found, dtype=object))[0]
        try:
            number = float(first)
        except (TypeError, ValueError):
            number = np.nan
        if not np.isfinite(number):
            raise ValueError(f"its {name} is {str(first)!r}, which is no number; {_CURE}")
        return number

    def window(self) -> tuple[float, float] | None:
        """Center and width, or None.

        Raises:
            ValueError: if there is one of them alone.
        """
        center, width = self._pair("WindowCenter", "WindowWidth")
        return None if center is None or width is None else (center, width)

    def rescaled(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Stored values in the unit of the image, such as Hounsfield units.

        Raises:
            ValueError: if slope or intercept are lacking, or the slope is 0.
        """
        if self.data.get("ModalityLUTSequence"):
            from pydicom.pixels.processing import apply_modality_lut

            return apply_modality_lut(stored, self.data).astype(np.float64)
        slope, intercept = self._pair("RescaleSlope", "RescaleIntercept")
        if slope is None or intercept is None:
            return stored.astype(np.float64)
        if slope == 0:
            raise ValueError(f"its RescaleSlope is 0; {_CURE}")
        return stored.astype(np.float64) * slope + intercept

    def _pair(self, one: str, other: str) -> tuple[float | None, float | None]:
        values = self.number(one), self.number(other)
        if (values[0] is None) != (values[1] is None):
            there, lacking = (one, other) if values[1] is None else (other, one)
            state = "is blank" if lacking in self.data else "is lacking"
            raise ValueError(f"its head has {there}, but {lacking} {state}; {_CURE}")
        return values


def _is_blank(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def little_endian_palette(data: Any) -> None:
    """Swap the bytes of a big-endian file's palette, which pydicom takes for little-endian."""
    from pydicom.uid import ExplicitVRBigEndian

    if data.file_meta.get("TransferSyntaxUID") != ExplicitVRBigEndian:
        return
    for color in ("Red", "Green", "Blue"):
        name = f"{color}PaletteColorLookupTableData"
        if name in data and data[name].VR == "OW":
            data[name].value = np.frombuffer(data[name].value, ">u2").astype("<u2").tobytes()


def first_frame(data: Any) -> NDArray[Any]:
    """Stored values of the first frame, wherever in a word they are.

    The highest bit has to be the last of those stored. Older files may keep the values in the
    upper bits instead; then they are moved down.
    """
    from pydicom.pixels.utils import pixel_array

    stored, allocated = int(data.BitsStored), int(data.BitsAllocated)
    shift = int(data.get("HighBit", stored - 1)) + 1 - stored
    compressed = data.file_meta.TransferSyntaxUID.is_encapsulated
    if not 0 < shift <= allocated - stored or compressed or allocated not in (8, 16, 32):
        return pixel_array(data, index=0)
    signed = bool(data.PixelRepresentation)
    data.BitsStored, data.HighBit, data.PixelRepresentation = allocated, allocated - 1, 0
    words = pixel_array(data, index=0, raw=True)
    if words.max(initial=0) >= 2**stored:  # else only the head is wrong
        words = words >> shift
    words = words & (2**stored - 1)
    data.BitsStored, data.HighBit, data.PixelRepresentation = stored, stored - 1, int(signed)
    if not signed:
        return words
    sign = 2 ** (stored - 1)
    return ((words.astype(np.int64) ^ sign) - sign).astype(f"i{words.dtype.itemsize}")


def reason_of_head(text: str) -> str:
    """What pydicom says, with the name of what is lacking, and the cure."""
    missing = re.search(r"has no attribute '(\w+)'|required element: \S+ '([\w ]+)'", text)
    if missing:
        name = missing[1] or missing[2].replace(" ", "")
        return f"its head has no {name}; {_CURE}"
    return text

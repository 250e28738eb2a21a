"""DICOM heads that are enhanced, old, incomplete or wrong, against the standard's arithmetic."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from aucmax.data import FileImages
from aucmax.data.dicom import dicom_shape, is_dicom, read_dicom

REAL = Path(pydicom.data.__file__).parent / "test_files"
RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


def base(pixels):
    data = pydicom.dcmread(REAL / "MR_small.dcm")
    for name in ("WindowCenter", "WindowWidth", "PixelPaddingValue"):
        if name in data:
            delattr(data, name)
    data.Rows, data.Columns = pixels.shape[-2:]
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data["PixelData"].VR = "OW"
    data.PixelData = pixels.tobytes()
    if pixels.ndim == 3:
        data.NumberOfFrames = len(pixels)
    return data


def item(**tags):
    data = pydicom.Dataset()
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def enhanced(path, pixels, *, shared=None, frames=None, **tags):
    """An enhanced image: rescaling and window of each frame, or of all frames."""

    def groups(rescale, window):
        names = ("RescaleIntercept", "RescaleSlope")
        found = item()
        if rescale:
            values = dict(zip(names, rescale, strict=True))
            found.PixelValueTransformationSequence = [item(**values, RescaleType="HU")]
        if window:
            center, width, *function = window
            voi = {"VOILUTFunction": function[0]} if function else {}
            found.FrameVOILUTSequence = [item(WindowCenter=center, WindowWidth=width, **voi)]
        return found

    data = base(pixels)
    if shared:
        data.SharedFunctionalGroupsSequence = [groups(*shared)]
    if frames:
        data.PerFrameFunctionalGroupsSequence = [groups(*frame) for frame in frames]
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path)
    return path


def windowed(values, center, width):
    """PS3.3 C.11.2.1.2.1, pixel by pixel."""
    found = np.empty(values.shape)
    for place, x in np.ndenumerate(np.asarray(values, dtype=float)):
        if x <= center - 0.5 - (width - 1) / 2:
            found[place] = 0
        elif x > center - 0.5 + (width - 1) / 2:
            found[place] = 65535
        else:
            found[place] = ((x - (center - 0.5)) / (width - 1) + 0.5) * 65535
    return found


TWO = np.stack([RAMP, RAMP[::-1]])
HU = RAMP.astype(float) - 1024


@pytest.mark.parametrize(
    ("shared", "frames"),
    [
        (((-1024, 1), (49, 102)), None),
        (None, [((-1024, 1), (49, 102)), ((0, 1), (5, 10))]),
        (((-1024, 1), None), [(None, (49, 102)), (None, (5, 10))]),
        (((0, 3), (7, 9)), [((-1024, 1), (49, 102)), ((0, 1), (5, 10))]),  # the frame's own count
    ],
)
def test_window_and_rescaling_of_functional_groups(tmp_path, shared, frames):
    path = enhanced(tmp_path / "x.dcm", TWO, shared=shared, frames=frames)
    np.testing.assert_allclose(read_dicom(path), windowed(HU, 49, 102), atol=0.51)
    picture = read_dicom(path, window=(300.0, 1000.0))
    np.testing.assert_allclose(picture, windowed(HU, 300, 1000), atol=0.51)
    assert (picture == 0).any()
    assert dicom_shape(path) == (16, 16, 1)


def test_the_groups_count_before_the_data_set_and_functions_are_theirs(tmp_path):
    path = enhanced(
        tmp_path / "x.dcm", TWO, shared=((0, 1), (1000, 800, "SIGMOID")),
        WindowCenter=1, WindowWidth=2, RescaleSlope=7, RescaleIntercept=7,
    )  # fmt: skip
    expected = 65535 / (1 + np.exp(-4 * (RAMP - 1000.0) / 800))
    np.testing.assert_allclose(read_dicom(path), expected, atol=0.51)


def test_a_frame_without_window_goes_from_lowest_to_highest(tmp_path):
    path = enhanced(tmp_path / "x.dcm", TWO, shared=((-1024, -2), None))
    expected = 65535 * (1 - RAMP / RAMP.max())  # a negative slope turns the scale round
    np.testing.assert_allclose(read_dicom(path), expected, atol=0.51)


def saved(path, pixels, **tags):
    data = base(pixels)
    for name, value in tags.items():
        setattr(data, name, value)
        if "or" in data[name].VR:
            data[name].VR = "SS" if pixels.dtype.kind == "i" else "US"
    data.save_as(path)
    return path


@pytest.mark.parametrize(("value", "limit"), [(-2000, -1500), (-1500, -2000), (-2000, None)])
def test_a_range_of_padding_is_left_out(tmp_path, value, limit):
    pixels = np.arange(-100, 156, dtype=np.int16).reshape(16, 16)
    pixels[0, :4] = [-2000, -2000, -2000, -2000] if limit is None else [-2000, -1800, -1500, -1999]
    tags = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    path = saved(tmp_path / "x.dcm", pixels, PixelPaddingValue=value, **tags)
    inside = [int(x) for x in pixels.ravel() if x > -1500]
    expected = np.clip((pixels.astype(float) - min(inside)) / (max(inside) - min(inside)), 0, 1)
    np.testing.assert_allclose(read_dicom(path), 65535 * expected, atol=0.51)


@pytest.mark.parametrize("signed", [False, True])
def test_values_in_the_upper_bits_are_moved_down(tmp_path, signed):
    values = (RAMP // 16).astype(np.int16) - (2048 if signed else 0)
    words = (values.astype(np.int32) << 4).astype(np.int16 if signed else np.uint16)
    tags = {"BitsStored": 12, "HighBit": 15}
    path = saved(tmp_path / "x.dcm", words, **tags)
    low, high = int(values.min()), int(values.max())
    expected = 65535 * ((values.astype(float) - low) / (high - low))
    np.testing.assert_allclose(read_dicom(path), expected, atol=0.51)
    plain = saved(tmp_path / "y.dcm", RAMP, **tags)  # only the head is wrong
    np.testing.assert_allclose(read_dicom(plain), 65535 * (RAMP / RAMP.max()), atol=0.51)


def test_a_table_of_twelve_bits_in_words_of_sixteen(tmp_path):
    entry = item(LUTDescriptor=[4096, 0, 16], LUTData=list(range(4096)))
    entry["LUTDescriptor"].VR, entry["LUTData"].VR = "US", "US"
    path = saved(tmp_path / "x.dcm", RAMP, VOILUTSequence=[entry])
    np.testing.assert_allclose(read_dicom(path), RAMP * (65535 / 4095), atol=0.51)


def palette(path, syntax, entry_bits):
    """A palette image whose table is the negative of gray."""
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = base(pixels)
    data.PhotometricInterpretation = "PALETTE COLOR"
    table = (255 - np.arange(256)) * (257 if entry_bits == 16 else 1)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    if entry_bits == 16:
        content = table.astype(f"{order}u2").tobytes()
    else:  # two entries to a word
        content = table.astype("u1").tobytes()
        content = np.frombuffer(content, "<u2").astype(f"{order}u2").tobytes()
    for color in ("Red", "Green", "Blue"):
        setattr(data, f"{color}PaletteColorLookupTableDescriptor", [256, 0, entry_bits])
        data[f"{color}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(data, f"{color}PaletteColorLookupTableData", content)
        data[f"{color}PaletteColorLookupTableData"].VR = "OW"
    stored = pixels.tobytes()
    data.PixelData = (
        np.frombuffer(stored, "<u2").astype(">u2").tobytes() if order == ">" else stored
    )
    data.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=order == "<")
    return path


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_palette_is_the_same_in_either_order_of_bytes(tmp_path, syntax, bits):
    picture = read_dicom(palette(tmp_path / "x.dcm", syntax, bits))
    expected = (255 - np.arange(256)).reshape(16, 16)
    for channel in np.moveaxis(picture, 2, 0):
        np.testing.assert_array_equal(channel, expected)


def without_mark(path, *, implicit=True, little=True, **tags):
    data = base(RAMP)
    for name, value in tags.items():
        setattr(data, name, value)
    if not little:
        data.PixelData = RAMP.astype(">u2").tobytes()
    file = io.BytesIO()
    pydicom.dcmwrite(file, pydicom.Dataset(data), implicit_vr=implicit, little_endian=little)
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("name", ["x.dcm", "x"])
def test_files_without_the_mark_are_read(tmp_path, name, implicit, little):
    path = without_mark(tmp_path / name, implicit=implicit, little=little)
    assert is_dicom(path)
    np.testing.assert_allclose(read_dicom(path), 65535 * (RAMP / RAMP.max()), atol=0.51)
    assert FileImages([path])[0].shape == (1, 16, 16)


def test_a_transfer_syntax_that_lacks_is_found_for_plain_pixels_only(tmp_path):
    data = pydicom.dcmread(saved(tmp_path / "x.dcm", RAMP))
    del data.file_meta.TransferSyntaxUID
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, implicit_vr=False, little_endian=True, enforce_file_format=False)
    (tmp_path / "y.dcm").write_bytes(file.getvalue())
    np.testing.assert_array_equal(read_dicom(tmp_path / "y.dcm"), read_dicom(tmp_path / "x.dcm"))
    packed = b"\xfe\xff\x00\xe0" + b"\0" * 600
    path = without_mark(tmp_path / "z.dcm", PixelData=packed)
    with pytest.raises(ValueError, match=r"no TransferSyntaxUID, so nobody knows .*on_error skip"):
        read_dicom(path)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"WindowCenter": 9}, "has WindowCenter, but WindowWidth is lacking; repair the file, or"),
        ({"WindowWidth": 9}, "has WindowWidth, but WindowCenter is lacking; .*on_error skip"),
        ({"WindowWidth": 9, "WindowCenter": None}, "but WindowCenter is blank"),
        ({"RescaleSlope": None, "RescaleIntercept": 1}, "RescaleIntercept, but RescaleSlope is bl"),
        ({"RescaleSlope": 2}, "has RescaleSlope, but RescaleIntercept is lacking"),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, "its RescaleSlope is 0"),
        ({"Rows": 60_000, "Columns": 60_000}, "its head claims 3,600,000,000 pixels, more than"),
    ],
)
def test_what_a_head_lacks_is_told_with_a_cure(tmp_path, tags, message):
    path = saved(tmp_path / "x.dcm", RAMP, **tags)
    with pytest.raises(ValueError, match=rf"x.dcm' cannot be read: .*{message}"):
        read_dicom(path)


@pytest.mark.parametrize("name", ["Rows", "BitsStored", "PhotometricInterpretation"])
def test_elements_that_lack_are_named(tmp_path, name):
    data = base(RAMP)
    delattr(data, name)
    data.save_as(tmp_path / "x.dcm")
    with pytest.raises(ValueError, match=rf"its head has no {name}; repair the file, or leave"):
        read_dicom(tmp_path / "x.dcm")


def test_blank_windows_are_none(tmp_path):
    path = saved(tmp_path / "x.dcm", RAMP, WindowCenter=None, WindowWidth=None)
    np.testing.assert_allclose(read_dicom(path), 65535 * (RAMP / RAMP.max()), atol=0.51)
    path = saved(tmp_path / "x.dcm", RAMP, RescaleSlope=None, RescaleIntercept=None)
    np.testing.assert_allclose(read_dicom(path), 65535 * (RAMP / RAMP.max()), atol=0.51)

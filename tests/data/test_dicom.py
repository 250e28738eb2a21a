"""DICOM files of many makers (those that pydicom carries) against pydicom's own arithmetic."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing

from aucmax.data import FileImages, Folder, check_images
from aucmax.data.dicom import dicom_shape, is_dicom, read_dicom
from aucmax.data.images import image_size

REAL = Path(pydicom.data.__file__).parent / "test_files"
WINDOWED = [
    "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "693_J2KI.dcm",
    "J2K_pixelrep_mismatch.dcm", "examples_overlay.dcm",
    "dicomdirtests/77654033/CR1/6154", "dicomdirtests/77654033/CR2/6247",
    "dicomdirtests/77654033/CT2/17106", "dicomdirtests/98892001/CT5N/2062",
]  # fmt: skip


def window_by_pydicom(data):
    """Bright and dark as 0 to 65535, from pydicom's output range (PS3.3, C.11.2.1.2)."""
    values = apply_modality_lut(data.pixel_array, data)
    signed, bits = data.PixelRepresentation, data.BitsStored
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1])
    low, high = ends * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))
    share = (apply_windowing(values, data) - low) / (high - low)
    return 65535 * (1 - share if data.PhotometricInterpretation == "MONOCHROME1" else share)


@pytest.mark.parametrize("name", WINDOWED)
def test_window_of_real_files_as_by_pydicom(name):
    picture = read_dicom(REAL / name)
    expected = window_by_pydicom(pydicom.dcmread(REAL / name))
    assert picture.dtype == np.uint16
    assert picture.min() < picture.max()
    np.testing.assert_allclose(picture, expected, atol=0.51)
    assert dicom_shape(REAL / name) == (*picture.shape, 1)


def test_a_negative_film_is_inverted():
    path = REAL / "dicomdirtests/77654033/CR1/6154"
    data = pydicom.dcmread(path)
    assert data.PhotometricInterpretation == "MONOCHROME1"
    stored, picture = data.pixel_array.astype(int).ravel(), read_dicom(path).ravel().astype(int)
    order = np.argsort(stored, kind="stable")
    assert (np.diff(picture[order]) <= 0).all()


def test_without_a_window_from_lowest_to_highest_less_padding():
    data = pydicom.dcmread(REAL / "CT_small.dcm")
    assert "WindowCenter" not in data
    stored = data.pixel_array.astype(float)
    inside = stored[stored != data.PixelPaddingValue]
    expected = 65535 * np.clip((stored - inside.min()) / (inside.max() - inside.min()), 0, 1)
    np.testing.assert_allclose(read_dicom(REAL / "CT_small.dcm"), expected, atol=0.51)


def test_own_window_in_hounsfield_units():
    data = pydicom.dcmread(REAL / "CT_small.dcm")
    hounsfield = data.pixel_array * 1.0 - 1024
    expected = 65535 * np.clip((hounsfield - 39.5) / 399 + 0.5, 0, 1)
    picture = read_dicom(REAL / "CT_small.dcm", window=(40.0, 400.0))
    np.testing.assert_allclose(picture, expected, atol=0.51)
    step = read_dicom(REAL / "CT_small.dcm", window=(40.0, 1.0))
    np.testing.assert_array_equal(step, 65535 * (hounsfield > 39.5))


def test_range_asked_for_although_there_is_a_window():
    stored = pydicom.dcmread(REAL / "MR_small.dcm").pixel_array.astype(float)
    expected = 65535 * (stored - stored.min()) / (stored.max() - stored.min())
    np.testing.assert_allclose(
        read_dicom(REAL / "MR_small.dcm", window="range"), expected, atol=0.51
    )


@pytest.mark.parametrize(
    ("name", "rows"),
    [("JPGExtended.dcm", 1024), ("JPEGLSNearLossless_16.dcm", 50), ("rtdose.dcm", 10)],
)
def test_compressed_and_several_frames(name, rows):
    stored = pydicom.dcmread(REAL / name).pixel_array.astype(float)
    first = stored[0] if stored.ndim == 3 else stored
    expected = 65535 * (first - first.min()) / (first.max() - first.min())
    picture = read_dicom(REAL / name)
    assert picture.shape[0] == rows
    np.testing.assert_allclose(picture, expected, atol=0.6)


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm", "SC_ybr_full_422_uncompressed.dcm",
             "examples_palette.dcm", "SC_rgb_rle_16bit.dcm", "ExplVR_BigEnd.dcm"],
)  # fmt: skip
def test_colour_is_rgb(name):
    picture = read_dicom(REAL / name)
    assert picture.dtype == np.uint8
    assert dicom_shape(REAL / name) == picture.shape
    if "SC_" in name:  # a test card: red, green and blue bars from the top, then grey
        assert picture[5, 50].argmax() == 0
        assert picture[25, 50].argmax() == 1
        assert picture[45, 50].argmax() == 2
    grey = FileImages([REAL / name], channels=1)[0]
    assert tuple(grey.shape) == (1, *picture.shape[:2])


def write(path, pixels, **tags):
    """A small DICOM file; tags replace those of a real one."""
    data = pydicom.dcmread(REAL / "MR_small.dcm")
    for name in ("WindowCenter", "WindowWidth", "PixelPaddingValue"):
        if name in data:
            delattr(data, name)
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data["PixelData"].VR = "OW"
    data.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
        if "or" in data[name].VR:
            data[name].VR = "US"
    data.save_as(path)
    return path


RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_functions(tmp_path, function):
    tags = {"WindowCenter": 1000, "WindowWidth": 800, "VOILUTFunction": function}
    path = write(tmp_path / "x.dcm", RAMP, **tags, RescaleSlope=0.5, RescaleIntercept=-3)
    expected = window_by_pydicom(pydicom.dcmread(path))
    np.testing.assert_allclose(read_dicom(path), expected, atol=0.6)


def test_table_of_shades_goes_before_the_window(tmp_path):
    entry = pydicom.Dataset()
    entry.LUTDescriptor, entry.LUTData = [4096, 0, 16], [(i * i) // 256 for i in range(4096)]
    entry["LUTDescriptor"].VR, entry["LUTData"].VR = "US", "US"
    path = write(tmp_path / "x.dcm", RAMP, VOILUTSequence=[entry], WindowCenter=9, WindowWidth=9)
    expected = (RAMP.astype(int) ** 2) // 256
    np.testing.assert_array_equal(read_dicom(path), expected)
    data = pydicom.dcmread(path)
    np.testing.assert_array_equal(apply_voi(data.pixel_array, data), expected)


def test_bits_fix_the_range(tmp_path):
    path = write(tmp_path / "x.dcm", RAMP // 4)
    np.testing.assert_allclose(read_dicom(path, bits=12), (RAMP // 4) * (65535 / 4095), atol=0.51)
    signed = write(tmp_path / "y.dcm", (RAMP // 4).astype(np.int16) - 512)
    expected = (RAMP // 4 - 512.0 + 2048) * 65535 / 4095
    np.testing.assert_allclose(read_dicom(signed, bits=12), expected, atol=0.51)
    with pytest.raises(ValueError, match=r"a pixel holds 4080, and 10 bits go from 0 to 1023"):
        read_dicom(write(tmp_path / "z.dcm", RAMP), bits=10)


def test_eight_bits_stay_as_they_are(tmp_path):
    pixels = np.arange(50, 114, dtype=np.uint8).reshape(8, 8)
    path = write(tmp_path / "x.dcm", pixels)
    for bits in (None, 12):
        np.testing.assert_array_equal(FileImages([path], bits=bits)[0][0].numpy(), pixels)


def test_a_single_shade_is_no_division_by_zero(tmp_path):
    path = write(tmp_path / "x.dcm", np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)
    assert not read_dicom(path).any()


def test_file_images_mix_dicom_and_png(tmp_path):
    Image.fromarray(np.full((16, 16, 3), (250, 0, 0), np.uint8)).save(tmp_path / "a.png")
    no_name = write(tmp_path / "scan", RAMP)  # found by its mark
    paths = [tmp_path / "a.png", no_name]
    assert (is_dicom(no_name), is_dicom(paths[0]), is_dicom(tmp_path / "gone")) == (1, 0, 0)
    assert check_images([no_name]) == 1
    images = FileImages(paths)
    assert images.channels == 3
    expected = np.round(RAMP * (255 / 4080))
    for channel in images[1].numpy():
        np.testing.assert_allclose(channel, expected, atol=1)
    assert images[0][:, 0, 0].tolist() == [250, 0, 0]
    assert [image_size(path) for path in paths] == [(16, 16)] * 2


def test_folder_of_dicom(tmp_path):
    for name in ("ill", "well"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "1.dcm", RAMP)
    assert Folder(tmp_path).load().ids == ("ill/1.dcm", "well/1.dcm")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reportsi.dcm", r"reportsi.dcm' cannot be read: .*\(modality SR\) holds no pixels"),
        ("README.txt", "README.txt' cannot be read: it is no DICOM file"),
        ("MR_truncated.dcm", r"MR_truncated.dcm' cannot be read: .*8130 vs 8192 bytes"),
        (
            "nested_priv_SQ.dcm",
            "nested_priv_SQ.dcm' cannot be read: its head has no Rows; repair the file",
        ),
    ],
)
def test_refused(name, message):
    with pytest.raises(ValueError, match=message):
        read_dicom(REAL / name)


def test_refused_by_file_images(tmp_path):
    with pytest.raises(ValueError, match="holds no pixels"):
        check_images([REAL / "reportsi.dcm"])
    (tmp_path / "x.dcm").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x.dcm' cannot be read: the file is empty"):
        check_images([tmp_path / "x.dcm"])
    with pytest.raises(FileNotFoundError, match=r"gone.dcm' is not there"):
        read_dicom(tmp_path / "gone.dcm")


def test_only_floating_point_pixels(tmp_path):
    data = pydicom.dcmread(REAL / "MR_small.dcm")
    del data.PixelData
    data.FloatPixelData = b"\0" * 16384
    data.save_as(tmp_path / "x.dcm")
    with pytest.raises(ValueError, match="holds only floating-point pixels"):
        read_dicom(tmp_path / "x.dcm")


@pytest.mark.parametrize("window", ["fill", (40, 0.5), (1, 2, 3), None])
def test_window_refused(window):
    with pytest.raises(ValueError, match=r'window must be "file", "range" or \(centre, width'):
        read_dicom(REAL / "CT_small.dcm", window=window)


def test_window_of_the_file_without_width(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write(tmp_path / "x.dcm", RAMP, WindowCenter=5, WindowWidth=0)
    with pytest.raises(ValueError, match="its window is 0 wide; give another one with window"):
        read_dicom(path)


def test_without_pydicom(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ModuleNotFoundError, match=r"DICOM files need pydicom.*aucmax\[medical\]"):
        read_dicom(REAL / "CT_small.dcm")

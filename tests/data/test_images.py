"""Pixels come out as they went in, and damage is an error with a path."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from aucmax.data import ArrayImages, FileImages, check_images
from aucmax.data.images import Rows


def noise(*shape, seed=0, dtype=np.uint8, high=256):
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def test_arrays_of_several_parts_follow_each_other():
    a, b = noise(3, 4, 5), noise(2, 4, 5, 1, seed=1)
    images = ArrayImages(a, b)
    joined = np.concatenate([a, b[..., 0]])
    assert len(images) == 5
    assert images.channels == 1
    for i in range(-5, 5):
        assert images[i].dtype == torch.uint8
        np.testing.assert_array_equal(images[i].numpy(), joined[i][None])


def test_colour_arrays_get_channels_first_and_are_copies():
    array = noise(2, 4, 5, 3)
    image = ArrayImages(array)[1]
    np.testing.assert_array_equal(image.numpy(), np.moveaxis(array[1], 2, 0))
    before = array.copy()
    image.zero_()
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("index", [5, -6])
def test_index_outside(index):
    with pytest.raises(IndexError, match=rf"image {index} of 5"):
        ArrayImages(noise(5, 2, 2))[index]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.zeros((2, 3, 3))], r"images must be uint8 \(0 to 255\), got float64; convert"),
        ([noise(2, 3)], r"must have shape .* got \(2, 3\)"),
        ([noise(2, 3, 8, 8)], r"got \(2, 3, 8, 8\); channels come last: images.transpose"),
        ([noise(2, 3, 3), noise(2, 3, 3, 3)], "all arrays must be grey, or all colour"),
    ],
)
def test_arrays_refused(arrays, message):
    with pytest.raises(ValueError, match=message):
        ArrayImages(*arrays)


def test_rows_of_rows():
    images = ArrayImages(np.arange(10, dtype=np.uint8).reshape(10, 1, 1))
    rows = Rows(Rows(images, np.array([9, 7, 5, 3])), np.array([2, 0]))
    assert [rows[i].item() for i in range(len(rows))] == [5, 9]
    assert rows.channels == 1


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3)])
def test_png_is_read_exactly(write_image, tmp_path, shape):
    pixels = write_image("a.png", shape=shape)
    images = FileImages([tmp_path / "a.png"])
    expected = pixels[None] if len(shape) == 2 else np.moveaxis(pixels, 2, 0)
    assert images.channels == len(expected)
    np.testing.assert_array_equal(images[0].numpy(), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images))[0].numpy(), expected)


def test_one_colour_file_makes_all_colour(write_image, tmp_path):
    grey = write_image("grey.png")
    write_image("colour.jpg", shape=(9, 12, 3))
    images = FileImages([tmp_path / "grey.png", tmp_path / "colour.jpg"])
    assert images.channels == 3
    np.testing.assert_array_equal(images[0].numpy(), np.stack([grey] * 3))
    assert images[1].shape == (3, 9, 12)


def test_channels_that_are_known_are_kept(write_image, tmp_path):
    grey = write_image("grey.png")
    np.testing.assert_array_equal(
        FileImages([tmp_path / "grey.png"], channels=3)[0].numpy(), np.stack([grey] * 3)
    )


def test_sixteen_bits_are_scaled_and_rounded(tmp_path):
    pixels = noise(7, 8, dtype=np.uint16, high=65536)
    pixels[0, :2] = 0, 65535
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = FileImages([tmp_path / "a.png"])[0]
    slow = [[round(int(v) * 255 / 65535) for v in row] for row in pixels]
    assert image.tolist() == [slow]


def test_twelve_bits_in_sixteen_are_the_users_decision(tmp_path):
    pixels = noise(7, 8, dtype=np.uint16, high=4096)
    pixels[0, 0] = 4095
    Image.fromarray(pixels).save(tmp_path / "a.png")
    path = [tmp_path / "a.png"]
    with pytest.raises(ValueError, match=r"a.png.* highest pixel is 4095, .* bits=12"):
        FileImages(path)[0]
    assert FileImages(path, bits=12)[0].max() == 255
    assert FileImages(path, bits=16)[0].max() == 16
    with pytest.raises(ValueError, match=r"a pixel holds 4095, and 11 bits go from 0 to 2047"):
        FileImages(path, bits=11)[0]


def test_whole_numbers_below_zero_are_refused(tmp_path):
    Image.fromarray(np.array([[-1, 70000]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a pixel holds -1, and 16 bits go from 0 to 65535"):
        FileImages([tmp_path / "a.tif"])[0]


def test_palette_becomes_rgb(tmp_path):
    image = Image.fromarray(noise(6, 6, 3)).quantize(8)
    image.save(tmp_path / "a.png")
    expected = np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    np.testing.assert_array_equal(FileImages([tmp_path / "a.png"])[0].numpy(), expected)


def test_transparent_pixels_lie_over_black(tmp_path):
    pixels = np.full((2, 2, 4), 200, np.uint8)
    pixels[0, 0, 3], pixels[0, 1, 3], pixels[1, :, 3] = 0, 51, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = FileImages([tmp_path / "a.png"])[0]
    assert image.shape == (3, 2, 2)
    assert image[0].tolist() == [[0, 40], [200, 200]]  # 200 * 51 / 255 = 40


def test_grey_with_transparency_stays_grey(tmp_path):
    pixels = np.array([[[200, 255], [200, 0]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert FileImages([tmp_path / "a.png"])[0].tolist() == [[[200, 0]]]


def test_exif_rotation_is_applied(tmp_path):
    image = Image.fromarray(noise(8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    expected = np.rot90(np.asarray(image), -1)
    np.testing.assert_array_equal(FileImages([tmp_path / "a.png"])[0].numpy(), expected[None])


def test_floating_point_pixels_are_refused(tmp_path):
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a.tif.* floating-point numbers; convert"):
        FileImages([tmp_path / "a.tif"])[0]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_cut_file_is_an_error_or_the_whole_image(write_image, tmp_path, name):
    write_image(name, shape=(16, 16, 3))
    path = tmp_path / name
    whole, data = FileImages([path])[0], path.read_bytes()
    messages = []
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            image = FileImages([path], channels=3)[0]
        except ValueError as error:
            messages.append(str(error))
        else:
            assert torch.equal(image, whole)
    assert len(messages) > 0.9 * len(data) / 7
    assert all(str(path) in message for message in messages)


def test_damaged_png_names_the_path(write_image, tmp_path):
    write_image("a.png", shape=(64, 64))
    path = tmp_path / "a.png"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"image '.*a.png' cannot be read: .+"):
        FileImages([path])[0]


def test_check_lists_every_file_that_is_no_image(write_image, tmp_path):
    write_image("good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ValueError, match=r"empty.png.*file is empty; .*text.png.* no image file"):
        check_images([tmp_path / n for n in ("good.png", "empty.png", "text.png")])
    for i in range(7):
        (tmp_path / f"bad{i}.png").touch()
    with pytest.raises(ValueError, match=r"bad4.png.* \(7 files in all\)") as caught:
        check_images([tmp_path / f"bad{i}.png" for i in range(7)])
    assert "bad5.png" not in str(caught.value)


def test_missing_files_are_counted(write_image, tmp_path):
    write_image("good.png")
    with pytest.raises(
        FileNotFoundError, match=r"7 image files are not there: .*x4.png'"
    ) as caught:
        FileImages([tmp_path / "good.png", *(tmp_path / f"x{i}.png" for i in range(7))])
    assert "x5.png" not in str(caught.value)


def test_a_file_that_vanishes_later(write_image, tmp_path):
    write_image("a.png")
    images = FileImages([tmp_path / "a.png"])
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a.png' is not there \(it was moved"):
        images[0]

"""Sixteen bits in color, white as zero, and files that claim too much."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from aucmax.data import CSV, FileImages

RNG = np.random.default_rng(0)
PNG_TYPES = {"gray": (0, 1), "rgb": (2, 3), "gray with alpha": (4, 2), "rgba": (6, 4)}


def png16(pixels, kind):
    """A PNG file of 16 bits a channel, which Pillow does not write."""
    height, width = pixels.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, PNG_TYPES[kind][0], 0, 0, 0)

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff(pixels, photometric, *, order="<", extra=None, compressed=False, planes=False):
    """A TIFF file with one strip."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    stored = np.moveaxis(pixels, 2, 0) if planes else pixels
    content = stored.astype(pixels.dtype.newbyteorder(order)).tobytes()
    strips = channels if planes else 1
    size = len(content) // strips
    content = zlib.compress(content) if compressed else content
    bits = [8 * pixels.itemsize] * channels
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, bits),
            (259, 3, [8 if compressed else 1]), (262, 3, [photometric]),
            (273, 4, [8 + size * strip for strip in range(strips)]), (277, 3, [channels]),
            (278, 3, [height]), (279, 4, [len(content) // strips] * strips),
            (284, 3, [2 if planes else 1])]  # fmt: skip
    tags += [] if extra is None else [(338, 3, [extra])]
    start = 8 + len(content) + len(content) % 2
    later = start + 2 + 12 * len(tags) + 4
    entries, rest = b"", b""
    for number, kind, values in tags:
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", later + len(rest))
            rest += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", number, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    count = struct.pack(f"{order}H", len(tags))
    return head + content.ljust(start - 8, b"\0") + count + entries + b"\0" * 4 + rest


def files(tmp_path, kind, high):
    """Pixels of a kind, and files that hold them."""
    channels = PNG_TYPES[kind][1]
    pixels = RNG.integers(0, high, (5, 7, channels)).astype(np.uint16)
    pixels[0, 0] = high - 1
    if channels in (2, 4):
        pixels[..., -1] = 65535
    found = {"a.png": png16(pixels, kind)}
    if channels >= 3:
        extra = 2 if channels == 4 else None
        for name, options in {
            "le.tif": {}, "be.tif": {"order": ">"}, "z.tif": {"compressed": True},
            "zb.tif": {"compressed": True, "order": ">"}, "p.tif": {"planes": True},
            "pb.tif": {"planes": True, "order": ">"},
        }.items():  # fmt: skip
            found[name] = tiff(pixels, 2, extra=extra, **options)
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    colors = pixels[..., : 1 if channels < 3 else 3]
    return colors, [tmp_path / name for name in found]


def scaled(colors, bits):
    """The slow, obvious way: (C, H, W)."""
    high = 2**bits - 1
    return [
        [[round(int(v) * 255 / high) for v in row] for row in plane]
        for plane in np.moveaxis(colors, 2, 0)
    ]


@pytest.mark.parametrize("kind", PNG_TYPES)
def test_all_sixteen_bits_of_a_channel_count(tmp_path, kind):
    colors, paths = files(tmp_path, kind, 65536)
    for path in paths:
        for bits in (None, 16, "auto"):
            image = FileImages([path], bits=bits)[0]
            assert image.tolist() == scaled(colors, 16), path
        with pytest.raises(ValueError, match=r"a pixel holds 65535, and 12 bits .*bits=auto"):
            FileImages([path], bits=12)[0]


@pytest.mark.parametrize("kind", PNG_TYPES)
def test_twelve_bits_in_sixteen_are_refused_until_they_are_told(tmp_path, kind):
    colors, paths = files(tmp_path, kind, 4096)
    for path in paths:
        with pytest.raises(ValueError, match=r"highest pixel is 4095, .* bits=12 .*bits=auto"):
            FileImages([path])[0]
        for bits in (12, "auto"):
            assert FileImages([path], bits=bits)[0].tolist() == scaled(colors, 12), path
        assert FileImages([path], bits=16)[0].tolist() == scaled(colors, 16)


def test_transparent_pixels_of_sixteen_bits_are_laid_over_black(tmp_path):
    pixels = np.full((1, 3, 4), 40_000, np.uint16)
    pixels[0, :, 3] = 0, 32_768, 65_535
    (tmp_path / "a.png").write_bytes(png16(pixels, "rgba"))
    assert FileImages([tmp_path / "a.png"])[0][0].tolist() == [[0, 78, 156]]
    (tmp_path / "b.png").write_bytes(png16(pixels[..., 2:], "gray with alpha"))
    assert FileImages([tmp_path / "b.png"])[0].tolist() == [[[0, 78, 156]]]


def test_files_of_mixed_depth_are_read_by_their_own_values(tmp_path):
    ramp = np.linspace(0, 1, 35).reshape(5, 7)
    for name, high in {"12.png": 4095, "16.png": 65535}.items():
        Image.fromarray(np.round(ramp * high).astype(np.uint16)).save(tmp_path / name)
    (tmp_path / "x.csv").write_text("image,label\n12.png,0\n16.png,1\n")
    one, other = (CSV(tmp_path / "x.csv", bits="auto").load().images[row] for row in (0, 1))
    np.testing.assert_allclose(one.numpy().astype(int), other.numpy(), atol=1)
    assert int(one.max()) == int(other.max()) == 255
    with pytest.raises(ValueError, match=r"bits must be from 9 to 16, or auto .* got 'all'"):
        CSV("x.csv", bits="all")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("kind", "step"), [(np.uint8, 1), (np.uint16, 257)])
def test_where_white_is_zero_images_are_inverted(tmp_path, kind, step, compressed):
    ramp = (np.arange(256).reshape(16, 16) * step).astype(kind)
    for photometric in (0, 1):
        (tmp_path / f"{photometric}.tif").write_bytes(
            tiff(ramp, photometric, compressed=compressed)
        )
    inverted, plain = (FileImages([tmp_path / f"{p}.tif"])[0][0].numpy() for p in (0, 1))
    np.testing.assert_array_equal(plain, np.arange(256).reshape(16, 16))
    np.testing.assert_array_equal(inverted, 255 - plain)


def test_where_white_is_zero_the_bits_that_count_are_inverted(tmp_path):
    ramp = (np.arange(256).reshape(16, 16) * 16).astype(np.uint16)
    (tmp_path / "x.tif").write_bytes(tiff(ramp, 0))
    image = FileImages([tmp_path / "x.tif"], bits=12)[0][0].numpy()
    np.testing.assert_array_equal(image, np.round((4095 - ramp.astype(int)) * 255 / 4095))


def huge_png():
    content = bytearray(png16(np.zeros((1, 1, 1), np.uint16), "gray"))
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


def test_an_image_that_claims_ten_billion_pixels_is_unreadable(tmp_path):
    (tmp_path / "x.png").write_bytes(huge_png())
    with pytest.raises(
        ValueError, match=r"x.png' cannot be read: its head claims 10,000,000,000 pixels, more than"
    ) as error:
        FileImages([tmp_path / "x.png"])
    assert "\n" not in str(error.value)
    assert len(FileImages([tmp_path / "x.png"], channels=1)) == 1
    with pytest.raises(ValueError, match="its head claims"):
        FileImages([tmp_path / "x.png"], channels=1)[0]


def test_a_large_image_is_read_without_a_word(tmp_path, monkeypatch):
    """Pillow warns from half its limit on; warnings are errors in these tests."""
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    assert FileImages([tmp_path / "x.png"])[0].shape == (1, 40, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="its head claims 1,600 pixels"):
        FileImages([tmp_path / "x.png"])


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("odd"), KeyError("x"), OverflowError()]
)
def test_whatever_a_decoder_raises_names_the_file(tmp_path, monkeypatch, error):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "x.png")

    def broken(self):
        raise error

    monkeypatch.setattr(Image.Image, "load", broken)
    images = FileImages([tmp_path / "x.png"], channels=1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", broken)
    with pytest.raises(ValueError, match=r"image '.*x.png' cannot be read: \S+"):
        images[0]

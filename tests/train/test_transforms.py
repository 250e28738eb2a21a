"""From pixels to inputs: sizes, channels, statistics, and random changes that can be repeated."""

import numpy as np
import pytest
import torch
from PIL import Image

from aucmax.data import ArrayImages, ImageSet
from aucmax.train.config import Augment
from aucmax.train.transforms import STATISTICS_FROM, ImageExamples, Preparation


def image_set(pixels):
    n = len(pixels)
    target = (np.arange(n) % 2).astype(np.float32)[:, None]
    return ImageSet(ArrayImages(pixels), target, ("y",), tuple(map(str, range(n))))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(50, 9, 7), (50, 9, 7, 3)])
def test_statistics_are_numpys(shape):
    pixels = noise(*shape)
    found = Preparation.fitted(image_set(pixels), None)
    channels = (pixels / 255).reshape(-1, 3 if len(shape) == 4 else 1)
    assert found.channels == channels.shape[1]
    assert found.mean == pytest.approx(channels.mean(0), abs=1e-6)
    assert found.std == pytest.approx(channels.std(0, ddof=1), abs=1e-6)


def test_normalised_images_have_mean_0_and_spread_1():
    pixels = noise(40, 8, 8)
    examples = ImageExamples(image_set(pixels), Preparation.fitted(image_set(pixels), None))
    stack = torch.stack([examples[row][0] for row in range(40)])
    assert stack.dtype == torch.float32
    assert float(stack.mean()) == pytest.approx(0, abs=1e-5)
    assert float(stack.std()) == pytest.approx(1, abs=1e-5)
    image, target, row = examples[3]
    assert (target.tolist(), row) == ([1.0], 3)
    expected = (pixels[3] / 255 - pixels.mean() / 255) / (pixels / 255).std(ddof=1)
    assert image[0].numpy() == pytest.approx(expected, abs=1e-5)


def test_a_constant_image_is_not_divided_by_zero():
    found = Preparation.fitted(image_set(np.full((4, 8, 8), 7, np.uint8)), None)
    assert found.std == (1e-3,)


def test_at_most_a_thousand_images_are_read_evenly():
    class Counting(ArrayImages):
        asked: list[int] = []  # noqa: RUF012 - shared by its copies

        def __getitem__(self, index):
            self.asked.append(index)
            return super().__getitem__(index)

    images = image_set(noise(2500, 4, 4))
    object.__setattr__(images, "images", Counting(noise(2500, 4, 4)))
    Preparation.fitted(images, None)
    assert len(Counting.asked) == STATISTICS_FROM
    assert (Counting.asked[0], Counting.asked[-1]) == (0, 2499)
    assert max(np.diff(Counting.asked)) == 3


def test_resizing_is_pillows_bilinear_filter():
    """The same filter with antialiasing; rounding may differ by one step of 255."""
    pixels = noise(1, 40, 30)
    resized = Preparation(1, 16, (0.0,), (1.0,)).resized(torch.from_numpy(pixels))
    expected = Image.fromarray(pixels[0]).resize((16, 16), Image.Resampling.BILINEAR)
    difference = resized[0].numpy().astype(int) - np.asarray(expected).astype(int)
    assert resized.shape == (1, 16, 16)
    assert np.abs(difference).max() <= 1


def test_channels_are_those_asked_for():
    grey, colour = torch.from_numpy(noise(1, 8, 8)), torch.from_numpy(noise(3, 8, 8))
    three = Preparation(3, None, (0.0,) * 3, (1.0,) * 3).resized(grey)
    assert all(torch.equal(three[c], grey[0]) for c in range(3))
    one = Preparation(1, None, (0.0,), (1.0,)).resized(colour)
    weights = np.array([0.2989, 0.587, 0.114])
    expected = (colour.numpy() * weights[:, None, None]).sum(0)
    assert one.shape == (1, 8, 8)
    assert np.abs(one[0].numpy() - expected).max() <= 1


def test_images_of_several_sizes_need_a_size():
    from aucmax.data.base import Images

    class Mixed(Images):
        channels = 1

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return torch.zeros(1, 8 + index % 2, 8, dtype=torch.uint8)

    images = image_set(noise(4, 8, 8))
    object.__setattr__(images, "images", Mixed())
    with pytest.raises(ValueError, match=r"images differ in size, for example \(8, 8\) and \(9, 8"):
        Preparation.fitted(images, None)
    assert Preparation.fitted(images, 12).size == 12


def test_a_preparation_survives_a_checkpoint():
    made = Preparation.fitted(image_set(noise(5, 6, 6, 3)), 16)
    assert Preparation.restored(made.as_dict()) == made


CHANGES = Augment(flip=True, rotate=20, shift=0.2)


def test_random_changes_follow_from_seed_epoch_and_row():
    images = image_set(noise(6, 16, 16))
    preparation = Preparation.fitted(images, None)

    def epoch(number, seed=0, order=range(6)):
        examples = ImageExamples(images, preparation, CHANGES, seed=seed)
        examples.set_epoch(number)
        return {row: examples[row][0] for row in order}

    first = epoch(0)
    torch.manual_seed(123)
    again = epoch(0, order=[5, 3, 3, 0, 1, 2, 4])
    assert all(torch.equal(first[row], again[row]) for row in first)
    assert not any(torch.equal(first[row], epoch(1)[row]) for row in first)
    assert not any(torch.equal(first[row], epoch(0, seed=1)[row]) for row in first)


def test_random_changes_leave_the_global_generator_alone():
    images = image_set(noise(2, 16, 16))
    examples = ImageExamples(images, Preparation.fitted(images, None), CHANGES)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    examples[0], examples[1]
    assert torch.equal(torch.rand(3), expected)


def test_each_change_does_what_it_says():
    images = image_set(noise(20, 16, 16))
    preparation = Preparation.fitted(images, None)
    plain = [ImageExamples(images, preparation)[row][0] for row in range(20)]
    none = ImageExamples(images, preparation, Augment())
    assert all(torch.equal(none[row][0], plain[row]) for row in range(20))
    flips = ImageExamples(images, preparation, Augment(flip=True))
    flipped = [torch.equal(flips[row][0], plain[row].flip(-1)) for row in range(20)]
    kept = [torch.equal(flips[row][0], plain[row]) for row in range(20)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 3 < sum(flipped) < 17
    for change in (Augment(rotate=30), Augment(shift=0.3)):
        moved = ImageExamples(images, preparation, change)
        assert not any(torch.equal(moved[row][0], plain[row]) for row in range(20))

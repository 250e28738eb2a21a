"""The mean over copies: against copies cut out one pixel at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from aucmax.models import AveragedCopies, create


class Moments(nn.Module):
    """A network of which every pixel's place matters."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0) -> None:
        super().__init__()
        weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        self.weight = nn.Parameter(weight.double())

    def forward(self, images):
        values = (images * self.weight).flatten(1)
        return torch.stack([values.sum(1), values.square().sum(1)], 1)


def moved(image: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Pixel (y, x) is the one at (y + dy, x + dx), or the nearest that there is."""
    channels, height, width = image.shape
    found = np.empty_like(image)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                found[c, y, x] = image[c, row, column]
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.floats(0, 0.99), st.booleans(), st.integers(0, 99))
def test_the_mean_is_that_over_copies_made_pixel_by_pixel(height, width, shift, flip, seed):
    if not (shift or flip):
        flip = True
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(3, 2, height, width))
    network = Moments((2, height, width), seed)
    dy, dx = round(0.75 * shift * height), round(0.75 * shift * width)
    places = [(0, 0)]
    if dy or dx:
        places += [(y, x) for y in (-dy, dy) for x in (-dx, dx)]
    copies = [np.stack([moved(image, y, x) for image in images]) for y, x in places]
    if flip:
        copies += [copy[..., ::-1] for copy in copies]
    logits = [network(torch.from_numpy(copy.copy())) for copy in copies]
    found = AveragedCopies(network, flip=flip, shift=shift).eval()(torch.from_numpy(images))
    expected = torch.stack(logits).mean(0)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert len(copies) in {1, 2, 5, 10}


def test_in_training_the_network_sees_the_images_alone():
    network, images = Moments((1, 6, 6)), torch.randn(4, 1, 6, 6).double()
    averaged = AveragedCopies(network, flip=True, shift=0.3)
    assert torch.equal(averaged.train()(images), network(images))
    assert not torch.allclose(averaged.eval()(images), network(images))


def test_a_network_that_does_not_see_the_change_scores_as_before():
    constant = torch.full((3, 1, 8, 8), 0.7)
    network = create("resnet20", channels=1, num_labels=1).eval()
    averaged = AveragedCopies(network, flip=True, shift=0.2).eval()
    assert torch.allclose(averaged(constant), network(constant), atol=1e-6)


def test_all_weights_learn_through_the_copies():
    network = Moments((1, 6, 6))
    AveragedCopies(network, shift=0.5).eval()(torch.ones(1, 1, 6, 6).double()).sum().backward()
    assert network.weight.grad is not None
    assert bool((network.weight.grad != 0).all())


@pytest.mark.parametrize("shift", [-0.1, 1.0, 2, float("nan")])
def test_a_shift_out_of_range_is_refused(shift):
    with pytest.raises(ValueError, match=r"shift must lie in \[0, 1\), got"):
        AveragedCopies(nn.Identity(), flip=True, shift=shift)


@pytest.mark.parametrize("shape", [(1, 8, 8), (8, 8), (2, 1, 1, 8, 8)])
def test_what_is_no_batch_of_images_is_refused(shape):
    averaged = AveragedCopies(nn.Identity(), flip=True).eval()
    with pytest.raises(ValueError, match=r"images must have the shape \(B, C, H, W\), got"):
        averaged(torch.zeros(shape))


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="give one of them, or both"):
        AveragedCopies(nn.Identity())

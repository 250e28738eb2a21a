"""The residual networks of the paper: size, shape, shortcut."""

import pytest
import torch
import torch.nn.functional as F

from aucmax.models import ResNetCIFAR, resnet20, resnet32
from aucmax.models.resnet_cifar import _Block


def closed_form(blocks, channels, num_labels):
    """Convolutions have no bias; a batch norm has two numbers a channel."""
    count = 9 * channels * 16 + 2 * 16
    for inputs, outputs in ((16, 16), (16, 32), (32, 64)):
        for block in range(blocks):
            count += 9 * (outputs if block else inputs) * outputs + 9 * outputs * outputs
            count += 4 * outputs
    return count + 65 * num_labels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("num_labels", [1, 10])
@pytest.mark.parametrize(("make", "blocks"), [(resnet20, 3), (resnet32, 5)])
def test_number_of_weights(make, blocks, channels, num_labels):
    model = make(channels=channels, num_labels=num_labels)
    count = sum(p.numel() for p in model.parameters())
    assert count == closed_form(blocks, channels, num_labels)
    convolutions = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) + 1 == 6 * blocks + 2


def test_sizes_of_the_paper():
    """0.27 and 0.46 million in table 6 of He et al."""
    sizes = [sum(p.numel() for p in m(num_labels=10).parameters()) for m in (resnet20, resnet32)]
    assert sizes == [269_722, 464_154]


@pytest.mark.parametrize("side", [8, 9, 28, 32, 64])
def test_any_size_from_eight_pixels(side):
    model = resnet20(channels=3, num_labels=2)
    out = model(torch.randn(3, 3, side, side))
    assert out.shape == (3, 2)
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_shortcut_takes_every_second_pixel_and_adds_empty_channels():
    block = _Block(2, 3).eval()
    torch.nn.init.zeros_(block.conv2.weight)  # leaves only the shortcut
    x = torch.rand(1, 2, 4, 4)
    out = block(x)
    assert torch.equal(out[:, :2], x[:, :, ::2, ::2])
    assert torch.equal(out[:, 2], torch.zeros(1, 2, 2))


def test_one_block_by_hand():
    block = _Block(2, 2).train()
    x = torch.randn(4, 2, 5, 5)
    y = F.conv2d(x, block.conv1.weight, padding=1)
    y = (
        (y - y.mean((0, 2, 3), True)) / (y.var((0, 2, 3), False, keepdim=True) + 1e-5).sqrt()
    ).relu()
    y = F.conv2d(y, block.conv2.weight, padding=1)
    y = (y - y.mean((0, 2, 3), True)) / (y.var((0, 2, 3), False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(block(x), (y + x).relu(), rtol=1e-4, atol=1e-5)


def test_reset_classifier_changes_only_the_last_layer():
    model = resnet20(num_labels=2).double()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.reset_classifier(4)
    after = model.state_dict()
    assert model.get_classifier().weight.shape == (4, 64)
    assert model.get_classifier().weight.dtype == torch.float64
    assert {k for k in after if k not in before or not torch.equal(after[k], before[k])} == {
        "fc.weight",
        "fc.bias",
    }


@pytest.mark.parametrize("name", ["blocks", "channels", "num_labels"])
def test_refused(name):
    options = {"blocks": 3} | {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be 1 or larger, got 0"):
        ResNetCIFAR(**options)

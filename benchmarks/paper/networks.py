"""Small networks for the benchmark, and larger ones on request. Needs torch only."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

RESNET = Path(__file__).parents[2] / "src" / "aucmax" / "models" / "resnet_cifar.py"
Widths = Sequence[tuple[int, int]]
WIDTHS: Widths = ((16, 2), (32, 2), (64, 1), (64, 2))
"""Channels and stride of each 3 x 3 convolution, for images of about 32 pixels."""
SMALL: Widths = ((16, 1), (32, 2), (32, 1))
"""The same for images of 8 pixels."""


def network(name: str, inputs: tuple[int, ...]) -> nn.Module:
    """A network for inputs of this shape, (H, W, C) or (bits,); it gives logits (B,)."""
    model = NETWORKS[name](inputs[-1])
    return nn.Sequential(model, nn.Flatten(0))


def last_layer(model: nn.Module) -> nn.Linear:
    """The linear layer that gives the logit."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def _convolutions(channels: int, widths: Widths) -> nn.Module:
    """Convolutions, the mean over the image, and a linear layer."""
    layers: list[nn.Module] = []
    for width, stride in widths:
        layers += [nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1))


def _mlp(bits: int) -> nn.Module:
    return nn.Sequential(nn.Linear(bits, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 1))


def _resnet20(channels: int) -> nn.Module:
    """That of aucmax.models, read from its file because a rival's interpreter has no aucmax."""
    spec = importlib.util.spec_from_file_location("resnet_cifar", RESNET)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{RESNET} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.resnet20(channels=channels)


def _densenet121(channels: int) -> nn.Module:
    """DenseNet-121 for small images: its first convolution keeps the size, as in the paper."""
    from torchvision.models import densenet121

    model = densenet121(num_classes=1)
    model.features.conv0 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    model.features.pool0 = nn.Identity()
    return model


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "conv": lambda channels: _convolutions(channels, WIDTHS),
    "small": lambda channels: _convolutions(channels, SMALL),
    "mlp": _mlp,
    "resnet20": _resnet20,
    "densenet121": _densenet121,
}

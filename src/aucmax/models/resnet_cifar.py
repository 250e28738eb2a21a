"""Residual networks for small images, 8 x 8 pixels and up (CIFAR has 32 x 32)."""

import torch.nn.functional as F
from torch import Tensor, nn


class _Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut without parameters (option A of the paper).

    Where the block halves the image, the shortcut takes every second pixel and fills the new
    channels with zeros.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.new_channels = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNetCIFAR(nn.Module):
    """The residual network of He et al. for CIFAR: 6n + 2 layers of 16, 32 and 64 channels.

    Args:
        blocks: n, blocks for each width: 3 makes ResNet-20, 5 ResNet-32.
        channels: channels of the images.
        num_labels: outputs L.

    Raises:
        ValueError: a number below 1.

    Source: He, Zhang, Ren, Sun, CVPR 2016, section 4.2 (https://arxiv.org/abs/1512.03385).

    >>> import torch
    >>> ResNetCIFAR(3, channels=1)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 1])
    """

    num_features = 64

    def __init__(self, blocks: int, *, channels: int = 3, num_labels: int = 1) -> None:
        super().__init__()
        for name, value in {"blocks": blocks, "channels": channels}.items():
            if value < 1:
                raise ValueError(f"{name} must be 1 or larger, got {value}")
        widths = [16, *[16] * blocks, *[32] * blocks, *[64] * blocks]
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layers = nn.Sequential(*map(_Block, widths[:-1], widths[1:]))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.reset_classifier(num_labels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) images, H and W at least 8 -> (B, L) logits."""
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layers(x).mean((2, 3)))

    def get_classifier(self) -> nn.Linear:
        """The last layer."""
        return self.fc

    def reset_classifier(self, num_labels: int) -> None:
        """Put a new last layer with fresh weights in place (the name that timm's models use).

        Raises:
            ValueError: ``num_labels`` below 1.
        """
        if num_labels < 1:
            raise ValueError(f"num_labels must be 1 or larger, got {num_labels}")
        weight = self.conv1.weight
        self.fc = nn.Linear(64, num_labels, device=weight.device, dtype=weight.dtype)


def resnet20(*, channels: int = 3, num_labels: int = 1) -> ResNetCIFAR:
    """ResNet-20: 0.27 million weights, the network of the papers on AUC maximization.

    >>> sum(p.numel() for p in resnet20(num_labels=10).parameters())
    269722
    """
    return ResNetCIFAR(3, channels=channels, num_labels=num_labels)


def resnet32(*, channels: int = 3, num_labels: int = 1) -> ResNetCIFAR:
    """ResNet-32: 0.46 million weights.

    >>> sum(p.numel() for p in resnet32(num_labels=10).parameters())
    464154
    """
    return ResNetCIFAR(5, channels=channels, num_labels=num_labels)

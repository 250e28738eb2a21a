"""Inputs as a network takes them, in training each a little changed. Needs torch only."""

import torch
import torch.nn.functional as F
from cells import Task
from parts import Part
from torch import Generator, Tensor

EVALUATED = 500
"""Rows that are evaluated at a time."""


def plain(inputs: Tensor) -> Tensor:
    """Images (B, H, W, C) as (B, C, H, W) floats around 0; fingerprints (B, bits) as floats."""
    if inputs.ndim == 2:
        return inputs.float()
    return inputs.permute(0, 3, 1, 2).float().sub_(120.0).div_(64.0)


class Augmented:
    """Training images, shifted by some pixels (edges repeated) and half of them mirrored.

    Fingerprints stay as they are. Random numbers are drawn on the CPU, so that devices agree.
    """

    def __init__(self, part: Part, task: Task) -> None:
        self.images, self.shift, self.mirror = part.inputs, task.shift, task.mirror
        self.is_image = part.inputs.ndim == 4
        if self.is_image:
            self.size = part.inputs.shape[1]
            channels_first = part.inputs.permute(0, 3, 1, 2)
            padded = F.pad(channels_first.float(), (self.shift,) * 4, mode="replicate")
            self.images = padded.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def batch(self, index: Tensor, generator: Generator) -> Tensor:
        """Some rows, changed anew."""
        device = self.images.device
        if not self.is_image:
            return plain(self.images[index.to(device)])
        line = torch.arange(self.size)
        shifts = torch.randint(2 * self.shift + 1, (2, len(index), 1), generator=generator)
        rows, columns = shifts[0] + line, shifts[1] + line
        if self.mirror:
            mirrored = torch.rand(len(index), 1, generator=generator) < 0.5
            columns = torch.where(mirrored, columns.flip(1), columns)
        places = (index[:, None, None], rows[:, :, None], columns[:, None, :])
        return plain(self.images[tuple(place.to(device) for place in places)])

"""Test-time augmentation: an image is scored together with mirrored and shifted copies."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REACH = 0.75
"""How far copies are shifted, as a share of the largest shift of training."""


class AveragedCopies(nn.Module):
    r"""The mean logit of an image and its copies, in evaluation; in training the network itself.

    .. math:: \bar f(x) = \frac{1}{|T|} \sum_{t \in T} f(t(x))

    T holds the image as it is and moved towards each of its four corners, by 3/4 of ``shift``;
    with ``flip`` all of these mirrored, too. What is moved out is lost; the pixels at the edge
    are repeated where nothing is left. Take the changes that the network saw in training: it
    then has learnt that they do not matter, nearly, and the mean of what is left of their effect
    varies less. This costs |T| = 2, 5 or 10 passes for each image. A shift of less than half a
    pixel makes no copy. On images of few pixels a corner is far: measure before you use it there.

    Ten views, of four corners and the centre with their mirror images, are those of Krizhevsky,
    Sutskever and Hinton, NIPS 2012, section 4.1. What it gained here: docs/evidence.md.

    Args:
        network: images (B, C, H, W) to logits (B, L).
        flip: whether mirrored copies count; not for chests, digits or text.
        shift: largest shift in training, as a share of width and height in [0, 1).

    Raises:
        ValueError: if ``shift`` is out of range, there is neither a flip nor a shift, or what is
            scored are no images (B, C, H, W).

    Example:
        >>> import torch
        >>> from aucmax.models import AveragedCopies, resnet20
        >>> network = AveragedCopies(resnet20(), flip=True, shift=0.1).eval()
        >>> images = torch.randn(4, 3, 32, 32)
        >>> bool(torch.allclose(network(images), network(images.flip(3)), atol=1e-5))
        True
    """

    def __init__(self, network: nn.Module, *, flip: bool = False, shift: float = 0.0) -> None:
        super().__init__()
        if not 0 <= shift < 1:
            raise ValueError(
                f"shift must lie in [0, 1), got {shift}: give the largest shift of training as a "
                "share of the width, 0.1 for 3 of 32 pixels"
            )
        if not (flip or shift):
            raise ValueError("there are no copies without flip or shift: give one of them, or both")
        self.network, self.flip, self.shift = network, flip, shift

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, L) of images (B, C, H, W)."""
        if self.training:
            return self.network(images)
        if images.ndim != 4:
            raise ValueError(
                f"images must have the shape (B, C, H, W), got {tuple(images.shape)}: add the "
                "missing dimension, as in images[None] for a single one"
            )
        return torch.stack([self.network(copy) for copy in self._copies(images)]).mean(0)

    def _copies(self, images: Tensor) -> Iterator[Tensor]:
        """The images, one copy of all of them after the other."""
        for shifted in self._shifted(images):
            yield shifted
            if self.flip:
                yield shifted.flip(3)

    def _shifted(self, images: Tensor) -> Iterator[Tensor]:
        yield images
        height, width = images.shape[2:]
        dy, dx = (round(REACH * self.shift * side) for side in (height, width))
        if not (dy or dx):
            return  # less than half a pixel
        padded = F.pad(images, (dx, dx, dy, dy), mode="replicate")
        for y in (0, 2 * dy):
            for x in (0, 2 * dx):
                yield padded[:, :, y : y + height, x : x + width]

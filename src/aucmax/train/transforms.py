"""From stored pixels to the model's input."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate
from torchvision.transforms import v2

from .._arrays import memory_bytes
from .._schema import parse_as
from ..data import ImageSet, LabelledSet
from ..data.resize import resized
from ..models import AveragedCopies, create
from .config import Augment, Network
from .inputs import Batch, Examples
from .seeds import derive

STATISTICS_FROM = 1000
"""Training images from which the mean and the spread of the pixels are taken."""


def largest_size() -> int:
    """Return the largest side in pixels of which one image fits into memory, as numbers."""
    return math.isqrt(memory_bytes() // (3 * 4))


@dataclass(frozen=True)
class Preparation:
    """Resize, scale to [0, 1], normalise: the same for training and for every later prediction.

    Args:
        channels: 1 or 3.
        size: side in pixels to resize to (both sides: the aspect ratio is not kept), or None.
        mean: of each channel, in [0, 1].
        std: of each channel, in [0, 1].
        copies: random changes of training whose mean scores an image, or None.
    """

    channels: int
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    copies: Augment | None = None

    @classmethod
    def fitted(cls, images: ImageSet, size: int | None) -> Self:
        """With the statistics of at most 1,000 images, evenly spaced over ``images``.

        Raises:
            ValueError: if images differ in size and ``size`` is None.
        """
        rows = np.unique(np.linspace(0, len(images) - 1, STATISTICS_FROM).astype(int))
        plain = cls(images.images.channels, size, (0.0,), (1.0,))
        pixels = [plain.resized(images.images[int(row)]).float() / 255 for row in rows]
        shapes = sorted({tuple(image.shape) for image in pixels})
        if len(shapes) > 1:
            raise ValueError(
                f"images differ in size, for example {shapes[0][1:]} and {shapes[-1][1:]}: "
                "give --model.image_size"
            )
        stack = torch.stack(pixels).transpose(0, 1).flatten(1).double()
        mean, std = stack.mean(1).tolist(), stack.std(1).clamp(min=1e-3).tolist()
        return cls(images.images.channels, size, tuple(mean), tuple(std))

    def __post_init__(self) -> None:
        if self.channels not in {1, 3}:
            raise ValueError(f"channels must be 1 or 3, got {self.channels}")
        if self.size is not None and not 1 <= self.size <= largest_size():
            raise ValueError(
                f"size must be a side in pixels that fits into memory, or null, got {self.size}"
            )
        if {len(self.mean), len(self.std)} - {1, self.channels} or min(self.std) <= 0:
            raise ValueError("mean and std must hold one number for each channel, and std be > 0")
        if self.copies is not None and (problems := list(self.copies.problems())):
            raise ValueError("; ".join(problems))

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """From :meth:`as_dict`.

        Raises:
            ValueError: if the values are not such.
        """
        return parse_as(cls, values, file="preparation", cure="it is not as it was written")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def resized(self, image: Tensor) -> Tensor:
        """(C, H, W) uint8 at the wanted size and number of channels."""
        return resized(image, channels=self.channels, size=self.size)

    def normalised(self, image: Tensor) -> Tensor:
        """Uint8 pixels as float32 with mean 0 and spread 1 over the training images."""
        mean, std = (
            torch.tensor(self.mean, device="cpu")[:, None, None],
            torch.tensor(self.std, device="cpu")[:, None, None],
        )
        return (image.float() / 255 - mean) / std

    def network(self, model: Network, num_labels: int) -> nn.Module:
        """A network for such images, see :func:`aucmax.models.create`.

        Raises:
            ValueError: if there is no such network, or it has no such options.
            FileNotFoundError: if pretrained weights cannot be had.
        """
        if model.sizes():
            raise ValueError(
                f"{', '.join(model.sizes())}: options of networks for molecules; {model.name!r} is "
                "one for images, leave them out"
            )
        return create(
            model.name,
            channels=self.channels,
            num_labels=num_labels,
            pretrained=model.pretrained,
        )

    def examples(
        self, rows: LabelledSet, augment: Augment | None = None, *, seed: int = 0
    ) -> "ImageExamples":
        """The images as examples.

        Raises:
            TypeError: if the rows are no images.
        """
        if not isinstance(rows, ImageSet):
            raise TypeError(f"images are wanted, got {rows.noun}s")
        return ImageExamples(rows, self, augment, seed=seed)

    def blended(self, network: nn.Module) -> nn.Module:
        """Refused: fingerprints are of molecules.

        Raises:
            ValueError: always.
        """
        raise ValueError("--blend.epochs: a forest on fingerprints takes molecules, not images")

    def scoring(self, network: nn.Module) -> nn.Module:
        """The network, or the mean over copies of an image if that was asked for."""
        if self.copies is None:
            return network
        return AveragedCopies(network, flip=self.copies.flip, shift=self.copies.shift)

    def told(self, inputs: Tensor) -> str:
        """The size of a batch of images, in words."""
        return f"images of {tuple(inputs.shape[2:])} pixels: give another --model.image_size"


class ImageExamples(Examples):
    """An image set as (image, target (L,), row), the form every loss takes.

    The random changes of a row follow from (seed, epoch, row) alone: neither the number of
    reading processes nor an interruption alters them.

    Args:
        images: the rows to serve.
        preparation: applied to every image.
        augment: random changes, for training only.
        seed: of the random changes.
    """

    def __init__(
        self,
        images: ImageSet,
        preparation: Preparation,
        augment: Augment | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.images, self.preparation, self.seed = images, preparation, seed
        self.target = torch.from_numpy(images.target)
        self.augmentation = None if augment is None else _augmentation(augment)
        self.epoch = 0
        self.collate = _joined

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, before its rows are read (reading processes start with each epoch)."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        image = self.preparation.resized(self.images.images[index])
        if self.augmentation is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(derive(self.seed, self.epoch, index))
                image = self.augmentation(image)
        return self.preparation.normalised(image), self.target[index], index


def _joined(items: list[tuple[Tensor, Tensor, int]]) -> Batch:
    """A batch of some examples.

    Raises:
        ValueError: if the images differ in size.
    """
    shapes = sorted({tuple(image.shape[1:]) for image, _, _ in items})
    if len(shapes) > 1:
        raise ValueError(
            f"images differ in size, for example {shapes[0]} and {shapes[-1]} pixels: give "
            "--model.image_size in training; to predict, resize them to the size of the training "
            "images"
        )
    return default_collate(items)


def _augmentation(options: Augment) -> v2.Transform | None:
    steps: list[v2.Transform] = []
    if options.flip:
        steps.append(v2.RandomHorizontalFlip())
    if options.rotate or options.shift:
        shift = (options.shift, options.shift)
        bilinear = v2.InterpolationMode.BILINEAR
        angles = [-options.rotate, options.rotate]
        steps.append(v2.RandomAffine(angles, translate=shift, interpolation=bilinear))
    return v2.Compose(steps) if steps else None

"""Handwritten digits that come with scikit-learn: real images without a download."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aucmax.data.base import ImageSet, Source
from aucmax.data.images import ArrayImages
from aucmax.data.imbalance import make_imbalanced


@dataclass(frozen=True)
class Digits(Source):
    """Handwritten digits 5 to 9 against 0 to 4, made imbalanced: needs no files.

    1,797 grey images of 8 x 8 pixels that come with scikit-learn. A test part is set aside, the
    same share of every digit, and stays balanced; then positives are removed from the rest. This
    is the protocol of Yuan et al. (ICCV 2021, https://arxiv.org/abs/2012.03173) for CIFAR-10.
    """

    positives: float = 0.05
    """Share of positives (digits 5 to 9) to leave in the training data, above 0, up to 0.49."""
    seed: int = 0
    """Decides which images are in the test part and which positives are removed."""
    test: float = 0.4
    """Share of all images that make the balanced test part, between 0 and 1."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if not 0 < self.positives <= 0.49:
            yield f"positives must be above 0 and at most 0.49, got {self.positives}"
        if not 0 < self.test < 1:
            yield f"test must be a share between 0 and 1, got {self.test}"
        if self.seed < 0:
            yield f"seed must be 0 or larger, got {self.seed}"

    def load(self) -> ImageSet:
        """The digits that are kept, with ids ``digit-0000`` to ``digit-1796``.

        Raises:
            ValueError: so small a share of positives that none is left.

        >>> digits = Digits().load()
        >>> len(digits), digits.images[0].shape, digits.labels
        (1288, torch.Size([1, 8, 8]), ('5-to-9',))
        """
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        bunch: Any = load_digits()
        digit = np.asarray(bunch.target)
        pixels = np.round(np.asarray(bunch.images) * (255 / 16)).astype(np.uint8)
        rows = np.arange(len(digit))
        train, test = train_test_split(
            rows, test_size=self.test, stratify=digit, random_state=self.seed
        )
        train = np.sort(train)
        train = train[make_imbalanced(digit[train] >= 5, self.positives, seed=self.seed)]
        kept = np.sort(np.concatenate([train, test]))
        return ImageSet(
            images=ArrayImages(pixels[kept]),
            target=(digit[kept, None] >= 5).astype(np.float32),
            labels=("5-to-9",),
            ids=tuple(f"digit-{row:04d}" for row in kept),
            split=np.where(np.isin(kept, test), "test", "train"),
        )

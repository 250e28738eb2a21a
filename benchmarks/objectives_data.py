"""Cats and dogs for objectives.py: CIFAR-10 (JPEG q75 copy), one dog to nine cats.

The dogs (positives) of the training folder are cut to a tenth of the rows, of which a fifth is
the validation part. The test part is the whole test folder: its 1,000 dogs measure rates better
than a tenth of them would, and average precision is stated at a tenth (see objectives_table.py).
"""

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from aucmax.data.imbalance import make_imbalanced

DATA = Path(os.environ.get("AUCMAX_DATA", Path(__file__).parents[2] / "shared" / "data"))
ARCHIVE = DATA / "cifar10" / "cifar10_jpeg.zip"
CLASSES = ("cat", "dog")
SHARE = 0.1
"""Of dogs among the rows of training and validation."""
VALIDATION = 0.2
SPLIT_SEED = 0
SHIFT = 4
"""Pixels by which a training image moves at most, in each direction."""


@dataclass(frozen=True)
class Part:
    """Images (n, 32, 32, 3) uint8 and their 0/1 targets (n,) float32."""

    images: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, chosen: object) -> "Part":
        """Those of the given numbers, or where a mask says so."""
        index = torch.as_tensor(np.asarray(chosen))
        return Part(self.images[index], self.target[index])


@dataclass(frozen=True)
class Data:
    """The three parts of the experiment."""

    train: Part
    validation: Part
    test: Part


def load(cache: Path) -> Data:
    """The parts; images are decoded once and kept in ``cache``, an npz file."""
    if not cache.exists():
        _decode(cache)
    with np.load(cache) as found:
        parts = {
            name: Part(torch.from_numpy(found[name]), torch.from_numpy(found[f"{name}_target"]))
            for name in ("train", "test")
        }
    kept = parts["train"].rows(make_imbalanced(parts["train"].target, SHARE, seed=SPLIT_SEED))
    held = _stratified(kept.target.numpy())
    return Data(kept.rows(~held), kept.rows(held), parts["test"])


def _decode(cache: Path) -> None:
    """Read the archive, files in the order of their names, cats first."""
    if not ARCHIVE.exists():
        raise FileNotFoundError(
            f"{ARCHIVE} is missing: set AUCMAX_DATA to the folder that holds cifar10"
        )
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(ARCHIVE) as archive:
        for part in ("train", "test"):
            names = {
                kind: sorted(n for n in archive.namelist() if n.startswith(f"{part}/{kind}/"))
                for kind in CLASSES
            }
            files = [name for kind in CLASSES for name in names[kind] if name.endswith(".jpg")]
            arrays[part] = np.stack([_pixels(archive.read(name)) for name in files])
            dogs = [name.startswith(f"{part}/{CLASSES[1]}/") for name in files]
            arrays[f"{part}_target"] = np.array(dogs, np.float32)
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_name(f"{os.getpid()}-{cache.name}")
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(cache)  # another process may be doing the same


def _pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _stratified(target: np.ndarray) -> np.ndarray:
    """Which rows are the validation part: the same share of either class."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(target))
    held = np.zeros(len(target), bool)
    for value in (0, 1):
        rows = order[target[order] == value]
        held[rows[: round(VALIDATION * len(rows))]] = True
    return held


def as_input(images: Tensor) -> Tensor:
    """Pixels (B, 32, 32, 3) as (B, 3, 32, 32) floats around 0."""
    return images.permute(0, 3, 1, 2).float().sub_(120.0).div_(64.0)


class Augmented:
    """Training images, each shifted by up to SHIFT pixels (edges repeated) and half mirrored."""

    def __init__(self, part: Part) -> None:
        pad = ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
        self.images = torch.from_numpy(np.pad(part.images.numpy(), pad, mode="edge"))
        self.size = part.images.shape[1]

    def batch(self, index: Tensor, generator: Generator) -> Tensor:
        """The images of some rows, changed anew, as the network takes them."""
        line = torch.arange(self.size)
        shifts = torch.randint(2 * SHIFT + 1, (2, len(index), 1), generator=generator)
        rows, columns = shifts[0] + line, shifts[1] + line
        mirrored = torch.rand(len(index), 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        return as_input(self.images[index[:, None, None], rows[:, :, None], columns[:, None, :]])

"""The programs of the benchmark are scripts that find one another by their folder."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "paper"
sys.path.append(str(FOLDER))


def _images(classes: np.ndarray) -> np.ndarray:
    """8 x 8 pixels, of which the first two tell the row's number."""
    images = np.zeros((len(classes), 8, 8, 1), np.uint8)
    rows = np.arange(len(classes))
    images[:, 0, 0, 0], images[:, 0, 1, 0] = rows // 256, rows % 256
    return images


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """Made data in place of the real: digits, cells in groups, images with a test part."""
    folder = tmp_path_factory.mktemp("arrays")
    random = np.random.default_rng(0)
    digits = random.integers(10, size=1200)
    np.savez(folder / "digits.npz", inputs=_images(digits), classes=digits)
    cells = random.integers(3, size=900)
    group = random.integers(90, size=900)
    np.savez(folder / "bccd.npz", inputs=_images(cells), classes=cells, group=group)
    kinds = random.integers(10, size=4000)
    part = np.where(np.arange(4000) < 3000, 0, 2)
    np.savez(folder / "cifar10.npz", inputs=_images(kinds), classes=kinds, part=part)
    return folder

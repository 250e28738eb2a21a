"""Small image files for the readers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_image(tmp_path):
    """Write an image of noise (each seed another one) below tmp_path; give its pixels."""

    def write(name, seed=0, shape=(9, 12)):
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        path = Path(tmp_path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return pixels

    return write

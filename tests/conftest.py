"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _seeded():
    """Each test starts from the same global seed, so a failure can be repeated."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets that are not part of the project."""
    folder = Path(os.environ.get("AUCMAX_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set AUCMAX_DATA to the real data sets")
    return folder

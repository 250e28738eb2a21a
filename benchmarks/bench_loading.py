"""Images a second from prepared images, against decoding JPEG files in every epoch; and memory.

The rival is torchvision's ImageFolder in a DataLoader with the same resize, scaling and
normalisation, and the same batches. Both loaders are built and read in this run, in turn, so that
a busy machine slows both. Memory is measured in a process of its own.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from aucmax.data import ArrayImages, Folder, ImageSet, Store, prepare
from aucmax.train.config import Augment, Batches
from aucmax.train.loaders import PartLoaders
from aucmax.train.transforms import Preparation

IMAGES, SIDE, SIZE, BATCH = 2_000, 256, 224, 64
SMALL, SMALL_SIDE = 200_000, 28
PASSES = 3
MEAN = (0.5, 0.5, 0.5)


def write_jpegs(root: Path) -> None:
    """Smooth random pictures in two class folders: as compressible as photographs."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
    for row in range(IMAGES):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        picture = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(root / "ab"[row % 2] / f"{row:05d}.jpg", quality=90)


def ours(images: ImageSet, workers: int) -> DataLoader[Any]:
    """The loader that ``aucmax fit`` trains with, at the natural rate of positives."""
    preparation = Preparation(3, SIZE, MEAN, MEAN)
    data = PartLoaders(images, preparation, Batches(BATCH, None, workers), Augment())
    return data.train_dataloader()


def rival(root: Path, workers: int) -> DataLoader[Any]:
    """Decode, resize, scale and normalise in every epoch."""
    steps = [
        v2.PILToTensor(),
        v2.Resize([SIZE, SIZE], antialias=True),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(MEAN), list(MEAN)),
    ]
    folder = ImageFolder(str(root), v2.Compose(steps))
    return DataLoader(folder, BATCH, shuffle=True, drop_last=True, num_workers=workers)


def seconds(loader: Iterable[Any]) -> float:
    """One epoch of a loader."""
    start = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - start


def throughput(root: Path, store: Path, workers: int) -> dict[str, Any]:
    """One row: an epoch of ours and of the rival, in turn."""
    source = Folder(root)
    data = Store.open(store).serve(source.load())
    train = ImageSet(
        images=data.images,
        target=data.target,
        labels=data.labels,
        ids=data.ids,
        split=np.full(len(data), "train"),
    )
    pair = (ours(train, workers), rival(root, workers))
    times = [[seconds(loader) for loader in pair] for _ in range(PASSES)]
    a, b = zip(*times, strict=True)
    served = IMAGES // BATCH * BATCH
    rate = [served / statistics.median(column) for column in (a, b)]
    return {
        "name": f"loading an epoch, {workers} workers",
        "ours_ms": round(1e3 * statistics.median(a), 1),
        "rival": "ImageFolder, JPEG",
        "rival_ms": round(1e3 * statistics.median(b), 1),
        "ratio": round(statistics.median(y / x for x, y in times), 2),
        "size": f"{served} images, {SIDE} to {SIZE} px, batch {BATCH}",
        "note": f"{rate[0]:.0f} against {rate[1]:.0f} images/s; ratio is rival / ours",
    }


def private_megabytes() -> float:
    """Memory that belongs to this process alone (RssAnon): no pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


def _walk(folder: str, answers: "multiprocessing.Queue[tuple[float, float, float]]") -> None:
    """Read every small image twice, in this process; growth and its peak, in MB, and the time."""
    images = Store.open(folder).images
    images[0]
    before = highest = private_megabytes()
    start = time.perf_counter()
    for _ in range(2):
        for row in range(len(images)):
            images[row]
            if row % 10_000 == 0:
                highest = max(highest, private_megabytes())
    spent = time.perf_counter() - start
    answers.put((private_megabytes() - before, highest - before, spent))


def memory(folder: Path) -> dict[str, Any]:
    """One row: growth of private memory over two passes through 200,000 small images."""
    pixels = np.random.default_rng(0).integers(0, 256, (SMALL, SMALL_SIDE, SMALL_SIDE), np.uint8)
    target = (np.arange(SMALL) % 2).astype(np.float32)[:, None]
    data = ImageSet(ArrayImages(pixels), target, ("x",), tuple(map(str, range(SMALL))))
    prepare(data, folder, size=SMALL_SIDE, progress=False)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_walk, args=(str(folder), answers))
    process.start()
    growth, peak, spent = answers.get()
    process.join()
    return {
        "name": "memory of two passes over a store",
        "ours_ms": round(1e3 * spent, 1),
        "rival": "",
        "rival_ms": "",
        "ratio": "",
        "size": f"{SMALL} images, {SMALL_SIDE} px",
        "note": f"private memory grows by {growth:.1f} MB (peak {peak:.1f} MB) "
        f"of {pixels.nbytes / 2**20:.0f} MB of pixels",
    }


def rows() -> list[dict[str, Any]]:
    """Throughput without and with reading processes, then memory."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_jpegs(place / "jpeg")
        prepare(Folder(place / "jpeg").load(), place / "store", size=SIZE, progress=False)
        found = [throughput(place / "jpeg", place / "store", workers) for workers in (0, 2)]
        return [*found, memory(place / "small")]


def table_of(found: list[dict[str, Any]]) -> str:
    """Aligned columns, one line per row."""
    cells = [[*found[0]], *([str(value) for value in row.values()] for row in found)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in cells)
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    print(table_of(rows()))

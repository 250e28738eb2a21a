"""Scores of rows by a trained network."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from ..data import FileImages, ImageSet, LabelledSet
from ..data._csvfile import CSVFile
from ..data._image_files import FolderTree, found_files
from ..report.predictions import Predictions
from .checkpoints import load_network, read_checkpoint
from .config import Network
from .inputs import Batch, Examples
from .kinds import restored
from .loaders import EVALUATION_BATCH
from .quiet import quiet

TABLE = re.compile(r"\.(csv|tsv|tab)(\.gz)?$", re.IGNORECASE)
"""Names of files that list images."""


class _Scorer(L.LightningModule):
    """A network, to be run by a Lightning trainer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.network(batch[0]).float()


def predict(network: nn.Module, loader: DataLoader[Batch], trainer: dict[str, Any]) -> Tensor:
    """Logits (n, L) in float64 of all rows of a loader, in order.

    Args:
        network: inputs of B rows to logits (B, L).
        loader: of inputs with targets and rows.
        trainer: options of Lightning's Trainer, of which accelerator and precision are used.
    """
    parts = _trainer(trainer).predict(_Scorer(network), loader) or []
    return torch.cat([part for part in parts if isinstance(part, Tensor)]).cpu().double()


def _trainer(trainer: dict[str, Any]) -> L.Trainer:
    options = {k: v for k, v in trainer.items() if k in {"accelerator", "precision"}}
    return L.Trainer(
        **options,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )


def predictions(data: LabelledSet, logits: Tensor) -> Predictions:
    """Logits (n, L) with what is known of the rows; a score is the sigmoid of the logit."""
    return scored(data, torch.sigmoid(logits).numpy())


def scored(data: LabelledSet, scores: NDArray[np.float64]) -> Predictions:
    """Scores (n, L) with what is known of the rows."""
    known = bool(np.isfinite(data.target).any())
    return Predictions(
        ids=data.ids,
        labels=data.labels,
        scores=scores,
        target=data.target.astype(np.float64) if known else None,
        groups=data.groups,
    )


def images_of(
    checkpoint: Path, paths: Sequence[Path], *, image: str = "image", name: str | None = None
) -> ImageSet:
    """Images without targets, for the labels of a checkpoint.

    Args:
        checkpoint: tells the labels and the number of channels.
        paths: image files, folders that are searched for images, in the order of their names, or
            CSV files that list images.
        image: column of CSV files with the paths of images, as seen from the folder of the file.
        name: column of CSV files with a name for each image; None: the path is used.

    Raises:
        FileNotFoundError: if a path does not exist, or no image is found.
        ValueError: if the checkpoint or a CSV file cannot be read, or an image is named twice.
        OSError: if a folder may not be read.
    """
    card = read_checkpoint(checkpoint)["card"]
    found: list[tuple[str, Path]] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        if path.is_dir():
            tree = FolderTree.read(path)
            tree.note_others(path)
            found += [(str(path / inside), path / inside) for inside in tree.images]
        elif TABLE.search(path.name):
            found += _listed_images(path, image, name)
        else:
            found.append((str(path), path))
    if not found:
        raise FileNotFoundError(f"no image in {', '.join(map(str, paths))}")
    return ImageSet(
        images=FileImages([path for _, path in found], channels=card["preparation"]["channels"]),
        target=np.full((len(found), len(card["labels"])), np.nan, dtype=np.float32),
        labels=tuple(card["labels"]),
        ids=tuple(name for name, _ in found),
    )


def _listed_images(csv: Path, image: str, name: str | None) -> list[tuple[str, Path]]:
    table = CSVFile.read(csv)
    images = table.filled("image", image)
    ids = images if name is None else table.filled("id", name)
    paths, _ = found_files([csv.parent / path for path in images], what=repr(csv.name))
    return list(zip(ids, paths, strict=True))


@quiet()
def score(checkpoint: Path, data: LabelledSet, *, workers: int = 0) -> Predictions:
    """Score any rows by a checkpoint of ``aucmax fit``.

    Args:
        checkpoint: a file such as ``runs/NAME/02-aucm/best.ckpt``.
        data: with or without targets; as many labels as the checkpoint's.
        workers: processes that read rows.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no checkpoint of ``aucmax fit``, its labels or rows are others, or a
            row cannot be read.
    """
    network, examples = _restored(checkpoint, data)
    loader: DataLoader[Any] = DataLoader(
        examples,
        batch_size=EVALUATION_BATCH,
        num_workers=workers,
        collate_fn=examples.collate,
    )
    return predictions(data, predict(network, loader, {}))


@quiet()
def score_readable(
    checkpoint: Path, data: LabelledSet, *, workers: int = 0
) -> tuple[Predictions, dict[str, str]]:
    """As :func:`score`, but a row that cannot be read costs only itself; all are read once.

    Args:
        checkpoint: as in :func:`score`.
        data: as in :func:`score`.
        workers: as in :func:`score`.

    Returns:
        Predictions of the rows that can be read, and why the others cannot be, by their ids.

    Raises:
        FileNotFoundError, ValueError: as :func:`score`; also if not one row can be read.
    """
    network, examples = _restored(checkpoint, data)
    tolerant = _Tolerant(examples)
    loader: DataLoader[Any] = DataLoader(
        tolerant,
        batch_size=EVALUATION_BATCH,
        num_workers=workers,
        collate_fn=tolerant.collate,
    )
    parts = _trainer({}).predict(_TolerantScorer(network), loader) or []
    reasons = {row: why for _, failed in parts for row, why in failed}  # pyright: ignore
    logits = [part for part, _ in parts if isinstance(part, Tensor)]  # pyright: ignore
    if not logits:
        raise ValueError(f"none of the {len(data)} {data.noun}s can be read: {reasons[0]}")
    rest = data.subset([row for row in range(len(data)) if row not in reasons])
    failed = {data.ids[row]: why for row, why in reasons.items()}
    return predictions(rest, torch.cat(logits).cpu().double()), failed


class _Tolerant(Dataset[Any]):
    """Examples, or the row and the reason where one cannot be read."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self._join = examples.collate or default_collate

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Any:
        try:
            return self.examples[index]
        except (ValueError, OSError) as error:
            return index, str(error)

    def collate(self, items: list[Any]) -> tuple[Batch | None, list[tuple[int, str]]]:
        """A batch of what can be read (None: nothing), and the others."""
        good = [item for item in items if len(item) == 3]
        bad = [item for item in items if len(item) == 2]
        return (self._join(good) if good else None), bad


class _TolerantScorer(_Scorer):
    """As its base, for batches of :class:`_Tolerant`."""

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        rows, failed = batch
        return (None if rows is None else super().predict_step(rows, batch_idx)), failed


def _restored(checkpoint: Path, data: LabelledSet) -> tuple[nn.Module, Examples]:
    """The network of a checkpoint as it scores rows, and the rows as it takes them."""
    card = read_checkpoint(checkpoint)["card"]
    inputs = restored(card["preparation"])
    if len(data.labels) != len(card["labels"]):
        raise ValueError(
            f"{checkpoint} was trained for the labels {card['labels']}, the {data.noun}s have "
            f"{list(data.labels)}"
        )
    network = inputs.network(Network(card["model"], **card.get("sizes", {})), len(card["labels"]))
    network = inputs.blended(network) if "forest" in card else network
    load_network(network, checkpoint)
    try:
        examples = inputs.examples(data)
    except TypeError as error:
        raise ValueError(f"{checkpoint} was trained on other data: {error}") from error
    return inputs.scoring(network), examples

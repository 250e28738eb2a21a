"""Scores of images by a trained network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..data import FileImages, ImageSet
from ..data.folder import EXTENSIONS
from ..models import create
from ..report.predictions import Predictions
from .checkpoints import load_network, read_checkpoint
from .loaders import EVALUATION_BATCH, Batch
from .quiet import quiet
from .transforms import Examples, Preparation


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
        network: images (B, C, H, W) to logits (B, L).
        loader: of images with targets and rows.
        trainer: options of Lightning's Trainer, of which accelerator and precision are used.
    """
    options = {k: v for k, v in trainer.items() if k in {"accelerator", "precision"}}
    quiet = L.Trainer(
        **options,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    parts = quiet.predict(_Scorer(network), loader) or []
    return torch.cat([part for part in parts if isinstance(part, Tensor)]).double().cpu()


def predictions(images: ImageSet, logits: Tensor) -> Predictions:
    """Logits (n, L) with what is known of the rows; a score is the sigmoid of the logit."""
    scores: NDArray[np.float64] = torch.sigmoid(logits).numpy()
    known = bool(np.isfinite(images.target).any())
    return Predictions(
        ids=images.ids,
        labels=images.labels,
        scores=scores,
        target=images.target.astype(np.float64) if known else None,
        groups=images.groups,
    )


def images_of(checkpoint: Path, paths: Sequence[Path]) -> ImageSet:
    """Images without targets, for the labels of a checkpoint.

    Args:
        checkpoint: tells the labels and the number of channels.
        paths: image files, or folders that are searched for images, in the order of their names.

    Raises:
        FileNotFoundError: if a path does not exist, or no image is found.
        ValueError: if the checkpoint cannot be read.
    """
    card = read_checkpoint(checkpoint)["card"]
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS)
        found += inside if path.is_dir() else [path]
    if not found:
        raise FileNotFoundError(f"no image in {', '.join(map(str, paths))}")
    return ImageSet(
        images=FileImages(found, channels=card["preparation"]["channels"]),
        target=np.full((len(found), len(card["labels"])), np.nan, dtype=np.float32),
        labels=tuple(card["labels"]),
        ids=tuple(map(str, found)),
    )


@quiet()
def predict_images(checkpoint: Path, images: ImageSet, *, workers: int = 0) -> Predictions:
    """Score any images by a checkpoint of ``aucmax fit``.

    Args:
        checkpoint: a file such as ``runs/NAME/02-aucm/best.ckpt``.
        images: with or without targets; their labels must be the checkpoint's if they have any.
        workers: processes that read images.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no checkpoint of ``aucmax fit``, or its labels are others.
    """
    card = read_checkpoint(checkpoint)["card"]
    preparation = Preparation.restored(card["preparation"])
    if len(images.labels) != len(card["labels"]):
        raise ValueError(
            f"{checkpoint} was trained for the labels {card['labels']}, the images have "
            f"{list(images.labels)}"
        )
    network = create(card["model"], channels=preparation.channels, num_labels=len(card["labels"]))
    load_network(network, checkpoint)
    loader = DataLoader(
        Examples(images, preparation), batch_size=EVALUATION_BATCH, num_workers=workers
    )
    return predictions(images, predict(network, loader, {}))  # pyright: ignore[reportArgumentType]

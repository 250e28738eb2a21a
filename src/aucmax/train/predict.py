"""Scores of rows by a trained network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..data import FileImages, ImageSet, LabelledSet
from ..data.folder import EXTENSIONS
from ..report.predictions import Predictions
from .checkpoints import load_network, read_checkpoint
from .config import Network
from .inputs import Batch
from .kinds import restored
from .loaders import EVALUATION_BATCH
from .quiet import quiet


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
    return torch.cat([part for part in parts if isinstance(part, Tensor)]).cpu().double()


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
def score(checkpoint: Path, data: LabelledSet, *, workers: int = 0) -> Predictions:
    """Score any rows by a checkpoint of ``aucmax fit``.

    Args:
        checkpoint: a file such as ``runs/NAME/02-aucm/best.ckpt``.
        data: with or without targets; as many labels as the checkpoint's.
        workers: processes that read rows.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no checkpoint of ``aucmax fit``, or its labels or rows are others.
    """
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
    loader: DataLoader[Any] = DataLoader(
        examples,
        batch_size=EVALUATION_BATCH,
        num_workers=workers,
        collate_fn=examples.collate,
    )
    return predictions(data, predict(inputs.scoring(network), loader, {}))

"""One training run: a loss for all layers, if asked for after a stage of cross-entropy."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from .._files import write_json
from ..data import ImageSet
from ..models import create, reset_head
from .callbacks import BestEpoch, EpochEnd, EpochSeed, EpochTable
from .checkpoints import WholeFileCheckpoints, load_network
from .classifier import Classifier
from .config import FitConfig, Recipe, Schedule
from .loaders import ImageData
from .progress import StageProgress
from .ranks import is_first
from .seeds import derive
from .transforms import Preparation

QUIET: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
}
"""Options of a Lightning trainer that leaves no trace."""


@dataclass(frozen=True)
class Stage:
    """One loss, trained for some epochs from where the stage before ended."""

    name: str
    loss: Recipe
    optimizer: Recipe
    epochs: int
    positives: float | None
    new_head: bool = False
    schedule: Schedule | None = None
    """When the learning rate falls, if not as in the options."""


def auc_stages(config: FitConfig) -> list[Stage]:
    """The recipe: cross-entropy first if it has epochs, then the AUC loss."""
    first = config.pretrain
    stages = [cross_entropy_stage(config, first.epochs, first.positives)] if first.epochs else []
    main = Stage(
        f"{len(stages) + 1:02d}-{config.loss.name}",
        config.loss,
        config.optimizer,
        config.schedule.epochs,
        config.batches.positives,
        new_head=bool(stages) and config.pretrain.new_head,
    )
    return [*stages, main]


def cross_entropy_stage(config: FitConfig, epochs: int, positives: float | None) -> Stage:
    """A first or only stage of cross-entropy with Adam."""
    options = {"lr": config.pretrain.lr, "weight_decay": config.pretrain.weight_decay}
    adam = Recipe("torch.optim.Adam", options)
    return Stage("01-bce", Recipe("aucmax.losses.BCELoss"), adam, epochs, positives)


def make_module(
    config: FitConfig,
    stage: Stage,
    network: nn.Module,
    images: ImageSet,
    *,
    card: dict[str, Any] | None = None,
) -> Classifier:
    """The Lightning module of a stage, for the labels and the training rows of some images."""
    labels, rows = len(images.labels), len(images.part("train"))
    return Classifier(
        network,
        stage.loss.make(num_labels=None if labels == 1 else labels, num_samples=rows),
        stage.optimizer.make,
        milestones=(stage.schedule or config.schedule).milestones(stage.epochs),
        gamma=config.schedule.gamma,
        card=card,
    )


class Training:
    """Trains the stages of one seed in a folder of its own, from wherever it was interrupted.

    Args:
        config: of the whole fit.
        images: all rows, divided into parts.
        preparation: from pixels to the model's input.
        folder: for this seed's stages.
        seed: of initial weights, order of rows, dropout and augmentation.
        title: shown on the progress bars.
    """

    def __init__(
        self,
        config: FitConfig,
        images: ImageSet,
        preparation: Preparation,
        folder: Path,
        *,
        seed: int,
        title: str,
    ) -> None:
        self.config, self.images, self.preparation = config, images, preparation
        self.folder, self.seed, self.title = folder, seed, title
        self.card: dict[str, Any] = {
            "model": config.model.name,
            "labels": list(images.labels),
            "preparation": preparation.as_dict(),
        }

    def run(self, stages: list[Stage]) -> nn.Module:
        """Train all stages; return the network of the last stage's best epoch."""
        torch.manual_seed(derive(self.seed, "network"))
        network = create(
            self.config.model.name,
            channels=self.preparation.channels,
            num_labels=len(self.images.labels),
            pretrained=self.config.model.pretrained,
        )
        for stage in stages:
            if stage.new_head:
                torch.manual_seed(derive(self.seed, stage.name, "head"))
                reset_head(network, len(self.images.labels))
            if not (self.folder / stage.name / "stage.json").exists():
                self._train(stage, network)
            load_network(network, self.folder / stage.name / "best.ckpt")
        return network

    def data(self, stage: Stage) -> ImageData:
        """The loaders of a stage."""
        batches = replace(self.config.batches, positives=stage.positives)
        seed = derive(self.seed, stage.name, "rows")
        return ImageData(
            self.images, self.preparation, batches, self.config.augment, seed=seed % 2**32
        )

    def _train(self, stage: Stage, network: nn.Module) -> None:
        folder = self.folder / stage.name
        if is_first():
            folder.mkdir(parents=True, exist_ok=True)
        module = make_module(self.config, stage, network, self.images, card=self.card)
        best = BestEpoch(folder / "best.ckpt", self.config.schedule.patience)
        table = EpochTable(folder / "metrics.csv")
        trainer = L.Trainer(
            **self.config.trainer,
            max_epochs=stage.epochs,
            callbacks=[
                EpochSeed(self.seed, stage.name),
                table,
                best,
                EpochEnd(folder / "last.ckpt"),
                StageProgress(f"{self.title} {stage.name}"),
                *self._averaging(),
            ],
            logger=self.config.tensorboard and TensorBoardLogger(folder, name="tensorboard"),
            plugins=[WholeFileCheckpoints()],
            default_root_dir=folder,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
        )
        last = folder / "last.ckpt"
        try:
            trainer.fit(module, self.data(stage), ckpt_path=last if last.exists() else None)
        except SystemExit as stop:  # what Lightning makes of Ctrl-C, and of SIGTERM
            raise KeyboardInterrupt from stop
        if trainer.is_global_zero:
            write_json(folder / "stage.json", {"epochs": len(table.rows)} | best.best)
            last.unlink(missing_ok=True)
        trainer.strategy.barrier()

    def _averaging(self) -> list[L.Callback]:
        decay = self.config.average
        return [] if decay is None else [EMAWeightAveraging(decay=decay)]

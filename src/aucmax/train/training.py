"""One training run: stage after stage, in a folder of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from .._files import write_json
from .._signals import stop_if_interrupted
from ..data import LabelledSet
from ..models import reset_head
from ..report import Predictions
from .baselines import read_stage
from .callbacks import BestEpoch, EpochEnd, EpochSeed, EpochTable, Started
from .checkpoints import FOREST_FOLDER, StageName, WholeFileCheckpoints, load_network
from .classifier import Classifier
from .config import FitConfig
from .forest import check_folds, with_forest
from .inputs import Inputs
from .loaders import PartLoaders
from .predict import predict, predictions
from .progress import StageProgress
from .ranks import is_first
from .rehearsal import rehearse
from .seeds import derive
from .stages import Stage, make_module


class Training:
    """Trains the stages of one seed in a folder of its own, from wherever it was interrupted.

    Args:
        config: of the whole fit.
        rows: all rows, divided into parts.
        inputs: from rows to the model's input.
        stages: in their order.
        folder: for this seed's stages.
        seed: of initial weights, order of rows, dropout and augmentation.
        title: shown on the progress bars.
    """

    def __init__(
        self,
        config: FitConfig,
        rows: LabelledSet,
        inputs: Inputs,
        stages: list[Stage],
        folder: Path,
        *,
        seed: int,
        title: str,
    ) -> None:
        self.config, self.rows, self.inputs, self.stages = config, rows, inputs, stages
        self.folder, self.seed, self.title = folder, seed, title
        self.card: dict[str, Any] = {
            "model": config.model.name,
            "sizes": config.model.sizes(),
            "labels": list(rows.labels),
            "preparation": inputs.as_dict(),
        }

    def rehearse(self) -> None:
        """Try everything that can fail early; train nothing, write nothing.

        Raises:
            ValueError: if options do not fit one another, the data or this machine.
            FileNotFoundError: if pretrained weights cannot be had.
        """
        rehearse(self.config, self.rows, self.inputs, self.stages, self.data)
        if any(stage.with_forest for stage in self.stages):
            check_folds(self.config, self.rows, seed=self.seed)

    def predictions(self) -> Predictions | None:
        """Train, and score the test rows; None on all processes but the first."""
        network = self.run()
        if not is_first():
            return None
        network = self.inputs.scoring(network)
        loader = self.data(self.stages[-1]).test_dataloader()
        return predictions(self.rows.part("test"), predict(network, loader, self.config.trainer))

    def run(self) -> nn.Module:
        """Train all stages; return the network of the last stage's best epoch."""
        torch.manual_seed(derive(self.seed, "network"))
        network = self.inputs.network(self.config.model, len(self.rows.labels))
        for stage in self.stages:
            if stage.with_forest:
                network = self._blended(network)
            if stage.new_head:
                torch.manual_seed(derive(self.seed, stage.name, "head"))
                reset_head(network, len(self.rows.labels))
            done = self.folder / stage.name / "stage.json"
            if not done.exists():
                self._train(stage, network)
            elif is_first():
                read_stage(done)
            self._load(network, done.with_name("best.ckpt"))
        return network

    def _load(self, network: nn.Module, best: Path) -> None:
        """Give the network the weights of a stage's best epoch."""
        try:
            load_network(network, best)
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(
                f"{error}; or delete the folder {best.parent}, and --resume trains this stage again"
            ) from error

    def _blended(self, network: nn.Module) -> nn.Module:
        """The network with a forest at its side, whose scores come with the rows from here on."""
        self.rows = with_forest(
            self.config, self.rows, self.folder / Path(FOREST_FOLDER).name, seed=self.seed
        )
        self.card |= {"forest": FOREST_FOLDER}
        return self.inputs.blended(network)

    def data(self, stage: Stage) -> PartLoaders:
        """The loaders of a stage."""
        batches = replace(self.config.batches, positives=stage.positives)
        seed = derive(self.seed, stage.name, "rows")
        return PartLoaders(self.rows, self.inputs, batches, self.config.augment, seed=seed % 2**32)

    def _train(self, stage: Stage, network: nn.Module) -> None:
        folder = self.folder / stage.name
        if is_first():
            folder.mkdir(parents=True, exist_ok=True)
        module = make_module(self.config, stage, network, self.rows, card=self.card)
        patience = None if stage.hands_over_last else self.config.schedule.patience
        best = BestEpoch(folder / "best.ckpt", patience, latest=stage.hands_over_last)
        table, start = EpochTable(folder / "metrics.csv"), Started()
        of = StageName(stage.name, self.seed)
        trainer = L.Trainer(
            **self.config.trainer,
            max_epochs=stage.epochs,
            callbacks=[
                start,
                EpochSeed(self.seed, stage.name),
                table,
                best,
                EpochEnd(folder / "last.ckpt"),
                StageProgress(f"{self.title} {stage.name}"),
                *self._averaging(),
            ],
            logger=self.config.tensorboard and TensorBoardLogger(folder, name="tensorboard"),
            plugins=[WholeFileCheckpoints(of, module.state_dict)],
            default_root_dir=folder,
            enable_checkpointing=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
        )
        last = folder / "last.ckpt"
        self._fit(trainer, module, self.data(stage), last if last.exists() else None, start)
        stop_if_interrupted()
        if best.best["best_epoch"] < 0:
            raise ValueError(
                f"stage {stage.name} ended before its first epoch did, so there is no model; give "
                "it more time (--trainer.max_time)"
            )
        if trainer.is_global_zero:
            write_json(folder / "stage.json", {"epochs": len(table.rows)} | best.best)
            last.unlink(missing_ok=True)
        trainer.strategy.barrier()

    @staticmethod
    def _fit(
        trainer: L.Trainer, module: Classifier, data: PartLoaders, last: Path | None, start: Started
    ) -> None:
        """Let Lightning train, from ``last`` if it is there."""
        try:
            trainer.fit(module, data, ckpt_path=last)
        except SystemExit as stop:  # what Lightning makes of Ctrl-C, and of SIGTERM
            raise KeyboardInterrupt from stop
        except (KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
            if last is None or start.reached:
                raise
            raise ValueError(
                f"{last} cannot be resumed from ({type(error).__name__}: {error}); delete it, and "
                "--resume starts this stage again"
            ) from error

    def _averaging(self) -> list[L.Callback]:
        decay = self.config.average
        return [] if decay is None else [EMAWeightAveraging(decay=decay)]

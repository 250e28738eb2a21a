"""What happens beside the loop: seeds, the point to resume from, the table of epochs."""

import csv
import io
from pathlib import Path
from typing import Any

import lightning as L
import torch

from .._files import write_text
from .._signals import stop_if_interrupted, take_signals_back
from .seeds import derive


class EpochSeed(L.Callback):
    """Set the seed at the start of each epoch, from (seed, stage, epoch) alone.

    Dropout and augmentations of an epoch then do not depend on how often the run was interrupted
    before it.
    """

    def __init__(self, seed: int, stage: str) -> None:
        self.seed, self.stage = seed, stage

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed torch (ranks differ, as their rows do); tell the epoch to rows and examples."""
        loader: Any = trainer.train_dataloader
        for part in (loader.dataset, loader.batch_sampler):  # Lightning tells plain samplers only
            if hasattr(part, "set_epoch"):
                part.set_epoch(trainer.current_epoch)
        torch.manual_seed(derive(self.seed, self.stage, trainer.current_epoch, trainer.global_rank))


class Started(L.Callback):
    """Know whether training has begun, and let an interruption stop it whatever swallowed it."""

    def __init__(self) -> None:
        self.reached = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """From here on an error is none of restoring a checkpoint."""
        self.reached = True
        take_signals_back()

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop if an earlier Ctrl-C was swallowed."""
        stop_if_interrupted()


class EpochEnd(L.Callback):
    """Write a checkpoint at the end of each epoch: the point that a killed run resumes from.

    Args:
        path: the one file, replaced each time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, after validation, with everything that goes on."""
        trainer.save_checkpoint(self.path)


class BestEpoch(L.Callback):
    """Keep the checkpoint of the epoch with the best validation AUC, the earliest of equals.

    Args:
        path: the one file, replaced whenever an epoch is better.
        patience: stop after this many epochs in a row that are not better; None: never.
        latest: keep each epoch's checkpoint in turn, however good, so that the last one stays.
    """

    def __init__(self, path: Path, patience: int | None = None, *, latest: bool = False) -> None:
        self.path, self.patience, self.latest = path, patience, latest
        self.best: dict[str, float] = {"best_epoch": -1, "validation_auroc": -1.0}

    def state_dict(self) -> dict[str, Any]:
        """The best epoch so far."""
        return dict(self.best)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best epoch of a checkpoint."""
        self.best = dict(state_dict)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A run that was killed when it had just decided to stop does not go on."""
        self._stop_if_due(trainer, trainer.current_epoch - 1)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save if this epoch is the best."""
        auc = float(trainer.callback_metrics["validation_auroc"])
        if self.latest or auc > self.best["validation_auroc"]:
            self.best = {"best_epoch": trainer.current_epoch, "validation_auroc": auc}
            trainer.save_checkpoint(self.path)
        self._stop_if_due(trainer, trainer.current_epoch)

    def _stop_if_due(self, trainer: L.Trainer, epoch: int) -> None:
        if self.patience is not None and epoch - self.best["best_epoch"] >= self.patience:
            trainer.should_stop = True


class EpochTable(L.Callback):
    """``metrics.csv``: a row for each epoch, written anew each time, kept in the checkpoint.

    A resumed run goes on with the rows of the checkpoint it started from.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add this epoch's row."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items()}
        done = [row for row in self.rows if row["epoch"] < trainer.current_epoch]
        self.rows = [*done, {"epoch": trainer.current_epoch, **values}]
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        if trainer.is_global_zero:
            text = io.StringIO()
            writer = csv.DictWriter(text, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
            write_text(self.path, text.getvalue())

"""The progress of a stage: a bar on a terminal, one line per epoch elsewhere."""

import sys
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm


class StageProgress(ProgressBar):
    """Show how a stage goes on standard error.

    On a terminal a bar counts batches and shows the validation AUC, elsewhere (a log file, a job of
    a cluster) each epoch prints one line.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.best = 0.0
        self._bar: tqdm[Any] | None = None
        self._prints = False

    def disable(self) -> None:
        """Lightning switches the bar off on all ranks but the first."""
        self._bar = None
        self._prints = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the bar; a resumed stage starts where it was."""
        total = (trainer.max_epochs or 1) * int(trainer.num_training_batches)
        is_terminal = sys.stderr.isatty()
        self._prints = trainer.is_global_zero and not is_terminal
        self._bar = tqdm(
            total=total,
            initial=trainer.current_epoch * int(trainer.num_training_batches),
            desc=self.title,
            unit="batch",
            disable=not (trainer.is_global_zero and is_terminal),
            dynamic_ncols=True,
            leave=False,
        )

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on by a batch."""
        if self._bar is not None:
            self._bar.update()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the validation AUC."""
        now = float(trainer.callback_metrics.get("validation_auroc", torch.nan))
        self.best = max(self.best, now)
        epoch = f"{trainer.current_epoch + 1}/{trainer.max_epochs}"
        if self._prints:
            line = f"{self.title}: epoch {epoch}, validation AUC {now:.4f} (best {self.best:.4f})"
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        elif self._bar is not None:
            self._bar.set_postfix(epoch=epoch, validation_auroc=f"{now:.4f} best {self.best:.4f}")

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Close the bar."""
        self._close()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Close the bar, so that the message stands on a line of its own."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

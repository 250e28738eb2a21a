"""The Lightning module: a network trained with any of the losses, judged by validation AUC."""

import logging
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ..distributed import AllGather
from ..losses import AUCLoss, Loss
from ..metrics import macro_auroc
from ..optim import StageLR, param_groups
from .cycle import Cycle
from .inputs import Batch

COLLAPSED = 1e-4
"""Scores of a whole validation part that lie closer together than this rank nothing."""

log = logging.getLogger("aucmax")

OptimizerFactory = Callable[[list[dict[str, Any]]], Optimizer]


class Classifier(L.LightningModule):
    """A network with its loss and its optimizer.

    Logs, once an epoch: ``train_loss``, ``validation_auroc`` (the macro average for several
    labels), ``lr``, and for AUC losses their diagnostics (see :meth:`AUCLoss.diagnostics`).

    Args:
        network: inputs of B rows, such as images (B, C, H, W), to logits (B, L).
        loss: any loss of :mod:`aucmax.losses`; gathered over all processes.
        optimizer: makes the optimizer from parameter groups.
        milestones: epochs at which the learning rate is multiplied by ``gamma``.
        gamma: see milestones.
        cycle: how the learning rate rises and falls, in place of milestones.
        card: plain values that a checkpoint carries so that it can be used again on its own.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        optimizer: OptimizerFactory,
        *,
        milestones: list[int],
        gamma: float = 0.1,
        cycle: Cycle | None = None,
        card: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = AllGather(loss)
        self.make_optimizer = optimizer
        self.milestones, self.gamma, self.cycle = milestones, gamma, cycle
        self.card = card or {}
        self._losses: list[Tensor] = []
        self._collapsed = False
        self._lr = 0.0
        self._validation: list[tuple[Tensor, Tensor]] = []

    def forward(self, inputs: Any) -> Tensor:
        """Logits (B, L) of the inputs of B rows."""
        return self.network(inputs)

    def on_train_epoch_start(self) -> None:
        """Note the learning rate of the epoch: the scheduler steps before the epoch is judged."""
        self._lr = float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Value of the loss on one batch."""
        inputs, target, index = batch
        logits = self(inputs)
        loss = self.loss(logits, target, index)
        del self._losses[batch_idx:]  # an optimizer may ask twice for a batch: the later counts
        self._losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Keep the logits: AUC is no mean over batches."""
        self._validation.append((self(batch[0]).detach().float().cpu(), batch[1].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log the validation AUC, the learning rate and the loss's diagnostics."""
        # Statistics of BatchNorm differ between processes: rank 0 judges, lest they part ways
        values = self.trainer.strategy.broadcast(self._judged())
        if values is None:
            raise ValueError(
                f"the model's outputs are NaN or infinite after epoch {self.current_epoch}: it has "
                "diverged; try a smaller --optimizer.lr (or --pretrain.lr)"
            )
        # double precision, because the best epoch is chosen by comparing these numbers
        self.log_dict({k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()})

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        """The optimizer over weights and loss variables, with the schedule of stages."""
        optimizer = self.make_optimizer(param_groups(self))
        if self.cycle is not None:
            return [optimizer], [LambdaLR(optimizer, self.cycle.factor)]
        return [optimizer], [StageLR(optimizer, self.milestones, gamma=self.gamma)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the card."""
        checkpoint["card"] = self.card

    def _judged(self) -> dict[str, float] | None:
        """What this process makes of the epoch; None if the outputs are not finite."""
        logits, target = (torch.cat(parts) for parts in zip(*self._validation, strict=True))
        self._validation.clear()
        if not logits.isfinite().all():
            return None
        self._tell_collapse(logits)
        values = {"validation_auroc": macro_auroc(logits, target)}
        if self._losses:  # gathered here, so that the row of an epoch holds its own training loss
            values["train_loss"] = float(torch.stack(self._losses).mean())
            self._losses.clear()
        return values | {"lr": self._lr} | self._diagnostics()

    def _tell_collapse(self, logits: Tensor) -> None:
        """Say aloud, once, that a min-max loss has come to rest where all scores are equal."""
        loss = next((x for x in self.loss.modules() if isinstance(x, AUCLoss)), None)
        if self._collapsed or self.global_rank or loss is None:
            return
        scores = loss.activation(logits)
        spread = float((scores.amax(0) - scores.amin(0)).max())
        if spread < COLLAPSED:
            self._collapsed = True
            log.warning(
                "after epoch %d all validation scores lie within %.1g of one another: training has "
                "collapsed to constant scores and will hardly recover; take a smaller "
                "--optimizer.lr, keep the head (--pretrain.new_head false), or choose another loss "
                "(--loss PairwiseAUCLoss)",
                self.current_epoch,
                spread,
            )

    def _diagnostics(self) -> dict[str, float]:
        values = {f"batch_{k}": float(v.nanmean()) for k, v in self.loss.diagnostics().items()}
        loss: Any = self.loss.loss
        loss.forget()  # the next epoch's row speaks of the next epoch
        return values

"""A LightningModule of your own: the loss is a member, param_groups finds it, the rest is usual.

Run: python examples/lightning_module.py
"""

import tempfile

import lightning as L
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import aucmax
from aucmax.integrations.torchmetrics import AUROC

Batch = tuple[Tensor, Tensor]


class Malignancy(L.LightningModule):
    """A small network on 30 measurements, trained by AUC-M."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 1))
        self.loss = aucmax.AUCMLoss()  # a, b and alpha travel with the module's checkpoints
        self.auroc = AUROC()
        self.epochs = epochs

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch: the loss takes raw outputs."""
        x, target = batch
        loss = self.loss(self.net(x).squeeze(1), target)
        self.log_dict({f"train_{k}": v for k, v in self.loss.diagnostics().items()})
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect a batch: AUC is no mean over batches."""
        x, target = batch
        self.auroc.update(self.net(x).squeeze(1), target)
        self.log("validation_auroc", self.auroc, on_epoch=True)

    def configure_optimizers(self) -> dict:
        """One optimizer for the weights and for the loss's variables."""
        groups = aucmax.param_groups(self)
        optimizer = aucmax.PESG(groups, lr=0.1, momentum=0.9, epoch_decay=2e-3)
        scheduler = aucmax.StageLR(optimizer, milestones=[self.epochs // 2])
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


def make_trainer(epochs: int) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    # BalancedBatches shares its batches among the processes itself.
    return L.Trainer(
        max_epochs=epochs, use_distributed_sampler=False, enable_checkpointing=False, **quiet
    )


def main(epochs: int = 6) -> None:
    L.seed_everything(0, verbose=False)
    x, benign = load_breast_cancer(return_X_y=True)
    x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
    y = torch.tensor(1 - benign).float()
    parts = train_test_split(x, y, test_size=0.4, stratify=y, random_state=0)
    train, test = TensorDataset(*parts[::2]), TensorDataset(*parts[1::2])
    batches = aucmax.BalancedBatches(train, batch_size=32, positives=0.5)
    loaders = DataLoader(train, batch_sampler=batches), DataLoader(test, batch_size=256)

    first = make_trainer(epochs // 2)  # interrupted half way
    first.fit(Malignancy(epochs), *loaders)
    with tempfile.TemporaryDirectory() as folder:
        first.save_checkpoint(f"{folder}/half.ckpt")
        trainer = make_trainer(epochs)  # goes on with the batches of an uninterrupted run
        trainer.fit(Malignancy(epochs), *loaders, ckpt_path=f"{folder}/half.ckpt")
    print({name: round(float(value), 3) for name, value in trainer.callback_metrics.items()})


if __name__ == "__main__":
    main()

"""A Hugging Face Trainer: an AUC loss, balanced batches, proximal stages, and an exact resume.

Any model will do whose output has ``logits`` with one column; its labels are 0 and 1.
Run: python examples/huggingface_trainer.py
"""

import tempfile
from pathlib import Path

import torch
from plain_loop import EPOCHS, load
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import Trainer, TrainingArguments

import aucmax
from aucmax.metrics import auroc_interval


class Network(nn.Module):
    """Pixels to logits, as a model of transformers gives them."""

    def __init__(self) -> None:
        super().__init__()
        layers = nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 1)
        self.layers = nn.Sequential(*layers)
        # A submodule of the model: so its variables are saved, and their gradients cleared.
        self.auc_loss = aucmax.AUCMLoss()

    def forward(self, pixels: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """One raw output a row."""
        return {"logits": self.layers(pixels)}


class BalancedTrainer(Trainer):
    """A Trainer whose training batches are half positive."""

    def get_train_dataloader(self) -> DataLoader:
        """Share the batches of BalancedBatches among the processes."""
        batches = aucmax.BalancedBatches(self.train_dataset, self.args.train_batch_size, 0.5)
        options = {"batch_sampler": batches, "collate_fn": self.data_collator}
        return self.accelerator.prepare(DataLoader(self.train_dataset, **options))


def collate(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    pixels, labels = (torch.stack(part) for part in zip(*rows, strict=True))
    return {"pixels": pixels, "labels": labels}


def make_trainer(train: TensorDataset, folder: str | Path, **options: object) -> Trainer:
    torch.manual_seed(0)
    model, quiet = Network(), {"report_to": "none", "disable_tqdm": True, "use_cpu": True}
    optimizer = aucmax.PESG(aucmax.param_groups(model), lr=0.1, momentum=0.9, epoch_decay=2e-3)
    steps = len(aucmax.BalancedBatches(train, 32))  # the Trainer steps schedulers in every batch
    stages = aucmax.StageLR(optimizer, [EPOCHS // 2 * steps, 3 * EPOCHS // 4 * steps])
    arguments = TrainingArguments(
        str(folder), per_device_train_batch_size=32, save_strategy="epoch", **quiet, **options
    )
    parts = {"compute_loss_func": model.auc_loss, "optimizers": (optimizer, stages)}
    return BalancedTrainer(model, arguments, data_collator=collate, train_dataset=train, **parts)


def main() -> None:
    train, test = load()
    with tempfile.TemporaryDirectory() as folder:
        make_trainer(train, folder, num_train_epochs=EPOCHS // 2).train()  # interrupted half way
        trainer = make_trainer(train, folder, num_train_epochs=EPOCHS)
        trainer.train(resume_from_checkpoint=True)  # from the last checkpoint in the folder
    scores = trainer.predict(test).predictions.squeeze(1)
    print(f"test AUC {auroc_interval(scores, test.tensors[1])} (95 % interval)")


if __name__ == "__main__":
    main()

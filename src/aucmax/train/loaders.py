"""The data module: which rows each loader serves, and in which batches."""

import logging
from functools import cache
from typing import Any

import lightning as L
import torch
from torch.utils.data import DataLoader, DistributedSampler

from ..data import LabelledSet
from ..samplers import BalancedBatches, MultiLabelBatches
from .config import Augment, Batches
from .inputs import Batch, Examples, Inputs

EVALUATION_BATCH = 256

log = logging.getLogger("aucmax")


class PartLoaders(L.LightningDataModule):
    """Training, validation and test loaders over one data set with its parts.

    Every batch is (inputs, such as images (B, C, H, W), target (B, L), rows (B,)). Batches of an
    epoch follow from (seed, epoch) alone, on one process or several.

    Args:
        rows: all rows, with ``split`` filled in.
        inputs: from rows to the model's input.
        batches: size, share of positives (None: the natural rate), reading processes.
        augment: random changes of training rows.
        seed: of the order of rows.
    """

    def __init__(
        self,
        rows: LabelledSet,
        inputs: Inputs,
        batches: Batches,
        augment: Augment,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.rows, self.inputs = rows, inputs
        self.batches, self.augment, self.seed = batches, augment, seed

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches for training: with a share of positives, or at the natural rate."""
        part = self.rows.part("train")
        examples = self.inputs.examples(part, self.augment, seed=self.seed)
        trainer = self.trainer
        world, rank = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
        # A resumed run reads ahead before its first epoch starts, and current_epoch lags till then
        progress: Any = trainer.fit_loop.epoch_progress.current if trainer else None
        epoch = progress.processed if progress else 0
        examples.set_epoch(epoch)
        size = min(self.batches.size, len(part) // world)
        if self.batches.positives is None:
            sampler = DistributedSampler(
                examples, world, rank, shuffle=True, seed=self.seed, drop_last=True
            )
            sampler.set_epoch(epoch)
            return self._loader(examples, sampler=sampler, batch_size=size, drop_last=True)
        share = self.batches.positives
        if part.target.shape[1] == 1:
            share = _attainable(share, int((part.target == 1).sum()) // world, size)
        make = BalancedBatches if part.target.shape[1] == 1 else MultiLabelBatches
        sampler = make(
            part.target,
            size,
            positives=share,
            seed=self.seed,
            num_replicas=world,
            rank=rank,
        )
        sampler.set_epoch(epoch)
        return self._loader(examples, batch_sampler=sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """All validation rows, in order (on every process)."""
        return self.loader_of("validation")

    def test_dataloader(self) -> DataLoader[Batch]:
        """All test rows, in order."""
        return self.loader_of("test")

    def loader_of(self, name: str) -> DataLoader[Batch]:
        """All rows of a part, in order, without random changes."""
        examples = self.inputs.examples(self.rows.part(name))
        return self._loader(examples, batch_size=EVALUATION_BATCH)

    def _loader(
        self,
        examples: Examples,
        *,
        batch_size: int = 1,
        drop_last: bool = False,
        sampler: DistributedSampler[Batch] | None = None,
        batch_sampler: BalancedBatches | MultiLabelBatches | None = None,
    ) -> DataLoader[Batch]:
        loader: Any = DataLoader(
            examples,
            batch_size=batch_size,
            drop_last=drop_last,
            sampler=sampler,
            batch_sampler=batch_sampler,
            num_workers=self.batches.workers,
            collate_fn=examples.collate,
            generator=torch.Generator(),  # else each epoch would draw from the global one
            pin_memory=torch.cuda.is_available(),
        )
        return loader  # of Batch: its rows become tensors in a batch


def _attainable(share: float, positives: int, size: int) -> float:
    """The wanted share, or, said aloud, that of all positives at once: no row comes twice."""
    if round(share * size) <= positives:
        return share
    _say_once(
        f"there are only {positives} positives to train on, so a batch of {size} rows holds all of "
        f"them (--batches.positives asked for {share:g})"
    )
    return positives / size


@cache
def _say_once(sentence: str) -> None:
    log.warning("%s", sentence)

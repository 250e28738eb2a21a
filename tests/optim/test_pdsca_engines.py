"""PDSCA where others own the loop: Lightning, and two processes."""

import lightning as L
import pytest
import torch
import torch.multiprocessing as mp
from oracles_pdsca import Task, joint_training, problem, rank_training
from torch import nn
from torch.utils.data import DataLoader

from aucmax.distributed import AllGather
from aucmax.losses.compositional import CompositionalAUCLoss
from aucmax.optim import StageLR, param_groups
from aucmax.optim.pdsca import PDSCA
from aucmax.train.quiet import quiet

FULL = {"lr": 0.2, "inner_lr": 0.5, "inner_average": 0.6, "epoch_decay": 0.1}
SIZES = [(6, 6), (9, 3), (2, 10)] * 4


class Module(L.LightningModule):
    """The smallest module with automatic optimization."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = True
        self.model = nn.Linear(4, 1, bias=False).double()
        self.loss = AllGather(CompositionalAUCLoss().double())

    def training_step(self, batch, batch_idx):
        return self.loss(self.model(batch[0]).squeeze(1), batch[1])

    def configure_optimizers(self):
        optimizer = PDSCA(param_groups(self), **FULL)
        return [optimizer], [StageLR(optimizer, [2], gamma=0.5)]


def fit(tmp_path, **options):
    torch.manual_seed(0)
    module = Module()
    trainer = L.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **options,
    )
    with quiet():
        batches = [problem(number) for number in range(5)]
        trainer.fit(module, DataLoader(batches, batch_size=None))
    return module


def test_lightning_takes_the_steps_of_a_plain_loop(tmp_path):
    module, task = fit(tmp_path), Task(**FULL)
    schedule = StageLR(task.optimizer, [2], gamma=0.5)
    for _ in range(3):
        for number in range(5):
            task.run(1, first=number)
        schedule.step()
    found = torch.cat([p.detach().flatten() for p in module.parameters()])
    torch.testing.assert_close(found, task.values(), rtol=0, atol=1e-12)


def test_lightning_must_not_accumulate_gradients(tmp_path):
    with pytest.raises(RuntimeError, match="PDSCA: the first call of the closure must compute the"):
        fit(tmp_path, accumulate_grad_batches=2)


def test_two_processes_learn_what_one_learns_from_the_joint_batch(tmp_path):
    mp.spawn(rank_training, (str(tmp_path), SIZES), 2)
    expected, initial = joint_training(SIZES), joint_training([])
    assert any((expected[key] - initial[key]).abs().max() > 0.05 for key in expected)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=1e-6)

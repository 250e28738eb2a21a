"""Loops of others: resumed like uninterrupted, with the AUC of the plain loop."""

import runpy
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import aucmax

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QUIET = [
    "ignore:.*does not have many workers",
    "ignore:.*smaller than the logging interval",
    "ignore:.*treespec, LeafSpec",
    "ignore::FutureWarning",
    "ignore::DeprecationWarning",
]
pytestmark = pytest.mark.filterwarnings(*QUIET)


def task(rows=320):
    torch.manual_seed(0)
    x = torch.randn(rows, 8)
    y = (x[:, 0] + 0.5 * torch.randn(rows) > 1).float()
    return TensorDataset(x, y)


def trainer_of_transformers(folder, loss=None, epochs=4, **options):
    """A Trainer that saves after each epoch; its loss, if it is not given, inside of the model."""
    transformers = pytest.importorskip("transformers")
    data = task()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.net = nn.Linear(8, 1)
            self.auc_loss = aucmax.AUCMLoss()

        def forward(self, x, labels=None):
            return {"logits": self.net(x)}

    class Balanced(transformers.Trainer):
        def get_train_dataloader(self):
            batches = aucmax.BalancedBatches(data, 32, 0.25)
            loader = DataLoader(data, batch_sampler=batches, collate_fn=self.data_collator)
            return self.accelerator.prepare(loader)

    def collate(rows):
        return {"x": torch.stack([r[0] for r in rows]), "labels": torch.stack([r[1] for r in rows])}

    model = Network()
    optimizer = aucmax.PESGAdam(aucmax.param_groups(model), lr=0.1, epoch_decay=0.01)
    arguments = transformers.TrainingArguments(
        str(folder), num_train_epochs=epochs, save_strategy="epoch", use_cpu=True,
        report_to="none", disable_tqdm=True, per_device_train_batch_size=32, **options,
    )  # fmt: skip
    return Balanced(
        model, arguments, data_collator=collate, train_dataset=data,
        compute_loss_func=loss or model.auc_loss,
        optimizers=(optimizer, aucmax.StageLR(optimizer, [20])),
    )  # fmt: skip


def test_a_resumed_trainer_of_transformers_equals_an_uninterrupted_one(tmp_path):
    whole = trainer_of_transformers(tmp_path / "whole")
    whole.train()
    trainer_of_transformers(tmp_path / "half", epochs=2).train()
    resumed = trainer_of_transformers(tmp_path / "half")
    resumed.train(resume_from_checkpoint=True)
    expected, found = (trainer.model.state_dict() for trainer in (whole, resumed))
    assert found["auc_loss.started"].all()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0, msg=name)
    x, y = task().tensors
    assert aucmax.metrics.auroc(whole.model(x)["logits"].detach()[:, 0], y) > 0.9


@pytest.mark.parametrize(
    "loss", [aucmax.PairwiseAUCLoss(), aucmax.AllGather(aucmax.APLoss()), aucmax.AUCMLoss()]
)
def test_a_loss_is_a_compute_loss_func_as_it_is(tmp_path, loss):
    trainer = trainer_of_transformers(tmp_path, loss)
    trainer.train()
    x, y = task().tensors
    assert aucmax.metrics.auroc(trainer.model(x)["logits"].detach()[:, 0], y) > 0.9


def test_accumulated_gradients_have_the_size_of_one(tmp_path):
    norms = []
    for steps in (1, 4):
        trainer = trainer_of_transformers(
            tmp_path / str(steps), aucmax.PairwiseAUCLoss(), epochs=1,
            gradient_accumulation_steps=steps, logging_steps=1,
        )  # fmt: skip
        trainer.train()
        norms.append(next(e["grad_norm"] for e in trainer.state.log_history if "grad_norm" in e))
    assert 0.5 < norms[1] / norms[0] < 2  # it was four times as large


def test_num_items_in_batch_scales_by_the_share_of_the_batch():
    logits, target = torch.randn(8), torch.arange(8) % 2
    loss = aucmax.PairwiseAUCLoss()
    for call in (loss, aucmax.AllGather(loss)):
        plain = call(logits, target)
        scaled = call({"logits": logits[:, None]}, target, num_items_in_batch=torch.tensor(32))
        torch.testing.assert_close(scaled, plain / 4)
    with pytest.raises(TypeError, match=r"logits must be a torch\.Tensor, got dict"):
        loss({"scores": logits}, target)


def lightning_module(epochs):
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.net = nn.Linear(8, 2)
            self.loss = aucmax.AUCMLoss(num_labels=2)
            self.drawn = []

        def training_step(self, batch, batch_idx):
            x, y, rows = batch
            self.drawn.append(rows.tolist())
            loss = self.loss(self.net(x), torch.stack([y, 1 - y], 1))
            self.log_dict(self.loss.diagnostics())
            return loss

        def configure_optimizers(self):
            optimizer = aucmax.PESG(aucmax.param_groups(self), lr=0.1, epoch_decay=0.01)
            return [optimizer], [aucmax.StageLR(optimizer, [2])]

    trainer = lightning.Trainer(
        max_epochs=epochs, logger=False, enable_progress_bar=False, accelerator="cpu",
        enable_model_summary=False, enable_checkpointing=False, use_distributed_sampler=False,
    )  # fmt: skip
    return trainer, Module()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_lightning_module_equals_an_uninterrupted_one(tmp_path, workers):
    x, y = task().tensors

    def fit(epochs, checkpoint=None):
        batches = aucmax.BalancedBatches(y, 20)
        data = TensorDataset(x, y, torch.arange(len(y)))
        trainer, module = lightning_module(epochs)
        loader = DataLoader(data, batch_sampler=batches, num_workers=workers)
        trainer.fit(module, loader, ckpt_path=checkpoint)
        return trainer, module

    _, whole = fit(4)
    trainer, first = fit(2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, second = fit(4, tmp_path / "half.ckpt")
    assert first.drawn + second.drawn == whole.drawn
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, rtol=0, atol=0)


def test_lightning_is_told_how_to_leave_the_sampler_alone():
    lightning = pytest.importorskip("lightning")
    data = task()
    loader = DataLoader(data, batch_sampler=aucmax.BalancedBatches(data, 20))
    from lightning.pytorch.utilities.data import _update_dataloader

    sampler = torch.utils.data.distributed.DistributedSampler(data, num_replicas=2, rank=0)
    with pytest.raises(TypeError, match=r"Trainer\(use_distributed_sampler=False\)"):
        _update_dataloader(loader, sampler)
    assert lightning is not None


def test_a_stage_of_swa_without_backward_only_warns():
    lightning = pytest.importorskip("lightning")
    data = task()

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
            self.loss = aucmax.CompositionalAUCLoss()

        def training_step(self, batch, batch_idx):
            return self.loss(self.net(batch[0]).squeeze(1), batch[1])

        def configure_optimizers(self):
            return aucmax.PDSCA(aucmax.param_groups(self), lr=0.05)

    trainer = lightning.Trainer(
        max_epochs=3, logger=False, enable_progress_bar=False, enable_checkpointing=False,
        accelerator="cpu", enable_model_summary=False,
        callbacks=[lightning.pytorch.callbacks.StochasticWeightAveraging(0.05, 1)],
    )  # fmt: skip
    loader = DataLoader(data, batch_sampler=aucmax.BalancedBatches(data, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(Module(), loader)


def test_accelerate_on_two_processes_reaches_the_auc_of_the_plain_loop(tmp_path):
    """The example, started as its users do."""
    import re
    import subprocess

    pytest.importorskip("accelerate")
    found = []
    for command in (
        ["plain_loop.py"],
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "accelerate_loop.py"],
    ):  # fmt: skip
        command[-1] = str(EXAMPLES / command[-1])
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True,
            timeout=1200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(float(re.findall(r"test AUC (\d\.\d+) \[", done.stdout)[-1]))
    assert found[1] == pytest.approx(found[0], abs=0.01)


def test_skorch_trains_the_variables_of_the_criterion(monkeypatch, capsys):
    pytest.importorskip("skorch")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = runpy.run_path(str(EXAMPLES / "skorch_classifier.py"))
    x, y = task().tensors
    torch.manual_seed(0)
    net = example["NeuralNet"](
        nn.Linear, module__in_features=8, module__out_features=1, criterion=aucmax.AUCMLoss,
        optimizer=torch.optim.SGD, lr=0.5, max_epochs=10, verbose=0, train_split=None,
    )  # fmt: skip
    net.fit(x, y[:, None])
    first = [p.item() for p in net.criterion_.parameters()]
    assert aucmax.metrics.auroc(net.predict(x).squeeze(1), y) > 0.9
    net.partial_fit(x, y[:, None])
    assert first != [p.item() for p in net.criterion_.parameters()]

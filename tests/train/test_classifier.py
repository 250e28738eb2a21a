"""The Lightning module steps like a hand-written loop, and says so when training diverges."""

import csv
import logging

import lightning as L
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

import aucmax
from aucmax.data import ArrayImages, ImageSet
from aucmax.optim import param_groups
from aucmax.train import Classifier, PartLoaders
from aucmax.train.callbacks import BestEpoch, EpochEnd, EpochSeed, EpochTable
from aucmax.train.config import Augment, Batches
from aucmax.train.quiet import quiet
from aucmax.train.stages import QUIET
from aucmax.train.transforms import Preparation


def image_data(labels=1, n=48, batch=8):
    rng = np.random.default_rng(0)
    target = np.stack([rng.permutation(n) < n // 3 for _ in range(labels)], 1).astype(np.float32)
    pixels = rng.integers(0, 200, (n, 6, 6)).astype(np.uint8)
    pixels[:, 2] += (50 * target[:, :1]).astype(np.uint8)
    split = np.array(["train", "train", "validation", "test"] * (n // 4))
    names = tuple(f"y{i}" for i in range(labels))
    images = ImageSet(ArrayImages(pixels), target, names, tuple(map(str, range(n))), split=split)
    preparation = Preparation.fitted(images.part("train"), None)
    return PartLoaders(images, preparation, Batches(batch), Augment())


def network(labels=1):
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, labels))


def trained(module, data, epochs=1, **options):
    callbacks = options.pop("callbacks", [])
    options = QUIET | options
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=[EpochSeed(0, "s"), *callbacks],
        **options,
    )
    with quiet():
        trainer.fit(module, data)
    return trainer


@pytest.mark.parametrize("labels", [1, 3])
def test_an_epoch_is_that_of_a_hand_written_loop(labels):
    data = image_data(labels)
    model, ours = network(labels), network(labels)
    loss_fn = aucmax.AUCMLoss(num_labels=None if labels == 1 else labels)
    optimizer = aucmax.PESG(param_groups(model, loss_fn), lr=0.1, epoch_decay=0.01)
    scheduler = aucmax.StageLR(optimizer, [1], gamma=0.5)
    for batch, (images, target, index) in enumerate(data.train_dataloader()):
        optimizer.zero_grad()
        logits = model(images)
        if batch == 0:
            loss_fn.start_at(logits, target)
        loss_fn(logits, target, index).backward()
        optimizer.step()
    scheduler.step()
    own = aucmax.AUCMLoss(num_labels=None if labels == 1 else labels)
    module = Classifier(
        ours,
        own,
        lambda groups: aucmax.PESG(groups, lr=0.1, epoch_decay=0.01),
        milestones=[1],
        gamma=0.5,
    )
    trained(module, data)
    for a, b in zip(model.parameters(), ours.parameters(), strict=True):
        assert torch.equal(a, b)
    for name in ("a", "b", "alpha"):
        assert torch.equal(getattr(loss_fn, name), getattr(own, name))
        assert getattr(own, name).abs().sum() > 0


@pytest.mark.parametrize("labels", [1, 2])
def test_the_row_of_an_epoch(labels, tmp_path):
    data, model = image_data(labels), network(labels)
    loss = aucmax.AUCMLoss(num_labels=None if labels == 1 else labels)
    module = Classifier(model, loss, lambda groups: aucmax.PESG(groups, lr=0.05), milestones=[2])
    seen = []
    module.loss.register_forward_hook(lambda m, args, out: seen.append((args, out.item())))
    table = EpochTable(tmp_path / "metrics.csv")
    trained(module, data, epochs=2, callbacks=[table])
    with (tmp_path / "metrics.csv").open() as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert rows == table.rows
    half = len(seen) // 2
    for epoch, row in enumerate(rows):
        batches = seen[epoch * half : (epoch + 1) * half]
        assert row["epoch"] == epoch
        assert row["lr"] == 0.05
        assert row["train_loss"] == pytest.approx(np.mean([value for _, value in batches]))
        scores, targets = (torch.cat([args[i].detach() for args, _ in batches]) for i in (0, 1))
        each = [roc_auc_score(targets[:, i], scores[:, i].numpy()) for i in range(labels)]
        assert row["batch_auroc"] == pytest.approx(np.mean(each), abs=1e-6)
    logits = torch.cat([model(images).detach() for images, *_ in data.val_dataloader()])
    target = data.rows.part("validation").target
    each = [roc_auc_score(target[:, i], logits[:, i]) for i in range(labels)]
    assert rows[-1]["validation_auroc"] == pytest.approx(np.mean(each), abs=1e-12)
    assert rows[-1]["batch_alpha"] == pytest.approx(loss.alpha.mean().item(), abs=1e-6)


def test_a_loss_without_diagnostics_has_none(tmp_path):
    module = Classifier(network(), aucmax.BCELoss(), torch.optim.Adam, milestones=[])
    table = EpochTable(tmp_path / "metrics.csv")
    trained(module, image_data(), callbacks=[table])
    assert table.rows[0].keys() == {"epoch", "validation_auroc", "train_loss", "lr"}


def test_divergence_is_found_at_validation_too():
    """On a GPU the loss does not look at values: the check at the end of the epoch does."""

    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.plain = network()

        def forward(self, images):
            return self.plain(images) * (1 if self.training else torch.nan)

    module = Classifier(Broken(), aucmax.BCELoss(), torch.optim.Adam, milestones=[])
    with pytest.raises(ValueError, match=r"NaN or infinite after epoch 0: it has diverged; try a"):
        trained(module, image_data())


def test_best_epoch_keeps_the_first_of_equals_and_goes_on_where_it_was(tmp_path):
    best, table = BestEpoch(tmp_path / "best.ckpt"), EpochTable(tmp_path / "metrics.csv")
    module = Classifier(
        network(), aucmax.AUCMLoss(), lambda groups: aucmax.PESG(groups, lr=0), milestones=[],
        card={"model": "toy"},
    )  # fmt: skip
    end = EpochEnd(tmp_path / "last.ckpt")
    trained(module, image_data(), epochs=3, callbacks=[table, best, end])
    auc = table.rows[0]["validation_auroc"]
    assert best.best == {"best_epoch": 0, "validation_auroc": auc}
    assert [row["validation_auroc"] for row in table.rows] == [auc] * 3
    kept, last = (torch.load(tmp_path / f"{n}.ckpt", weights_only=True) for n in ("best", "last"))
    assert (kept["epoch"], last["epoch"]) == (0, 2)
    assert kept["card"] == {"model": "toy"}
    again, rows = BestEpoch(tmp_path / "b"), EpochTable(tmp_path / "c")
    again.load_state_dict(last["callbacks"]["BestEpoch"])
    rows.load_state_dict(last["callbacks"]["EpochTable"])
    assert (again.best, rows.rows) == (best.best, table.rows)


def test_each_epoch_has_a_seed_of_its_own():
    drawn = []

    class Draw(L.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            drawn.append(torch.rand(1).item())

    module = Classifier(network(), aucmax.BCELoss(), torch.optim.Adam, milestones=[])
    for start in (1, 2):
        torch.manual_seed(start)
        trained(module, image_data(), epochs=2, callbacks=[Draw()])
    assert drawn[:2] == drawn[2:]
    assert drawn[0] != drawn[1]


def fitted(loss, lr, caplog, scale=1.0):
    """Train three epochs; return the notes."""
    model = network()
    for parameter in model.parameters():
        parameter.data *= scale

    def sgd(groups):
        return aucmax.PESG(groups, lr=lr)

    with caplog.at_level(logging.WARNING, logger="aucmax"):
        trained(Classifier(model, loss, sgd, milestones=[]), image_data(), epochs=3)
    return [record.getMessage() for record in caplog.records if "collapsed" in record.getMessage()]


def test_a_collapse_is_told_once(caplog):
    (message,) = fitted(aucmax.AUCMLoss(), 0.0, caplog, scale=0.0)  # all outputs are 0
    assert "after epoch 0 all validation scores lie within 0 of one another" in message
    for remedy in ("smaller --optimizer.lr", "--pretrain.new_head false", "PairwiseAUCLoss"):
        assert remedy in message


@pytest.mark.parametrize("loss", [aucmax.AUCMLoss(), aucmax.BCELoss()])
def test_training_that_ranks_is_not_called_a_collapse(loss, caplog):
    assert fitted(loss, 0.1, caplog) == []


def test_saturated_scores_are_a_collapse_although_logits_differ(caplog):
    model = network()
    with torch.no_grad():
        model[-1].bias.fill_(-40.0)  # sigmoid(-40) is 4e-18

    def sgd(groups):
        return aucmax.PESG(groups, lr=0.0)

    with caplog.at_level(logging.WARNING, logger="aucmax"):
        trained(Classifier(model, aucmax.AUCMLoss(), sgd, milestones=[]), image_data())
    with torch.no_grad():
        spread = np.ptp(model(torch.randn(20, 1, 6, 6)).numpy())
    assert spread > 0.01
    assert any("collapsed to constant scores" in r.getMessage() for r in caplog.records)

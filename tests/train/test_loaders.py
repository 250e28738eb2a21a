"""Which rows each loader serves, in which batches, on one process or several."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aucmax.data import ArrayImages, ImageSet
from aucmax.train.config import Augment, Batches
from aucmax.train.loaders import PartLoaders, _say_once
from aucmax.train.transforms import Preparation


def made(train=60, positives=12, labels=1, batches=None, seed=0, **augment):
    """Data of which rows 0 to train - 1 are for training, the first of them positive."""
    n = train + 20
    target = np.zeros((n, labels), np.float32)
    target[:positives] = 1
    target[train::2] = 1
    split = np.array(["train"] * train + ["validation"] * 10 + ["test"] * 10)
    pixels = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    names = tuple(f"y{i}" for i in range(labels))
    images = ImageSet(ArrayImages(pixels), target, names, tuple(map(str, range(n))), split=split)
    preparation = Preparation.fitted(images.part("train"), None)
    return PartLoaders(images, preparation, batches or Batches(8), Augment(**augment), seed=seed)


def on_rank(data, rank, world=2, epoch=0):
    progress = SimpleNamespace(current=SimpleNamespace(processed=epoch))
    loop = SimpleNamespace(epoch_progress=progress)
    data.trainer = SimpleNamespace(world_size=world, global_rank=rank, fit_loop=loop)
    return data


def rows(loader):
    return [batch[2].tolist() for batch in loader]


def test_batches_are_images_targets_and_rows():
    data = made(labels=2, batches=Batches(8, positives=None))
    images, target, index = next(iter(data.train_dataloader()))
    assert images.shape == (8, 1, 8, 8)
    assert torch.equal(target, torch.from_numpy(data.rows.target)[index])
    assert index.shape == (8,)


@pytest.mark.parametrize(("share", "count"), [(0.5, 4), (0.25, 2), (0.1, 1)])
def test_every_batch_has_its_share_of_positives(share, count):
    batches = rows(made(batches=Batches(8, positives=share)).train_dataloader())
    assert len(batches) == 7
    assert all(sum(row < 12 for row in batch) == count for batch in batches)


def test_the_natural_rate_is_a_permutation_less_the_last_batch():
    batches = rows(made(batches=Batches(8, positives=None)).train_dataloader())
    seen = [row for batch in batches for row in batch]
    assert len(batches) == 7
    assert len(set(seen)) == len(seen) == 56
    assert seen != sorted(seen)


def test_too_few_positives_are_told_and_come_once_in_each_batch(caplog):
    _say_once.cache_clear()
    data = made(positives=3, batches=Batches(16, positives=0.5))
    batches = rows(data.train_dataloader())
    assert all(sorted(row for row in batch if row < 3) == [0, 1, 2] for batch in batches)
    assert all(len(set(batch)) == 16 for batch in batches)
    data.train_dataloader()
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == (
        "there are only 3 positives to train on, so a batch of 16 rows holds all of them "
        "(--batches.positives asked for 0.5)"
    )


def test_a_batch_larger_than_the_data_is_all_of_them():
    data = made(train=10, positives=5, batches=Batches(64, positives=None))
    assert sorted(rows(data.train_dataloader())[0]) == list(range(10))


def test_several_labels_are_served_by_batches_of_their_own():
    data = made(labels=2, batches=Batches(8, positives=0.5))
    for batch in data.train_dataloader():
        known = batch[1]
        assert (known == 1).any(0).all()
        assert (known == 0).any(0).all()


@pytest.mark.parametrize("positives", [0.5, None])
def test_epochs_and_seeds_have_their_own_batches(positives):
    def drawn(seed=0, epoch=0):
        data = made(batches=Batches(8, positives=positives), seed=seed)
        return rows(on_rank(data, 0, world=1, epoch=epoch).train_dataloader())

    assert drawn() == drawn()
    assert drawn(epoch=1) != drawn()
    assert drawn(seed=1) != drawn()


@pytest.mark.parametrize("positives", [0.5, None])
def test_two_processes_share_the_batches_of_one_twice_as_large(positives):
    one = made(batches=Batches(16, positives=positives))
    halves = [
        rows(on_rank(made(batches=Batches(8, positives=positives)), rank).train_dataloader())
        for rank in (0, 1)
    ]
    whole = rows(on_rank(one, 0, world=1).train_dataloader())
    assert len(whole) == len(halves[0]) == len(halves[1]) == 3
    for joint, *parts in zip(whole, *halves, strict=True):
        assert sorted(joint) == sorted([*parts[0], *parts[1]])


def test_other_parts_come_in_order_and_unchanged():
    data = made(flip=True, rotate=20)
    for loader, name in ((data.val_dataloader(), "validation"), (data.test_dataloader(), "test")):
        part = data.rows.part(name)
        ((images, target, index),) = list(loader)
        assert index.tolist() == list(range(10))
        assert torch.equal(target, torch.from_numpy(part.target))
        expected = data.inputs.normalised(part.images[4])
        assert torch.equal(images[4], expected)


def test_training_images_are_changed_as_the_epoch_says():
    def first(epoch):
        data = on_rank(made(batches=Batches(60, positives=None), flip=True), 0, 1, epoch)
        images, _, index = next(iter(data.train_dataloader()))
        return images[index.argsort()]

    assert torch.equal(first(0), first(0))
    assert not torch.equal(first(0), first(1))


def test_loaders_do_not_touch_the_global_generator():
    data = made(flip=True)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        list(loader)
    assert torch.equal(torch.rand(2), expected)

"""Bags: what an item holds, that epochs and seeds fix it, and what is refused."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from aucmax.bags import Bags, collate_bags
from aucmax.samplers import BalancedBatches

of_each = st.lists(st.integers(0, 4), min_size=5, max_size=40).map(
    lambda bags: np.unique(bags, return_inverse=True)[1]
)


def numbered(bags, **options):
    """Bags of instances that are their own positions."""
    count = int(bags.max()) + 1
    return Bags(torch.arange(len(bags)), bags, torch.arange(count) % 2, **options)


@given(of_each)
@settings(max_examples=40, deadline=None)
def test_without_a_sample_bags_come_whole(array):
    bags = numbered(array)
    for bag in range(len(bags)):
        instances, mask, target, index = bags[bag]
        assert instances.tolist() == np.flatnonzero(array == bag).tolist()
        assert instances.tolist() == bags.rows(bag).tolist()
        assert mask.all()
        assert (target, index) == (bag % 2, bag)
    assert bags.sizes.tolist() == np.bincount(array).tolist()


@given(of_each, st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_sample_has_no_instance_twice_and_one_size(array, sample, seed, epoch):
    bags = numbered(array, sample=sample, seed=seed)
    bags.set_epoch(epoch)
    for bag in range(len(bags)):
        own = np.flatnonzero(array == bag)
        instances, mask, _, _ = bags[bag]
        assert instances.shape == mask.shape == (sample,)
        assert mask.sum() == min(sample, len(own))
        drawn = instances[mask].tolist()
        assert len(set(drawn)) == len(drawn)
        assert set(drawn) <= set(own.tolist())
        assert not instances[~mask].any()
        assert not mask[mask.sum() :].any()  # padding is at the end


def test_samples_depend_on_seed_epoch_and_bag_alone():
    array = np.repeat(np.arange(3), 50)
    drawn = {}
    for seed in (0, 1):
        bags = numbered(array, sample=5, seed=seed)
        for epoch in (0, 1):
            bags.set_epoch(epoch)
            assert bags.epoch == epoch
            for bag in (2, 0, 1):
                torch.manual_seed(seed + epoch + bag)  # which must not matter
                drawn[seed, epoch, bag] = tuple((bags[bag][0] - 50 * bag).tolist())
                assert drawn[seed, epoch, bag] == tuple((bags[bag][0] - 50 * bag).tolist())
    assert len(set(drawn.values())) == len(drawn)


def test_every_instance_is_drawn_equally_often():
    bags, epochs = numbered(np.zeros(12, dtype=int), sample=3), 2000
    counts = torch.zeros(12)
    for epoch in range(epochs):
        bags.set_epoch(epoch)
        counts[bags[0][0]] += 1
    expected = epochs * 3 / 12
    chi_square = ((counts - expected) ** 2 / expected).sum() / (1 - 3 / 12)
    assert chi_square < 31.3  # the 99.9 % point for 11 degrees of freedom


def test_rows_of_bags_may_overlap_and_leave_out():
    bags = Bags(10 * torch.arange(6), [[5, 0, 3], np.array([3]), torch.tensor([1, 0])], [0, 1, 1])
    assert [bags[k][0].tolist() for k in range(3)] == [[0, 30, 50], [30], [0, 10]]
    table = Bags(torch.arange(6), np.arange(6).reshape(3, 2), [0, 1, 1])  # bags of one size
    assert [table[k][0].tolist() for k in range(3)] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("kind", ["array", "tensor", "memory map", "data set", "list of arrays"])
def test_instances_of_any_kind(kind, tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (7, 2, 3), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    held = {
        "array": x,
        "tensor": torch.tensor(x),
        "memory map": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "data set": TensorDataset(torch.tensor(x), torch.zeros(7)),
        "list of arrays": list(x),
    }[kind]
    bags = Bags(held, [0, 1, 0, 1, 0, 1, 1], [0, 1], sample=4)
    instances, mask, _, _ = bags[0]
    assert instances.dtype == torch.uint8
    assert torch.equal(instances[mask], torch.tensor(x[[0, 2, 4]]))
    instances[:] = 0  # a copy: the data stay
    assert torch.equal(next(bags.chunks(0, 3)), torch.tensor(x[[0, 2, 4]]))


def test_only_the_drawn_instances_are_read():
    class Huge:
        read = 0

        def __len__(self):
            return 10**6

        def __getitem__(self, row):
            self.read += 1
            return torch.tensor([row])

    huge = Huge()
    bags = Bags(huge, [range(10**6)], [1], sample=3)
    assert bags[0][0].shape == (3, 1)
    assert huge.read == 3


@given(of_each, st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_chunks_are_the_bag_in_order(array, size):
    bags = numbered(array, sample=2)
    for bag in range(len(bags)):
        parts = list(bags.chunks(bag, size))
        assert torch.equal(torch.cat(parts), bags.rows(bag))
        assert all(len(part) == size for part in parts[:-1])
        assert 0 < len(parts[-1]) <= size


def test_whole_bags_are_padded_together():
    bags = Bags(torch.randn(6, 2), [0, 1, 1, 1, 0, 2], [[0.0, 1], [1, 0], [torch.nan, 1]])
    batch = next(iter(DataLoader(bags, batch_size=3, collate_fn=collate_bags)))
    instances, mask, target, index = batch
    assert mask.sum(1).tolist() == bags.sizes.tolist()
    assert (instances.shape, mask.dtype, index.dtype) == ((3, 3, 2), torch.bool, torch.int64)
    for bag in range(3):
        assert torch.equal(instances[bag, mask[bag]], bags[bag][0])
    assert not instances[~mask].any()
    torch.testing.assert_close(target, bags.target, equal_nan=True)
    with pytest.raises(ValueError, match="items must hold at least one bag"):
        collate_bags([])


def test_batches_with_both_classes():
    bags = numbered(np.repeat(np.arange(20), 9), sample=4)
    loader = DataLoader(bags, batch_sampler=BalancedBatches(bags.target, 8, positives=0.25))
    for instances, mask, target, index in loader:
        assert instances.shape == mask.shape == (8, 4)
        assert target.sum() == 2
        assert torch.equal(instances[:, 0] // 9, index)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_new_epoch_reaches_persistent_workers():
    bags = numbered(np.repeat(np.arange(4), 30), sample=5)
    loader = DataLoader(bags, batch_size=4, num_workers=1, persistent_workers=True)
    for epoch in (0, 1, 7):
        bags.set_epoch(epoch)
        assert torch.equal(next(iter(loader))[0], torch.stack([bags[k][0] for k in range(4)]))


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda bags: pickle.loads(pickle.dumps(bags))])
def test_twins(twin):
    bags = numbered(np.zeros(30, dtype=int), sample=5)
    bags.set_epoch(3)
    assert torch.equal(twin(bags)[0][0], bags[0][0])


def test_targets():
    for target in ([0, 1], np.array([[0], [1]]), torch.tensor([False, True])):
        assert Bags(torch.zeros(2), [0, 1], target).target.tolist() == [0.0, 1.0]


X = torch.zeros(4, 2)
WRONG = {
    "a number": (3, [0, 1], [0, 1], {}, TypeError, "instances must be an array.*got int"),
    "a stream": (iter([1]), [0], [0], {}, TypeError, "data set with length, got list_iterator"),
    "a bag for each": (X, [0, 1], [0, 1], {}, ValueError, "one entry for each of 4 inst.* got 2"),
    "too many bags": (X, [0, 1, 2, 1], [0, 1], {}, ValueError,
                      r"lie in 0 to 1 \(target has 2\), got 0 to 2"),
    "no bag": (X, [0, 1, -1, 1], [0, 1], {}, ValueError, "lie in 0 to 1 .* got -1 to 1"),
    "names": (X, np.array(list("aabb")), [0, 1], {}, ValueError, "got <U1 .* np.unique"),
    "a list of names": (X, list("aabb"), [0, 1], {}, ValueError, "got <U1 .* np.unique"),
    "fractions": (X, [[0.5], [1]], [0, 1], {}, ValueError, r"bags\[0\] must be .* got float64"),
    "an empty bag": (X, [0, 0, 2, 2], [0, 1, 1], {}, ValueError, r"1 empty ones, \[1\]"),
    "an empty list": (X, [[0, 1], []], [0, 1], {}, ValueError, r"1 empty ones, \[1\]"),
    "rows": (X, [[0], [4]], [0, 1], {}, ValueError,
             r"bags\[1\] must lie in 0 to 3 \(the instances are 4\), got 4 to 4"),
    "one list": (X, [[0, 1]], [0, 1], {}, ValueError, "one entry for each of 2 targets, got 1"),
    "no lists": (X, None, [0, 1], {}, ValueError, "each of 2 targets, got NoneType"),
    "twice": (X, [[3, 1, 3], [0]], [0, 1], {}, ValueError, r"bags\[0\] .* once, got row 3 twice"),
    "target": (X, [0, 0, 1, 1], [1, 2], {}, ValueError, r"0, 1 or NaN \(unknown\), got \[2.0\]"),
    "words": (X, [0, 0, 1, 1], ["a", "b"], {}, ValueError, "target must be numbers, got <U1"),
    "no target": (X, [], [], {}, ValueError, r"\(bags, L\) and not empty, got \(0,\)"),
    "sample": (X, [0, 0, 1, 1], [0, 1], {"sample": 0}, ValueError, "sample must be .*1, got 0"),
    "seed": (X, [0, 0, 1, 1], [0, 1], {"seed": -1}, ValueError, "seed must be .*0, got -1"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("instances", "bags", "target", "options", "error", "message"), WRONG.values(), ids=WRONG
)
def test_wrong_bags(instances, bags, target, options, error, message):
    with pytest.raises(error, match=message):
        Bags(instances, bags, target, **options)


def test_wrong_calls():
    bags = Bags(X, [0, 0, 1, 1], [0, 1])
    with pytest.raises(ValueError, match="epoch must be an integer >= 0, got -1"):
        bags.set_epoch(-1)
    with pytest.raises(ValueError, match="size must be an integer >= 1, got 0"):
        next(bags.chunks(0, 0))
    for bag in (2, -1):
        with pytest.raises(IndexError, match=f"must lie in 0 to 1, got {bag}"):
            bags[bag]


def test_wrong_instances():
    with pytest.raises(TypeError, match=r"instances must be tensors.* got str at position 1"):
        Bags([torch.zeros(1), "b"], [0, 0], [1])[0]
    with pytest.raises(ValueError, match=r"one shape, got \[\(1,\), \(2,\)\]"):
        Bags([torch.zeros(1), torch.zeros(2)], [0, 0], [1])[0]

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_samplers import quota, visits_differ_by_one
from torch.utils.data import DataLoader, TensorDataset

from aucmax.samplers import BalancedBatches

LABELS = [1] * 7 + [0] * 30


@st.composite
def problems(draw):
    """Labels in random order with unknowns, and settings for which they suffice."""
    batch, share, world = draw(st.integers(2, 9)), draw(st.floats(0.01, 0.99)), draw(_WORLDS)
    need = [world * k for k in quota(share, batch)]
    have = [draw(st.integers(k, 3 * k + 5)) for k in need]
    labels = [0] * have[0] + [1] * have[1] + [float("nan")] * draw(st.integers(0, 4))
    return draw(st.permutations(labels)), batch, share, world


_WORLDS = st.integers(1, 3)


@settings(max_examples=120, deadline=None)
@given(problems(), st.integers(0, 99), st.none() | st.integers(1, 9))
def test_every_promise_of_an_epoch(problem, seed, num_batches):
    labels, size, share, world = problem
    ranks = [
        BalancedBatches(
            labels, size, share, seed=seed, num_batches=num_batches, num_replicas=world, rank=rank
        )
        for rank in range(world)
    ]
    pools = [[i for i, y in enumerate(labels) if y == value] for value in (0, 1)]
    steps = list(zip(*ranks, strict=True))
    known = len(pools[0]) + len(pools[1])
    assert len(steps) == len(ranks[0]) == (num_batches or known // (size * world))
    for batches in steps:
        joint = [row for batch in batches for row in batch]
        assert len(set(joint)) == len(joint) == size * world
        assert all(sum(labels[i] == 1 for i in batch) == quota(share, size)[1] for batch in batches)
    seen = [i for batches in steps for batch in batches for i in batch]
    for pool in pools:
        assert visits_differ_by_one([i for i in seen if i in set(pool)], pool)


@pytest.mark.parametrize(("size", "share", "world"), [(4, 0.5, 2), (4, 0.25, 3), (8, 0.125, 4)])
def test_the_union_of_the_ranks_is_the_batch_of_one_process(size, share, world):
    labels = LABELS * 4
    joint = BalancedBatches(labels, size * world, share, seed=3)
    ranks = [
        BalancedBatches(labels, size, share, seed=3, num_replicas=world, rank=rank)
        for rank in range(world)
    ]
    for _ in range(2):
        for one, *parts in zip(joint, *ranks, strict=True):
            assert sorted(one) == sorted(row for part in parts for row in part)


def test_positions_are_those_of_the_labels():
    labels = np.array([[0], [1], [np.nan], [0], [1], [0]])
    batches = list(BalancedBatches(labels, 2, num_batches=60))
    assert {i for batch in batches for i in batch} == {0, 1, 3, 4, 5}
    assert all(sum(i in (1, 4) for i in batch) == 1 for batch in batches)


def test_a_batch_is_shuffled():
    first = [batch[0] < 7 for batch in BalancedBatches(LABELS, 4, num_batches=400)]
    assert 140 < sum(first) < 260  # positives lead half of the batches: 200, sd 10


def test_order_differs_by_epoch_and_seed_but_not_by_run():
    def epochs(seed):
        sampler = BalancedBatches(LABELS, 4, seed=seed)
        return [list(sampler) for _ in range(3)]

    assert epochs(0) == epochs(0)
    flat = [str(epoch) for seed in (0, 1, 2) for epoch in epochs(seed)]
    assert len(set(flat)) == len(flat)


def test_it_drives_a_data_loader():
    data = TensorDataset(torch.arange(37), torch.tensor(LABELS))
    loader = DataLoader(data, batch_sampler=BalancedBatches(data, 6, 1 / 3))
    assert len(loader) == 6
    for rows, target in loader:
        assert target.sum() == 2
        assert torch.equal(target, (rows < 7).long())


def test_a_million_rows_take_no_loop_over_rows():
    labels = torch.arange(10**6) % 100 == 0
    sampler = BalancedBatches(labels, 128)
    rows = torch.tensor(list(sampler))
    assert rows.shape == (7812, 128)
    positives = rows[labels[rows]].bincount(minlength=10**6)[labels]
    assert (int(positives.min()), int(positives.max())) == (49, 50)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 1, 2]}, r"0, 1 or NaN \(unknown\), got also \[2.0\]; for class numbers"),
        ({"labels": [1] * 9}, "both classes, got 9 positives and 0 negatives; one class"),
        ({"labels": [0, 0, np.nan]}, "both classes, got 0 positives and 2 negatives"),
        ({"labels": np.eye(4)}, r"\(n,\) or \(n, 1\), got \(4, 4\); use MultiLabelBatches"),
        ({"batch_size": 16}, r"7 positives and 30 negatives.*needs 8 and 8 \(batch_size=16"),
        ({"positives": 0.0}, "between 0 and 1, got 0.0; for k positives"),
        ({"positives": 1}, "between 0 and 1, got 1; for k positives"),
        ({"positives": float("nan")}, "between 0 and 1, got nan"),
        ({"positives": "half"}, "between 0 and 1, got 'half'"),
        ({"batch_size": 1}, "batch_size must be an integer >= 2, got 1"),
        ({"batch_size": 4.0}, "batch_size must be an integer >= 2, got 4.0"),
        ({"num_replicas": 4, "rank": 0}, r"needs 8 and 8 .*processes=4\); use a smaller"),
    ],
)
def test_errors(change, message):
    arguments = {"labels": LABELS, "batch_size": 4} | change
    with pytest.raises(ValueError, match=message):
        BalancedBatches(**arguments)

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles_samplers import can_serve, chosen_labels, class_count, quota, visits_differ_by_one

from aucmax.samplers import MultiLabelBatches

NAN = float("nan")


@st.composite
def problems(draw):
    """Any small matrix of labels with unknowns, and any settings."""
    columns = draw(st.integers(1, 5))
    value = st.sampled_from(draw(st.sampled_from(["01", "01?", "00000001", "011111?", "0", "?"])))
    numbers = {"0": 0.0, "1": 1.0, "?": NAN}
    row = st.lists(value.map(numbers.get), min_size=columns, max_size=columns)
    labels = draw(st.lists(row, min_size=2, max_size=24))
    for same in (0.0, 1.0):  # rows that all labels compete for
        labels += [[same] * columns] * draw(st.integers(0, 3))
    labels = draw(st.permutations(labels))
    size = draw(st.integers(2, 9))
    chosen = draw(st.integers(1, min(columns, size // 2)))
    return labels, size, draw(st.floats(0.05, 0.95)), chosen


def make(problem, **options):
    labels, size, positives, chosen = problem
    return MultiLabelBatches(labels, size, positives=positives, labels_per_batch=chosen, **options)


def take_of(problem):
    _, size, positives, chosen = problem
    return quota(positives, size // chosen)


def known_rows(labels):
    return [i for i, row in enumerate(labels) if any(value == value for value in row)]


@settings(max_examples=400, deadline=None)
@given(problems(), st.integers(0, 99), st.integers(1, 6))
def test_on_one_process_a_batch_is_made_exactly_when_it_can_be(problem, seed, num_batches):
    labels, size, _, chosen = problem
    known = known_rows(labels)
    possible = can_serve(labels, take_of(problem), 1) and len(known) >= size
    try:
        sampler = make(problem, seed=seed, num_batches=num_batches)
    except ValueError:
        assert not possible
        return
    assert possible
    batches = list(sampler)
    assert len(batches) == num_batches
    for batch in batches:
        assert len(set(batch)) == len(batch) == size
        assert set(batch) <= set(known)
        served = chosen_labels(labels, batch, len(labels[0]), take_of(problem))
        assert len(served) >= chosen


@settings(max_examples=400, deadline=None)
@given(problems(), st.integers(2, 3), st.integers(0, 99))
def test_on_several_processes_every_rank_gets_both_classes(problem, world, seed):
    labels, size, _, chosen = problem
    labels = labels * world  # small matrices seldom suffice for several processes
    problem = (labels, *problem[1:])
    options = {"seed": seed, "num_batches": 3, "num_replicas": world}
    enough = can_serve(labels, take_of(problem), world) and len(known_rows(labels)) >= size * world
    try:
        ranks = [make(problem, rank=rank, **options) for rank in range(world)]
    except ValueError as error:
        refused = str(error)
        assert not enough or (chosen > 1 and "take them from a process" in refused)
        return
    assert enough
    for batches in zip(*ranks, strict=True):
        joint = [row for batch in batches for row in batch]
        assert len(set(joint)) == len(joint) == size * world
        served = [
            chosen_labels(labels, batch, len(labels[0]), take_of(problem)) for batch in batches
        ]
        assert len(set.intersection(*served)) >= chosen  # the same labels on every rank


def table(n=240, columns=6, unknown=0.2):
    """Rare and frequent labels, some values unknown, (n, columns)."""
    generator = torch.Generator().manual_seed(0)
    chance = torch.rand(n, columns, generator=generator)
    labels = (chance < torch.linspace(0.08, 0.6, columns)).double()
    return labels.where(torch.rand(n, columns, generator=generator) > unknown, torch.nan)


def test_every_label_is_chosen_equally_often():
    # Labels that exclude one another, unknown elsewhere: a batch shows what it was made for.
    labels = torch.full((50, 5), torch.nan)
    for label in range(5):
        labels[label * 10 : label * 10 + 10, label] = torch.tensor([0.0, 1.0] * 5)
    sampler = MultiLabelBatches(labels, 8, labels_per_batch=2, num_batches=7)
    served = [{row // 10 for row in batch} for batch in sampler]
    assert all(len(found) == 2 for found in served)
    count = Counter(label for found in served for label in found)
    assert sorted(count.values()) == [2, 3, 3, 3, 3]
    rows = [row for _ in range(3) for batch in sampler for row in batch]
    assert set(rows) == set(range(50))


def test_without_conflicts_rows_of_a_class_come_equally_often():
    labels = torch.full((30, 2), torch.nan)
    labels[:15, 0] = (torch.arange(15) < 4).float()
    labels[15:, 1] = (torch.arange(15) < 6).float()
    rows = [row for batch in MultiLabelBatches(labels, 8, num_batches=11) for row in batch]
    for pool in (range(4), range(4, 15), range(15, 21), range(21, 30)):
        assert visits_differ_by_one([row for row in rows if row in pool], pool)
        assert sum(row in pool for row in rows) == 11 * 2


@pytest.mark.parametrize(("size", "chosen", "quotas"), [(10, 3, 3), (12, 6, 2), (64, None, 10)])
def test_each_chosen_label_has_its_quota(size, chosen, quotas):
    labels = table()
    sampler = MultiLabelBatches(labels, size, labels_per_batch=chosen)
    assert sampler.labels_per_batch == (chosen or 6)
    take = quota(0.5, quotas)
    for batch in sampler:
        assert len(chosen_labels(labels.tolist(), batch, 6, take)) >= sampler.labels_per_batch


def test_one_label_makes_batches_with_a_fixed_number_of_positives():
    labels = table(columns=1, unknown=0.1)
    sampler = MultiLabelBatches(labels.flatten(), 10, positives=0.3)
    rows = [row for batch in sampler for row in batch]
    assert len(sampler) == int((labels == labels).sum()) // 10
    for batch in sampler:
        assert class_count(labels.tolist(), batch, 0, 1) == 3
        assert class_count(labels.tolist(), batch, 0, 0) == 7
    for value in (0, 1):
        pool = (labels[:, 0] == value).nonzero().flatten().tolist()
        assert visits_differ_by_one([row for row in rows if row in set(pool)], pool)


def test_the_union_of_the_ranks_is_the_batch_of_one_process():
    labels = table(unknown=0.0)
    joint = MultiLabelBatches(labels, 24, labels_per_batch=3, seed=5)
    ranks = [
        MultiLabelBatches(labels, 12, labels_per_batch=3, seed=5, num_replicas=2, rank=rank)
        for rank in range(2)
    ]
    assert len(joint) == len(ranks[0]) == 10
    for one, *parts in zip(joint, *ranks, strict=True):
        assert sorted(one) == sorted(row for part in parts for row in part)


def test_labels_per_batch_defaults_to_as_many_as_have_room_for_both_classes():
    assert MultiLabelBatches(table(), 64).labels_per_batch == 6
    assert MultiLabelBatches(table(), 9).labels_per_batch == 4
    assert MultiLabelBatches(table(), 2).labels_per_batch == 1


def test_rows_shared_by_all_labels_serve_them_all():
    # One positive row for both labels: it must count for both.
    labels = [[1, 1], [0, 0], [0, 0], [0, 0]]
    assert all(sorted(batch) == [0, 1, 2, 3] for batch in MultiLabelBatches(labels, 4))


RARE = torch.zeros(40, 3)
RARE[:2] = 1  # two rows, positive for all three labels


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([[0, 1], [1, 1], [0, 1]], {}, r"in every column, but columns \[1\] hold at most one; dr"),
        ([[NAN, 1], [1, 0], [NAN, 0]], {}, r"columns \[0\] hold at most one; drop these columns"),
        ([1, 1, 1, NAN], {}, r"columns \[0\] hold at most one"),
        (np.array([[0, -1], [1, 1]]), {}, r"0, 1 or NaN \(unknown\), got also \[-1.0\]"),
        (table(), {"positives": 1.5}, "between 0 and 1, got 1.5"),
        (table(), {"labels_per_batch": 0}, "labels_per_batch must be an integer >= 1, got 0"),
        (table(), {"labels_per_batch": 7}, "<= 2, got 7: labels has 6 columns and batch_size=4"),
        (table(), {"labels_per_batch": 3}, "<= 2, got 3: .* each chosen one 2 rows at least"),
        (table(), {"batch_size": 60, "labels_per_batch": 1}, r"one class in columns \[0\] \(batch"),
        (RARE, {"batch_size": 40, "num_replicas": 2, "rank": 0}, r"columns \[0, 1, 2\] .*cesses=2"),
        ([[0, 1], [1, 0], [1, 1], [NAN, NAN]], {}, r"have 3 rows with a known label, fewer than a"),
        (RARE, {"num_replicas": 2, "rank": 0}, r"columns \[1, 2\] have so few rows .* \(1 always"),
        ([["a", "b"]], {}, "labels must be numbers"),
    ],
)
def test_errors(labels, options, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelBatches(labels, **{"batch_size": 4} | options)


def test_the_cure_for_contested_labels_works():
    options = {"labels_per_batch": 1, "num_replicas": 2}
    for parts in zip(
        MultiLabelBatches(RARE, 4, positives=0.25, rank=0, **options),
        MultiLabelBatches(RARE, 4, positives=0.25, rank=1, **options),
        strict=True,
    ):
        assert [sum(row < 2 for row in part) for part in parts] == [1, 1]


def test_a_world_that_is_too_large_is_refused_at_iteration(monkeypatch):
    sampler = MultiLabelBatches(RARE, 4)
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 3)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 0)
    assert len(sampler) == 3
    with pytest.raises(ValueError, match="processes=3"):
        next(iter(sampler))


def test_real_labels_of_chest_radiographs(shared_data):
    pandas = pytest.importorskip("pandas")
    file = shared_data / "chexpert_train" / "chexpert_train.csv.gz"
    if not file.is_file():
        pytest.skip(f"no file {file}")
    columns = ["Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion"]
    labels = torch.tensor(pandas.read_csv(file)[columns].replace(-1, NAN).to_numpy())
    batches = torch.tensor(list(MultiLabelBatches(labels, 40, labels_per_batch=4)))
    assert len(batches) == int((labels == labels).any(1).sum()) // 40
    assert all(len(set(batch)) == 40 for batch in batches.tolist())
    served = [(labels[batches] == value).sum(1) >= 5 for value in (0, 1)]
    assert int((served[0] & served[1]).sum(1).min()) >= 4

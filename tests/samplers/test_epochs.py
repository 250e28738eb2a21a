"""What all samplers inherit: epochs, states, lengths and ranks."""

import copy
import itertools
import pickle
import random

import numpy as np
import pytest
import torch

from aucmax.samplers import BalancedBatches, MultiLabelBatches

LABELS = torch.arange(60) % 4 == 0
TABLE = torch.arange(60)[:, None] % torch.tensor([2, 3, 5]) == 0


def balanced(**options):
    return BalancedBatches(LABELS, 8, **options)


def multilabel(**options):
    return MultiLabelBatches(TABLE, 10, labels_per_batch=2, **options)


both = pytest.mark.parametrize("make", [balanced, multilabel])


@both
def test_each_iteration_takes_the_next_epoch(make):
    sampler = make()
    epochs = []
    for epoch in range(3):
        assert sampler.epoch == epoch
        epochs.append(list(sampler))
        other = make()
        other.set_epoch(epoch)
        assert list(other) == epochs[epoch]
    assert epochs[0] != epochs[1] != epochs[2]


@both
def test_set_epoch_also_goes_back_and_iteration_continues_from_there(make):
    sampler = make()
    epochs = [list(sampler) for _ in range(4)]
    sampler.set_epoch(1)
    assert sampler.epoch == 1
    assert [list(sampler), list(sampler)] == epochs[1:3]


@both
def test_an_abandoned_epoch_is_not_resumed(make):
    sampler, other = make(), make()
    next(iter(sampler))
    other.set_epoch(1)
    assert list(sampler) == list(other)


@both
def test_an_iterator_that_yields_nothing_uses_up_no_epoch(make):
    sampler = make()
    iter(sampler)  # as a DataLoader with workers does
    assert list(sampler) == list(make())


@both
def test_global_generators_are_left_alone(make):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    list(make())
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()
    assert before[2] == random.getstate()


@both
@pytest.mark.parametrize("done", [0, 1, 4, 5, 6, 7, 11, 12, 13])
def test_a_resumed_run_yields_what_the_uninterrupted_one_does(make, done):
    sampler = make()
    endless = itertools.chain.from_iterable(iter(sampler) for _ in range(5))
    for _ in range(done):
        next(endless)
    state = pickle.loads(pickle.dumps(sampler.state_dict()))
    rest = list(itertools.islice(endless, 9))
    resumed = make()
    resumed.load_state_dict(state)
    again = itertools.chain.from_iterable(iter(resumed) for _ in range(5))
    assert list(itertools.islice(again, 9)) == rest


@both
def test_the_state_names_epoch_and_batches_yielded(make):
    sampler = make(seed=7)
    length = len(sampler)
    assert sampler.state_dict() == {"seed": 7, "epoch": 0, "batch": 0, "num_batches": length}
    batches = iter(sampler)
    next(batches)
    next(batches)
    assert sampler.state_dict() == {"seed": 7, "epoch": 0, "batch": 2, "num_batches": length}
    list(batches)
    assert sampler.state_dict() == {"seed": 7, "epoch": 1, "batch": 0, "num_batches": length}


def test_set_epoch_keeps_the_place_of_a_loaded_epoch_only():
    sampler = balanced()
    whole = list(sampler)
    state = {**sampler.state_dict(), "epoch": 0, "batch": 3}
    sampler.load_state_dict(state)
    sampler.set_epoch(0)
    assert list(sampler) == whole[3:]
    sampler.set_epoch(0)  # that was used up: from the start
    assert list(sampler) == whole
    sampler.load_state_dict(state)
    sampler.set_epoch(1)
    assert len(list(sampler)) == len(whole)


@both
def test_copies_are_independent_and_equal(make):
    sampler = make()
    next(iter(sampler))
    for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert twin.state_dict() == sampler.state_dict()
        assert list(twin) == list(copy.deepcopy(sampler))


def test_length_is_that_of_a_plain_loader_with_drop_last():
    assert len(balanced()) == 60 // 8
    assert len(balanced(num_replicas=3, rank=0)) == 60 // 24
    assert len(balanced(num_batches=5, num_replicas=3, rank=0)) == 5
    assert len(balanced(num_batches=np.int64(5))) == 5
    assert balanced().drop_last
    assert balanced().batch_size == 8


STATE = {"seed": 0, "epoch": 0, "batch": 0, "num_batches": 7}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"epoch": 1}, r"come from state_dict\(\), but lacks \['batch', 'num_batches', 'seed'\]"),
        (STATE | {"seed": 3}, r"\(saved, here\) = \{'seed': \(3, 0\)\}; make the sampler as it"),
        (STATE | {"num_batches": 2}, r"'num_batches': \(2, 7\)"),
        (STATE | {"batch": 7}, r"state\['batch'\] must be < 7, got 7"),
        (STATE | {"batch": -1}, r"state\['batch'\] must be an integer >= 0, got -1"),
        (STATE | {"epoch": 0.5}, r"state\['epoch'\] must be an integer >= 0, got 0.5"),
    ],
)
def test_foreign_states_are_refused(state, message):
    sampler = balanced()
    with pytest.raises(ValueError, match=message):
        sampler.load_state_dict(state)
    assert sampler.state_dict() == STATE


@both
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer >= 0, got 0.5"),
        ({"num_batches": 0}, "num_batches must be an integer >= 1, got 0"),
        ({"num_batches": True}, "num_batches must be an integer >= 1, got True"),
        ({"rank": 0}, "both or neither, got None and 0; leave both out"),
        ({"num_replicas": 2}, "both or neither, got 2 and None"),
        ({"num_replicas": 0, "rank": 0}, "num_replicas must be an integer >= 1, got 0"),
        ({"num_replicas": 2, "rank": 2}, "rank must be < num_replicas, got rank=2, num_replicas=2"),
        ({"num_replicas": 2, "rank": -1}, "rank must be an integer >= 0, got -1"),
    ],
)
def test_options_out_of_range_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("epoch", [-1, 1.5])
def test_set_epoch_refuses_what_is_no_epoch(epoch):
    with pytest.raises(ValueError, match=f"epoch must be an integer >= 0, got {epoch}"):
        balanced().set_epoch(epoch)

"""Two processes that share batches of graphs learn what one learns from the joint batches."""

import time

import pytest
import torch
import torch.multiprocessing as mp
from oracles_graph_processes import LOSSES, SECONDS, WORLD, fresh, learnt, worker
from oracles_nav import nav_csv

from aucmax.data import Molecules


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return nav_csv(tmp_path_factory.mktemp("nav") / "nav.csv", 80, [("[Na+]", 0), ("O", 1)] * 2)


@pytest.fixture(scope="module")
def ranks(table, tmp_path_factory):
    """What the two processes found."""
    Molecules(table, label="active", workers=0).load()  # both read what is kept
    folder = tmp_path_factory.mktemp("ranks")
    context = mp.spawn(worker, (str(folder), table), WORLD, join=False)
    deadline = time.monotonic() + SECONDS
    try:
        while not context.join(timeout=max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                pytest.fail(f"the processes did not end within {SECONDS} s")
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_learn_what_one_learns_from_the_joint_batch(table, ranks, name):
    weights, memory = learnt(table, name, 16)
    initial = fresh().state_dict()
    assert max(float((weights[key] - initial[key]).abs().max()) for key in weights) > 0.01
    for found in ranks:
        two_weights, two_memory = found[name]
        for key, value in weights.items():
            torch.testing.assert_close(two_weights[key], value, rtol=0, atol=1e-5)
        for key, value in memory.items():
            torch.testing.assert_close(two_memory[key], value, rtol=0, atol=1e-5, equal_nan=True)

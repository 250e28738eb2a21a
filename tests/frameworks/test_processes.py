"""Two processes in FSDP2, accelerate and plain torch.distributed do what one process does."""

import socket
import time

import pytest
import torch
import torch.multiprocessing as mp
from oracles_frameworks import (
    LABELS,
    LOSSES,
    OPTIMIZERS,
    SECONDS,
    SHARDED,
    WORLD,
    Joint,
    rows,
    train,
    worker,
)

import aucmax

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    pytest.importorskip("accelerate", reason="needs accelerate")
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = mp.spawn(worker, (str(folder), port), WORLD, join=False)
    deadline = time.monotonic() + SECONDS
    try:
        while not context.join(timeout=max(0.0, deadline - time.monotonic())):
            assert time.monotonic() < deadline, "two processes did not end in time"
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


@pytest.mark.parametrize(("loss", "optimizer"), SHARDED)
def test_fsdp2_with_the_loss_inside_learns_what_one_process_learns(ranks, loss, optimizer):
    module = Joint(LOSSES[loss]())
    train(module, OPTIMIZERS[optimizer](aucmax.param_groups(module)), slice(None))
    for rank in ranks:
        found = rank["sharded"][loss, optimizer]
        inner = "loss.loss.auc." if loss == "compositional" else "loss.loss."
        own = getattr(module.loss.loss, "auc", module.loss.loss)
        shift = found.pop(f"{inner}shift")
        # What forward writes into sharded parameters is lost: that lies in the buffer.
        for row, name in zip(shift, own._initial, strict=True):
            found[f"{inner}{name}"] = found[f"{inner}{name}"] + row
        for name, p in module.named_parameters():
            torch.testing.assert_close(found[name], p.detach(), rtol=1e-4, atol=1e-5)


def test_a_loader_prepared_by_accelerate_draws_every_row_once_in_an_epoch(ranks):
    for name in ("prepared", "not prepared", "one process"):
        first, second = (rank[name][0] for rank in ranks)
        assert [rank[name][1] for rank in ranks] == [20, 20]
        for epoch in range(2):
            joint = [row for part in (first, second) for batch in part[epoch] for row in batch]
            assert sorted(joint) == list(range(len(LABELS)))
        assert first[0] != first[1]  # another order in the next epoch
        for batches in zip(first[0], second[0], strict=True):
            assert [sum(LABELS[row] for row in batch) for batch in batches] == [1, 1]


def test_ranks_given_to_a_sampler_that_accelerate_shares_are_refused(ranks):
    for rank in ranks:
        assert "num_replicas must be left out (or 1), got 2: accelerator.prepare" in rank["refused"]


def test_processes_agree_on_the_start_of_a_loss_outside_of_allgather(ranks):
    (x, y), joint = rows(0), aucmax.AUCMLoss()
    joint(x[:, 0], y)
    for rank in ranks:
        found, warned = rank["alone"]
        assert found == pytest.approx([p.item() for p in joint.parameters()], rel=1e-5)
        assert len(warned) == 1
        assert "AUCMLoss compares only the rows of its own process" in warned[0]
        assert "aucmax.AllGather(loss)" in warned[0]


def test_second_derivatives_through_allgather_are_an_error(ranks):
    for rank in ranks:
        assert "this loss can be differentiated once" in rank["twice"]

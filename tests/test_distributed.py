"""Two processes (gloo) must do what one does. All checks of a process run in one start of it."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from oracles_distributed import Averaged, Saddle, Whole
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aucmax.distributed import AllGather
from aucmax.losses import (
    APLoss,
    AUCMLoss,
    AUCSquareLoss,
    AUMLoss,
    BCELoss,
    CrossEntropyAUCLoss,
    PairwiseAUCLoss,
    PartialAUCLoss,
    PAUCILoss,
    PNormPushLoss,
    SmoothPartialAUCLoss,
    SmoothTwoWayPartialAUCLoss,
    TwoWayPartialAUCLoss,
)
from aucmax.samplers import BalancedBatches, MultiLabelBatches

WORLD = 2
SECONDS = 600  # a hang fails after so long; slow machines take their time
SAMPLES, FEATURES, STEPS = 40, 6, 20


# One line per loss: a name, and the loss for a data set of n samples.
LOSSES = {
    "saddle": lambda n: Saddle(),
    "AUCMLoss": lambda n: AUCMLoss(),
    "AUCMLoss, prior": lambda n: AUCMLoss(prior=0.3),
    "AUCSquareLoss": lambda n: AUCSquareLoss(),
    "PairwiseAUCLoss": lambda n: PairwiseAUCLoss(),
    "PairwiseAUCLoss, logistic": lambda n: PairwiseAUCLoss("logistic"),
    "BCELoss": lambda n: BCELoss(),
    "averaged": lambda n: Averaged(n),
    "APLoss": lambda n: APLoss(n, gamma=0.3),
    "AUMLoss": lambda n: AUMLoss(),
    "CrossEntropyAUCLoss": lambda n: CrossEntropyAUCLoss(AUCMLoss()),
    "PNormPushLoss": lambda n: PNormPushLoss(),
    "PartialAUCLoss": lambda n: PartialAUCLoss(0.4, gamma=0.3),
    "PAUCILoss": lambda n: PAUCILoss(0.4, 0.3),
    "SmoothPartialAUCLoss": lambda n: SmoothPartialAUCLoss(0.5, n),
    "SmoothTwoWayPartialAUCLoss": lambda n: SmoothTwoWayPartialAUCLoss(0.5, 0.5, n),
    "TwoWayPartialAUCLoss": lambda n: TwoWayPartialAUCLoss(0.5, 0.3, gamma=0.3),
}
# Rows of each rank at each step.
SIZES = {"even": [(4, 4)] * STEPS, "uneven": [(5, 3), (2, 6), (8, 1), (0, 7)] * (STEPS // 4)}
SHARDS = ((torch.arange(3.0) - 1).view(3, 1), torch.linspace(-2, 2, 5).view(5, 1))
LABELS = [1] * 10 + [0] * 50
TABLE = torch.arange(60)[:, None] % torch.tensor([2, 3, 5]) == 0


def samplers(size, **options):
    return {
        "balanced": BalancedBatches(LABELS, size, 0.25, seed=4, **options),
        "multilabel": MultiLabelBatches(TABLE, size, labels_per_batch=2, seed=4, **options),
    }


def train(loss, sizes, rank=None):
    """Train on the rows of ``rank``, or of all; return all that was learned."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(SAMPLES, FEATURES, generator=generator)
    y = (x[:, 0] + torch.randn(SAMPLES, generator=generator) > 0).float()
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, 1))
    network = model if rank is None else DistributedDataParallel(model)
    optimizer = torch.optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    for step in sizes:
        index = torch.randperm(SAMPLES, generator=generator)[: sum(step)]
        index = index if rank is None else index.split(step)[rank]
        optimizer.zero_grad()
        loss(network(x[index]).squeeze(1), y[index], index).backward()
        optimizer.step()
    return model.state_dict(), loss.state_dict()


def adjoint(rank):
    """Gradient of one shard, when each rank makes something else of the whole."""
    own = SHARDS[rank].clone().requires_grad_()
    (whole,) = AllGather(Whole())(own, own.detach())[:1]
    (whole.sin() * (rank + 1) * torch.arange(8.0).view(8, 1)).sum().backward()
    return own.grad


def message(call):
    try:
        call()
    except ValueError as error:
        return str(error)
    return "no error"


def errors(rank):
    x, whole = torch.zeros(3), AllGather(Whole())
    return {
        "index": message(lambda: whole(x, x, x if rank else None)),
        "rows": message(lambda: whole(x, x[:2])),
        "scalar": message(lambda: whole(x[0], x[0])),
        "announced": message(lambda: AllGather(Whole(), batch_size=4)(x, x)),
    }


def gathered(rank):
    """Tensors of several types, rows numbered through, in shards of 3 and 5 or of 4 and 4."""
    rows = torch.arange(8)
    kinds = {
        "float32": rows.float(),
        "float64, columns": rows.double().view(8, 1) * torch.ones(2),
        "bfloat16": rows.bfloat16(),
        "int64": rows,
        "uint8": rows.byte(),
        "bool": rows % 3 == 0,
        "not contiguous": torch.stack([rows, -rows]).float().T,
    }
    found = {}
    for name, x in kinds.items():
        own = x.split([3, 5])[rank], x.split([4, 4])[rank]
        found[name] = [
            x,
            AllGather(Whole())(own[0], own[0])[0],
            AllGather(Whole())(own[1], own[1], own[1])[2],
            AllGather(Whole(), batch_size=4)(own[1], own[1])[1],
        ]
    return found


def worker(rank, folder, early):
    store = f"file://{folder}/store"
    limit = timedelta(seconds=SECONDS)
    dist.init_process_group("gloo", store, rank=rank, world_size=WORLD, timeout=limit)
    torch.set_num_threads(1)
    found = {
        "trained": {
            f"{name}, {kind}": train(AllGather(make(SAMPLES)), sizes, rank)
            for name, make in LOSSES.items()
            for kind, sizes in SIZES.items()
        },
        "adjoint": adjoint(rank),
        "errors": errors(rank),
        "gathered": gathered(rank),
        "batches": {name: [list(s), list(s)] for name, s in samplers(8).items()},
        "early": {name: list(s) for name, s in early.items()},
    }
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.barrier()  # who leaves while the other still talks may take it down
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What the processes found. ``early`` samplers are made before there is a process group."""
    folder = tmp_path_factory.mktemp("ranks")
    context = mp.spawn(worker, (str(folder), samplers(8)), WORLD, join=False)
    deadline = time.monotonic() + SECONDS
    try:
        while not context.join(timeout=max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                pytest.fail(f"the processes did not end within {SECONDS} s")
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_learn_what_one_learns_from_the_joint_batch(ranks, name, kind):
    weights, memory = train(LOSSES[name](SAMPLES), SIZES[kind])
    initial = train(LOSSES[name](SAMPLES), [])[0]
    assert max(float((weights[k] - initial[k]).abs().max()) for k in weights) > 0.01
    for found in ranks:
        two_weights, two_memory = found["trained"][f"{name}, {kind}"]
        assert set(two_memory) == {f"loss.{key}" for key in memory}
        for key, value in weights.items():
            torch.testing.assert_close(two_weights[key], value, rtol=0, atol=1e-6)
        for key, value in memory.items():
            found = two_memory[f"loss.{key}"]  # NaN: a row that has not been seen
            torch.testing.assert_close(found, value, rtol=0, atol=1e-6, equal_nan=True)


def test_the_gradient_of_a_shard_is_that_of_the_concatenation(ranks):
    shards = [shard.clone().requires_grad_() for shard in SHARDS]
    whole = torch.cat(shards)
    for rank in range(WORLD):
        part = (whole.sin() * (rank + 1) * torch.arange(8.0).view(8, 1)).sum()
        part.backward(retain_graph=True)
    for shard, found in zip(shards, ranks, strict=True):
        assert shard.grad is not None
        torch.testing.assert_close(found["adjoint"], shard.grad)


def test_rows_of_any_type_are_joined_in_the_order_of_the_ranks(ranks):
    for found in ranks:
        for x, *joined in found["gathered"].values():
            for whole in joined:
                assert whole.dtype == x.dtype
                assert torch.equal(whole, x)


@pytest.mark.parametrize("made", ["batches", "early"])
@pytest.mark.parametrize("name", ["balanced", "multilabel"])
def test_samplers_ask_for_their_rank_and_share_the_batch_of_one_process(ranks, name, made):
    one = samplers(16)[name]
    epochs = [list(one), list(one)] if made == "batches" else list(one)
    first, second = (found[made][name] for found in ranks)
    if made == "early":
        epochs, first, second = [epochs], [first], [second]
    for joint, *parts in zip(epochs, first, second, strict=True):
        assert len(joint) == 3
        for batch, *shares in zip(joint, *parts, strict=True):
            assert sorted(batch) == sorted(row for share in shares for row in share)


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("index", "index must be given on all ranks or on none, got it on ranks [1]"),
        ("rows", "must have the same rows, got [(3,), (2,)]"),
        ("scalar", "must have the same rows, got [(), ()]"),
        ("announced", "logits must have batch_size=4 rows as announced to AllGather, got 3; use"),
    ],
)
def test_what_cannot_be_joined_is_refused_on_every_rank(ranks, case, text):
    for found in ranks:
        assert text in found["errors"][case]


def test_on_one_process_the_loss_gets_exactly_what_was_given():
    own = torch.zeros(3, requires_grad=True), torch.ones(3), torch.arange(3)
    whole = AllGather(Whole(), batch_size=7)
    assert [x is y for x, y in zip(whole(*own), own, strict=True)] == [True] * 3
    assert len(whole(*own[:2])) == 2
    assert len(whole(own[0], own[1], index=own[2])) == 3


def test_a_group_of_one_process_is_one_process(tmp_path):
    dist.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        x = torch.zeros(3)
        assert AllGather(Whole())(x, x)[0] is x
        assert list(samplers(16)["balanced"]) == list(
            BalancedBatches(LABELS, 16, 0.25, seed=4, num_replicas=1, rank=0)
        )
    finally:
        dist.destroy_process_group()


def test_diagnostics_are_those_of_the_loss():
    class Telling(Whole):
        def diagnostics(self):
            return {"auroc": torch.tensor(0.75)}

    assert AllGather(Telling()).diagnostics() == {"auroc": torch.tensor(0.75)}
    assert AllGather(Whole()).diagnostics() == {}


def test_parameters_and_facts_of_the_loss_are_found_inside():
    loss = AllGather(Saddle())
    declared = [m.loss_variables for m in loss.modules() if hasattr(m, "loss_variables")]
    assert declared == [("alpha",)]
    assert set(loss.state_dict()) == {"loss.a", "loss.b", "loss.alpha"}


def test_an_impossible_batch_size_is_refused():
    with pytest.raises(ValueError, match="batch_size must be >= 1, or None if it varies, got 0"):
        AllGather(Whole(), batch_size=0)

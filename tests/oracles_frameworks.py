"""What each of two processes does inside the frameworks that share work among processes."""

import os
import warnings
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import aucmax

WORLD = 2
SECONDS = 900
LABELS = [1] * 40 + [0] * 360


class Joint(nn.Module):
    """A network with its loss inside, as fully_shard and DDP take it."""

    def __init__(self, loss):
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Linear(8, 1)
        self.loss = aucmax.AllGather(loss)

    def forward(self, x, y):
        return self.loss(self.net(x).squeeze(1), y)


def rows(step):
    draw = torch.Generator().manual_seed(step)
    x = torch.randn(16, 8, generator=draw)
    return x, (x[:, 0] + torch.randn(16, generator=draw) > 0.4).float()


OPTIMIZERS = {
    "PESG": lambda p: aucmax.PESG(p, lr=0.1, momentum=0.9, epoch_decay=0.01),
    # eps: at the saddle gradients are rounding, of which Adam would make steps of its own.
    "PESGAdam": lambda p: aucmax.PESGAdam(p, lr=0.02, eps=1e-3, epoch_decay=0.01),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "PDSCA": lambda p: aucmax.PDSCA(p, lr=0.1, inner_lr=0.05, epoch_decay=0.01),
}
LOSSES = {
    "AUCM": aucmax.AUCMLoss,
    "PAUCI": lambda: aucmax.PAUCILoss(0.5, 0.3),
    "compositional": aucmax.CompositionalAUCLoss,
}
SHARDED = [("AUCM", "PESG"), ("AUCM", "PESGAdam"), ("AUCM", "SGD"), ("PAUCI", "PESG"),
           ("compositional", "PDSCA")]  # fmt: skip


def train(module, optimizer, part, steps=8):
    """Some steps, each on a part of the rows; the closure is for optimizers that need one."""
    for step in range(steps):
        x, y = rows(step)

        def closure(x=x, y=y):
            optimizer.zero_grad()
            loss = module(x[part], y[part])
            loss.backward()
            return loss

        if isinstance(optimizer, aucmax.PDSCA):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()


def sharded(rank, loss, optimizer):
    """Parameters after training with FSDP2, the loss a member of the sharded module."""
    from torch.distributed.fsdp import fully_shard

    module = fully_shard(Joint(LOSSES[loss]()))
    made = OPTIMIZERS[optimizer](aucmax.param_groups(module))
    train(module, made, slice(rank, None, WORLD))
    own = {name: p.full_tensor().clone() for name, p in module.named_parameters()}
    return own | {name: b.clone() for name, b in module.named_buffers() if "shift" in name}


def drawn(size, *, prepared, **options):
    """Batches of this process in two epochs of a loader of accelerate, and its length."""
    from accelerate import Accelerator

    data = TensorDataset(torch.arange(len(LABELS)), torch.tensor(LABELS))
    sampler = aucmax.BalancedBatches(LABELS, size, 0.1, **options)
    loader = DataLoader(data, batch_sampler=sampler)
    if prepared:
        loader = Accelerator(cpu=True).prepare(loader)
    length = len(loader)
    return [[batch[0].tolist() for batch in loader] for _ in range(2)], length


def alone(rank):
    """The variables of a loss called without AllGather, and what was warned of."""
    loss, (x, y) = aucmax.AUCMLoss(), rows(0)
    part = slice(0, 5) if rank == 0 else slice(5, None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            loss(x[part, 0], y[part])
    return [p.item() for p in loss.parameters()], [str(w.message) for w in caught]


def twice(rank):
    """What a second derivative through AllGather ends in."""
    x, y = rows(0)
    z = x[rank::WORLD, 0].requires_grad_()
    loss = aucmax.AllGather(aucmax.PairwiseAUCLoss("square"))
    (g,) = torch.autograd.grad(loss(z, y[rank::WORLD]), z, create_graph=True)
    try:
        g.square().sum().backward()
    except RuntimeError as error:
        return str(error)
    return "no error"


def refused(**options):
    try:
        drawn(10, prepared=True, **options)
    except ValueError as error:
        return str(error)
    return "no error"


def worker(rank, folder, port):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(WORLD),
                   "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                   "ACCELERATE_USE_CPU": "true"}  # fmt: skip
    torch.set_num_threads(1)
    dist.init_process_group("gloo", timeout=timedelta(seconds=SECONDS))
    found = {
        "alone": alone(rank),
        "twice": twice(rank),
        "sharded": {pair: sharded(rank, *pair) for pair in SHARDED},
        "prepared": drawn(10, prepared=True),
        "not prepared": drawn(10, prepared=False),
        "one process": drawn(10, prepared=True, num_replicas=1, rank=0),
        "refused": refused(num_replicas=2, rank=rank),
    }
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.barrier()  # who leaves while the other still talks may take it down
    dist.destroy_process_group()

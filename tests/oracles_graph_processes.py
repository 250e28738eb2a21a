"""Graph networks trained by one process and by two; here, so that a new process finds it."""

from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from aucmax.data import Molecules
from aucmax.distributed import AllGather
from aucmax.losses import APLoss, AUCMLoss, PairwiseAUCLoss
from aucmax.optim import PESG, param_groups
from aucmax.samplers import BalancedBatches
from aucmax.train.config import Network
from aucmax.train.graphs import GraphInputs

WORLD = 2
SECONDS = 900
LOSSES = {
    "AUCMLoss": lambda n: AUCMLoss(),
    "PairwiseAUCLoss": lambda n: PairwiseAUCLoss(),
    "APLoss": lambda n: APLoss(n),  # keeps an average for each row, by its index
}


def fresh():
    """The network before it is trained."""
    torch.manual_seed(2)
    return GraphInputs().network(Network("deepergcn", layers=2, width=8), 1)


def learnt(table, name, size, rank=None):
    """Weights and loss after two epochs, in evaluation mode: batch norm would see half a batch."""
    data = Molecules(table, label="active", workers=0).load()
    inputs = GraphInputs()
    model = fresh().eval()
    network = model if rank is None else DistributedDataParallel(model)
    loss = AllGather(LOSSES[name](len(data)))
    optimizer = PESG(param_groups(torch.nn.ModuleList([model, loss])), lr=0.1)
    where = {"num_replicas": 1, "rank": 0} if rank is None else {}
    batches = BalancedBatches(data.target, size, positives=0.25, seed=4, **where)
    examples = inputs.examples(data)
    for _ in range(2):
        for rows in batches:
            graphs, target, index = examples.__getitems__(list(rows))
            optimizer.zero_grad()
            loss(network(graphs), target, index).backward()
            optimizer.step()
    return model.state_dict(), loss.state_dict()


def worker(rank, folder, table):
    """What one of two processes learns, into a file of its own."""
    store = f"file://{folder}/store"
    limit = timedelta(seconds=SECONDS)
    dist.init_process_group("gloo", store, rank=rank, world_size=WORLD, timeout=limit)
    torch.set_num_threads(1)
    found = {name: learnt(table, name, 8, rank) for name in LOSSES}
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.barrier()  # who leaves while the other still talks may take it down
    dist.destroy_process_group()

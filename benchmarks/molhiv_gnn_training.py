"""Training for molhiv_gnn.py: the data, the methods, and one run."""

import csv
import gzip
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim.optimizer import Optimizer

from aucmax import PESG, AUCMLoss, BalancedBatches, BCELoss, StageLR, param_groups
from aucmax.losses import Loss
from aucmax.metrics import auroc
from aucmax.models.graphs import DeeperGCN
from aucmax.molecules.making import featurised

WEIGHT_DECAY = 1e-5
EPOCH_DECAY = 1 / 500
"""Both as the entry has them."""
POSITIVES = 0.5
"""Share of positives in balanced batches."""


@dataclass(frozen=True)
class Method:
    """A loss, its batches and its optimizer with the learning rates to choose from."""

    loss: Callable[[], Loss]
    balanced: bool
    optimizer: Callable[[list[dict[str, Any]], float], Optimizer]
    rates: tuple[float, ...]


def adam(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return torch.optim.Adam(groups, lr=lr, weight_decay=WEIGHT_DECAY)


def pesg(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return PESG(groups, lr=lr, weight_decay=WEIGHT_DECAY, epoch_decay=EPOCH_DECAY)


ADAM, ASCENT = (1e-3, 3e-3, 1e-2, 3e-2), (0.1, 0.3, 1.0)
METHODS = {
    "CE": Method(BCELoss, False, adam, ADAM),
    "CE balanced": Method(BCELoss, True, adam, ADAM),
    "AUCM": Method(AUCMLoss, False, pesg, ASCENT),
    "AUCM balanced": Method(AUCMLoss, True, pesg, ASCENT),
    "AUCM balanced, Adam": Method(AUCMLoss, True, adam, ADAM),
}


@dataclass(frozen=True)
class Budget:
    """The same for all methods: the network, the batches, and how often all are seen."""

    layers: int
    width: int
    batch: int
    epochs: int

    @property
    def milestones(self) -> list[int]:
        """Epochs after which the rate is divided by 10: a third and two thirds of all."""
        thirds = (math.ceil(self.epochs / 3), math.ceil(2 * self.epochs / 3))
        return sorted(set(thirds) - {self.epochs})


def read(folder: Path) -> tuple[list[str], Tensor, dict[str, Tensor]]:
    """SMILES, targets (n,), and the rows of train, valid and test."""
    path = folder / "HIV_41127.csv.gz"
    if not path.exists():
        raise SystemExit(f"there is no {path}: name the folder with --data, or set AUCMAX_DATA")
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(folder / "scaffold_split_rdkit.npz") as split:
        parts = {name: torch.from_numpy(split[name]) for name in ("train", "valid", "test")}
    return (
        [row["smiles"] for row in rows],
        torch.tensor([float(row["HIV_active"]) for row in rows]),
        parts,
    )


class Data:
    """All graphs, their targets, and the rows of each part."""

    def __init__(self, folder: Path, cache: Path | None, device: torch.device) -> None:
        smiles, self.target, parts = read(folder)
        self.train, self.validation, self.test = parts.values()
        self.graphs = featurised(smiles, cache).graphs
        if len(self.graphs) != len(smiles):
            raise SystemExit(f"{len(smiles) - len(self.graphs)} molecules cannot be read")
        self.device = device

    def inputs(self, rows: Tensor) -> Any:
        """A batch of graphs, on the device."""
        return self.graphs.batch(rows.numpy()).to(self.device)


@dataclass(frozen=True)
class Result:
    """The best epoch by validation AUC, with the test scores there if they were asked for."""

    epoch: int
    validation: float
    scores: np.ndarray | None
    seconds: float


def run(
    method: Method, lr: float, seed: int, budget: Budget, data: Data, *, score_test: bool
) -> Result:
    """Train from scratch; judge each epoch by the validation part, the test part once."""
    start = clock(data.device)
    torch.manual_seed(seed)
    model = DeeperGCN(budget.layers, budget.width).to(data.device)
    loss = method.loss().to(data.device)
    first = data.train[torch.randperm(len(data.train))[:1024]]
    loss.start_at(scores(model, data, first), data.target[first].to(data.device))
    optimizer = method.optimizer(param_groups(model, loss), lr)
    scheduler = StageLR(optimizer, budget.milestones)
    epochs = batches(data.target[data.train], method.balanced, budget.batch, seed)
    best, state = (0, 0.0), model.state_dict()
    for epoch in range(1, budget.epochs + 1):
        try:
            steps(model, loss, optimizer, data, next(epochs))
            reached = judge(scores(model, data, data.validation), data, data.validation)
        except ValueError as error:
            if "diverged" not in str(error):
                raise
            break  # what it reached before counts
        scheduler.step()
        if reached > best[1]:
            best = epoch, reached
            state = {name: value.clone() for name, value in model.state_dict().items()}
    found = None
    if score_test:
        model.load_state_dict(state)
        found = scores(model, data, data.test).cpu().numpy()
    return Result(*best, found, clock(data.device) - start)


def clock(device: torch.device) -> float:
    """Seconds of this process on a CPU, so that its neighbours do not count; else of the wall."""
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def batches(target: Tensor, balanced: bool, size: int, seed: int) -> Iterator[Iterator[Tensor]]:
    """Epochs of batches of positions in ``target``; as many full batches for either kind."""
    if balanced:
        sampler = BalancedBatches(target, size, POSITIVES, seed=seed)
        while True:
            yield map(torch.tensor, sampler)
    generator = Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(target), generator=generator)
        yield iter(order[: len(order) // size * size].split(size))


def steps(
    model: nn.Module, loss: Loss, optimizer: Optimizer, data: Data, epoch: Iterator[Tensor]
) -> None:
    """The steps of one epoch."""
    model.train()
    for positions in epoch:
        rows = data.train[positions]
        optimizer.zero_grad()
        loss(model(data.inputs(rows)), data.target[rows, None].to(data.device)).backward()
        optimizer.step()


@torch.no_grad()
def scores(model: nn.Module, data: Data, rows: Tensor) -> Tensor:
    """Logits (n,) in evaluation mode."""
    model.eval()
    return torch.cat([model(data.inputs(part)).squeeze(1) for part in rows.split(1024)])


def judge(logits: Tensor, data: Data, rows: Tensor) -> float:
    if not logits.isfinite().all():
        raise ValueError("the model has diverged")
    return float(auroc(logits.cpu(), data.target[rows]))

"""LibAUC's side of the benchmark, for an interpreter that has LibAUC.

It answers requests, one JSON object for each line of input; see rival_process.py. Data, network,
augmentation, rounds and choice of the round are the code that our methods run through.
"""

import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from budget import batches_per_round, positives_per_batch
from cells import Cell
from libauc.losses import AUCMLoss, CompositionalAUCLoss  # pyright: ignore[reportMissingImports]
from libauc.optimizers import PDSCA, PESG  # pyright: ignore[reportMissingImports]
from libauc.sampler import DualSampler  # pyright: ignore[reportMissingImports]
from parts import Data
from pretraining import TWO_STAGES
from rivals import RIVALS, Rival
from running import Request, execute
from torch import Tensor, nn
from training import Batches, Recipe, milestones

DECAY = 10.0
OPTIONS: dict[str, Any] = {"epoch_decay": 3e-3, "weight_decay": 1e-4, "verbose": False}


def recipe(rival: Rival, request: Request, model: nn.Module, data: Data) -> Recipe:
    """As LibAUC's examples train: sigmoid scores, its optimizer, its sampler, decays by tenths."""
    device, cell = data.train.target.device, request.cell
    make_loss = CompositionalAUCLoss if rival.compositional else AUCMLoss
    make_optimizer = PDSCA if rival.compositional else PESG
    loss = make_loss(margin=1.0, version=rival.version, device=device)
    options = OPTIONS | {"lr": request.lr, "device": device}
    optimizer = make_optimizer(model.parameters(), loss_fn=loss, **options)

    def step(x: Tensor, y: Tensor, index: Tensor) -> None:
        value = loss(torch.sigmoid(model(x))[:, None], y[:, None])
        optimizer.zero_grad()
        value.sum().backward()
        optimizer.step()

    return Recipe(step, _batches(rival, request.seed, cell, data), _Decays(optimizer, rival, cell))


class _Decays:
    """Divides the learning rates after the rounds at which ours are divided."""

    def __init__(self, optimizer: Any, rival: Rival, cell: Cell) -> None:
        self.optimizer, self.rounds, self.done = optimizer, milestones(cell.rounds), 0
        self.factors = {"decay_factor": DECAY}
        if rival.compositional:
            self.factors["decay_factor0"] = DECAY

    def __call__(self) -> None:
        self.done += 1
        if self.done in self.rounds:
            self.optimizer.update_regularizer(**self.factors)


def _batches(rival: Rival, seed: int, cell: Cell, data: Data) -> Batches:
    """Of its own sampler, as many as ours."""
    count = batches_per_round(cell, share=0.5 if rival.two_stage else 1.0)
    labels = data.train.target.cpu().numpy().astype(int)
    positives = positives_per_batch(rival.positives, cell, data)
    sampler = DualSampler(
        None, cell.batch, labels=labels, num_pos=positives, sampling_rate=None, random_seed=seed
    )
    stream = _stream(sampler, cell.batch)
    return lambda number: islice(stream, count)


def _stream(sampler: Any, size: int) -> Iterator[Tensor]:
    while True:
        yield from torch.from_numpy(np.fromiter(sampler, int)).split(size)


def main() -> None:
    """Serve until the input ends; the first output is kept for answers."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    torch.set_num_threads(1)
    for line in sys.stdin:
        words = json.loads(line)
        request, rival = Request.from_json(words["request"]), RIVALS[words["request"]["method"]]
        result = execute(
            request,
            TWO_STAGES if rival.two_stage else None,
            lambda m, d, q=request, r=rival: recipe(r, q, m, d),
        )
        if result.scores:
            np.savez(words["scores"], allow_pickle=False, **result.scores)
        told = {"value": result.value, "round": result.round, "seconds": result.seconds}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()

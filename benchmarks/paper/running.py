"""One run, asked for and answered; the same here and in a rival's interpreter. No aucmax needed."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cells import Cell
from parts import Data, draw
from pretraining import FirstStage, fresh, pretrained
from torch import nn
from training import READOUTS, Loop, Recipe, test_scores

MakeRecipe = Callable[[nn.Module, Data], Recipe]


@dataclass(frozen=True)
class Request:
    """Which run to make; ``scored`` if the test part is to be scored."""

    cell: Cell
    method: str
    lr: float
    seed: int
    work: Path
    device: str = "cpu"
    scored: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"work": str(self.work)}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Request":
        """What ``as_json`` gave."""
        cell, work = Cell(**values["cell"]), Path(values["work"])
        return Request(**(values | {"cell": cell, "work": work}))

    @property
    def cache(self) -> Path:
        """Where the arrays are kept."""
        return self.work / "arrays"

    @property
    def checkpoint(self) -> Path | None:
        """Where a long run, one of a larger network or of all data, leaves its state."""
        if not (self.cell.network or self.cell.full):
            return None
        words = f"{self.cell.name} {self.method} {self.lr} {self.seed}".replace("/", "-")
        return self.work / "checkpoints" / f"{words}.pt"


@dataclass(frozen=True)
class Result:
    """Validation AUC and round of each readout, seconds of the run, and test scores if asked."""

    value: dict[str, float]
    round: dict[str, int]
    seconds: float
    scores: dict[str, np.ndarray]


def execute(request: Request, first: FirstStage | None, make: MakeRecipe) -> Result:
    """Draw the parts, train, and score the test part if that is asked for."""
    device = torch.device(request.device)
    data = draw(request.cell, request.seed, request.cache, device)
    if first is not None:
        folder = request.work / "pretrained"
        model = pretrained(request.cell, request.seed, data, folder, first)
    else:
        model = fresh(request.cell, request.seed, data)
    if request.checkpoint is not None:
        request.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    start = _clock(device)
    recipe = make(model, data)
    loop = Loop(recipe, data, request.cell, request.seed, request.checkpoint)
    best = loop.fit(model)
    scores = {}
    if request.scored:
        scores = {name: test_scores(model, best[name], data, recipe.scoring) for name in READOUTS}
    return Result(
        {name: best[name].value for name in READOUTS},
        {name: best[name].round for name in READOUTS},
        _clock(device) - start,
        scores,
    )


def _clock(device: torch.device) -> float:
    """Seconds of this process on a CPU, so that its neighbours do not count; else of the wall."""
    return time.process_time() if device.type == "cpu" else time.perf_counter()

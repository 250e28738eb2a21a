"""The training loop that all methods and the rival share. Needs torch and numpy only.

A run is a number of rounds of as many batches each. After every round the validation part is
measured twice, with the weights and with their moving average; of either the best round is kept.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from averaging import Average
from cells import Cell
from inputs import EVALUATED, Augmented, plain
from parts import Data, Part
from torch import Generator, Tensor, nn

READOUTS = ("best", "ema")
"""The weights of the best round, and their moving average in its own best round."""
Batches = Callable[[int], Iterable[Tensor]]
Step = Callable[[Tensor, Tensor, Tensor], None]
State = dict[str, Tensor]


class DivergedError(Exception):
    """Training went to infinity; what was reached before counts."""


def itself(model: nn.Module) -> nn.Module:
    """The model, as it is."""
    return model


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: one step, the batches of a round, what follows a round.

    ``parts`` are what a checkpoint must hold besides the model: optimizer, loss, scheduler. Of the
    rounds only those after the share ``counted`` may be the best. ``scoring`` makes of the trained
    model what scores the test part.
    """

    step: Step
    batches: Batches
    end_round: Callable[[], object]
    parts: tuple[Any, ...] = ()
    counted: float = 0.0
    scoring: Callable[[nn.Module], nn.Module] = itself


@dataclass
class Best:
    """The best round by the AUC of the validation part."""

    value: float = -1.0
    round: int = 0
    state: State = field(default_factory=dict)


def auc(scores: np.ndarray, target: np.ndarray) -> float:
    """Share of pairs in order, ties half; 0 if a score is not finite, for such a model is lost."""
    if not np.isfinite(scores).all():
        return 0.0
    positive, negative = scores[target == 1], np.sort(scores[target == 0])
    twice = np.searchsorted(negative, positive) + np.searchsorted(negative, positive, "right")
    return float(twice.sum() / (2 * len(positive) * len(negative)))


@torch.no_grad()
def logits(model: nn.Module, part: Part) -> np.ndarray:
    """(n,) float32, in evaluation mode."""
    model.eval()
    found = [model(plain(inputs)) for inputs in part.inputs.split(EVALUATED)]
    model.train()
    return torch.cat(found).float().cpu().numpy()


def natural(cell: Cell, rows: int, seed: int, batches: int) -> Batches:
    """Batches of any rows, in passes through all rows; round r is a function of (seed, r)."""
    size = min(cell.batch, rows)
    used = rows // size * size
    passes = -(-batches * size // used)

    def of_round(number: int) -> Iterator[Tensor]:
        generator = Generator().manual_seed(1_000_003 * seed + number)
        order = [torch.randperm(rows, generator=generator)[:used] for _ in range(passes)]
        yield from torch.cat(order)[: batches * size].split(size)

    return of_round


def milestones(rounds: int) -> list[int]:
    """Rounds after which the learning rate falls to a tenth: half and three quarters."""
    return sorted({max(1, rounds // 2), max(2, rounds * 3 // 4)})


class Loop:
    """The rounds of one run.

    Args:
        checkpoint: file to go on from, and to write after each round; None for short runs.
    """

    def __init__(
        self, recipe: Recipe, data: Data, cell: Cell, seed: int, checkpoint: Path | None = None
    ) -> None:
        self.recipe, self.data, self.cell, self.seed = recipe, data, cell, seed
        self.checkpoint = checkpoint
        self.images = Augmented(data.train, cell.spec)

    def run_round(self, number: int, after_step: Callable[[], None] = lambda: None) -> None:
        """The steps of round ``number``, from 0."""
        generator, target = Generator().manual_seed(7_919 * self.seed + number), self._target
        for index in self.recipe.batches(number):
            rows = index.to(target.device)
            self.recipe.step(self.images.batch(index, generator), target[rows], rows)
            after_step()
        self.recipe.end_round()

    @property
    def _target(self) -> Tensor:
        return self.data.train.target

    def fit(self, model: nn.Module) -> dict[str, Best]:
        """Train; the best round of either readout."""
        best = {name: Best() for name in READOUTS}
        average = Average(model, self.cell.total_steps)
        start = self._resume(model, average, best)
        model.train()
        for number in range(start, self.cell.rounds):
            try:
                self.run_round(number, average.update)
            except DivergedError:
                break
            if number >= round(self.recipe.counted * self.cell.rounds):
                for name, one in (("best", model), ("ema", average.model)):
                    self._measure(best[name], number + 1, one)
            self._save(number + 1, model, average, best)
        if self.checkpoint is not None:
            self.checkpoint.unlink(missing_ok=True)
        return best

    def _measure(self, best: Best, number: int, model: nn.Module) -> None:
        part = self.data.validation
        value = auc(logits(model, part), part.target.cpu().numpy())
        if value >= best.value:  # few positives tie often, and a later round has learnt more
            state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
            best.value, best.round, best.state = value, number, state

    def _save(self, number: int, model: nn.Module, average: Average, best: dict[str, Best]) -> None:
        if self.checkpoint is None:
            return
        found = {
            "round": number,
            "model": model.state_dict(),
            "average": average.state_dict(),
            "best": {name: vars(one) for name, one in best.items()},
            "parts": [part.state_dict() for part in self.recipe.parts],
            "random": torch.get_rng_state(),
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(found, partial)
        partial.replace(self.checkpoint)

    def _resume(self, model: nn.Module, average: Average, best: dict[str, Best]) -> int:
        """Go on where a run of the same name was stopped; the number of rounds that are done."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0
        found = torch.load(self.checkpoint, map_location=self._target.device)
        model.load_state_dict(found["model"])
        average.load_state_dict(found["average"])
        best.update({name: Best(**one) for name, one in found["best"].items()})
        for part, state in zip(self.recipe.parts, found["parts"], strict=True):
            part.load_state_dict(state)
        torch.set_rng_state(found["random"].cpu())
        return int(found["round"])


def test_scores(
    model: nn.Module,
    best: Best,
    data: Data,
    scoring: Callable[[nn.Module], nn.Module],
) -> np.ndarray:
    """Logits of the test part in the best round; all equal if training never got anywhere."""
    if not best.state:
        return np.zeros(len(data.test), np.float32)
    model.load_state_dict(best.state)
    return logits(scoring(model), data.test)

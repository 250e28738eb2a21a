"""What is compared: a line for each method, and how a line becomes a recipe.

Ours are trained by SGD with momentum, in the project's own class, by three learning rates each:
higher ones where the scores are sigmoids, whose gradients are small (0.01 was tried there, too, on
the cells for development, and changed nothing). Rates of the rival: rivals.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from budget import batches_per_round, positives_per_batch
from cells import Cell, Task
from changing import ChangingLoss
from memory import RememberedPairsLoss
from parts import Data
from pretraining import (
    MAX_NORM,
    MOMENTUM,
    TWO_STAGES,
    WEIGHT_DECAY,
    FirstStage,
    MakeBatches,
    natural_batches,
)
from rivals import RIVALS
from smooth import one_cycle
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer
from training import Batches, DivergedError, Recipe, itself, logits, milestones

from aucmax import PESG, BalancedBatches, StageLR, param_groups
from aucmax.losses import (
    AUCMLoss,
    AUCSquareLoss,
    AUMLoss,
    BCELoss,
    CompositionalAUCLoss,
    CrossEntropyAUCLoss,
    FocalLoss,
    LogitAdjustedLoss,
    Loss,
    PairwiseAUCLoss,
    PartialAUCLoss,
)
from aucmax.models import AveragedCopies
from aucmax.optim.pdsca import PDSCA

Rates = tuple[float, float, float]
FINE: Rates = (0.001, 0.003, 0.01)
RAW: Rates = (0.01, 0.03, 0.1)
SIGMOID: Rates = (0.03, 0.1, 0.3)


def sgd(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return PESG(groups, lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)


def decaying(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    """With fifty times the weight decay."""
    return PESG(groups, lr=lr, momentum=MOMENTUM, weight_decay=50 * WEIGHT_DECAY)


def proximal(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    """With the pull towards the reference point that the paper uses for AUC-M."""
    return PESG(groups, lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, epoch_decay=2e-3)


def compositional(groups: list[dict[str, Any]], lr: float) -> Optimizer:
    """With an inner step of the same size."""
    return PDSCA(groups, lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)


def stages(optimizer: Optimizer, cell: Cell, steps: int) -> LRScheduler:
    """To a tenth after half and three quarters of the rounds."""
    return StageLR(optimizer, [fall * steps for fall in milestones(cell.rounds)])


def smooth(optimizer: Optimizer, cell: Cell, steps: int) -> LRScheduler:
    """Up and down in one cycle."""
    return one_cycle(optimizer, cell.rounds * steps)


def with_positives(share: float) -> MakeBatches:
    """Batches with a share of positives, or with all of them if there are not so many."""

    def make(cell: Cell, data: Data, seed: int, count: int) -> Batches:
        wanted = positives_per_batch(share, cell, data) / cell.batch
        if not wanted:
            return natural_batches(cell, data, seed, count)
        target = data.train.target.cpu()
        sampler = BalancedBatches(target, cell.batch, wanted, seed=seed, num_batches=count)

        def of_round(number: int) -> Iterator[Tensor]:
            sampler.set_epoch(number)
            return map(torch.tensor, sampler)

        return of_round

    return make


BALANCED = FirstStage("balanced", batches=with_positives(0.5))
QUARTER = FirstStage("balanced-3-4", 0.75, with_positives(0.5), new_head=False, decay_at=(2 / 3,))
"""As balanced cross-entropy begins, to the second fall of its learning rate."""
LONG = FirstStage("balanced-7-8", 7 / 8, with_positives(0.5), new_head=False)
"""Before a short fine-tuning."""


@dataclass(frozen=True)
class Method:
    """An objective and how it is trained.

    ``loss`` takes the share of positives in training. ``positives`` is their share in each batch,
    0 for batches at the natural rate. ``forwards`` are the passes of a step. ``main`` methods come
    first and on every cell; ``family`` says what a method counts as in comparisons; ``first`` is
    the stage before, if there are two. ``then`` takes the place of the loss for the last quarter of
    the batches, with no break in schedule or optimizer. ``batch`` is how many rows a batch has at
    most, 0 for as many as the cell says; smaller ones are as many more, so that epochs are equal.
    ``counted`` is the share of the rounds that are too early to be the best. With ``copies`` test
    images are scored by the mean over mirrored and shifted copies. ``like`` names a method whose
    learning rates hold here, too.
    """

    loss: Callable[[float], Loss]
    rates: Rates = RAW
    positives: float = 0.5
    optimizer: Callable[[list[dict[str, Any]], float], Optimizer] = sgd
    forwards: int = 1
    first: FirstStage | None = None
    then: Callable[[], Loss] | None = None
    schedule: Callable[[Optimizer, Cell, int], LRScheduler] = stages
    batch: int = 0
    counted: float = 0.0
    copies: bool = False
    like: str = ""
    main: bool = False
    family: str = "ours"

    def adapted(self, cell: Cell) -> Cell:
        """The cell with batches of this method's size."""
        return replace(cell, batch=min(self.batch or cell.batch, cell.batch))


def copies(task: Task, shape: tuple[int, ...]) -> Callable[[nn.Module], nn.Module]:
    """The mean over copies of inputs (H, W, C), changed as in training; fingerprints have none."""
    if len(shape) < 3:
        return itself
    return partial(AveragedCopies, flip=task.mirror, shift=task.shift / shape[0])


def raw(surrogate: str = "squared_hinge") -> PairwiseAUCLoss:
    """All pairs of the batch, on logits."""
    return PairwiseAUCLoss(surrogate, activation=nn.Identity())


def logistic() -> PairwiseAUCLoss:
    """The same with a surrogate that grows no faster than the gap."""
    return raw("logistic")


_CE: dict[str, Any] = {"family": "cross-entropy"}
_AUCM: dict[str, Any] = {"rates": SIGMOID, "optimizer": proximal}
_SMOOTH: dict[str, Any] = {
    "optimizer": decaying, "schedule": smooth, "batch": 16, "counted": 0.75, "main": True
}  # fmt: skip
_SMOOTH_CE: dict[str, Any] = _SMOOTH | {"family": "cross-entropy, smooth", "main": False}
"""Small batches, one cycle and more weight decay: for any loss, so a family of its own."""
_LOGISTIC: dict[str, Any] = _SMOOTH | {"like": "smooth CE balanced", "main": False}
"""Three quarters of its steps are those of cross-entropy, and so is its learning rate."""
METHODS: dict[str, Method] = {
    "CE": Method(lambda p: BCELoss(), positives=0, main=True, **_CE),
    "CE balanced": Method(lambda p: BCELoss(), main=True, **_CE),
    "CE weighted": Method(lambda p: BCELoss(pos_weight=(1 - p) / p), positives=0, main=True, **_CE),
    "logit adjustment": Method(lambda p: LogitAdjustedLoss(p), positives=0, main=True, **_CE),
    "pairwise raw 20%": Method(lambda p: raw(), positives=0.2),
    "pairwise raw 50%": Method(lambda p: raw()),
    "logistic raw 20%": Method(lambda p: raw("logistic"), positives=0.2),
    "CE + pairwise raw": Method(lambda p: CrossEntropyAUCLoss(raw()), main=True),
    "AUC-M": Method(lambda p: AUCMLoss(), main=True, **_AUCM),
    "two-stage pairwise raw": Method(lambda p: raw(), first=TWO_STAGES),
    "two-stage AUC-M": Method(lambda p: AUCMLoss(), first=TWO_STAGES, main=True, **_AUCM),
    "focal": Method(lambda p: FocalLoss(), positives=0, **_CE),
    "CE 20%": Method(lambda p: BCELoss(), positives=0.2, **_CE),
    "logistic raw 50%": Method(lambda p: raw("logistic")),
    "CE + pairwise raw 20%": Method(lambda p: CrossEntropyAUCLoss(raw()), positives=0.2),
    "two-stage pairwise raw 20%": Method(lambda p: raw(), positives=0.2, first=TWO_STAGES),
    "AUC-M 20%": Method(lambda p: AUCMLoss(), positives=0.2, **_AUCM),
    "AUC-M margin .5": Method(lambda p: AUCMLoss(0.5), **_AUCM),
    "AUC-M margin .3": Method(lambda p: AUCMLoss(0.3), **_AUCM),
    "AUC-M raw": Method(lambda p: AUCMLoss(activation=nn.Identity()), optimizer=proximal),
    "AUC-S": Method(lambda p: AUCSquareLoss(), **_AUCM),
    "pairwise sigmoid 50%": Method(lambda p: PairwiseAUCLoss(), SIGMOID),
    "pairwise sigmoid 20%": Method(lambda p: PairwiseAUCLoss(), SIGMOID, positives=0.2),
    "AUM": Method(lambda p: AUMLoss()),
    "compositional AUC-M": Method(
        lambda p: CompositionalAUCLoss(), SIGMOID, optimizer=compositional, forwards=2
    ),
    "balanced, pairwise raw": Method(lambda p: raw(), first=BALANCED),
    "balanced, AUC-M": Method(lambda p: AUCMLoss(), first=BALANCED, **_AUCM),
    "balanced, fine pairwise": Method(lambda p: raw(), FINE, first=LONG),
    "last quarter pairwise": Method(lambda p: raw(), FINE, first=QUARTER, main=True),
    "CE, then balanced": Method(lambda p: BCELoss(), first=TWO_STAGES, **_CE),
    "remembered pairs": Method(lambda p: RememberedPairsLoss(8)),
    "remembered pairs 20%": Method(lambda p: RememberedPairsLoss(8), positives=0.2),
    "CE + AUC-M": Method(lambda p: CrossEntropyAUCLoss(AUCMLoss())),
    "CE + pairwise sigmoid": Method(lambda p: CrossEntropyAUCLoss(PairwiseAUCLoss())),
    "CE + logistic raw": Method(lambda p: CrossEntropyAUCLoss(raw("logistic"))),
    "CE + partial raw": Method(
        lambda p: CrossEntropyAUCLoss(PartialAUCLoss(0.3, activation=nn.Identity()))
    ),
    "smooth, last quarter pairwise": Method(lambda p: BCELoss(), then=raw, **_SMOOTH),
    "smooth, last quarter logistic": Method(lambda p: BCELoss(), then=logistic, **_LOGISTIC),
    "smooth, last quarter logistic, copies": Method(
        lambda p: BCELoss(), then=logistic, copies=True, **_LOGISTIC | {"main": True}
    ),
    "smooth CE balanced": Method(lambda p: BCELoss(), **_SMOOTH_CE),
    "smooth CE balanced, copies": Method(
        lambda p: BCELoss(),
        copies=True,
        like="smooth CE balanced",
        **_SMOOTH_CE | {"family": "cross-entropy, as the default"},
    ),
    "partial AUC .3": Method(lambda p: PartialAUCLoss(0.3, activation=nn.Identity())),
}
NAMES: tuple[str, ...] = (*METHODS, *RIVALS)
ABLATED = ["CE", "CE balanced", "AUC-M", "AUC-S", "last quarter pairwise"]
ABLATED += ["smooth, last quarter pairwise", "smooth, last quarter logistic, copies"]
"""Methods of the ablations."""
MAIN = [name for name, method in METHODS.items() if method.main]
MAIN += [name for name, rival in RIVALS.items() if rival.main]


def recipe(
    method: Method, lr: float, seed: int, cell: Cell, data: Data, model: nn.Module
) -> Recipe:
    """Loss, optimizer, schedule and batches of one run."""
    target = data.train.target
    share = 1 - method.first.share if method.first else 1.0
    count = batches_per_round(cell, share=share, forwards=method.forwards)
    loss = method.loss(float(target.mean()))
    if method.then is not None:
        loss = ChangingLoss(loss, method.then(), round(0.75 * cell.rounds * count))
    loss.to(target.device)
    loss.start_at(torch.from_numpy(logits(model, data.train)).to(target.device), target)
    optimizer = method.optimizer(param_groups(model, loss), lr)
    scheduler = method.schedule(optimizer, cell, count)
    weights = list(model.parameters())

    def step(x: Tensor, y: Tensor, index: Tensor) -> None:
        def closure() -> float:
            optimizer.zero_grad()
            value = loss(model(x), y, index)
            value.backward()
            nn.utils.clip_grad_norm_(weights, MAX_NORM)
            return float(value.detach())

        try:
            optimizer.step(closure)
        except ValueError as error:
            if "diverged" not in str(error):
                raise
            raise DivergedError from error
        scheduler.step()

    batches = with_positives(method.positives)(cell, data, seed, count)
    parts = (loss, optimizer, scheduler)
    shape = tuple(data.test.inputs.shape[1:])
    scoring = copies(cell.spec, shape) if method.copies else itself
    return Recipe(step, batches, lambda: None, parts, method.counted, scoring)

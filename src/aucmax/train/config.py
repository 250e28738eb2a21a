"""The options of ``aucmax fit``: frozen dataclasses whose field texts are the ``--help``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from ..data import Source
from ..forests import ForestOptions
from .blend import Blend
from .option_checks import (
    constructor_problems,
    memory_problems,
    number_problems,
    trainer_problems,
)
from .recipe import Recipe as Recipe
from .split_options import Split as Split


@dataclass(frozen=True)
class Network:
    """The model."""

    name: str = "resnet20"
    """resnet20 or resnet32 (CIFAR style, for small images), or any model of timm, such as
    densenet121; for molecules deepergcn, gine-virtual, or forest (no network: a random forest on
    fingerprints, see --forest)."""
    pretrained: bool = False
    """Start from timm's pretrained weights (downloaded, or from its cache)."""
    image_size: int | None = None
    """Resize images to this many pixels square; null leaves them as they are."""
    layers: int | None = None
    """Layers of a network for molecules; null: its own number."""
    width: int | None = None
    """Features of each atom in a network for molecules; null: its own number."""
    dropout: float | None = None
    """Dropout in a network for molecules; null: its own."""

    def sizes(self) -> dict[str, int | float]:
        """The options of networks for molecules that are given, by name."""
        given = {"layers": self.layers, "width": self.width, "dropout": self.dropout}
        return {name: value for name, value in given.items() if value is not None}

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.image_size is not None and self.image_size < 8:
            yield f"--model.image_size must be at least 8 pixels, got {self.image_size}"
        counts = [count for count in (self.layers, self.width) if count is not None]
        if min(counts, default=1) < 1 or not 0 <= (self.dropout or 0) < 1:
            yield (
                "--model.layers and --model.width must be at least 1 and --model.dropout lie in "
                f"[0, 1), got {self.layers}, {self.width} and {self.dropout}"
            )


@dataclass(frozen=True)
class Augment:
    """Random changes of training images; choose those after which the label still holds."""

    flip: bool = False
    """Mirror left and right, half of the time. Not for chests, digits or text."""
    rotate: float = 0.0
    """Rotate by up to this many degrees."""
    shift: float = 0.0
    """Shift by up to this share of the width and of the height."""
    at_test: bool = False
    """Score test images, and later ones, by the mean over copies: mirrored if flip is on, and moved
    by 3/4 of shift towards each corner; up to ten times the work of scoring. Epochs are still
    chosen without. Also for a --baseline."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if not (0 <= self.rotate <= 180 and 0 <= self.shift < 1):
            yield (
                "--augment.rotate must lie in [0, 180] and --augment.shift in [0, 1), got "
                f"{self.rotate} and {self.shift}"
            )
        if self.at_test and not (self.flip or self.shift):
            yield (
                "--augment.at_test needs --augment.flip or --augment.shift, whose copies it "
                "scores; got neither: give one of them, or --augment.at_test false"
            )


@dataclass(frozen=True)
class Batches:
    """How batches are drawn."""

    size: int = 64
    """Rows in a batch, on each device."""
    positives: float | None = 0.5
    """Share of positives in each batch of the last stage; null draws rows at their natural rate."""
    workers: int = 0
    """Processes that read images; 0 reads in the main process."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.size < 2 or self.workers < 0:
            yield (
                "--batches.size must be at least 2 and --batches.workers at least 0, got "
                f"{self.size} and {self.workers}"
            )
        yield from _share("--batches.positives", self.positives)


@dataclass(frozen=True)
class Pretrain:
    """First of two stages: cross-entropy with Adam, for all layers."""

    epochs: int = 0
    """Epochs of cross-entropy before those of --loss; 0 leaves this stage out."""
    lr: float = 1e-3
    """Learning rate of Adam, here and in a --baseline."""
    weight_decay: float = 1e-4
    """Weight decay of Adam, here and in a --baseline."""
    positives: float | None = None
    """Share of positives in each batch of this stage; null draws rows at their natural rate."""
    new_head: bool = True
    """Give the last layer fresh weights before the AUC stage."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.epochs < 0 or self.lr <= 0 or self.weight_decay < 0:
            yield (
                "--pretrain.epochs must be >= 0, --pretrain.lr > 0 and --pretrain.weight_decay "
                f">= 0, got {self.epochs}, {self.lr} and {self.weight_decay}"
            )
        yield from _share("--pretrain.positives", self.positives)


@dataclass(frozen=True)
class Schedule:
    """How long the stage of --loss lasts, and how its learning rate falls."""

    epochs: int = 10
    """Epochs of --loss."""
    decay_at: tuple[float, ...] = (0.5, 0.75)
    """Shares of a stage's epochs after which its learning rate is multiplied by gamma, and PESG
    starts a new proximal stage; in the first stage too. A --baseline keeps to 0.5 and 0.75."""
    gamma: float = 0.1
    """Factor of the learning rate at each of these points."""
    warmup: float | None = None
    """In place of these points: one cycle over both stages, in which the learning rate rises for
    this share of the epochs, such as 0.1, and then falls along half a cosine to 0. The first stage
    hands over its last epoch, not its best; PESG starts no new stage. Also for a --baseline."""
    patience: int | None = None
    """Stop a stage after this many epochs without a better validation AUC; null: never."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.epochs < 1 or not 0 < self.gamma <= 1:
            yield (
                "--schedule.epochs must be >= 1 and --schedule.gamma lie in (0, 1], got "
                f"{self.epochs} and {self.gamma}"
            )
        if list(self.decay_at) != sorted(set(self.decay_at)) or not all(
            0 < share < 1 for share in self.decay_at
        ):
            yield (
                "--schedule.decay_at must be increasing shares in (0, 1), got "
                f"{list(self.decay_at)}"
            )
        yield from _share("--schedule.warmup", self.warmup)
        if self.warmup is not None and (self.decay_at, self.gamma) != ((0.5, 0.75), 0.1):
            yield (
                "--schedule.warmup takes the place of --schedule.decay_at and --schedule.gamma: "
                f"leave them out or give --schedule.warmup null, got {self.warmup}, "
                f"{list(self.decay_at)} and {self.gamma}"
            )
        if self.patience is not None and self.patience < 1:
            yield f"--schedule.patience must be >= 1, or null, got {self.patience}"

    def milestones(self, epochs: int) -> list[int]:
        """Epochs after which the learning rate falls, in a stage of ``epochs``."""
        return sorted({round(share * epochs) for share in self.decay_at} - {0, epochs})


def _share(option: str, value: float | None) -> Iterator[str]:
    if value is not None and not 0 < value < 1:
        yield f"{option} must lie in (0, 1), or be null, got {value}"


@dataclass(frozen=True)
class FitConfig:
    """All options of one run of ``aucmax fit``."""

    data: Source
    loss: Recipe | None
    optimizer: Recipe | None
    name: str
    output: str = "runs"
    resume: bool = False
    seed: int = 0
    seeds: int = 1
    baseline: bool = False
    split: Split = field(default_factory=Split)
    model: Network = Network()
    augment: Augment = Augment()
    batches: Batches = Batches()
    pretrain: Pretrain = Pretrain()
    schedule: Schedule = Schedule()
    blend: Blend = field(default_factory=Blend)
    forest: ForestOptions = field(default_factory=ForestOptions)
    ensemble: tuple[str, ...] = ()
    average: float | None = None
    threads: int | None = None
    tensorboard: bool = False
    trainer: dict[str, Any] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each; the data are not looked at."""
        numbers = list(number_problems(self))
        if numbers:  # what follows compares and computes
            yield from numbers
            return
        for part in (self.split, self.model, self.augment, self.batches, self.pretrain):
            yield from part.problems()
        for part in (self.schedule, self.blend, self.forest):
            yield from part.problems()
        yield from trainer_problems(self.trainer)
        yield from memory_problems(self.model.image_size, self.batches.size)
        yield from self._own_problems()
        yield from self._forest_problems() if self.is_forest else self._network_problems()

    def _own_problems(self) -> Iterator[str]:
        """What is wrong with the options that belong to no group."""
        if self.seeds < 1:
            yield f"--seeds must be >= 1, got {self.seeds}"
        if self.threads is not None and self.threads < 1:
            yield f"--threads must be >= 1, or null for all cores, got {self.threads}"
        if len(self.ensemble) == 1 or len(set(self.ensemble)) < len(self.ensemble):
            yield f"--ensemble must name two or more different networks, got {list(self.ensemble)}"
        if "forest" in self.ensemble:
            yield (
                "--ensemble takes networks only: fit the forest by itself, then average with "
                "`aucmax ensemble`"
            )
        if self.ensemble and self.baseline:
            yield "--ensemble and --baseline cannot be combined: fit them one after the other"
        if self.average is not None and not 0 < self.average < 1:
            yield f"--average must lie in (0, 1), or be null, got {self.average}"
        if not self.name or any(c in self.name for c in "/\\") or self.name in {".", ".."}:
            yield f"--name must be the plain name of a folder, got {self.name!r}"

    def notes(self) -> Iterator[str]:
        """Say which options are without effect; a recipe may well carry them for another run."""
        if self.blend != Blend() and not self.blend.epochs:
            yield "--blend options are without effect while --blend.epochs is 0"
        if self.forest != ForestOptions() and not (self.is_forest or self.blend.epochs):
            yield (
                "--forest options are without effect: they are for --model.name forest and for "
                "--blend.epochs"
            )

    def all_seeds(self) -> range:
        """The seeds of all training runs of a method."""
        return range(self.seed, self.seed + self.seeds)

    @property
    def is_forest(self) -> bool:
        """Whether a random forest is asked for in place of a network."""
        return self.model.name == "forest"

    @property
    def method(self) -> str:
        """Short name of what is trained, for folders and tables: that of the loss, or forest."""
        return self.loss.name if self.loss else self.model.name

    def _network_problems(self) -> Iterator[str]:
        if self.loss is None or self.optimizer is None:
            missing = {"--loss": self.loss, "--optimizer": self.optimizer}
            yield from (f"{option} is missing" for option in missing if missing[option] is None)
            return
        if self.optimizer.name == "pdsca" and self.trainer.get("accumulate_grad_batches", 1) != 1:
            yield (
                "--trainer.accumulate_grad_batches must be 1 with PDSCA, which computes the "
                "gradients of a step itself; take larger batches (--batches.size)"
            )
        yield from constructor_problems("--loss", self.loss)
        yield from constructor_problems(
            "--optimizer", self.optimizer, [torch.nn.Parameter(torch.zeros(1))]
        )

    def _forest_problems(self) -> Iterator[str]:
        """A forest is grown, not trained by steps."""
        given = {
            "--loss": self.loss,
            "--optimizer": self.optimizer,
            "--baseline": self.baseline,
            "--pretrain.epochs": self.pretrain.epochs,
            "--blend.epochs": self.blend.epochs,
        }
        if wrong := [option for option, value in given.items() if value]:
            yield f"{', '.join(wrong)}: options of networks; --model.name forest takes none of them"

"""The options of ``aucmax fit``: frozen dataclasses whose field texts are the ``--help``."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, get_origin, get_type_hints

import torch

from ..data import Source
from ..losses.multiclass import MultiClassLoss


@dataclass(frozen=True)
class Split:
    """How rows are divided where the data do not say so themselves."""

    validation: float = 0.15
    """Share of rows used to choose the epoch (only if the data name no validation part)."""
    test: float = 0.15
    """Share of rows looked at once, at the end (only if the data name no test part)."""
    seed: int = 0
    """Seed of the division, which is the same for all training seeds."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if not (0 < self.validation < 1 and 0 < self.test < 1 and self.validation + self.test < 1):
            yield (
                "--split.validation and --split.test must lie in (0, 1) and add up to less than 1, "
                f"got {self.validation} and {self.test}"
            )


@dataclass(frozen=True)
class Network:
    """The model."""

    name: str = "resnet20"
    """resnet20 or resnet32 (CIFAR style, for small images), or any model of timm, such as
    densenet121."""
    pretrained: bool = False
    """Start from timm's pretrained weights (downloaded, or from its cache)."""
    image_size: int | None = None
    """Resize images to this many pixels square; null leaves them as they are."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if self.image_size is not None and self.image_size < 8:
            yield f"--model.image_size must be at least 8 pixels, got {self.image_size}"


@dataclass(frozen=True)
class Augment:
    """Random changes of training images; choose those after which the label still holds."""

    flip: bool = False
    """Mirror left and right, half of the time. Not for chests, digits or text."""
    rotate: float = 0.0
    """Rotate by up to this many degrees."""
    shift: float = 0.0
    """Shift by up to this share of the width and of the height."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if not (0 <= self.rotate <= 180 and 0 <= self.shift < 1):
            yield (
                "--augment.rotate must lie in [0, 180] and --augment.shift in [0, 1), got "
                f"{self.rotate} and {self.shift}"
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
        if self.patience is not None and self.patience < 1:
            yield f"--schedule.patience must be >= 1, or null, got {self.patience}"

    def milestones(self, epochs: int) -> list[int]:
        """Epochs after which the learning rate falls, in a stage of ``epochs``."""
        return sorted({round(share * epochs) for share in self.decay_at} - {0, epochs})


def _share(option: str, value: float | None) -> Iterator[str]:
    if value is not None and not 0 < value < 1:
        yield f"{option} must lie in (0, 1), or be null, got {value}"


@dataclass(frozen=True)
class Recipe:
    """A class by its import path with its options, made when what it needs is there."""

    class_path: str
    init_args: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> type[Any]:
        """The class itself."""
        return _imported(self.class_path)

    @property
    def name(self) -> str:
        """Short lower-case name, for folders and tables: ``cross-entropy-auc``, ``aucm``."""
        words = self.class_path.rpartition(".")[2].removesuffix("Loss")
        return re.sub("(?<=[a-z])(?=[A-Z])", "-", words).lower()

    def make(self, *args: Any, **extra: Any) -> Any:
        """An instance; it and its parts get of ``extra`` what their constructors take."""
        hints = get_type_hints(self.target.__init__)
        accepted = inspect.signature(self.target).parameters
        inner = self._of_parts(extra)
        options = {k: _value(v, hints.get(k), inner) for k, v in self.init_args.items()}
        told = {k: v for k, v in extra.items() if k in accepted}
        for name in told:
            if options.get(name) is not None:
                raise ValueError(f"{name} is known from the data, and must be left out")
        return self.target(*args, **options | told)

    def _of_parts(self, extra: dict[str, Any]) -> dict[str, Any]:
        """What losses within this one are told: classes are other labels to them."""
        if extra.get("num_labels") and issubclass(self.target, MultiClassLoss):
            return extra | {"num_labels": self.target.labels_of(extra["num_labels"])}
        return extra


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _value(value: Any, hint: Any, extra: dict[str, Any]) -> Any:
    """An option as the constructor wants it: an object where a name or a class path stands."""
    if isinstance(value, dict) and "class_path" in value:
        inner = Recipe(value["class_path"], dict(value.get("init_args") or {}))
        return inner.make(**extra)
    if get_origin(hint) is Callable and isinstance(value, str):
        return _imported(value)
    return value


@dataclass(frozen=True)
class FitConfig:
    """All options of one run of ``aucmax fit``."""

    data: Source
    loss: Recipe
    optimizer: Recipe
    name: str
    output: str = "runs"
    resume: bool = False
    seed: int = 0
    seeds: int = 1
    baseline: bool = False
    split: Split = Split()
    model: Network = Network()
    augment: Augment = Augment()
    batches: Batches = Batches()
    pretrain: Pretrain = Pretrain()
    schedule: Schedule = Schedule()
    ensemble: tuple[str, ...] = ()
    average: float | None = None
    threads: int | None = None
    tensorboard: bool = False
    trainer: dict[str, Any] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each; the data are not looked at."""
        for part in (self.split, self.model, self.augment, self.batches, self.pretrain):
            yield from part.problems()
        yield from self.schedule.problems()
        if self.seeds < 1:
            yield f"--seeds must be >= 1, got {self.seeds}"
        if self.threads is not None and self.threads < 1:
            yield f"--threads must be >= 1, or null for all cores, got {self.threads}"
        if len(self.ensemble) == 1 or len(set(self.ensemble)) < len(self.ensemble):
            yield f"--ensemble must name two or more different networks, got {list(self.ensemble)}"
        if self.ensemble and self.baseline:
            yield "--ensemble and --baseline cannot be combined: fit them one after the other"
        if self.average is not None and not 0 < self.average < 1:
            yield f"--average must lie in (0, 1), or be null, got {self.average}"
        if not self.name or any(c in self.name for c in "/\\") or self.name in {".", ".."}:
            yield f"--name must be the plain name of a folder, got {self.name!r}"
        if self.optimizer.name == "pdsca" and self.trainer.get("accumulate_grad_batches", 1) != 1:
            yield (
                "--trainer.accumulate_grad_batches must be 1 with PDSCA, which computes the "
                "gradients of a step itself; take larger batches (--batches.size)"
            )
        yield from _refused("--loss", self.loss)
        yield from _refused("--optimizer", self.optimizer, [torch.nn.Parameter(torch.zeros(1))])


def _refused(option: str, recipe: Recipe, *args: Any) -> Iterator[str]:
    """Try the constructor on stand-ins, so that a value out of range is found before any data."""
    per_label = [len(v) for v in recipe.init_args.values() if isinstance(v, list)]
    try:
        recipe.make(*args, num_labels=per_label[0] if per_label else None, num_samples=1)
    except (TypeError, ValueError) as error:
        yield f"{option}: {error}"

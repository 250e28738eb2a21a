"""The stages of a training run: a loss for all layers, if asked for after cross-entropy."""

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..data import LabelledSet
from .classifier import Classifier
from .config import FitConfig, Recipe, Schedule
from .cycle import Cycle

QUIET: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
}
"""Options of a Lightning trainer that leaves no trace."""


@dataclass(frozen=True)
class Stage:
    """One loss, trained for some epochs from where the stage before ended."""

    name: str
    loss: Recipe
    optimizer: Recipe
    epochs: int
    positives: float | None
    new_head: bool = False
    with_forest: bool = False
    """Whether the network's scores are mixed with those of a forest, from this stage on."""
    schedule: Schedule | None = None
    """When the learning rate falls, if not as in the options."""
    cycle: Cycle | None = None
    """How it rises and falls instead, together with that of the other stages."""
    hands_over_last: bool = False
    """Whether its last epoch is kept and not its best."""


def auc_stages(config: FitConfig) -> list[Stage]:
    """The recipe: cross-entropy first if it has epochs, the AUC loss, and the blend if asked for.

    Raises:
        ValueError: if there is no loss or no optimizer.
    """
    if config.loss is None or config.optimizer is None:
        raise ValueError("--loss and --optimizer are missing")
    first, blend = config.pretrain, config.blend
    stages = [cross_entropy_stage(config, first.epochs, first.positives)] if first.epochs else []
    main = Stage(
        f"{len(stages) + 1:02d}-{config.loss.name}",
        config.loss,
        config.optimizer,
        config.schedule.epochs,
        config.batches.positives,
        new_head=bool(stages) and config.pretrain.new_head,
    )
    stages.append(main)
    if config.schedule.warmup is not None:
        stages = _in_one_cycle(stages, config.schedule.warmup)
    if blend.epochs:
        options = {name: getattr(blend, name) for name in ("lr", "epoch_decay", "weight_decay")}
        last = Stage(
            f"{len(stages) + 1:02d}-blend",
            config.loss,
            Recipe("aucmax.PESG", options),
            blend.epochs,
            config.batches.positives,
            with_forest=True,
        )
        stages.append(last)
    return stages


def _in_one_cycle(stages: list[Stage], warmup: float) -> list[Stage]:
    """The learning rate goes on from stage to stage, and so do the weights as they then are."""
    epochs = [stage.epochs for stage in stages]
    return [
        replace(
            stage,
            cycle=Cycle(warmup, sum(epochs), sum(epochs[:k])),
            hands_over_last=k < len(stages) - 1,
        )
        for k, stage in enumerate(stages)
    ]


def cross_entropy_stage(config: FitConfig, epochs: int, positives: float | None) -> Stage:
    """A first or only stage of cross-entropy with Adam."""
    options = {"lr": config.pretrain.lr, "weight_decay": config.pretrain.weight_decay}
    adam = Recipe("torch.optim.Adam", options)
    return Stage("01-bce", Recipe("aucmax.losses.BCELoss"), adam, epochs, positives)


def make_module(
    config: FitConfig,
    stage: Stage,
    network: nn.Module,
    data: LabelledSet,
    *,
    card: dict[str, Any] | None = None,
) -> Classifier:
    """The Lightning module of a stage, for the labels and the training rows of some data."""
    labels, rows = len(data.labels), len(data.part("train"))
    return Classifier(
        network,
        stage.loss.make(num_labels=None if labels == 1 else labels, num_samples=rows),
        stage.optimizer.make,
        milestones=(stage.schedule or config.schedule).milestones(stage.epochs),
        gamma=config.schedule.gamma,
        cycle=stage.cycle,
        card=card,
    )

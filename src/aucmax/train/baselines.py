"""Cross-entropy at equal budget: what a recipe is compared with on request."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .._schema import read_json_as
from .config import FitConfig, Schedule
from .cycle import Cycle
from .stages import Stage, cross_entropy_stage

NATURAL, BALANCED = "cross-entropy", "cross-entropy-balanced"


def baselines(config: FitConfig) -> dict[str, list[Stage]]:
    """Cross-entropy alone, for as many epochs as the whole recipe, by the name of each variant.

    The learning rate falls to a tenth after half and three quarters of the epochs, or goes through
    the recipe's cycle if it has one. Rows come at their natural rate; and in a second variant with
    the recipe's share of positives, if it has one, for that share alone may be what helps. Epochs
    of a blend count too, but cross-entropy has no forest beside it.
    """
    epochs = config.pretrain.epochs + config.schedule.epochs + config.blend.epochs
    shares: dict[str, float | None] = {NATURAL: None}
    if config.batches.positives is not None:
        shares[BALANCED] = config.batches.positives
    warmup = config.schedule.warmup
    cycle = None if warmup is None else Cycle(warmup, epochs)
    return {
        name: [
            replace(cross_entropy_stage(config, epochs, share), schedule=Schedule(), cycle=cycle)
        ]
        for name, share in shares.items()
    }


def validation_auroc(folders: Iterable[Path]) -> float:
    """Mean over the runs in these folders of the best epoch's validation AUC, of the last stage."""
    stages = [max(folder.glob("*/stage.json")) for folder in folders]
    return float(np.mean([read_stage(path).validation_auroc for path in stages]))


@dataclass(frozen=True)
class FinishedStage:
    """What stage.json says of a stage, or of a forest, that is done."""

    validation_auroc: float
    epochs: int = 0
    best_epoch: int = 0


def read_stage(path: Path) -> FinishedStage:
    """Read a stage.json.

    Raises:
        ValueError: if it is damaged; names the file and the cure.
    """
    cure = f"delete the folder {path.parent}, and --resume trains this stage again"
    return read_json_as(FinishedStage, path, cure=cure)

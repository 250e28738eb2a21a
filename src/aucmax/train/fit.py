"""``aucmax fit``: from options to a run folder with models, predictions and their comparison."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ..data import LabelledSet, Unreadable, write_skipped
from ..report import Predictions
from ..report.predictions import read_predictions
from .baselines import baselines, validation_auroc
from .config import FitConfig
from .dividing import parts_of
from .ensemble import conclude_ensemble
from .folder import check_folder, make_folder
from .forest import ForestTraining
from .kinds import doubts, fitted, read
from .outcome import PREDICTIONS, REPORT, Outcome, conclude_comparison, conclude_run
from .quiet import quiet
from .ranks import is_first
from .stages import Stage, auc_stages
from .training import Training

log = logging.getLogger("aucmax")


class Run(Protocol):
    """One seed of one method, in a folder of its own."""

    @property
    def folder(self) -> Path:
        """Where everything that it makes lies."""
        ...

    def rehearse(self) -> None:
        """Try everything that can fail early."""
        ...

    def predictions(self) -> Predictions | None:
        """Train, and score the test rows; None on all processes but the first."""
        ...


@quiet()
def fit(config: FitConfig, resolved: str = "") -> Outcome | None:
    """Train, predict the test rows, and say how it came out.

    One seed and no baseline leave one run folder: config.yaml, split.csv, a folder for each stage,
    predictions.csv, metrics.json, figures and report.html. Otherwise each seed of each method has
    such a folder within, and metrics.json and report.html compare them. Everything that was
    finished is kept by ``config.resume``; the rest is done as if nothing had happened.

    Args:
        config: all options.
        resolved: the same as YAML, for config.yaml.

    Returns:
        How it came out; None on all processes but the first, which alone writes.

    Raises:
        FileExistsError: if the run folder exists and ``resume`` is off.
        ValueError: if an option or the data are not as they must be.
        OSError: if a file cannot be read or written.
    """
    if problems := list(config.problems()):
        raise ValueError("; ".join(problems))
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    place = Path(config.output) / config.name
    if is_first():
        check_folder(place, config.resume, resolved)
    data, skipped = load(config)
    runs = _runs(config, data)
    for run in dict(runs).values():  # one of each method
        run.rehearse()
    if is_first():
        make_folder(place, resolved, data)
        if skipped is not None:
            write_skipped(place, skipped)
    found: dict[str, list[Predictions]] = {name: [] for name in dict(runs)}
    for name, run in runs:
        finished = (run.folder / REPORT).exists()
        made = _predictions(run)
        if made is None:
            continue
        found[name].append(made)
        if not finished and len(runs) > 1:
            conclude_run(run.folder, config, data, name, made, resolved)
    return _conclude(place, config, data, found, resolved) if is_first() else None


def _conclude(
    place: Path,
    config: FitConfig,
    data: LabelledSet,
    found: dict[str, list[Predictions]],
    resolved: str,
) -> Outcome:
    """What the whole run leaves: one model's numbers, an ensemble's, or a comparison."""
    if config.ensemble:
        return conclude_ensemble(place, config, data, found, resolved)
    if config.baseline or config.seeds > 1:
        judged = {name: validation_auroc(place.glob(f"{name}-seed*")) for name in found}
        return conclude_comparison(place, config, data, found, judged, resolved)
    ((name, (made,)),) = found.items()
    return conclude_run(place, config, data, name, made, resolved)


def _methods(config: FitConfig) -> dict[str, list[Stage]]:
    """The recipe, by the name of its loss or of each network; and the baselines if asked for."""
    methods = {name: auc_stages(config) for name in config.ensemble or (config.method,)}
    return methods | (baselines(config) if config.baseline else {})


def _runs(config: FitConfig, data: LabelledSet) -> list[tuple[str, Run]]:
    """Each seed of each method, by the method's name; alone it needs no folder of its own."""
    if config.is_forest:
        return [
            (config.method, ForestTraining(config, data, folder, seed=seed))
            for seed in config.all_seeds()
            for folder in [_folder(config, config.method, seed, alone=True)]
        ]
    methods = _methods(config)
    configs = {name: _of_member(config, name) for name in methods}
    inputs = {name: fitted(own, data) for name, own in configs.items()}
    several = config.seeds > 1
    return [
        (
            name,
            Training(
                configs[name],
                data,
                inputs[name],
                stages,
                _folder(config, name, seed, alone=len(methods) == 1),
                seed=seed,
                title=f"seed {seed} {name}" if several else name,
            ),
        )
        for seed in config.all_seeds()
        for name, stages in methods.items()
    ]


def _folder(config: FitConfig, name: str, seed: int, *, alone: bool) -> Path:
    """Where one seed of a method works: the run folder itself if there are no others."""
    place = Path(config.output) / config.name
    return place if alone and config.seeds == 1 else place / f"{name}-seed{seed}"


def _of_member(config: FitConfig, name: str) -> FitConfig:
    """The options of one method: a member of an ensemble has its own network."""
    return replace(config, model=replace(config.model, name=name)) if config.ensemble else config


def load(config: FitConfig) -> tuple[LabelledSet, tuple[Unreadable, ...] | None]:
    """Read the data, divide them into parts, and say aloud what looks wrong in them.

    Rows of which no label is known are left out, with a message: nothing can be learned from them.

    Returns:
        The rows, and those that cannot be read and are left out (None: it was not asked for).
    """
    data, skipped = read(config)
    known = ~np.isnan(data.target).all(axis=1)
    if unknown := len(data) - int(known.sum()):
        log.warning("%d of %d rows have no known label: left out", unknown, len(data))
        data = data.subset(known)
    data = data.divided(parts_of(data, config.split))
    for sentence in doubts(data):
        log.warning("%s", sentence)
    return data, skipped


def _predictions(run: Run) -> Predictions | None:
    """Predictions of one seed of one method, from its folder if they are there already.

    None on all processes but the first.
    """
    path = run.folder / PREDICTIONS
    if path.exists():
        return read_predictions(path) if is_first() else None
    return run.predictions()

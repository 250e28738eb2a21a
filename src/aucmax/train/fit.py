"""``aucmax fit``: from options to a run folder with models, predictions and their comparison."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ..data import LabelledSet, Unreadable, write_skipped
from ..report import Predictions
from ..report.predictions import read_predictions, write_predictions
from .baselines import baselines, validation_auroc
from .config import FitConfig
from .dividing import parts_of
from .ensemble import conclude_ensemble
from .folder import check_folder, make_folder
from .forest import ForestTraining
from .kinds import doubts, fitted, read
from .outcome import PREDICTIONS, REPORT, Outcome, conclude_comparison, conclude_run
from .processes import on_all_processes
from .quiet import quiet
from .ranks import is_first
from .rehearsal import check_trainer
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
    config = on_all_processes(config)
    for note in config.notes():
        log.info("%s", note)
    if not config.is_forest:
        check_trainer(config)
    place = Path(config.output) / config.name
    if is_first():
        check_folder(place, config.resume, resolved)
    data, skipped, contents = load(config)
    runs = _runs(config, data)
    for run in dict(runs).values():  # one of each method
        run.rehearse()
    if is_first():
        make_folder(place, resolved, data, contents)
        if skipped is not None:
            write_skipped(place, skipped)
    return _train_all(config, data, runs, resolved)


def _train_all(
    config: FitConfig, data: LabelledSet, runs: list[tuple[str, Run]], resolved: str
) -> Outcome | None:
    """Train each run that is not done, and write what they leave, each and together."""
    place = Path(config.output) / config.name
    found: dict[str, list[Predictions]] = {name: [] for name in dict(runs)}
    for name, run in runs:
        finished = (run.folder / REPORT).exists()
        made = _predictions(run, data)
        if made is None:
            continue
        found[name].append(made)
        if not finished and len(runs) > 1:
            with _reporting(run.folder):
                conclude_run(run.folder, config, data, name, made, resolved)
    if not is_first():
        return None
    with _reporting(place):
        return _conclude(place, config, data, found, resolved)


@contextmanager
def _reporting(folder: Path) -> Iterator[None]:
    """Whatever fails in a figure or a page costs no more than that: predictions are written."""
    try:
        yield
    except Exception as error:
        if os.environ.get("AUCMAX_TRACEBACK"):
            raise
        reason = str(error.args[-1]) if isinstance(error, OSError) and error.args else str(error)
        kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
        raise ValueError(
            f"training is done and predictions are kept in {folder}, but its report cannot be "
            f"written: {kind}{reason}; when that is remedied, finish it with the same command and "
            "--resume"
        ) from error


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


def load(
    config: FitConfig,
) -> tuple[LabelledSet, tuple[Unreadable, ...] | None, dict[str, str]]:
    """Read the data, divide them into parts, and say aloud what looks wrong in them.

    Rows of which no label is known are left out, with a message: nothing can be learned from them.

    Returns:
        The rows; those that cannot be read and are left out (None: it was not asked for); a digest
        of each row.
    """
    data, skipped, contents = read(config)
    known = ~np.isnan(data.target).all(axis=1)
    if unknown := len(data) - int(known.sum()):
        log.warning("%d of %d rows have no known label: left out", unknown, len(data))
        data = data.subset(known)
    data = data.divided(parts_of(data, config.split))
    for sentence in doubts(data):
        log.warning("%s", sentence)
    return data, skipped, contents


def _predictions(run: Run, data: LabelledSet) -> Predictions | None:
    """Predictions of one seed of one method, from its folder if they are there already.

    None on all processes but the first.

    Raises:
        ValueError: if what is there is damaged, or is not of the test rows.
    """
    path = run.folder / PREDICTIONS
    if not path.exists():
        made = run.predictions()
        if made is not None:
            write_predictions(path, made)
        return made
    if not is_first():
        return None
    cure = "delete it, and --resume scores the test rows again"
    try:
        kept = read_predictions(path)
    except ValueError as error:
        raise ValueError(f"--resume: {error}; {cure}") from error
    if reason := _difference(kept, data.part("test")):
        raise ValueError(f"--resume: {path} is not of this run: {reason}; {cure}")
    return kept


def _difference(kept: Predictions, test: LabelledSet) -> str:
    """How predictions that lie in a run folder differ from the test rows; "" if they do not."""
    if kept.labels != test.labels:
        return f"it has the labels {list(kept.labels)[:5]}, the data {list(test.labels)[:5]}"
    if len(kept) != len(test):
        return f"it has {len(kept)} rows, the test part {len(test)}"
    for name, wanted in zip(kept.ids, test.ids, strict=True):
        if name.strip() != wanted.strip():
            return f"it has a row {name!r} in place of {wanted!r}"
    if kept.target is None or not np.array_equal(kept.target, test.target, equal_nan=True):
        return "its targets are others"
    return ""

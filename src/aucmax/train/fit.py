"""``aucmax fit``: from options to a run folder with models, predictions and their comparison."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..data import ImageSet, Unreadable, identical_images, split, usable, write_skipped
from ..models import input_statistics
from ..report import Predictions
from ..report.predictions import read_predictions
from .baselines import baselines, validation_auroc
from .config import FitConfig
from .ensemble import conclude_ensemble
from .folder import check_folder, make_folder
from .outcome import PREDICTIONS, Outcome, conclude_comparison, conclude_run
from .predict import predict, predictions
from .quiet import quiet
from .ranks import is_first
from .rehearsal import rehearse
from .stages import Stage, Training, auc_stages
from .transforms import Preparation

COMPARED_UP_TO = 20_000
"""Images that are all read once before training: to find identical, and unreadable, ones."""

log = logging.getLogger("aucmax")


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
    images, skipped = load(config)
    methods = _methods(config)
    runs = _runs(config, images, methods)
    for name, training in dict(runs).items():  # one of each method
        rehearse(training, methods[name])
    if is_first():
        make_folder(place, resolved, images)
        if skipped is not None:
            write_skipped(place, skipped)
    found: dict[str, list[Predictions]] = {name: [] for name in methods}
    for name, training in runs:
        finished = (training.folder / PREDICTIONS).exists()
        made = _predictions(training, methods[name])
        if made is None:
            continue
        found[name].append(made)
        if not finished and len(runs) > 1:
            conclude_run(training.folder, config, images, name, made, resolved)
    return _conclude(place, config, images, found, resolved) if is_first() else None


def _conclude(
    place: Path,
    config: FitConfig,
    images: ImageSet,
    found: dict[str, list[Predictions]],
    resolved: str,
) -> Outcome:
    """What the whole run leaves: one model's numbers, an ensemble's, or a comparison."""
    if config.ensemble:
        return conclude_ensemble(place, config, images, found, resolved)
    if config.baseline or config.seeds > 1:
        judged = {name: validation_auroc(place.glob(f"{name}-seed*")) for name in found}
        return conclude_comparison(place, config, images, found, judged, resolved)
    ((name, (made,)),) = found.items()
    return conclude_run(place, config, images, name, made, resolved)


def _methods(config: FitConfig) -> dict[str, list[Stage]]:
    """The recipe, by the name of its loss or of each network; and the baselines if asked for."""
    methods = {name: auc_stages(config) for name in config.ensemble or (config.loss.name,)}
    return methods | (baselines(config) if config.baseline else {})


def _runs(
    config: FitConfig, images: ImageSet, methods: Iterable[str]
) -> list[tuple[str, Training]]:
    """Each seed of each method, by the method's name; alone it needs no folder of its own."""
    configs = {name: _of_member(config, name) for name in methods}
    preparations = {name: prepare(own, images) for name, own in configs.items()}
    folder, several = Path(config.output) / config.name, config.seeds > 1
    alone = config.seeds == 1 and not config.baseline and not config.ensemble
    return [
        (
            name,
            Training(
                configs[name],
                images,
                preparations[name],
                folder if alone else folder / f"{name}-seed{seed}",
                seed=seed,
                title=f"seed {seed} {name}" if several else name,
            ),
        )
        for seed in range(config.seed, config.seed + config.seeds)
        for name in methods
    ]


def _of_member(config: FitConfig, name: str) -> FitConfig:
    """The options of one method: a member of an ensemble has its own network."""
    return replace(config, model=replace(config.model, name=name)) if config.ensemble else config


def load(config: FitConfig) -> tuple[ImageSet, tuple[Unreadable, ...] | None]:
    """Read the data, divide them into parts, and say aloud what looks wrong in them.

    Prepared images are used where there are any. Rows of which no label is known are left out,
    with a message: nothing can be learned from them.

    Returns:
        The images, and those that cannot be read and are left out (None: it was not asked for).
    """
    images, skipped = usable(
        config.data,
        config.data.load(),
        size=config.model.image_size,
        workers=config.batches.workers,
        progress=is_first(),
    )
    known = ~np.isnan(images.target).all(axis=1)
    if unknown := len(images) - int(known.sum()):
        log.warning("%d of %d rows have no known label: left out", unknown, len(images))
        images = images.subset(known)
    part = split(
        images.target,
        validation=config.split.validation,
        test=config.split.test,
        groups=images.groups,
        given=images.split,
        labels=images.labels,
        seed=config.split.seed,
    )
    images = replace(images, split=part)
    if len(images) > COMPARED_UP_TO:
        log.info("%d images are too many to look for identical ones", len(images))
        return images, skipped
    for sentence in identical_images(images).warnings():
        log.warning("%s", sentence)
    return images, skipped


def prepare(config: FitConfig, images: ImageSet) -> Preparation:
    """What is done to pixels: fitted to the training images, or what pretrained weights expect."""
    train = images.part("train")
    fitted = Preparation.fitted(train, config.model.image_size)
    if not config.model.pretrained:
        return fitted
    expected = input_statistics(config.model.name, channels=fitted.channels)
    return fitted if expected is None else replace(fitted, mean=expected[0], std=expected[1])


def _predictions(training: Training, stages: list[Stage]) -> Predictions | None:
    """Predictions of one seed of one method, from its folder if they are there already.

    None on all processes but the first.
    """
    path = training.folder / PREDICTIONS
    if path.exists():
        return read_predictions(path) if is_first() else None
    network = training.run(stages)
    if not is_first():
        return None
    loader = training.data(stages[-1]).test_dataloader()
    logits = predict(network, loader, training.config.trainer)
    return predictions(training.images.part("test"), logits)

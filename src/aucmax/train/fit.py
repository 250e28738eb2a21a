"""``aucmax fit``: from options to a run folder with models, predictions and their comparison."""

import logging
import warnings
from dataclasses import replace

import numpy as np

from ..data import ImageSet, identical_images, split
from ..models import input_statistics
from ..report import Predictions
from ..report.predictions import read_predictions
from .config import FitConfig
from .folder import open_folder, write_split
from .outcome import Outcome, conclude_comparison, conclude_run
from .predict import predictions
from .stages import Stage, Training, auc_stages, baseline_stages
from .transforms import Preparation

BASELINE = "cross-entropy"

COMPARED_UP_TO = 20_000
"""Images that are all read once before training: to find identical, and unreadable, ones."""

log = logging.getLogger("aucmax")


def fit(config: FitConfig, resolved: str = "") -> Outcome:
    """Train, predict the test rows, and say how it came out.

    One seed and no baseline leave one run folder: config.yaml, split.csv, a folder for each stage,
    predictions.csv, metrics.json, figures and report.html. Otherwise each seed of each method has
    such a folder within, and metrics.json and report.html compare them. Everything that was
    finished is kept by ``config.resume``; the rest is done as if nothing had happened.

    Args:
        config: all options.
        resolved: the same as YAML, for config.yaml.

    Raises:
        FileExistsError: if the run folder exists and ``resume`` is off.
        ValueError: if an option or the data are not as they must be.
        OSError: if a file cannot be read or written.
    """
    if problems := list(config.problems()):
        raise ValueError("; ".join(problems))
    images = load(config)
    folder = open_folder(config, resolved)
    write_split(folder / "split.csv", images)
    preparation = prepare(config, images)
    methods = {config.loss.name: auc_stages(config)}
    if config.baseline:
        methods[BASELINE] = baseline_stages(config)
    seeds = range(config.seed, config.seed + config.seeds)
    alone = len(methods) == len(seeds) == 1
    found: dict[str, list[Predictions]] = {name: [] for name in methods}
    _quiet()
    for seed in seeds:
        for name, stages in methods.items():
            place = folder if alone else folder / f"{name}-seed{seed}"
            title = f"seed {seed} {name}" if len(seeds) > 1 else name
            training = Training(config, images, preparation, place, seed=seed, title=title)
            found[name].append(_one(training, stages, name, resolved))
    if alone:
        return conclude_run(folder, config, images, name, found[name][0], resolved)
    return conclude_comparison(folder, config, images, found, resolved)


def load(config: FitConfig) -> ImageSet:
    """Read the data, divide them into parts, and say aloud what looks wrong in them.

    Rows of which no label is known are left out, with a message: nothing can be learned from them.
    """
    images = config.data.load()
    known = ~np.isnan(images.target).all(axis=1)
    if not known.all():
        log.warning("%d of %d rows have no known label: left out", (~known).sum(), len(known))
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
        return images
    for sentence in identical_images(images).warnings():
        log.warning("%s", sentence)
    return images


def prepare(config: FitConfig, images: ImageSet) -> Preparation:
    """What is done to pixels: fitted to the training images, or what pretrained weights expect."""
    train = images.part("train")
    fitted = Preparation.fitted(train, config.model.image_size)
    if not config.model.pretrained:
        return fitted
    expected = input_statistics(config.model.name, channels=fitted.channels)
    return fitted if expected is None else replace(fitted, mean=expected[0], std=expected[1])


def _one(training: Training, stages: list[Stage], name: str, resolved: str) -> Predictions:
    """Predictions of one seed of one method: from its folder if they are there already."""
    path = training.folder / "predictions.csv"
    if path.exists():
        return read_predictions(path)
    images = training.images
    test = images.part("test")
    made = predictions(test, training.run(stages))
    conclude_run(training.folder, training.config, images, name, made, resolved)
    return made


def _quiet() -> None:
    """Keep Lightning's hints off the screen: they speak of code that the user did not write."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for hint in (".*does not have many workers.*", ".*Checkpoint directory.*exists.*"):
        warnings.filterwarnings("ignore", hint)
    for hint in (".*smaller than the logging interval.*", ".*isinstance.treespec, LeafSpec.*"):
        warnings.filterwarnings("ignore", hint)

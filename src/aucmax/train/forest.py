"""A random forest on fingerprints: as a model of its own, and as a part of a blend."""

import io
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import metrics
from .._arrays import read_npy
from .._files import write_bytes, write_json
from ..data import LabelledSet, MoleculeSet
from ..data.base import PARTS
from ..forests import Forest, ForestOptions, fit_forest, out_of_fold_scores
from ..report import Predictions
from .config import FitConfig
from .predict import scored
from .ranks import is_first
from .seeds import derive

FOREST = "forest.npz"
STAGE = "01-forest"


class ForestTraining:
    """Grows the forest of one seed in a folder of its own.

    Args:
        config: of the whole fit.
        data: all rows, divided into parts.
        folder: for this seed.
        seed: of the forest.
    """

    def __init__(self, config: FitConfig, data: LabelledSet, folder: Path, *, seed: int) -> None:
        self.config, self.data, self.folder, self.seed = config, data, folder, seed

    def rehearse(self) -> None:
        """See that the rows have fingerprints.

        Raises:
            ValueError: if they are no molecules.
        """
        molecules(self.data, "--model.name forest")

    def predictions(self) -> Predictions | None:
        """Grow the forest, and score the test rows; None on all processes but the first."""
        if not is_first():
            return None
        data = molecules(self.data, "--model.name forest")
        place = self.folder / STAGE
        bits = data.fingerprints()
        forest = grown(self.config, data, bits, place, seed=self.seed)
        validation, test = (rows_of(data, part) for part in PARTS[1:])
        target = data.target[validation].astype(np.float64)
        judged = metrics.macro_auroc(forest.scores(bits[validation]), target)
        write_json(place / "stage.json", {"validation_auroc": judged})
        return scored(data.part("test"), forest.scores(bits[test]))


def molecules(data: LabelledSet, option: str) -> MoleculeSet:
    """The rows, if they are molecules.

    Raises:
        ValueError: if they are anything else.
    """
    if not isinstance(data, MoleculeSet):
        raise ValueError(f"{option}: a forest on fingerprints takes molecules, not {data.noun}s")
    return data


def rows_of(data: MoleculeSet, part: str) -> NDArray[np.int64]:
    """The rows of a part, as indices."""
    return np.flatnonzero(np.asarray(data.split) == part)


def grown(
    config: FitConfig, data: MoleculeSet, bits: NDArray[np.uint8], place: Path, *, seed: int
) -> Forest:
    """The forest of a seed on the training part, from its file if it is there already."""
    if (place / FOREST).exists():
        return _kept(place / FOREST, data, bits.shape[1])
    train = rows_of(data, "train")
    place.mkdir(parents=True, exist_ok=True)
    forest = fit_forest(
        bits[train],
        data.target[train],
        config.forest,
        seed=derive(seed, "forest") % 2**32,
        labels=data.labels,
        threads=config.threads or 1,
    )
    forest.save(place / FOREST)
    return forest


def _kept(path: Path, data: MoleculeSet, width: int) -> Forest:
    """The forest of a file, if it is one of these labels and fingerprints."""
    cure = "delete it, and --resume grows the forest again"
    try:
        forest = Forest.load(path)
    except ValueError as error:
        raise ValueError(f"{error}; {cure}") from error
    if forest.labels != data.labels or forest.width != width:
        raise ValueError(f"{path} is a forest of other labels or fingerprints; {cure}")
    return forest


def _read_scores(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The scores of all rows by a forest, from the file of a blend."""
    cure = "delete it, and --resume scores the rows again"
    try:
        scores = read_npy(path)
    except ValueError as error:
        raise ValueError(f"{error}; {cure}") from error
    inside = scores.dtype == np.float64 and bool(((scores >= 0) & (scores <= 1)).all())
    if scores.shape != shape or not inside:
        raise ValueError(f"{path} must hold {shape} scores in [0, 1], and does not; {cure}")
    return scores


def with_forest(config: FitConfig, data: LabelledSet, place: Path, *, seed: int) -> MoleculeSet:
    """The rows with a forest's probabilities, as a blend needs them.

    Rows for validation and test are scored by the forest of the training part; those for training
    by forests that have not seen them, or by that same one, as ``--blend.scores`` says. Where the
    parts are divided by scaffold, so are the folds: else forests would know near copies of the
    rows that they score, and seem surer than they are of the test part's new scaffolds.

    Args:
        config: of the whole fit.
        data: molecules, divided into parts.
        place: folder for the forest and the scores; what is there is read.
        seed: of the forests.

    Raises:
        ValueError: if the rows are no molecules; too few positives for the folds.
        OSError: if a file cannot be written; on the other processes, if the first has ended.
    """
    rows = molecules(data, "--blend.epochs")
    kept = place / "scores.npy"
    if is_first() and not kept.exists():
        content = io.BytesIO()
        np.save(content, _scores(config, rows, place, seed=seed), allow_pickle=False)
        write_bytes(kept, content.getvalue())
    parent = os.getppid()
    while not kept.exists():  # the first of several processes is at work
        if os.getppid() != parent:
            raise OSError("the first process has ended without the scores of a forest")
        time.sleep(1)
    return rows.with_forest(_read_scores(kept, rows.target.shape))


def check_folds(config: FitConfig, data: LabelledSet, *, seed: int) -> None:
    """Deal the training rows to the folds of a blend, with stand-ins for their fingerprints.

    Args:
        config: of the whole fit.
        data: molecules, divided into parts.
        seed: of the forests.

    Raises:
        ValueError: if the rows are no molecules; too few positives for the folds.
    """
    rows = molecules(data, "--blend.epochs")
    if config.blend.scores == "out-of-fold":
        one = replace(config.forest, trees=1)
        try:
            bits = np.zeros((len(rows), 1), np.uint8)
            _of_folds(config, rows, bits, one, seed=seed, progress=False)
        except ValueError as error:
            raise ValueError(f"--forest.folds: {error}") from error


def _scores(config: FitConfig, data: MoleculeSet, place: Path, *, seed: int) -> NDArray[np.float64]:
    bits = data.fingerprints()
    scores = grown(config, data, bits, place, seed=seed).scores(bits)
    if config.blend.scores == "out-of-fold":
        train = rows_of(data, "train")
        scores[train] = _of_folds(config, data, bits, config.forest, seed=seed)
    return scores


def _of_folds(
    config: FitConfig,
    data: MoleculeSet,
    bits: NDArray[np.uint8],
    options: ForestOptions,
    *,
    seed: int,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Scores of the training rows by forests that have not seen them."""
    train = rows_of(data, "train")
    groups = data.scaffolds() if config.split.by == "scaffold" else data.groups
    return out_of_fold_scores(
        bits[train],
        data.target[train],
        options,
        seed=derive(seed, "forest") % 2**32,
        groups=None if groups is None else groups[train],
        labels=data.labels,
        threads=config.threads or 1,
        progress=progress,
    )

"""Scores of images or molecules, by a checkpoint or a forest; an unreadable one costs one row."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..data import LabelledSet, MoleculeSet
from ..data._messages import listed
from ..data.molecules import read_smiles
from ..forests import Forest
from ..report import Predictions
from .checkpoints import read_checkpoint
from .forest import FOREST, molecules
from .predict import score, score_readable, scored


@dataclass(frozen=True)
class Screened:
    """What became of each image, or of each row of a CSV file of molecules.

    Args:
        predictions: of the rows that can be read.
        failed: why the others cannot be, by id.
        order: all ids, as the file has them.
    """

    predictions: Predictions
    failed: dict[str, str]
    order: tuple[str, ...]


def is_for_molecules(model: Path) -> bool:
    """Whether a checkpoint, or a forest, takes molecules.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it can be read as neither.
    """
    if model.suffix == ".npz":
        return True
    return read_checkpoint(model)["card"]["preparation"].get("kind") == "graphs"


def screen(
    model: Path,
    csv: Path,
    *,
    smiles: str | None = None,
    name: str | None = None,
    workers: int = 0,
    on_error: Literal["error", "skip"] = "skip",
) -> Screened:
    """Score the molecules of a CSV file.

    Args:
        model: a checkpoint of ``aucmax fit``, or the forest.npz that it left.
        csv: a file with a column of SMILES.
        smiles: name of that column; None: as in the data that the model was trained on.
        name: column with a name for each row; None: rows are counted from 0.
        workers: processes that make graphs.
        on_error: what a SMILES that cannot be read does: error stops; skip costs its row the score.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if the model or the file cannot be read, or not one SMILES of it; with
            ``on_error="error"`` if one SMILES cannot be read.
    """
    if model.suffix == ".npz":
        labels, column = Forest.load(model).labels, "smiles"
    else:
        card = read_checkpoint(model)["card"]
        labels, column = tuple(card["labels"]), card["preparation"].get("smiles", "smiles")
    order, failed, found = read_smiles(csv, smiles or column, name, labels, workers=workers)
    if failed and on_error == "error":
        some = listed((f"{name}: {reason}" for name, reason in failed.items()), 5)
        raise ValueError(
            f"{str(csv)!r}: SMILES that cannot be read: {some}; fix them, or go on without them by "
            "--on_error skip"
        )
    return Screened(score_by(model, found), failed, order)


def score_all(
    model: Path,
    data: LabelledSet,
    *,
    workers: int = 0,
    on_error: Literal["error", "skip"] = "skip",
) -> Screened:
    """Score any rows, of which some may be unreadable.

    Args:
        model: as in :func:`score_by`.
        data: as in :func:`score_by`; molecules that its source has left out count as unreadable.
        workers: as in :func:`score_by`.
        on_error: what a row that cannot be read does: error stops; skip leaves it without a score.

    Raises:
        FileNotFoundError, ValueError: as :func:`score_by`; if not one row can be read.
    """
    if isinstance(data, MoleculeSet):
        failed = {image.id: image.reason for image in data.left_out or ()}
        return Screened(score_by(model, data, workers=workers), failed, data.order or data.ids)
    if on_error == "error" or model.suffix == ".npz":
        return Screened(score_by(model, data, workers=workers), {}, data.ids)
    found, failed = score_readable(model, data, workers=workers)
    return Screened(found, failed, data.ids)


def score_by(model: Path, data: LabelledSet, *, workers: int = 0) -> Predictions:
    """Score any rows by a checkpoint of ``aucmax fit``, alone or with its forest, or by a forest.

    Args:
        model: a file such as ``runs/NAME/02-aucm/best.ckpt``, or ``forest.npz``.
        data: with or without targets; as many labels as the model's.
        workers: processes that read rows.

    Raises:
        FileNotFoundError: if there is no such file, or the forest of a blend is gone.
        ValueError: if the model cannot be read, or its labels or rows are others.
    """
    if model.suffix == ".npz":
        return scored(data, _forest_scores(model, data))
    card = read_checkpoint(model)["card"]
    if "forest" in card:
        forest = model.parent / card["forest"] / FOREST
        if not forest.exists():
            raise FileNotFoundError(
                f"{model} mixes its scores with those of a forest, and {forest} is not there: keep "
                "the run folder together"
            )
        data = molecules(data, str(model)).with_forest(_forest_scores(forest, data))
    return score(model, data, workers=workers)


def _forest_scores(path: Path, data: LabelledSet) -> NDArray[np.float64]:
    forest = Forest.load(path)
    if len(data.labels) != len(forest.labels):
        raise ValueError(
            f"{path} was grown for the labels {list(forest.labels)}, the {data.noun}s have "
            f"{list(data.labels)}"
        )
    return forest.scores(molecules(data, str(path)).fingerprints())

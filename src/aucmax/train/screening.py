"""Scores of molecules in a CSV file, by a checkpoint or a forest; bad SMILES cost one row each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import LabelledSet
from ..data.molecules import read_smiles
from ..forests import Forest
from ..report import Predictions
from .checkpoints import read_checkpoint
from .forest import FOREST, molecules
from .predict import score, scored


@dataclass(frozen=True)
class Screened:
    """What became of each row of a CSV file of molecules.

    Args:
        predictions: of the rows whose SMILES can be read.
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
) -> Screened:
    """Score the molecules of a CSV file.

    Args:
        model: a checkpoint of ``aucmax fit``, or the forest.npz that it left.
        csv: a file with a column of SMILES.
        smiles: name of that column; None: as in the data that the model was trained on.
        name: column with a name for each row; None: rows are counted from 0.
        workers: processes that make graphs.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if the model or the file cannot be read, or not one SMILES of it.
    """
    if model.suffix == ".npz":
        labels, column = Forest.load(model).labels, "smiles"
    else:
        card = read_checkpoint(model)["card"]
        labels, column = tuple(card["labels"]), card["preparation"].get("smiles", "smiles")
    order, failed, found = read_smiles(csv, smiles or column, name, labels, workers=workers)
    return Screened(score_by(model, found), failed, order)


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

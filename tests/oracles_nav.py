"""Real molecules that the installed RDKit carries: 1,017 blockers of a sodium channel."""

import csv
from pathlib import Path

import rdkit
from oracles_train import write_csv

FOLDER = Path(rdkit.__file__).parent / "Contrib" / "FreeWilson" / "data"
TINY = [
    *("--model.layers", 2, "--model.width", 8, "--forest.trees", 8, "--forest.folds", 2),
    *("--pretrain.epochs", 1, "--schedule.epochs", 1, "--threads", 1, "--data.workers", 0),
]
"""Options of quick fits."""


def molecules(n):
    """(SMILES, 1 for an activity of at least 8) of n molecules."""
    with (FOLDER / "CHEMBL2321810_act.csv").open(newline="") as file:
        activity = {row["Name"]: float(row["Act"]) for row in csv.DictReader(file)}
    lines = (FOLDER / "CHEMBL2321810.smi").read_text().splitlines()
    pairs = [line.split() for line in lines]
    every = [(smiles, int(activity[name] >= 8)) for smiles, name in pairs if name in activity]
    return every[:: len(every) // n][:n]


def nav_csv(path, n=120, more=()):
    """A CSV of n molecules, and then of more rows (SMILES, label)."""
    return write_csv(path, ["smiles", "active"], [*molecules(n), *more])

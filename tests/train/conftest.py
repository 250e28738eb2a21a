"""Runs that several tests look at, each made once."""

from types import SimpleNamespace

import pytest
from oracles_train import csv_data, fit, multi_label_data, npz_data, tree_data, write_recipe


@pytest.fixture(autouse=True)
def _small_jobs(monkeypatch):
    """Lightning leaves these behind; another test must not take itself for a worker."""
    for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def sources(tmp_path_factory):
    """Words of ``aucmax fit`` for each kind of source: a recipe, and where the data are."""
    place = tmp_path_factory.mktemp("sources")
    csv = csv_data(place / "csv")
    three = multi_label_data(place / "three")
    npz = npz_data(place / "npz" / "cells.npz")
    tree = tree_data(place / "tree")
    recipes = {
        name: write_recipe(place / f"{name}.yaml", name) for name in ("CSV", "NPZ", "Folder")
    }
    labels = ["--data.label", "edema", "mass", "nodule", "--data.split", "part"]
    return {
        "csv": [recipes["CSV"], "--data.csv", csv, "--data.group", "patient"],
        "three": [recipes["CSV"], "--data.csv", three, *labels],
        "folder": [recipes["Folder"], "--data.root", tree],
        "npz": [recipes["NPZ"], "--data.npz", npz],
        "digits": [write_recipe(place / "digits.yaml", "Digits")],
    }


@pytest.fixture(scope="session")
def finished(sources, tmp_path_factory):
    """Run folders of a finished fit of each source, by the name of the source."""
    place = tmp_path_factory.mktemp("runs")
    made = {}

    def run(source):
        if source not in made:
            words = [*sources[source], "--output", place, "--name", source]
            fit(*words)
            made[source] = SimpleNamespace(folder=place / source, words=words)
        return made[source]

    return run

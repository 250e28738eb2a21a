"""Tiny data sets on disk, tiny recipes, and runs of the command in this process."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from aucmax.cli import main

SRC = Path(__file__).resolve().parents[1] / "src"

RECIPE = """# Two short stages on tiny data.
data:
  class_path: {data}
model:
  name: resnet20
batches:
  size: 16
  positives: 0.5
pretrain:
  epochs: {pretrain}
loss:
  class_path: AUCMLoss
optimizer:
  class_path: PESG
schedule:
  epochs: {epochs}
"""

FILES = {
    "config.yaml",
    "split.csv",
    "predictions.csv",
    "metrics.json",
    "report.html",
    "roc.svg",
    "roc.png",
    "precision_recall.svg",
    "precision_recall.png",
}
"""What every finished run holds beside the folders of its stages."""


def made_images(n=60, labels=1, size=16, seed=0):
    """Noise with a bright band for each positive label: (n, size, size) uint8 and (n, labels)."""
    rng = np.random.default_rng(seed)
    target = np.stack([rng.permutation(n) < n // 3 for _ in range(labels)], 1).astype(np.float32)
    pixels = rng.normal(90, 40, (n, size, size))
    for label in range(labels):
        pixels[:, 4 * label : 4 * label + 4] += 35 * target[:, label, None, None]
    return pixels.clip(0, 255).astype(np.uint8), target


def write_pngs(folder, pixels):
    """Write every image; give their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{row:03d}.png" for row in range(len(pixels))]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(folder / name)
    return names


def write_csv(path, header, rows):
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def csv_data(folder, n=60, seed=0):
    """A CSV of images with one label and patients of three images each."""
    pixels, target = made_images(n, seed=seed)
    names = write_pngs(folder, pixels)
    rows = [
        (name, int(y), f"patient{row // 3}")
        for row, (name, y) in enumerate(zip(names, target[:, 0], strict=True))
    ]
    return write_csv(folder / "cases.csv", ["image", "label", "patient"], rows)


def multi_label_data(folder, n=72, seed=0):
    """A CSV of images with three labels, some blank, and a split column."""
    pixels, target = made_images(n, labels=3, seed=seed)
    names = write_pngs(folder, pixels)
    parts = ["train", "train", "train", "val", "test", "test"]
    rows = []
    for row, name in enumerate(names):
        values = [str(int(y)) for y in target[row]]
        if row % 5 == 0:
            values[row % 3] = ""
        rows.append((name, *values, parts[row % 6]))
    return write_csv(folder / "cases.csv", ["image", "edema", "mass", "nodule", "part"], rows)


def tree_data(folder, n=60, seed=0):
    """A folder for each class."""
    pixels, target = made_images(n, seed=seed)
    write_pngs(folder / "benign", pixels[target[:, 0] == 0])
    write_pngs(folder / "malignant", pixels[target[:, 0] == 1])
    return folder


def npz_data(path, n=72, seed=0):
    """A MedMNIST-style archive with three parts."""
    pixels, target = made_images(n, seed=seed)
    third = n // 3
    parts = {"train": slice(0, 2 * third - 12), "val": slice(2 * third - 12, 2 * third)}
    parts["test"] = slice(2 * third, n)
    arrays = {}
    for part, rows in parts.items():
        arrays[f"{part}_images"] = pixels[rows]
        arrays[f"{part}_labels"] = target[rows].astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def write_recipe(path, data, pretrain=1, epochs=1):
    """A recipe for ``data``, such as NPZ."""
    path.write_text(RECIPE.format(data=data, pretrain=pretrain, epochs=epochs))
    return path


def fit(*words):
    """``aucmax fit`` in this process, which must succeed."""
    code = main(["fit", *map(str, words)])
    assert code == 0


def command(*words, **environment):
    """Words and options to start ``aucmax`` in a process of its own."""
    return {
        "args": [sys.executable, "-m", "aucmax", *map(str, words)],
        "env": os.environ | {"PYTHONPATH": str(SRC), "OMP_NUM_THREADS": "1"} | environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def read_json(path):
    """Content of a JSON file."""
    return json.loads(Path(path).read_text())


def read_rows(path):
    """Rows of a CSV file as dictionaries."""
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def scores_of(path):
    """Ids, and score of each, of a predictions file with one label."""
    rows = read_rows(path)
    (score,) = [name for name in rows[0] if name.startswith("score")]
    return [row["id"] for row in rows], np.array([float(row[score]) for row in rows])


def files_below(folder):
    """Every file below a folder, by its path as seen from there."""
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file()}


def refused(capsys, code, *words):
    """Run a command that must fail with ``code``; give its one message.

    Nothing may be written below the current folder, and no traceback be shown.
    """
    capsys.readouterr()
    before = files_below(".")
    found = main([str(word) for word in words])
    told = capsys.readouterr()
    assert (found, told.out) == (code, ""), told.err
    assert "Traceback" not in told.err
    name = "aucmax" if code == 2 and words[0] == "frobnicate" else f"aucmax {words[0]}"
    message = told.err[told.err.index(f"{name}: ") :]
    assert message.count("aucmax ") >= 1
    assert files_below(".") == before
    return message

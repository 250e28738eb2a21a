"""A finished run to be spoiled, and commands that must be refused without harm."""

import contextlib
import shutil
from pathlib import Path

from oracles_train import files_below, fit, made_images, npz_data, write_pngs, write_recipe

from aucmax.cli import main

LONGEST = 1000
"""Characters of the longest message: a list of all losses has 700."""


def make_place(place):
    """A finished run, images, and two predictions files."""
    npz_data(place / "x.npz")
    write_recipe(place / "r.yaml", "NPZ")
    with contextlib.chdir(place):
        fit("r.yaml", "--data.npz", "x.npz", "--output", ".", "--name", "run")
    write_pngs(place / "images", made_images(4)[0])
    for name in ("a", "b"):
        shutil.copy(place / "run" / "predictions.csv", place / f"{name}.csv")
    return place


def contents(folder="."):
    return {name: Path(folder, name).read_bytes() for name in files_below(folder)}


def refused(capsys, *words):
    """Run a command that must fail; its one line. Nothing below the folder may have changed."""
    before = contents()
    capsys.readouterr()
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    assert code in {1, 2}, (code, told)
    assert told.out == ""
    assert "Traceback" not in told.err
    assert "should not happen" not in told.err
    lines = [line for line in told.err.splitlines() if not line.startswith("note: ")]
    (line,) = [line for line in lines if line.startswith(f"aucmax {words[0]}: ")]
    assert lines[-1] == line
    assert len(line) < LONGEST
    assert contents() == before
    return line


def refused_quietly(capsys, *words):
    """As ``refused``, without a look at the files."""
    capsys.readouterr()
    assert main([*map(str, words)]) in {1, 2}
    message = capsys.readouterr().err
    assert "Traceback" not in message
    return message


FIT = ["fit", "r.yaml", "--data.npz", "x.npz", "--name", "new", "--output", "."]
RESUME = ["fit", "r.yaml", "--data.npz", "x.npz", "--name", "run", "--output", ".", "--resume"]

BEST = "run/02-aucm/best.ckpt"

"""What the other commands say of files that are not what they should be, and of full disks."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles_train import (
    command,
    files_below,
    fit,
    made_images,
    npz_data,
    read_json,
    refused,
    write_pngs,
    write_recipe,
)

from aucmax import _files
from aucmax.cli import main
from aucmax.train import checkpoints


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished run, and images."""
    place = tmp_path_factory.mktemp("place")
    npz = npz_data(place / "x.npz")
    recipe = write_recipe(place / "r.yaml", "NPZ")
    fit(recipe, "--data.npz", npz, "--output", place, "--name", "run", "--pretrain.epochs", 0)
    write_pngs(place / "images", made_images(4)[0])
    return place


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


CSVS = {
    "empty": ("", "is empty; a header row with the names of the columns is needed"),
    "no id": ("score,target\n1,0\n", "no column 'id'; its columns are 'score', 'target'"),
    "no score": ("id,target\na,0\n", "no column 'score' or 'score_NAME'"),
    "no target": ("id,score\na,0.5\n", "target"),
    "no rows": ("id,score,target\n", "a header but no rows"),
    "text": ("id,score,target\na,high,1\n", "line 2: column 'score': a score must be a finite"),
    "nan": ("id,score,target\na,nan,1\n", "line 2: column 'score': a score must be a finite"),
    "label": ("id,score,target\na,0.1,0\nb,1,-1\n", "line 3: column 'target': a target must be"),
    "twice": ("id,score,target\na,1,0\na,1,1\n", "line 3: id 'a' already stands in line 2"),
    "cells": ("id,score,target\na,1\n", "line 2: 2 values where the header has 3 columns"),
    "one class": ("id,score,target\na,1,0\nb,1,0\n", "no label has both positive and negative"),
}


@pytest.mark.parametrize("name", ["evaluate", "compare", "report"])
@pytest.mark.parametrize("case", CSVS)
def test_faulty_predictions(capsys, name, case):
    text, fragment = CSVS[case]
    Path("p.csv").write_text(text)
    Path("q.csv").write_text(text)
    message = refused(capsys, 1, name, *["p.csv", "q.csv"][: 1 + (name == "compare")])
    assert message.count("\n") == 1
    assert fragment in message


def test_predictions_that_are_no_text_or_not_there(capsys):
    Path("p.csv").write_bytes(b"\xff\xfe\x00")
    assert "'p.csv' is text in UTF-16, not CSV in UTF-8" in refused(capsys, 1, "evaluate", "p.csv")
    assert "no predictions file q.csv" in refused(capsys, 1, "compare", "q.csv", "p.csv")
    assert "no predictions file q.csv" in refused(capsys, 1, "report", "q.csv")


def test_predictions_of_other_samples_are_not_compared(capsys):
    Path("a.csv").write_text("id,score,target\nx,1,1\ny,0,0\n")
    Path("b.csv").write_text("id,score,target\nx,1,1\nz,0,0\n")
    message = refused(capsys, 1, "compare", "a.csv", "b.csv")
    assert "'y'" in message
    assert "'z'" in message
    Path("b.csv").write_text("id,score,target\nx,1,0\ny,0,1\n")
    assert "target" in refused(capsys, 1, "compare", "a.csv", "b.csv")


USAGE = [
    (["evaluate"], "the following arguments are required: predictions; see aucmax evaluate --help"),
    (["evaluate", "p.csv", "--lvel", "0.9"], "--lvel"),
    (["evaluate", "p.csv", "--level", "high"], "--level: expected a number, got 'high'"),
    (["compare", "a.csv"], "the following arguments are required: b"),
    (["report"], "the following arguments are required: predictions"),
    (["predict"], "the following arguments are required: checkpoint"),
    (["predict", "x", "--data", "Zip"], "--data: there is no 'Zip'; choose one of CSV"),
    (["predict", "x", "--data", "NPZ"], "--data NPZ needs --data.npz"),
    (["predict", "x", "--data", "NPZ", "--data.npz=x", "--data.a", "1"], "NPZ has no option 'a'"),
    (["predict", "x", "--data.npz", "x"], "--data is missing, to which --data.npz belongs: one"),
    (["predict", "x", "y", "--data", "Digits"], "give either files"),
    (["predict", "x.ckpt"], "give either files (or folders), or --data with its options"),
    (["recipes", "shw", "digits"], "say one of: recipes list, recipes show NAME, recipes copy"),
    (["recipes", "copy"], "say one of: recipes list"),
    (["frobnicate"], "there is no command 'frobnicate'; see aucmax --help"),
]


@pytest.mark.parametrize(("words", "fragment"), USAGE, ids=lambda x: str(x))
def test_wrong_usage(capsys, words, fragment):
    message = refused(capsys, 2, *words)
    assert message.count("\n") == 1
    assert fragment in message


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--output", "p.csv"], "p.csv: File exists"),
        (["--output", "/dev/null/x"], "/dev/null/x: Not a directory"),
    ],
)
def test_values_that_evaluate_refuses(capsys, words, fragment):
    Path("p.csv").write_text("id,score,target\nx,1,1\ny,0,0\nz,0.5,1\n")
    assert fragment in refused(capsys, 1, "evaluate", "p.csv", *words)


def test_recipes_are_not_copied_over_a_file(capsys):
    Path("digits.yaml").write_text("mine")
    assert "digits.yaml exists already" in refused(capsys, 1, "recipes", "copy", "digits")
    assert "there is no recipe or file 'digts'" in refused(capsys, 1, "recipes", "show", "digts")
    assert "cannot write no/x.yaml: there is no folder" in refused(
        capsys, 1, "recipes", "copy", "digits", "no/x.yaml"
    )


def test_checkpoints_that_cannot_be_used(capsys, place):
    sound = place / "run" / "01-aucm" / "best.ckpt"
    Path("half.ckpt").write_bytes(sound.read_bytes()[:5000])
    torch.save({"state_dict": {}}, "other.ckpt")
    content = torch.load(sound, weights_only=True)
    torch.save(content | {"card": content["card"] | {"model": "resnet32"}}, "wrong.ckpt")
    torch.save({"card": print}, "code.ckpt")
    faults = {
        "none.ckpt": "checkpoint none.ckpt does not exist",
        "half.ckpt": "checkpoint half.ckpt cannot be read",
        "code.ckpt": "checkpoint code.ckpt cannot be read",
        "other.ckpt": "other.ckpt is not a checkpoint of `aucmax fit`: it has no card",
        "wrong.ckpt": "wrong.ckpt holds another model than asked for",
    }
    for name, fragment in faults.items():
        assert fragment in refused(capsys, 1, "predict", name, place / "images")


def test_images_that_cannot_be_predicted(capsys, place, tmp_path):
    checkpoint = place / "run" / "01-aucm" / "best.ckpt"
    (tmp_path / "bare").mkdir()
    Path("x.png").write_text("no image")
    for words, fragment in (
        (["nowhere.png"], "nowhere.png does not exist"),
        (["bare"], "no image in bare"),
        (["x.png"], "image 'x.png' cannot be read"),
        ([place / "images", "--output", "/dev/null/p.csv"], "cannot write /dev/null/p.csv"),
        (["--data", "NPZ", "--data.npz", "gone.npz"], "there is no file 'gone.npz'"),
    ):
        assert fragment in refused(capsys, 1, "predict", checkpoint, *words)
    np.savez("two.npz", images=np.zeros((4, 16, 16), np.uint8), labels=[[0, 1], [1, 0]] * 2)
    words = ["predict", checkpoint, "--data", "NPZ", "--data.npz", "two.npz"]
    assert "was trained for the labels ['label'], the images have" in refused(capsys, 1, *words)


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("victim", ["last.ckpt", "best.ckpt", "metrics.csv", "report.html"])
def test_a_full_disk_leaves_whole_files_and_the_run_goes_on(
    capsys, place, tmp_path, monkeypatch, victim
):
    """The disk is full in the second epoch, where each file replaces an older one."""
    words = ["fit", place / "r.yaml", "--data.npz", place / "x.npz", "--pretrain.epochs", 0]
    words = [str(word) for word in [*words, "--schedule.epochs", 3, "--optimizer.lr", 0.05]]
    assert main([*words, "--output", "sound"]) == 0
    writes = {"count": 0}
    replace = Path.replace

    def fail_second(self, target):
        writes["count"] += Path(target).name == victim
        if Path(target).name == victim and (writes["count"] == 2 or victim == "report.html"):
            full()
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_second)
        code = main([*words, "--output", "full"])
    if code == 0:
        pytest.skip("the first epoch was the best")
    message = capsys.readouterr().err
    assert "No space left on device" in message
    assert "Traceback" not in message
    assert "continue with --resume" in message or not victim.endswith("ckpt")
    assert not any(Path(name).name.startswith(".") for name in files_below("full"))
    if victim.endswith("ckpt"):
        assert checkpoints.read_checkpoint(Path("full", "r", "01-aucm", victim))["epoch"] == 0
    assert main([*words, "--output", "full", "--resume"]) == 0
    assert read_json("full/r/metrics.json") == read_json("sound/r/metrics.json")
    assert files_below("full") == files_below("sound")


def test_a_limit_of_the_system_is_told_like_a_full_disk(tmp_path, place):
    """The same with a real limit on the size of files, in a process of its own."""
    import subprocess

    resource = pytest.importorskip("resource")
    words = ["fit", place / "r.yaml", "--data.npz", place / "x.npz", "--pretrain.epochs", 0]
    options = command(*words, "--output", tmp_path)
    done = subprocess.run(
        **options, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, 10**5))
    )
    assert done.returncode == 1
    assert "best.ckpt" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r" / "01-aucm" / "best.ckpt").exists()


def test_the_disk_was_really_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*; free space, then continue with --resume"):
        checkpoints.WholeFileCheckpoints().save_checkpoint({"a": 1}, tmp_path / "x.ckpt")
    with pytest.raises(OSError, match="No space left"):
        _files.write_text(tmp_path / "x", "y")
    assert files_below(tmp_path) == set()

"""Files of a run that were damaged or edited, and reports that fail: named, with the cure."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles_hostile import (
    BEST,
    LONGEST,
    RESUME,
    contents,
    make_place,
    refused,
    refused_quietly,
)
from oracles_train import files_below, read_json

from aucmax.cli import main
from aucmax.train import outcome


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(autouse=True)
def _here(place, tmp_path, monkeypatch):
    """Work in a copy, so that no test can spoil another."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


DAMAGE = {
    "config list": ("config.yaml", "- 1\n", "run/config.yaml"),
    "last empty": ("last", b"", "last.ckpt cannot be read: it is empty; delete it, and --resume"),
    "last garbage": ("last", b"x" * 5000, "last.ckpt cannot be read"),
    "stage null": ("02-aucm/stage.json", "null", "02-aucm/stage.json is damaged: its content must"),
    "stage list": ("02-aucm/stage.json", "[]", "02-aucm/stage.json is damaged"),
    "stage text": ("02-aucm/stage.json", "hello", "02-aucm/stage.json is damaged: it is not JSON"),
    "stage deep": ("02-aucm/stage.json", "[" * 99_999, "02-aucm/stage.json is damaged"),
    "stage NaN": ("02-aucm/stage.json", '{"validation_auroc": NaN}', "must be a finite number"),
    "stage typo": ("02-aucm/stage.json", '{"validation_auc": 1}', "is not a known entry"),
    "best empty": ("02-aucm/best.ckpt", b"", "best.ckpt cannot be read: it is empty"),
    "best gone": ("02-aucm/best.ckpt", None, "best.ckpt does not exist"),
    "best garbage": ("01-bce/best.ckpt", b"PK\x03\x04" * 99, "01-bce/best.ckpt cannot be read"),
    "metrics text": ("01-bce/metrics.csv", "hello\nworld\n", "01-bce/metrics.csv is damaged: line"),
    "metrics cells": ("01-bce/metrics.csv", "epoch,validation_auroc\n1\n", "lacks a column"),
    "metrics words": ("01-bce/metrics.csv", "epoch,validation_auroc\na,b\n", "holds no numbers"),
    "metrics bytes": ("01-bce/metrics.csv", b"\xff\xfe", "01-bce/metrics.csv is damaged"),
    "split": ("split.csv", "id,part,group\n", "run/split.csv: it names 0 rows, the data have 72"),
    "split bytes": ("split.csv", b"\xff\xfe\x00", "run/split.csv"),
    "predictions empty": ("predictions.csv", "", "predictions.csv' is empty"),
    "predictions header": ("predictions.csv", "id,score_label,target_label\n", "no rows"),
    "predictions other": (
        "predictions.csv", "id,score_label,target_label\na,1,0\nb,0,1\n", "has 2 rows, the test",
    ),
    "predictions labels": (
        "predictions.csv", "id,score_x,target_x\na,1,0\nb,0,1\n", "it has the labels ['x'], the",
    ),
    "predictions bytes": ("predictions.csv", b"\xff\xfe", "predictions.csv"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_files_of_a_run_that_is_resumed(capsys, case):
    name, content, fragment = DAMAGE[case]
    run = Path("run")
    if name == "last":  # a run that was killed in its second stage
        shutil.copy(run / "02-aucm" / "best.ckpt", run / "02-aucm" / "last.ckpt")
        (run / "02-aucm" / "stage.json").unlink()
        name = "02-aucm/last.ckpt"
    if "predictions" not in case and "metrics" not in case and case != "split":
        (run / "predictions.csv").unlink()
    path = run / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused_quietly(capsys, *RESUME).splitlines()[-1]
    assert line.startswith("aucmax fit: ")
    assert fragment in line
    assert name in line
    assert any(word in line for word in ("delete", "another --name", "train again"))
    assert len(line) < LONGEST
    if content is not None:
        kept = content if isinstance(content, bytes) else content.encode()
        assert path.read_bytes() == kept  # what is damaged is the user's to remove


@pytest.mark.parametrize("stage", ["01-bce", "02-aucm"])
def test_the_cures_of_damage_work(capsys, stage):
    before = Path("run/metrics.json").read_text()
    shutil.rmtree(Path("run", stage))
    Path("run/predictions.csv").unlink()
    Path("run/metrics.json").unlink()
    assert main(RESUME) == 0
    if stage == "02-aucm":  # the same start, the same end
        assert Path("run/metrics.json").read_text() == before
    Path("run/predictions.csv").unlink()
    assert main(RESUME) == 0


@pytest.mark.parametrize("name", ["predictions.csv", "01-bce/metrics.csv"])
def test_what_is_missing_of_a_finished_run_is_made_or_left_out(name):
    before = contents("run")
    Path("run", name).unlink()
    assert main(RESUME) == 0
    after = contents("run")
    made = "metrics.json" if name == "01-bce/metrics.csv" else name
    assert after[made] == before[made]


def test_a_last_checkpoint_of_the_other_stage(capsys):
    run = Path("run")
    shutil.copy(run / "01-bce" / "best.ckpt", run / "02-aucm" / "last.ckpt")
    (run / "02-aucm" / "stage.json").unlink()
    (run / "predictions.csv").unlink()
    line = refused_quietly(capsys, *RESUME).splitlines()[-1]
    assert "last.ckpt is of stage '01-bce' with seed 0, not of '02-aucm' with seed 0" in line


def test_data_that_have_changed_since_the_run_began(capsys):
    arrays = dict(np.load("x.npz"))
    arrays["train_images"][3, 5, 5] ^= 1
    np.savez("x.npz", **arrays)
    line = refused(capsys, *RESUME)
    assert "run/split.csv: the image, molecule or label of" in line
    assert "has changed since; bring the old data back" in line
    arrays["train_images"][3, 5, 5] ^= 1
    arrays["test_labels"][:2] ^= 1
    np.savez("x.npz", **arrays)
    assert "has changed since" in refused(capsys, *RESUME)


def test_checkpoints_of_any_bytes_are_refused_by_predict(capsys):
    sound = Path(BEST).read_bytes()
    card = torch.load(BEST, weights_only=True)
    for name, content in {
        "empty": b"", "text": b"hello", "half": sound[: len(sound) // 2], "zeros": bytes(10_000),
    }.items():  # fmt: skip
        Path(f"{name}.ckpt").write_bytes(content)
        assert f"{name}.ckpt cannot be read" in refused(capsys, "predict", f"{name}.ckpt", "images")
    for key in ("card", "state_dict"):
        for value in (None, [], {}, 3, "x", {"preparation": {}}):
            torch.save(card | {key: value}, "odd.ckpt")
            assert "odd.ckpt" in refused(capsys, "predict", "odd.ckpt", "images")


def test_a_report_that_fails_costs_no_predictions(capsys, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("no font\nfor this label")

    shutil.rmtree("run")
    with monkeypatch.context() as patch:
        patch.setattr(outcome, "summarise", broken)
        words = ["fit", "r.yaml", "--data.npz", "x.npz", "--name", "run", "--output", "."]
        message = refused_quietly(capsys, *words)
        again = refused_quietly(capsys, *RESUME)
    line = message.splitlines()[-1]
    assert "training is done and predictions are kept in run, but its report cannot be" in line
    assert "RuntimeError: no font for this label" in line
    assert "--resume" in line
    assert again.splitlines()[-1] == line
    kept = Path("run/predictions.csv").read_bytes()
    assert kept
    assert main(RESUME) == 0
    assert Path("run/predictions.csv").read_bytes() == kept
    assert Path("run/report.html").exists()


def test_reports_of_several_seeds_that_fail_are_finished_by_resuming(capsys, monkeypatch):
    words = ["fit", "r.yaml", "--data.npz", "x.npz", "--output", ".", "--seeds", "2"]
    words += ["--pretrain.epochs", "0"]
    assert main([*words, "--name", "whole"]) == 0
    calls = []
    write = outcome.write_report

    def second(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(outcome, "write_report", second)
        message = refused_quietly(capsys, *words, "--name", "full")
    assert "No space left on device" in message
    assert Path("full/aucm-seed1/predictions.csv").exists()
    assert not Path("full/aucm-seed1/report.html").exists()
    assert main([*words, "--name", "full", "--resume"]) == 0
    assert files_below("full") == files_below("whole")


def test_results_that_are_not_json_are_not_needed(capsys):
    """What a run writes and never reads again may be damaged without harm."""
    Path("run/metrics.json").write_text("[")
    Path("run/report.html").write_text("")
    assert main(RESUME) == 0
    assert read_json("run/metrics.json")["n"] == 24
    assert "<svg" in Path("run/report.html").read_text()

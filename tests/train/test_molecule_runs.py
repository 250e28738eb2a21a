"""Fits on molecules: resumed, in several processes, with several seeds, skipped rows, caches."""

import logging
import os
import signal
import subprocess
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from oracles_nav import TINY, molecules, nav_csv
from oracles_train import (
    FILES,
    command,
    files_below,
    fit,
    read_json,
    read_rows,
    scores_of,
    write_csv,
)

from aucmax.cli import main
from aucmax.train import forest as forests
from aucmax.train.callbacks import EpochEnd

STAGES = ["01-bce", "02-aucm", "03-blend"]
NUMBERS = [
    *("metrics.json", "predictions.csv", "split.csv", "forest/scores.npy"),
    *(f"{stage}/{name}" for stage in STAGES for name in ("metrics.csv", "stage.json")),
]
TWO = ["--trainer.accelerator", "cpu", "--trainer.devices", 2, "--trainer.strategy", "ddp"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return nav_csv(tmp_path_factory.mktemp("nav") / "nav.csv", 120)


@pytest.fixture(scope="module")
def blend(table, tmp_path_factory):
    """The recipe of the entry with cross-entropy before it: three stages of two epochs."""
    place = tmp_path_factory.mktemp("runs")
    words = ["molhiv", "--data.csv", table, "--data.label", "active", "--split.by", "label",
             *TINY, "--pretrain.epochs", 2, "--schedule.epochs", 2, "--blend.epochs", 2,
             "--batches.size", 32, "--output", place]  # fmt: skip
    fit(*words, "--name", "alone")
    return SimpleNamespace(folder=place / "alone", words=words, place=place)


def numbers(folder):
    return {name: (folder / name).read_bytes() for name in NUMBERS}


class KilledError(BaseException):
    """Raised where a kill might strike."""


def test_the_entry_leaves_three_stages_and_a_forest(blend):
    stages = {f"{stage}/{name}" for stage in STAGES
              for name in ("best.ckpt", "metrics.csv", "stage.json")}  # fmt: skip
    assert files_below(blend.folder) == FILES | stages | {"forest/forest.npz", "forest/scores.npy"}
    for stage in STAGES:
        assert len(read_rows(blend.folder / stage / "metrics.csv")) == 2


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_within_a_stage_resumes_to_the_same_numbers(
    blend, tmp_path, monkeypatch, stage, moment
):
    """At the end of its first epoch, before its checkpoint is written or right after."""
    save = EpochEnd.on_train_epoch_end

    def strike(self, trainer, module):
        due = self.path.parent.name == stage
        if due and moment == "before":
            raise KilledError
        save(self, trainer, module)
        if due:
            raise KilledError

    run = [*blend.words, "--output", tmp_path, "--name", "x"]
    with monkeypatch.context() as patch:
        patch.setattr(EpochEnd, "on_train_epoch_end", strike)
        with pytest.raises(KilledError):
            fit(*run)
    assert (tmp_path / "x" / stage / "last.ckpt").exists() == (moment == "after")
    fit(*run, "--resume")
    assert numbers(tmp_path / "x") == numbers(blend.folder)


@pytest.mark.parametrize("step", ["grown", "_of_folds", "write_bytes"])
def test_a_run_killed_while_the_forest_grows_resumes_to_the_same_numbers(
    blend, tmp_path, monkeypatch, step
):
    real, made = getattr(forests, step), []

    def strike(*arguments, **options):
        if step == "_of_folds" and not options.get("progress", True):
            return real(*arguments, **options)  # the rehearsal
        made.append(step)
        raise KilledError

    run = [*blend.words, "--output", tmp_path, "--name", "x"]
    with monkeypatch.context() as patch:
        patch.setattr(forests, step, strike)
        with pytest.raises(KilledError):
            fit(*run)
    assert made == [step]
    there = files_below(tmp_path / "x")
    assert ("forest/forest.npz" in there) == (step != "grown")
    assert "forest/scores.npy" not in there
    fit(*run, "--resume")
    assert numbers(tmp_path / "x") == numbers(blend.folder)


def started(*words):
    """A fit in a process, and a group, of its own."""
    return subprocess.Popen(**command("fit", *words), start_new_session=True)


def ended(*words, seconds=1200):
    """Exit code and outputs of a fit in several processes, of which none may be left."""
    process = started(*words)
    try:
        told, errors = process.communicate(timeout=seconds)
        deadline = time.monotonic() + 900
        while left(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left(process.pid), "a process waits for one that has ended"
        return process.returncode, told, errors
    finally:
        if left(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def left(group):
    """Whether a process of a group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_real_kill_in_the_forest_and_in_the_blend(blend, tmp_path):
    more = ["--blend.epochs", 40, "--forest.trees", 400, "--output", tmp_path]
    run = [*blend.words, *more, "--name", "killed"]
    folder = tmp_path / "killed"
    for words, sign in (
        (run, folder / "forest" / "forest.npz"),
        ([*run, "--resume"], folder / "03-blend" / "last.ckpt"),
    ):
        process = started(*words)
        deadline = time.monotonic() + 900
        while process.poll() is None and time.monotonic() < deadline and not sign.exists():
            time.sleep(0.005)
        process.kill()
        process.communicate(timeout=300)
        assert process.returncode == -9, "the fit ended before it could be killed"
    assert not (folder / "predictions.csv").exists()
    fit(*run, "--resume")
    fit(*blend.words, *more, "--name", "alone")
    assert numbers(folder) == numbers(tmp_path / "alone")


@pytest.mark.parametrize("readers", ["--batches.workers", "--data.workers"])
def test_reading_processes_change_nothing(blend, tmp_path, readers):
    fit(*blend.words, readers, 2, "--data.cache", tmp_path / "c", "--output", tmp_path)
    assert numbers(tmp_path / "molhiv") == numbers(blend.folder)


def test_seeds_have_forests_and_networks_of_their_own_on_the_same_rows(blend):
    fit(*blend.words, "--name", "seeds", "--seeds", 2)
    first, second = (blend.place / "seeds" / f"aucm-seed{seed}" for seed in (0, 1))
    for name in ("predictions.csv", "forest/scores.npy", "03-blend/metrics.csv"):
        assert (first / name).read_bytes() == (blend.folder / name).read_bytes(), name
        assert (second / name).read_bytes() != (blend.folder / name).read_bytes(), name
    assert scores_of(first / "predictions.csv")[0] == scores_of(second / "predictions.csv")[0]
    found = read_json(blend.place / "seeds" / "metrics.json")
    assert len(found["each_seed"]["aucm"]) == 2


@pytest.mark.slow
def test_two_processes_leave_one_run_and_none_waits_for_a_forest_that_fails(blend, tmp_path):
    run = [*blend.words, *TWO, "--output", tmp_path, "--name", "two", "--batches.size", 16]
    code, told, errors = ended(*run)
    assert code == 0, errors
    assert told.count("run folder: ") == 1
    folder = tmp_path / "two"
    assert files_below(folder) == files_below(blend.folder)
    scores = (folder / "forest" / "scores.npy").read_bytes()
    assert scores == (blend.folder / "forest" / "scores.npy").read_bytes()

    (folder / "forest" / "forest.npz").write_bytes(b"spoilt")
    for path in ("predictions.csv", "forest/scores.npy", "02-aucm/stage.json"):
        (folder / path).unlink()  # the second stage starts the other process
    code, _, errors = ended(*run, "--resume")
    assert code == 1
    assert "forest.npz is damaged" in errors


def test_what_is_skipped_is_listed(tmp_path, capsys):
    table = nav_csv(tmp_path / "x.csv", 120, [("C1CC", 1), ("CN(C)(C)C", 0), ("", 0), ("[K+]", 1)])
    words = ["molhiv-forest", "--data.csv", table, "--data.label", "active", "--split.by", "label",
             "--forest.trees", 4, "--data.workers", 0, "--output", tmp_path]  # fmt: skip
    assert main(["fit", *map(str, words)]) == 1
    told = capsys.readouterr().err
    assert "SMILES that cannot be read: 'line 122: C1CC' (unclosed ring); 'line 124: '" in told
    fit(*words, "--data.on_error", "skip")
    assert read_rows(tmp_path / "molhiv-forest" / "skipped.csv") == [
        {"id": "120", "path": "line 122: C1CC", "reason": "unclosed ring"},
        {"id": "122", "path": "line 124: ", "reason": "smiles must hold at least one atom, got ''"},
    ]
    ids = [row["id"] for row in read_rows(tmp_path / "molhiv-forest" / "split.csv")]
    assert ids == [str(row) for row in range(124) if row not in (120, 122)]
    told = capsys.readouterr().err
    assert "2 of 124 SMILES cannot be read and are left out" in told
    assert "1 of 124 molecules break a rule of chemistry and are taken as they are drawn" in told


def test_nothing_to_skip_is_an_empty_list(table, tmp_path):
    fit("molhiv-forest", "--data.csv", table, "--data.label", "active", "--split.by", "label",
        "--forest.trees", 2, "--output", tmp_path, "--data.on_error", "skip")  # fmt: skip
    text = (tmp_path / "molhiv-forest" / "skipped.csv").read_text()
    assert text == "id,path,reason\n"


def test_equal_molecules_and_rows_without_a_label_are_told(tmp_path, caplog):
    pairs = molecules(119)
    smiles, label = pairs[0]
    rows = [*pairs, (f"O.{smiles}", label), ("OCC", 0), ("C(C)O", 1), ("CCCN", "")]
    table = write_csv(tmp_path / "x.csv", ["smiles", "active"], rows)
    with caplog.at_level(logging.WARNING, "aucmax"):
        fit("molhiv-forest", "--data.csv", table, "--data.label", "active", "--split.by", "chance",
            "--forest.trees", 2, "--output", tmp_path, "--split.validation", 0.3,
            "--split.test", 0.3)  # fmt: skip
    assert "1 of 123 rows have no known label: left out" in caplog.text
    assert "1 set of equal molecules has different labels, by their ids: '120 = 121'" in caplog.text
    parts = [row["part"] for row in read_rows(tmp_path / "molhiv-forest" / "split.csv")]
    assert ("lies in more than one part" in caplog.text) == (parts[120] != parts[121])
    assert len(parts) == 122


def only_of_none(work):
    """Work on no molecules, which tells the kinds of arrays, and on no others."""

    def idle(smiles):
        assert not smiles
        return work(smiles)

    return idle


def test_what_is_made_of_molecules_is_kept_between_fits(tmp_path, monkeypatch):
    table = nav_csv(tmp_path / "x.csv", 120)
    words = ["molhiv-forest", "--data.csv", table, "--data.label", "active", "--split.by", "label",
             "--forest.trees", 2, "--data.workers", 0, "--output", tmp_path]  # fmt: skip
    fit(*words, "--name", "one")
    kept = files_below(tmp_path / "x.csv.aucmax")
    assert len(kept) == 3
    for module in ("making", "fingerprints", "duplicates"):
        owner = import_module(f"aucmax.molecules.{module}")
        monkeypatch.setattr(owner, "_chunk", only_of_none(owner._chunk))
    fit(*words, "--name", "two")
    assert files_below(tmp_path / "x.csv.aucmax") == kept
    one, two = (scores_of(tmp_path / name / "predictions.csv") for name in ("one", "two"))
    assert one[0] == two[0]
    assert np.array_equal(one[1], two[1])


def test_a_cache_that_cannot_be_written_is_told(table, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("in the way")
    words = ["fit", "molecules", "--data.csv", table, "--data.label", "active", "--data.cache"]
    assert main([*map(str, words), "file/cache"]) == 1
    told = capsys.readouterr().err
    assert "what is made of molecules cannot be kept in 'file/cache'" in told
    assert "name another folder" in told
    assert not Path("runs").exists()

"""Signals and errors of any kind, at any moment: one line, the right exit code, nothing lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from oracles_hostile import BEST, FIT, contents, make_place, refused_quietly
from oracles_train import command

from aucmax import _files, _signals
from aucmax.cli import main

RUN = import_module("aucmax.train.fit")  # the package has a function of that name


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(autouse=True)
def _here(place, tmp_path, monkeypatch):
    """Work in a copy, so that no test can spoil another."""
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")


def test_a_message_starts_on_a_line_of_its_own(capsys, monkeypatch):
    """A progress bar is open when the error comes, and another where a note comes."""
    import logging

    from tqdm import tqdm

    def broken(*arguments, **options):
        bar = tqdm(total=3, desc="reading")
        bar.update()
        logging.getLogger("aucmax").warning("by the way")
        sys.stderr.write("half a line")
        raise ValueError("something\n  is wrong")

    monkeypatch.setattr(RUN, "load", broken)
    message = refused_quietly(capsys, *FIT)
    lines = message.split("\n")
    assert "note: by the way" in lines
    assert "aucmax fit: something is wrong" in lines


ERRORS = [
    (MemoryError(), "not enough memory"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
     "not enough memory"),
    (PermissionError(13, "Permission denied", "secret.csv"), "secret.csv: Permission denied"),
    (OSError(28, "No space left on device"), "aucmax fit: No space left on device"),
    (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
    (KeyError("x"), "this should not happen, please report it: AUCMAX_TRACEBACK=1"),
    (ImportError("No module named 'timm'", name="timm"), "pip install 'aucmax[train]'"),
    (ImportError("No module named 'rdkit'", name="rdkit"), "pip install 'aucmax[molecules]'"),
    (ImportError("No module named 'attrs'", name="attrs"), "pip check"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "fragment"), ERRORS, ids=lambda x: str(x)[:30])
def test_errors_of_any_kind_are_one_line(capsys, monkeypatch, error, fragment):
    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(RUN, "load", broken)
    message = refused_quietly(capsys, *FIT)
    assert fragment in message
    assert message.count("\n") == 1
    assert "aucmax[train]" not in message or "timm" in message


def test_a_package_that_may_not_be_read_is_told_as_such(capsys, monkeypatch):
    def broken(*arguments, **options):
        try:
            raise PermissionError(13, "Permission denied", "/site/attrs/__init__.py")
        except PermissionError as error:
            raise ImportError("No module named 'attrs'", name="attrs") from error

    monkeypatch.setattr(RUN, "load", broken)
    message = refused_quietly(capsys, *FIT)
    assert "a package cannot be imported: /site/attrs/__init__.py: Permission denied" in message


def test_a_full_disk_costs_one_line(capsys, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    before = contents()
    monkeypatch.setattr(_files.os, "fsync", full)
    for words in (
        ["ensemble", "a.csv", "b.csv", "-o", "a2.csv"],
        ["report", "a.csv", "--output", "a2.html"],
        ["predict", BEST, "images", "--output", "p.csv"],
        ["recipes", "copy", "digits"],
    ):
        message = refused_quietly(capsys, *words)
        assert "No space left on device" in message
        assert contents() == before


WHEN = {
    "while images are read": "aucmax.train.kinds.usable",
    "in the last epoch": "aucmax.train.callbacks.EpochTable.on_validation_end",
    "while test rows are scored": "aucmax.train.training.predictions",
    "while figures are drawn": "aucmax.report.drawn.save_figure",
    "while the report is written": "aucmax.train.outcome.write_report",
    "while predictions are written": "aucmax.train.fit.write_predictions",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("swallowed", [False, True], ids=["", "swallowed"])
@pytest.mark.parametrize("when", WHEN)
def test_a_signal_at_any_moment(capsys, monkeypatch, when, number, swallowed):
    """It ends with 130 and the hint, also if a library on the way swallowed the exception."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    calls = []
    path, _, name = WHEN[when].rpartition(".")
    owner = _resolve(path)
    original = getattr(owner, name)

    def struck(*arguments, **options):
        if not calls:
            calls.append(name)
            try:
                os.kill(os.getpid(), number)
                time.sleep(1)
            except KeyboardInterrupt:
                if not swallowed:
                    raise
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, struck)
        capsys.readouterr()
        assert main(FIT) == 130
    told = capsys.readouterr()
    assert calls == [name]
    assert "aucmax fit: interrupted; continue with the same command and --resume" in told.err
    assert "Traceback" not in told.err
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert main([*FIT, "--resume"]) == 0
    wanted = contents("run")
    for name in ("predictions.csv", "metrics.json", "01-bce/metrics.csv", "02-aucm/metrics.csv"):
        assert Path("new", name).read_bytes() == wanted[name], name


def _resolve(path):
    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)


def test_a_forked_process_leaves_ctrl_c_to_its_parent():
    with _signals.remember_signals():
        child = os.fork()
        if not child:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGTERM
        assert not _signals.interrupted()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "words",
    [
        ["--batches.workers", "2"],
        ["--trainer.accelerator", "cpu", "--trainer.devices", "2", "--trainer.strategy", "ddp"],
    ],
    ids=["reading processes", "two processes"],
)
def test_a_signal_to_all_processes_of_a_terminal(number, words):
    """Ctrl-C goes to the whole group, reading processes included."""
    options = command(*FIT, *words, "--pretrain.epochs", 100_000)
    process = subprocess.Popen(**options, start_new_session=True)
    kept = Path("new", "01-bce", "last.ckpt")
    deadline = time.monotonic() + 900
    while not kept.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 130, err
    assert "aucmax fit: interrupted; continue with the same command and --resume" in err
    assert "Traceback" not in err

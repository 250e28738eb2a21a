"""Interruptions: kills, Ctrl-C and lost processes cost the chunks in work alone."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from oracles_molecules import SMILES, kept, same_results

from aucmax.molecules import (
    _chunks,
    canonical,
    featurised,
    fingerprints,
    making,
    scaffolds,
)

PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
sys.path[:0] = {paths!r}
from aucmax.molecules import _chunks, featurised, making
from oracles_molecules import SMILES
_chunks.CHUNK = 10
folder = Path({folder!r})
parse = making.parse
"""
KILLED_ALONE = """
def killed(smiles):
    if smiles == SMILES[34]:
        os.kill(os.getpid(), signal.SIGKILL)
    return parse(smiles)
making.parse = killed
featurised(SMILES, folder, progress=False)
"""
SLOW = """
def slow(smiles):
    (folder.parent / f"process-{os.getpid()}").touch()
    time.sleep(0.02)
    return parse(smiles)
making.parse = slow
featurised(SMILES, folder, workers=2, progress=False)
"""
SPAWNED = """
import multiprocessing
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    featurised(SMILES, folder, workers=2, progress=False)
"""


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK", 10)


def start(script, folder):
    """Another process that featurises; it leads a process group of its own."""
    tests = Path(__file__).resolve().parents[1]
    head = PREAMBLE.format(paths=[str(tests), str(tests.parent / "src")], folder=str(folder))
    file = folder.parent / "script.py"
    file.write_text(head + script)
    return subprocess.Popen(
        [sys.executable, str(file)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(condition, seconds=900):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def alive(process):
    """Whether a process is there and does something."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def spoil(**changed):
    """Change arrays of a kept chunk, or leave them out where they are None."""

    def write(path):
        with np.load(path) as file:
            arrays = dict(file)
        arrays |= changed
        np.savez(path, **{k: v for k, v in arrays.items() if v is not None})

    return write


CHUNKS = {
    "other arrays": lambda path: np.savez(path, hello=np.zeros(3)),
    "one array less": spoil(bonds=None),
    "one array more": spoil(run=np.zeros(1)),
    "another type": spoil(atoms=np.zeros((3, 9))),
    "other dimensions": spoil(edges=np.zeros(4, np.int32)),
    "another number of molecules": spoil(size=np.array(3)),
    "rows out of range": spoil(rows=np.arange(10) + 5),
    "offsets": spoil(atom_offsets=np.zeros(11, np.int64)),
    "atoms out of range": spoil(atoms=np.full((1, 9), 255, np.uint8)),
    "no texts": spoil(error_rows=np.array([1])),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"PK" * 99),
    "pickled": spoil(size=np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_a_chunk_that_is_damaged_or_edited_is_made_anew(tmp_path, caplog, case):
    caplog.set_level(logging.INFO, "aucmax")
    sound = featurised(SMILES, tmp_path, progress=False)
    victim = sorted(tmp_path.glob("*.npz"))[0]
    content = victim.read_bytes()
    CHUNKS[case](victim)
    assert same_results(featurised(SMILES, tmp_path, progress=False), sound)
    assert f"made anew, for it is damaged: {victim}" in caplog.text
    assert victim.read_bytes() == content


@pytest.mark.parametrize("work", [canonical, fingerprints, scaffolds])
def test_chunks_of_other_works_are_checked_alike(tmp_path, work):
    smiles = [text for text in ("CCO", "c1ccccc1", "CC") for _ in range(5)]
    sound = work(smiles, tmp_path, progress=False)
    for path in tmp_path.glob("*.npz"):
        with np.load(path) as file:
            (name,) = file
            np.savez(path, **{name: file[name][:3]})
    assert np.array_equal(work(smiles, tmp_path, progress=False), sound)


def test_after_a_kill_the_rest_is_done_and_the_result_is_the_same_results(tmp_path):
    folder = tmp_path / "kept"
    process = start(KILLED_ALONE, folder)
    _, errors = process.communicate(timeout=900)
    assert (process.returncode, errors) == (-signal.SIGKILL, "")
    before = kept(folder)
    assert len(before) == 3
    found = featurised(SMILES, folder, progress=False)
    assert same_results(found, featurised(SMILES, progress=False))
    after = kept(folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == -(-len(SMILES) // 10)


@pytest.mark.parametrize("end", ["kill", "interrupt"])
def test_workers_leave_with_the_process_that_gives_the_orders(tmp_path, end):
    folder = tmp_path / "kept"
    process = start(SLOW, folder)
    wait_for(lambda: len(kept(folder)) >= 2)
    if end == "kill":
        process.kill()
    else:  # as a terminal does: to the whole group
        os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=900)
    workers = [int(path.name.partition("-")[2]) for path in tmp_path.glob("process-*")]
    assert len(workers) == 2
    wait_for(lambda: not any(map(alive, workers)))
    if end == "interrupt":
        assert errors.count("KeyboardInterrupt") == errors.count("Traceback") == 1
    else:
        assert errors == ""
    before = kept(folder)
    assert 2 <= len(before) < -(-len(SMILES) // 10)
    found = featurised(SMILES, folder, progress=False)
    assert same_results(found, featurised(SMILES, progress=False))
    assert before.items() <= kept(folder).items()


def _ended(smiles):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_is_told(monkeypatch):
    monkeypatch.setattr(making, "parse", _ended)
    message = "a process that reads molecules was ended from outside; memory may be short: take fe"
    with pytest.raises(OSError, match=message):
        featurised(SMILES, workers=2, progress=False)


@pytest.mark.slow
def test_workers_may_be_spawned(tmp_path):
    folder = tmp_path / "kept"
    process = start(SPAWNED, folder)
    _, errors = process.communicate(timeout=900)
    assert (process.returncode, errors) == (0, "")
    before = kept(folder)
    assert len(before) == -(-len(SMILES) // 10)
    assert same_results(
        featurised(SMILES, folder, progress=False), featurised(SMILES, progress=False)
    )
    assert kept(folder) == before

"""Many molecules: the same for any number of workers, and nothing lost by an interruption."""

import errno
import logging
import signal

import numpy as np
import pytest
from oracles_molecules import BAD, LENIENT, SMILES, kept, same_arrays, same_results

from aucmax.molecules import Graphs, _chunks, featurise, featurised, making

ALL = [*SMILES[:30], *BAD, *SMILES[30:], *LENIENT, "", *SMILES[:5]]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK", 10)


def test_each_row_has_a_graph_or_a_reason():
    found = featurised(ALL, progress=False)
    assert found.rows.tolist() == [i for i, x in enumerate(ALL) if x and x not in BAD]
    assert same_arrays(found.graphs, Graphs.of([featurise(ALL[row]) for row in found.rows]))
    assert sorted(found.errors) == [i for i, x in enumerate(ALL) if not x or x in BAD]
    assert all(BAD.get(ALL[i], "at least one atom") in why for i, why in found.errors.items())
    assert found.notes == {i: featurise(x).note for i, x in enumerate(ALL) if x in LENIENT}


@pytest.mark.parametrize("workers", [0, 2, 7])
@pytest.mark.parametrize("keep", [False, True])
def test_any_number_of_workers_gives_the_same_kept_or_not(tmp_path, workers, keep):
    folder = tmp_path / "a" / "b" if keep else None
    first, second = (featurised(ALL, folder, workers=workers, progress=False) for _ in range(2))
    expected = featurised(ALL, progress=False)
    assert same_results(first, expected)
    assert same_results(second, expected)
    assert len(list(tmp_path.rglob("*.npz"))) == (-(-len(ALL) // 10) if keep else 0)


def test_the_size_of_chunks_does_not_matter(monkeypatch):
    small = featurised(ALL, progress=False)
    monkeypatch.setattr(_chunks, "CHUNK", 1_000)
    assert same_results(small, featurised(ALL, progress=False))


def test_what_is_kept_is_read_and_not_made_again(tmp_path, monkeypatch):
    expected = featurised(ALL, tmp_path, progress=False)
    monkeypatch.setattr(making, "parse", None)
    assert same_results(featurised(ALL, tmp_path, progress=False), expected)


def test_chunks_that_have_changed_are_made_anew(tmp_path):
    featurised(SMILES[:30], tmp_path, progress=False)
    before = kept(tmp_path)
    changed = [*SMILES[:10], "CCCCCO", *SMILES[11:30]]
    found = featurised(changed, tmp_path, progress=False)
    assert same_results(found, featurised(changed, progress=False))
    after = kept(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(after) == 4


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [(making, "FEATURE_VERSION", 99), (_chunks.rdBase, "rdkitVersion", "1999.09.1")],
)
def test_another_version_keeps_chunks_of_its_own(tmp_path, monkeypatch, part, name, value):
    featurised(SMILES[:10], tmp_path, progress=False)
    monkeypatch.setattr(part, name, value)
    featurised(SMILES[:10], tmp_path, progress=False)
    assert len(kept(tmp_path)) == 2


def test_where_a_smiles_ends_is_part_of_the_name(tmp_path):
    for smiles in (["CC", "O"], ["C", "CO"], ["CCO"]):
        featurised(smiles, tmp_path, progress=False)
    assert len(kept(tmp_path)) == 3


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "another", "directory"])
def test_a_damaged_file_is_made_anew_and_told(tmp_path, caplog, damage):
    expected = featurised(ALL, tmp_path, progress=False)
    path = sorted(tmp_path.glob("*.npz"))[3]
    content = path.read_bytes()
    if damage == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    elif damage == "directory":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "cut": content[:-400], "another": b"x" * 900}[damage])
    with caplog.at_level(logging.INFO, logger="aucmax"):
        if damage == "directory":
            with pytest.raises(OSError, match="cannot be kept in"):
                featurised(ALL, tmp_path, progress=False)
            path.rmdir()
        assert same_results(featurised(ALL, tmp_path, progress=False), expected)
    assert f"made anew, for it is damaged: {path}" in caplog.text
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    message = "what is made of molecules cannot be kept in .*file.inside.*; name another folder"
    with pytest.raises(OSError, match=message) as caught:
        featurised(SMILES, tmp_path / "file" / "inside", progress=False)
    assert caught.value.errno == errno.ENOTDIR


def test_a_full_disk_is_told_and_what_is_done_is_kept(tmp_path, monkeypatch):
    write, calls = _chunks.write_bytes, []

    def full(path, content):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, f"cannot write {path}: No space left on device")
        return write(path, content)

    monkeypatch.setattr(_chunks, "write_bytes", full)
    message = "No space left on device; free some space, or name another folder; what is done is"
    with pytest.raises(OSError, match=message) as caught:
        featurised(ALL, tmp_path, progress=False)
    assert caught.value.errno == errno.ENOSPC
    assert len(kept(tmp_path)) == 2
    assert same_results(featurised(ALL, tmp_path, progress=False), featurised(ALL, progress=False))


def test_a_real_limit_on_the_size_of_files_is_told(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
        with pytest.raises(OSError, match=r"cannot be kept in .* free some space"):
            featurised(SMILES, tmp_path, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [-1, -7])
def test_a_negative_number_of_workers_is_refused(workers):
    with pytest.raises(ValueError, match=f"workers must be >= 0, got {workers}"):
        featurised(SMILES, workers=workers, progress=False)


@pytest.mark.parametrize("value", [None, float("nan"), 3])
def test_what_is_no_text_is_refused(value):
    message = f"smiles must be texts, got {type(value).__name__} in row 2"
    with pytest.raises(TypeError, match=message):
        featurised(["C", "CC", value], progress=False)


def test_one_text_is_not_many():
    with pytest.raises(TypeError, match="smiles must be a sequence of texts, got one text"):
        featurised("CCO", progress=False)


def test_there_may_be_none(tmp_path):
    found = featurised([], tmp_path, workers=2, progress=False)
    assert len(found.graphs) == len(found.rows) == 0
    assert found.errors == found.notes == {}
    assert found.graphs.atoms.shape == (0, 9)


def test_arrays_of_texts_do_as_well():
    assert same_results(featurised(np.array(ALL), progress=False), featurised(ALL, progress=False))


@pytest.mark.parametrize("progress", [False, True])
def test_a_bar_is_shown_where_it_is_wanted(capsys, progress):
    featurised(SMILES, progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("featurising molecules" in err) is progress

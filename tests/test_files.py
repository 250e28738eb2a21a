"""Files are replaced in one step or not at all."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from oracles_report import made_predictions

from aucmax._files import remove_drafts, write_bytes, write_json, write_text
from aucmax.report import write_predictions


def test_content_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    assert write_text(str(path), "één\n") == path
    assert path.read_bytes() == b"\xc3\xa9\xc3\xa9n\n"
    write_bytes(path, b"\r\n")
    assert path.read_bytes() == b"\r\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    path = tmp_path / "p.csv"
    path.write_text("old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full)
    with pytest.raises(
        OSError, match=r"cannot write .*p.csv .*No space left.* is unchanged"
    ) as error:
        write_predictions(path, made_predictions(0, n=3))
    assert error.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]


def test_a_file_that_the_system_cuts_short_is_not_left_behind(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write .*a \(100000 bytes\): File too large"):
            write_bytes(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_drafts_of_a_killed_process_are_swept_up_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".folder.01234567").mkdir()
    kept = [".hidden", "a.01234567", ".a.0123456g", ".a.csv"]
    for name in [*kept, ".a.csv.0123cdef", ".01234567"]:
        (tmp_path / "deep" / name).write_text("")
    remove_drafts(tmp_path)
    left = {path.name for path in (tmp_path / "deep").iterdir()}
    assert left == {*kept, ".folder.01234567", ".01234567"}


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        write_text(tmp_path / "none" / "a.txt", "x")


def test_json_is_read_back_and_never_holds_nan(tmp_path):
    path = write_json(tmp_path / "a.json", {"a": [1, 0.1 + 0.2], "b": None})
    assert path.read_text().endswith("}\n")
    assert json.loads(path.read_text()) == {"a": [1, 0.1 + 0.2], "b": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text())["a"][0] == 1

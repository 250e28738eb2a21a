"""A journal of unfinished work that is damaged is not gone on with."""

import json

import pytest
from oracles_store import contents, interrupted, memory_set, small_blocks

from aucmax.data import prepare
from aucmax.data._making import JOURNAL


@pytest.fixture(autouse=True)
def _blocks(monkeypatch):
    small_blocks(monkeypatch)


JOURNALS = {
    "a list": lambda lines: [b"[]", *lines[1:]],
    "null": lambda lines: [b"null", *lines[1:]],
    "too deep": lambda lines: [b"[" * 50_000, *lines[1:]],
    "no JSON": lambda lines: [lines[0], b"hello"],
    "not UTF-8": lambda lines: [b"\xff\xfe", *lines[1:]],
    "a line of another type": lambda lines: [*lines, b"3"],
    "marks of another type": lambda lines: [
        lines[0], b'{"checksum": "x", "marks": 3, "unreadable": {}}'
    ],
    "no marks": lambda lines: [lines[0], b'{"checksum": "x", "marks": [], "unreadable": {}}'],
    "too many lines": lambda lines: [lines[0], *lines[1:] * 20],
    "a row of another block": lambda lines: [
        lines[0], lines[1].replace(b'"unreadable": {}', b'"unreadable": {"99": "x"}')
    ],
    "pixels elsewhere": lambda lines: [
        json.dumps(json.loads(lines[0]) | {"pixels": "../mine.npy"}).encode(), *lines[1:]
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", JOURNALS)
def test_a_journal_that_is_damaged_is_begun_anew(tmp_path, monkeypatch, case):
    folder = tmp_path / "store"
    interrupted(memory_set(), folder)
    (tmp_path / "mine.npy").write_bytes(b"mine")
    (folder / "pixels-mine.npy").write_bytes(b"mine")  # not a name of ours: it stays
    lines = (folder / JOURNAL).read_bytes().splitlines()
    (folder / JOURNAL).write_bytes(b"".join(line + b"\n" for line in JOURNALS[case](lines)))
    store = prepare(memory_set(), folder, size=8, progress=False)
    assert contents(store) == contents(prepare(memory_set(), tmp_path / "new", size=8))
    assert not (folder / JOURNAL).exists()
    for path in (tmp_path / "mine.npy", folder / "pixels-mine.npy"):
        assert path.read_bytes() == b"mine"

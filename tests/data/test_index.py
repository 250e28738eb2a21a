"""An index that is damaged or was edited is refused, with the file and the cure."""

import re

import pytest
from oracles_store import file_set, rewrite, small_blocks

from aucmax.data import Store, prepare


@pytest.fixture(autouse=True)
def _blocks(monkeypatch):
    small_blocks(monkeypatch)


@pytest.fixture
def store(tmp_path, write_image):
    """Twenty prepared images."""
    return prepare(file_set(tmp_path / "png", write_image), tmp_path / "store", size=8)


def setting(**values):
    return lambda content: content["index"].update(values)


EDITED = {
    "no ids": (lambda content: content["index"].pop("ids"), "ids is missing"),
    "an id less": (
        lambda content: content["index"]["ids"].pop(),
        "ids, marks and paths must be those",
    ),
    "pixels elsewhere": (setting(pixels="../../secret.npy"), "pixels must name a file of pixels"),
    "pixels of another type": (setting(pixels=3), "pixels must be text, got 3"),
    "shape": (setting(shape=[20, 1, 8]), "shape must be a list of 4, got a list of 3"),
    "huge shape": (setting(shape=[10**12, 1, 8, 8]), "blocks must hold a checksum for each block"),
    "negative shape": (setting(shape=[20, 1, -8, -8]), "shape must be that of n square images"),
    "rows": (setting(rows_per_block=0), "blocks must hold a checksum for each block"),
    "marks": (setting(marks=[None] * 20), "marks[0] must be text, got None"),
    "paths": (setting(paths=[[9, "x"]] * 20), "paths must lie in folders that are named"),
    "unreadable": (setting(unreadable=[]), "unreadable must be a table"),
    "unknown": (setting(code="os.system"), "'code' is not a known entry"),
}


@pytest.mark.parametrize("case", EDITED)
def test_an_index_that_was_edited(store, case):
    change, message = EDITED[case]
    rewrite(store.folder, change, signed=True)
    with pytest.raises(ValueError, match=re.escape(f"index.json is damaged: {message}")) as error:
        Store.open(store.folder)
    assert str(error.value).endswith("run aucmax prepare again with the same --data options")


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{", "[" * 100_000, '{"version": null}'])
def test_an_index_that_is_none(store, text):
    (store.folder / "index.json").write_text(text)
    with pytest.raises(ValueError, match=r"index\.json is damaged: .* run aucmax prepare again"):
        Store.open(store.folder)

"""Images that cannot be read: an error with the path, or left out, told and listed."""

import logging

import numpy as np
import pytest
from oracles_store import contents, logged, memory_set
from oracles_train import csv_data, files_below, fit, read_json, read_rows, tree_data, write_recipe

from aucmax.cli import main
from aucmax.data import (
    CSV,
    Folder,
    Unreadable,
    default_folder,
    find_unreadable,
    prepare,
    usable,
    write_skipped,
)


def spoil(folder):
    """Make 003.png a text, cut 007.png, and empty 011.png."""
    (folder / "003.png").write_text("no image")
    content = (folder / "007.png").read_bytes()
    (folder / "007.png").write_bytes(content[: len(content) // 2])
    (folder / "011.png").write_bytes(b"")


REASONS = {"003.png": "it is no image file", "007.png": "truncated", "011.png": "is empty"}


@pytest.fixture
def spoiled(tmp_path):
    """A CSV of 60 images of which three cannot be read."""
    csv = csv_data(tmp_path / "data")
    spoil(tmp_path / "data")
    return csv


def assert_found(found, csv):
    assert [image.id for image in found] == list(REASONS)
    for image in found:
        assert image.path == str(csv.parent / image.id)
        assert REASONS[image.id] in image.reason
        assert image.path not in image.reason


@pytest.mark.parametrize("workers", [0, 2])
def test_every_image_is_decoded_and_bad_ones_are_named(spoiled, workers):
    data = CSV(spoiled, on_error="skip").load()
    assert len(data) == 60
    assert_found(find_unreadable(data, workers=workers, progress=False), spoiled)
    part = data.subset(np.array([7, 6]))
    assert [image.id for image in find_unreadable(part, progress=False)] == ["007.png"]


@pytest.mark.parametrize("prepared", [False, True])
def test_skip_leaves_them_out_and_says_so(spoiled, prepared, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "aucmax")
    source = CSV(spoiled, on_error="skip", group="patient")
    data = source.load()
    if prepared:
        prepare(data, default_folder(source, 8, 1), size=8, progress=False)
        assert "3 of 60 images cannot be read, the first: " in caplog.text
    with monkeypatch.context() as patch:
        rows = logged(patch)
        kept, skipped = usable(source, data, size=8, progress=False)
    assert len(rows) == (0 if prepared else 60)
    assert_found(skipped, spoiled)
    assert "3 of 60 images cannot be read and are left out (listed in skipped.csv)" in caplog.text
    assert "003.png' (it is no image file)" in caplog.text
    assert kept.ids == tuple(name for name in data.ids if name not in REASONS)
    assert len(kept.groups) == 57
    assert all(kept.images[row].shape for row in range(57))


def test_when_all_can_be_read_that_is_said_too(tmp_path, caplog):
    caplog.set_level(logging.INFO, "aucmax")
    source = Folder(tree_data(tmp_path / "tree"), on_error="skip")
    data = source.load()
    kept, skipped = usable(source, data, size=None, progress=False)
    assert kept is data
    assert skipped == ()
    assert "all 60 images can be read: none is left out" in caplog.text


def test_raise_reads_nothing_beforehand(tmp_path, monkeypatch):
    source = CSV(csv_data(tmp_path / "data"))
    data = source.load()
    rows = logged(monkeypatch)
    assert usable(source, data, size=8) == (data, None)
    assert rows == []


def test_raise_names_what_the_store_knows(spoiled):
    lenient, strict = CSV(spoiled, on_error="skip"), CSV(spoiled)
    data = lenient.load()
    prepare(data, default_folder(lenient, 8, 1), size=8, progress=False)
    with pytest.raises(
        ValueError,
        match=r"images cannot be read: .*003.png' \(it is no image file\); .*007.*exclude them, or "
        r"leave them out with --data.on_error skip",
    ):
        usable(strict, data, size=8)
    with pytest.raises(ValueError, match=r"003.png.*no image file; .*011.png.*empty"):
        strict.load()  # the heads of files are read in any case
    rest = data.subset(np.array([name not in REASONS for name in data.ids]))
    assert usable(strict, rest, size=8)[0].ids == rest.ids


def test_many_are_counted():
    from aucmax.data.unreadable import refuse

    refuse(())
    bad = [Unreadable(f"{i}", "", "why") for i in range(7)]
    with pytest.raises(ValueError, match=r"'0' \(why\); .*'4' \(why\); \.\.\. \(7 in all\); fix"):
        refuse(bad)


@pytest.mark.parametrize("prepared", [False, True])
def test_none_can_be_read(tmp_path, prepared):
    csv = csv_data(tmp_path / "data", n=6)
    for path in (tmp_path / "data").glob("*.png"):
        path.write_text("no image")
    source = CSV(csv, on_error="skip")
    data = source.load()
    if prepared:
        prepare(data, default_folder(source, 8, 1), size=8, progress=False)
    with pytest.raises(ValueError, match=r"none of the 6 images can be read; the first: .*000.png"):
        usable(source, data, size=8, progress=False)


@pytest.mark.parametrize("prepared", ["before", "after", ""])
def test_files_that_are_not_there_are_skipped_and_told_like_others(tmp_path, caplog, prepared):
    csv = csv_data(tmp_path / "data")
    source = CSV(csv, on_error="skip")

    def prepare_now():
        prepare(source.load(), default_folder(source, 8, 1), size=8, progress=False)

    if prepared == "before":
        prepare_now()
    for name in ("004.png", "017.png"):
        (tmp_path / "data" / name).unlink()
    if prepared == "after":
        prepare_now()
    with pytest.raises(
        FileNotFoundError, match=r"2 image files are not there: .*004.png.*on_error=skip .*skipped"
    ):
        CSV(csv).load()
    kept, skipped = usable(source, source.load(), size=8, progress=False)
    assert [(image.id, "not there" in image.reason) for image in skipped] == [
        ("004.png", True),
        ("017.png", True),
    ]
    assert len(kept) == 58
    assert "2 of 60 images cannot be read and are left out (listed in skipped.csv)" in caplog.text


def test_a_wrong_folder_is_an_error_in_any_case(tmp_path):
    csv = csv_data(tmp_path / "data")
    with pytest.raises(FileNotFoundError, match=r"none of the 60 image files is there, .*see root"):
        CSV(csv, root=tmp_path, on_error="skip").load()


def test_unreadable_heads_do_not_decide_about_colour(spoiled):
    assert CSV(spoiled, on_error="skip").load().images.channels == 1


def test_on_error_is_one_of_two_words():
    with pytest.raises(ValueError, match="CSV: on_error must be 'raise' or 'skip', got 'ignore'"):
        CSV("x.csv", on_error="ignore")  # pyright: ignore[reportArgumentType]


def test_images_in_memory_have_no_path(monkeypatch):
    data = memory_set()

    def damaged(self, index):
        raise ValueError(f"row {index} is damaged")

    monkeypatch.setattr(type(data.images), "__getitem__", damaged)
    found = find_unreadable(data.subset(np.array([3])), progress=False)
    assert found == (Unreadable("03", "", "row 3 is damaged"),)
    assert str(found[0]) == "'03' (row 3 is damaged)"


def test_the_list_is_a_csv_file(tmp_path):
    bad = [Unreadable("a,b", "/x/a", 'says "no"'), Unreadable("c", "", "d")]
    path = write_skipped(tmp_path, bad)
    assert path == tmp_path / "skipped.csv"
    assert read_rows(path) == [
        {"id": "a,b", "path": "/x/a", "reason": 'says "no"'},
        {"id": "c", "path": "", "reason": "d"},
    ]
    assert write_skipped(tmp_path, []).read_text() == "id,path,reason\n"


def words(folder, csv, *more):
    recipe = write_recipe(folder / "r.yaml", "CSV", pretrain=0)
    return [recipe, "--data.csv", csv, "--output", folder, *more]


def test_fit_lists_what_it_skips(spoiled, tmp_path, capsys):
    fit(*words(tmp_path, spoiled, "--data.on_error", "skip", "--name", "run"))
    folder = tmp_path / "run"
    assert [row["id"] for row in read_rows(folder / "skipped.csv")] == list(REASONS)
    ids = [row["id"] for row in read_rows(folder / "split.csv")]
    assert len(ids) == 57
    assert not REASONS.keys() & set(ids)
    assert "3 of 60 images cannot be read and are left out" in capsys.readouterr().err


def test_fit_stops_at_an_image_that_is_cut(tmp_path, capsys):
    csv = csv_data(tmp_path / "data")
    path = tmp_path / "data" / "007.png"
    path.write_bytes(path.read_bytes()[:-40])
    assert main(["fit", *map(str, words(tmp_path, csv, "--name", "run"))]) == 1
    assert "007.png' cannot be read: " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_fit_from_prepared_images_is_the_same_fit(tmp_path, capsys):
    csv = csv_data(tmp_path / "data")
    options = words(tmp_path, csv, "--model.image_size", 12)
    fit(*options, "--name", "decoded")
    assert "using the prepared" not in capsys.readouterr().err
    source = CSV(csv)
    data = source.load()
    store = prepare(data, default_folder(source, 12, 1), size=12, progress=False)
    before = contents(store)
    with pytest.MonkeyPatch.context() as patch:
        rows = logged(patch)
        fit(*options, "--name", "prepared")
    assert rows == []
    assert f"using the prepared images in {store.folder}" in capsys.readouterr().err
    one, two = (tmp_path / name for name in ("decoded", "prepared"))
    assert read_json(one / "metrics.json") == read_json(two / "metrics.json")
    assert (one / "predictions.csv").read_bytes() == (two / "predictions.csv").read_bytes()
    assert files_below(one) == files_below(two)
    assert "skipped.csv" not in files_below(one)
    assert contents(store) == before

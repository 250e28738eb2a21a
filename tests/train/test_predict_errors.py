"""Images that cannot be read cost one row each, or stop the command, as asked for."""

import numpy as np
import pytest
from oracles_train import made_images, read_rows, refused, write_csv, write_pngs
from PIL import Image

from aucmax.cli import main
from aucmax.report import read_predictions
from tests.train.test_predict import saved

BAD = {"002.png": "it is no image file", "005.png": "the file is empty", "007.png": "truncated"}


@pytest.fixture
def place(tmp_path):
    """A checkpoint, and nine images of which three cannot be read."""
    saved(tmp_path / "x.ckpt", labels=("sick",), size=16)
    write_pngs(tmp_path / "f", made_images(9, size=20)[0])
    spoil(tmp_path / "f")
    return tmp_path


def spoil(folder):
    (folder / "002.png").write_text("no image")
    (folder / "005.png").write_bytes(b"")
    (folder / "007.png").write_bytes((folder / "007.png").read_bytes()[:-40])


def predicted(place, *words):
    out = place / "out.csv"
    assert main([*map(str, ("predict", place / "x.ckpt", *words, "--output", out))]) == 0
    return read_rows(out)


def assert_rows(rows, names):
    """All rows in the order of the names, the bad ones with an error and no score."""
    assert [row["id"].rsplit("/")[-1] for row in rows] == list(names)
    for row in rows:
        reason = BAD.get(row["id"].rsplit("/")[-1], "")
        assert (row["score_sick"] == "") == bool(reason)
        assert reason in row["error"]
        assert bool(row["error"]) == bool(reason)


NAMES = [f"{i:03d}.png" for i in range(9)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("words", [[], ["--on_error", "skip"]])
def test_bad_images_of_a_folder_have_rows_with_an_error(place, capsys, words, workers):
    rows = predicted(place, place / "f", "--workers", workers, *words)
    assert_rows(rows, NAMES)
    assert "6 rows scored, 3 cannot be read (see the column error)" in capsys.readouterr().out
    whole = predicted(place, place / "f" / "000.png", place / "f" / "001.png")
    for row, alone in zip(rows, whole, strict=False):
        assert float(row["score_sick"]) == pytest.approx(float(alone["score_sick"]), abs=1e-6)
    assert read_predictions(place / "out.csv").ids == tuple(row["id"] for row in whole)


def test_the_same_scores_as_without_the_bad_ones(place):
    rows = {row["id"]: row["score_sick"] for row in predicted(place, place / "f")}
    for name in BAD:
        (place / "f" / name).unlink()
    again = {row["id"]: row["score_sick"] for row in predicted(place, place / "f")}
    for name, score in again.items():
        assert float(rows[name]) == pytest.approx(float(score), abs=1e-6)


def test_error_stops_at_the_first(place, capsys):
    words = ["predict", place / "x.ckpt", place / "f", "--on_error", "error"]
    message = refused(capsys, 1, *words, "--output", place / "out.csv")
    assert "002.png' cannot be read: it is no image file" in message
    assert not (place / "out.csv").exists()


@pytest.mark.parametrize("ending", ["csv", "tsv", "tab"])
def test_a_table_of_images(place, ending):
    names = [*NAMES[::-1], "gone.png"]
    path = write_csv(
        place / f"new.{ending}", ["name", "image"], [(f"n{n}", f"f/{n}") for n in names]
    )
    if ending != "csv":
        path.write_text(path.read_text().replace(",", "\t"))
    rows = predicted(place, path)
    assert_rows(rows[:-1], NAMES[::-1])
    assert "not there" in rows[-1]["error"]
    rows = predicted(place, path, "--id", "name")
    assert [row["id"] for row in rows] == [f"n{n}" for n in names]


def test_a_table_without_its_columns_is_refused(place, capsys):
    path = write_csv(place / "new.csv", ["file"], [["f/000.png"]])
    assert "has no column 'image'" in refused(capsys, 1, "predict", place / "x.ckpt", path)
    assert_rows(predicted(place, path, "--image", "file"), NAMES[:1])


def test_a_source_with_labels(place, capsys):
    target = [i % 2 for i in range(9)]
    path = write_csv(place / "f" / "c.csv", ["image", "sick"], zip(NAMES, target, strict=True))
    source = ["--data", "CSV", "--data.csv", path, "--data.label", "sick"]
    assert_rows(predicted(place, *source), NAMES)
    good = [row for row, name in enumerate(NAMES) if name not in BAD]
    found = read_predictions(place / "out.csv")
    assert found.target[:, 0].tolist() == [target[row] for row in good]
    words = ["predict", place / "x.ckpt", *source, "--on_error", "error"]
    assert "cannot be read" in refused(capsys, 1, *words, "--output", place / "no.csv")


def test_not_one_can_be_read(place, capsys):
    words = [place / "f" / name for name in BAD]
    message = refused(capsys, 1, "predict", place / "x.ckpt", *words)
    assert "none of the 3 images can be read: image " in message


def test_an_image_that_claims_too_much_is_one_row(place):
    content = bytearray((place / "f" / "000.png").read_bytes())
    content[16:24] = b"\x00\x01\x86\xa0" * 2
    import struct
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (place / "f" / "009.png").write_bytes(content)
    rows = predicted(place, place / "f")
    assert "its head claims 10,000,000,000 pixels" in rows[-1]["error"]


def test_files_that_are_no_images_are_counted_and_images_without_suffix_are_scored(place, caplog):
    (place / "f" / "notes.txt").write_text("x")
    (place / "f" / ".hidden.png").write_text("x")
    (place / "f" / "003.png").rename(place / "f" / "003")
    rows = predicted(place, place / "f")
    assert [row["id"].rsplit("/")[-1] for row in rows] == [
        n.replace("003.png", "003") for n in NAMES
    ]
    assert "1 file is no image and is left out: 'notes.txt'" in caplog.text


def test_images_of_several_sizes_are_refused_clearly_where_they_are_not_resized(tmp_path, capsys):
    saved(tmp_path / "x.ckpt", labels=("sick",))
    write_pngs(tmp_path / "f", made_images(2, size=20)[0])
    Image.fromarray(np.zeros((8, 30), np.uint8)).save(tmp_path / "f" / "z.png")
    message = refused(capsys, 1, "predict", tmp_path / "x.ckpt", tmp_path / "f")
    assert "images differ in size, for example (8, 30) and (20, 20) pixels: " in message

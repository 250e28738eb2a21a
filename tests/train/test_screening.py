"""Scores of new molecules by whatever a fit left: checkpoints, blends and forests."""

import numpy as np
import pytest
from oracles_nav import TINY, molecules, nav_csv
from oracles_train import fit, made_images, read_rows, refused, scores_of, write_csv

from aucmax.cli import main
from aucmax.data import ArrayImages, ImageSet, Molecules
from aucmax.report import read_predictions
from aucmax.train.screening import is_for_molecules, score_by, screen

BAD = {0: "C1CC", 40: "", 77: "c1cc"}
"""Rows of the new file that cannot be read."""
MODELS = {
    "network": "blend/01-bce/best.ckpt",
    "blend": "blend/03-blend/best.ckpt",
    "forest": "forest/01-forest/forest.npz",
}
RUN = {"blend": "blend", "forest": "forest"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Finished runs on a table whose columns have names of their own, and the new molecules."""
    place = tmp_path_factory.mktemp("screening")
    rows = [(f"mol {row}", *pair) for row, pair in enumerate(molecules(120))]
    table = write_csv(place / "old.csv", ["name", "structure", "active"], rows)
    data = ["--data.csv", table, "--data.label", "active", "--data.smiles", "structure",
            "--data.id", "name", "--split.by", "label", "--output", place]  # fmt: skip
    fit("molecules", *data, *TINY, "--blend.epochs", 1, "--name", "blend")
    fit("molhiv-forest", *data, "--data.workers", 0, "--forest.trees", 8, "--name", "forest")
    new = [row[:2] for row in rows[::-1]]
    for line, smiles in BAD.items():
        new.insert(line, (f"bad {line}", smiles))
    write_csv(place / "new.csv", ["name", "structure"], new)
    return place


def screened(place, name, tmp_path, *words):
    """What ``aucmax predict`` writes for the new molecules."""
    column = ["--smiles", "structure"] if name == "forest" else []  # a checkpoint remembers it
    words = ["predict", place / MODELS[name], place / "new.csv", "--id", "name", *column, *words]
    assert main([*map(str, words), "--output", str(tmp_path / "out.csv")]) == 0
    return tmp_path / "out.csv"


@pytest.mark.parametrize("name", MODELS)
def test_every_line_has_its_row_in_the_order_of_the_file(place, tmp_path, name, capsys):
    rows = read_rows(screened(place, name, tmp_path))
    assert "120 molecules scored, 3 SMILES cannot be read" in capsys.readouterr().out
    assert [row["id"] for row in rows] == [row["name"] for row in read_rows(place / "new.csv")]
    assert {line for line, row in enumerate(rows) if row["error"]} == set(BAD)
    for line, row in enumerate(rows):
        assert (row["score_active"] == "") == (line in BAD)
    assert rows[0]["error"] == "unclosed ring"
    assert rows[40]["error"] == "smiles must hold at least one atom, got ''"


@pytest.mark.parametrize("name", RUN)
def test_rows_of_the_test_part_score_as_in_the_run(place, tmp_path, name):
    ids, expected = scores_of(place / RUN[name] / "predictions.csv")
    found = read_predictions(screened(place, name, tmp_path))
    by_id = dict(zip(found.ids, found.scores[:, 0], strict=True))
    assert [by_id[name] for name in ids] == pytest.approx(expected, abs=1e-6)
    assert found.labels == ("active",)
    assert found.target is None


@pytest.mark.parametrize("name", MODELS)
def test_reading_processes_change_nothing(place, tmp_path, name):
    here = screened(place, name, tmp_path).read_text()
    assert screened(place, name, tmp_path, "--workers", 2).read_text() == here


def test_without_names_rows_are_counted_from_0_the_bad_ones_too(place):
    found = screen(place / MODELS["network"], place / "new.csv")
    assert found.order == tuple(map(str, range(123)))
    assert found.failed.keys() == set(map(str, BAD))
    assert found.predictions.ids == tuple(str(row) for row in range(123) if row not in BAD)


@pytest.mark.parametrize("name", MODELS)
def test_a_source_with_labels_is_scored_with_them(place, tmp_path, name):
    """``--data`` in place of a file, as in a fit."""
    table = nav_csv(tmp_path / "x.csv", 30, [("C1CC", 1)])
    source = ["--data", "Molecules", "--data.csv", table, "--data.label", "active",
              "--data.on_error", "skip", "--data.workers", 0]  # fmt: skip
    words = ["predict", place / MODELS[name], *source, "--output", tmp_path / "out.csv"]
    assert main([*map(str, words)]) == 0
    found = read_predictions(tmp_path / "out.csv")
    assert found.target[:, 0].tolist() == [label for _, label in molecules(30)]
    plain = write_csv(tmp_path / "y.csv", ["smiles"], [[smiles] for smiles, _ in molecules(30)])
    again = screen(place / MODELS[name], plain, smiles="smiles").predictions
    assert again.scores == pytest.approx(found.scores, abs=1e-12)


def test_evaluate_says_how_many_rows_it_leaves_out(place, tmp_path, caplog, capsys):
    rows = read_rows(screened(place, "blend", tmp_path))
    labels = {f"mol {row}": label for row, (_, label) in enumerate(molecules(120))}
    full = [(r["id"], r["score_active"], labels.get(r["id"], ""), r["error"]) for r in rows]
    path = write_csv(tmp_path / "judged.csv", ["id", "score", "target", "error"], full)
    assert main(["evaluate", str(path), "--output", str(tmp_path / "judged")]) == 0
    assert "3 of 123 rows have an error and no score: left out" in caplog.text
    actives = sum(labels.values())
    assert f"120  {actives} ({100 * actives / 120:.1f} %)" in capsys.readouterr().out


def test_it_is_known_what_a_model_takes(place):
    for path in MODELS.values():
        assert is_for_molecules(place / path)
    with pytest.raises(FileNotFoundError, match=r"checkpoint .*none\.ckpt does not exist"):
        is_for_molecules(place / "none.ckpt")


def test_what_a_file_of_molecules_lacks_is_told(place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, forest = place / MODELS["network"], place / MODELS["forest"]
    (tmp_path / "empty.csv").write_text("structure\n")
    write_csv(tmp_path / "twice.csv", ["name", "structure"], [("a", "CC"), ("a", "CO")])
    write_csv(tmp_path / "blank.csv", ["name", "structure"], [("a", "CC"), ("", "CO")])
    write_csv(tmp_path / "bad.csv", ["structure"], [["C1CC"], ["c1"]])
    write_csv(tmp_path / "odd.csv", ["Structures"], [["CC"]])
    cases = {
        (network, "none.csv"): "csv: there is no file 'none.csv'",
        (network, "empty.csv"): "'empty.csv' holds only a header",
        (network, "twice.csv", "--id", "name"): "ids must be unique, but these come more than once",
        (network, "blank.csv", "--id", "name"): "line 3: column 'name' is blank",
        (network, "bad.csv"): "none of the 2 values in column 'structure' of 'bad.csv' can be read "
        "as SMILES: unclosed ring",
        (network, "odd.csv"): "has no column 'structure'; did you mean 'Structures'",
        (forest, "bad.csv"): "has no column 'smiles'",
        (network, "bad.csv", "--id", "no"): "has no column 'no'",
        (tmp_path / "none.npz", "bad.csv"): "none.npz: No such file or directory",
    }
    for words, fragment in cases.items():
        assert fragment in refused(capsys, 1, "predict", *words), words
    message = refused(capsys, 2, "predict", network, "bad.csv", "odd.csv")
    assert "give one CSV file of molecules, got 2 files" in message


def test_models_that_do_not_fit_the_rows_are_refused(place, tmp_path):
    table = [(smiles, label, row % 2) for row, (smiles, label) in enumerate(molecules(20))]
    path = write_csv(tmp_path / "x.csv", ["smiles", "a", "b"], table)
    two = Molecules(path, label=("a", "b"), workers=0).load()
    for name in MODELS:
        with pytest.raises(ValueError, match=r"the labels \['active'\], the molecules have"):
            score_by(place / MODELS[name], two)
    pixels, target = made_images(6)
    images = ImageSet(ArrayImages(pixels), target, ("y",), tuple("abcdef"))
    with pytest.raises(ValueError, match="was trained on other data: molecules are wanted"):
        score_by(place / MODELS["network"], images)
    for name in ("blend", "forest"):
        with pytest.raises(ValueError, match="a forest on fingerprints takes molecules, not image"):
            score_by(place / MODELS[name], images)


def test_a_damaged_forest_is_told(place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = (place / MODELS["forest"]).read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    for name, fragment in {"half": "is damaged, or no forest", "other": "is no forest"}.items():
        message = refused(capsys, 1, "predict", f"{name}.npz", place / "new.csv")
        assert fragment in message


def test_images_do_not_take_a_checkpoint_of_molecules_for_theirs(place, tmp_path, capsys):
    """A picture is no CSV of SMILES."""
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    assert main(["predict", str(place / MODELS["network"]), str(tmp_path / "x.png")]) == 1
    assert "is an image, not CSV" in capsys.readouterr().err

"""Molecules from a CSV: what is read, what is told, what is refused."""

import gzip
import logging

import numpy as np
import pytest
from oracles_nav import molecules, nav_csv
from oracles_train import write_csv

from aucmax.data import Molecules, MoleculeSet
from aucmax.molecules import featurise, featurised


def source(path, **options):
    return Molecules(path, **{"label": "active", "workers": 0} | options)


def test_rows_are_molecules_in_their_order(tmp_path):
    data = source(nav_csv(tmp_path / "x.csv", 40)).load()
    expected = molecules(40)
    assert isinstance(data, MoleculeSet)
    assert data.smiles.tolist() == [smiles for smiles, _ in expected]
    assert data.target[:, 0].tolist() == [label for _, label in expected]
    assert data.ids == tuple(map(str, range(40)))
    for row in (0, 39):
        assert np.array_equal(data.graphs[row].x.numpy(), featurise(expected[row][0]).atoms)
    part = data.subset([5, 3])
    assert part.smiles.tolist() == [expected[5][0], expected[3][0]]
    assert np.array_equal(part.graphs[0].x, data.graphs[5].x)
    assert data.left_out is None


def test_a_compressed_file_is_the_same(tmp_path):
    path = nav_csv(tmp_path / "x.csv", 30)
    packed = tmp_path / "y.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    a, b = source(path).load(), source(packed).load()
    assert a.smiles.tolist() == b.smiles.tolist()
    assert np.array_equal(a.target, b.target)


def test_graphs_are_kept_beside_the_file_and_read_again(tmp_path):
    path = nav_csv(tmp_path / "x.csv", 30)
    first = source(path).load()
    (kept,) = (tmp_path / "x.csv.aucmax").iterdir()
    time = kept.stat().st_mtime_ns
    second = source(path).load()
    assert kept.stat().st_mtime_ns == time
    assert np.array_equal(first.graphs.atoms, second.graphs.atoms)
    assert np.array_equal(first.graphs.edges, second.graphs.edges)
    source(path, cache=tmp_path / "elsewhere").load()
    assert (tmp_path / "elsewhere" / kept.name).read_bytes() == kept.read_bytes()


BAD = [("C1CC", 0), ("", 1), ("nonsense", 0)]


def test_smiles_that_cannot_be_read_are_an_error_with_their_lines(tmp_path):
    path = nav_csv(tmp_path / "x.csv", 30, BAD)
    with pytest.raises(ValueError, match=r"line 32: C1CC.*line 33: .*on_error skip"):
        source(path).load()


def test_or_they_are_left_out_aloud(tmp_path, caplog):
    path = nav_csv(tmp_path / "x.csv", 30, [*BAD, ("CCO", 1)])
    with caplog.at_level(logging.WARNING, "aucmax"):
        data = source(path, on_error="skip").load()
    assert len(data) == 31
    assert data.smiles[-1] == "CCO"
    assert data.ids[-1] == "33"
    assert [image.id for image in data.left_out] == ["30", "31", "32"]
    assert "3 of 34 SMILES cannot be read and are left out" in caplog.text


def test_none_that_can_be_read(tmp_path):
    path = write_csv(tmp_path / "x.csv", ["smiles", "active"], BAD)
    with pytest.raises(ValueError, match="none of the 3 values in column 'smiles'"):
        source(path, on_error="skip").load()


def test_a_broken_valence_is_told_and_taken(tmp_path, caplog):
    path = nav_csv(tmp_path / "x.csv", 30, [("CN(C)(C)C", 1)])
    with caplog.at_level(logging.WARNING, "aucmax"):
        data = source(path).load()
    assert len(data) == 31
    assert "1 of 31 molecules break a rule of chemistry" in caplog.text
    assert "line 32: CN(C)(C)C (Explicit valence" in caplog.text


def test_an_atom_alone_has_no_edges(tmp_path):
    data = source(nav_csv(tmp_path / "x.csv", 30, [("[Na+]", 1)])).load()
    assert data.graphs[30].edge_index.shape == (2, 0)
    assert data.graphs.batch([30, 0]).num_graphs == 2


def test_equal_molecules_are_told(tmp_path):
    same, label = molecules(30)[0]
    path = nav_csv(tmp_path / "x.csv", 30, [(f"O.{same}", label), ("OCC", 0), ("C(C)O", 1)])
    data = source(path).load()
    parts = np.array(["train"] * 31 + ["test", "validation"])
    told = list(data.divided(parts).warnings())
    assert len(told) == 2
    assert "1 set of equal molecules has different labels, by their ids: '31 = 32'" in told[0]
    assert "lies in more than one part" in told[1]
    assert not list(data.subset(range(32)).warnings())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "activ"}, "has no column 'activ'; did you mean 'active'"),
        ({"smiles": "smile"}, "has no column 'smile'; did you mean 'smiles'"),
        ({"label": "smiles"}, "label and smiles are the same column"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"id": "name"}, "has no column 'name'"),
        ({"exclude": "77"}, "exclude: no row has the id '77'"),
    ],
)
def test_what_is_refused(tmp_path, options, message):
    path = nav_csv(tmp_path / "x.csv", 30)
    with pytest.raises(ValueError, match=message):
        source(path, **options).load()


def test_several_labels_with_blanks(tmp_path):
    rows = [(s, y, "" if row % 3 else row % 2) for row, (s, y) in enumerate(molecules(30))]
    path = write_csv(tmp_path / "x.csv", ["smiles", "a", "b"], rows)
    data = source(path, label=("a", "b")).load()
    assert data.target.shape == (30, 2)
    assert np.isnan(data.target[:, 1]).sum() == 20


def test_scaffolds_keep_together(tmp_path):
    data = source(nav_csv(tmp_path / "x.csv", 200)).load()
    parts = data.scaffold_split(validation=0.1, test=0.1)
    scaffolds = data.scaffolds()
    for scaffold in set(scaffolds.tolist()):
        assert len(set(parts[scaffolds == scaffold].tolist())) == 1
    assert set(parts.tolist()) == {"train", "validation", "test"}


def test_scores_of_a_forest_go_with_their_rows(tmp_path):
    data = source(nav_csv(tmp_path / "x.csv", 30)).load()
    scores = np.linspace(0, 1, 30)[:, None]
    mixed = data.with_forest(scores).subset([7, 2])
    assert mixed.forest[:, 0] == pytest.approx(scores[[7, 2], 0])
    with pytest.raises(ValueError, match=r"scores must have shape \(30, 1\), got \(29, 1\)"):
        data.with_forest(scores[1:])
    assert featurised(["CCO"], progress=False).graphs.num_atoms.tolist() == [3]

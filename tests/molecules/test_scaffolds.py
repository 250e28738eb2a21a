"""Scaffolds, and the split of the Open Graph Benchmark to the last molecule."""

import csv
import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_molecules import BAD, LENIENT, SMILES, molecule, split_of_scaffolds
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from aucmax.molecules import scaffold, scaffold_split, scaffolds

PARTS = ("train", "validation", "test")


@pytest.mark.parametrize("smiles", SMILES)
def test_a_scaffold_is_that_of_rdkit(smiles):
    assert scaffold(smiles) == MurckoScaffoldSmiles(mol=molecule(smiles), includeChirality=False)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1"),
        ("Cn1cnc2c1c(=O)n(C)c(=O)n2C", "O=c1[nH]c(=O)c2[nH]cnc2[nH]1"),
        ("OCc1ccccc1CCC1CCCCC1Cl", "c1ccc(CCC2CCCCC2)cc1"),
        ("CCCC", ""),
        ("[Na+]", ""),
        ("N[C@@H]1CC[C@H](C)O1", "C1CCOC1"),
        ("[2H]c1ccccc1", "c1ccccc1"),
    ],
)
def test_scaffolds_by_hand(smiles, expected):
    assert scaffold(smiles) == expected


def test_mirror_images_have_the_same_scaffold():
    pair = ["C[C@H]1CC[C@@H](O1)c1ccccc1", "C[C@@H]1CC[C@H](O1)c1ccccc1"]
    assert scaffold(pair[0]) == scaffold(pair[1])


@pytest.mark.parametrize("smiles", LENIENT)
def test_an_impossible_valence_has_a_scaffold(smiles):
    assert ("1" in scaffold(smiles)) == ("1" in smiles)


def test_many_are_one_by_one(tmp_path):
    found = scaffolds([*SMILES, *LENIENT], tmp_path, progress=False)
    assert found.tolist() == [scaffold(smiles) for smiles in [*SMILES, *LENIENT]]
    assert len(list(tmp_path.glob("scaffolds-1-*.npz"))) == 1
    assert scaffolds([], progress=False).shape == (0,)


@pytest.mark.parametrize("smiles", BAD)
def test_what_is_no_molecule_is_refused(smiles):
    with pytest.raises(ValueError, match="cannot be read"):
        scaffolds(["CCO", smiles], progress=False)


names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)
shares = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.3])


@given(names, shares, shares)
def test_the_split_follows_its_rule(names, validation, test):
    expected = split_of_scaffolds(names, validation, test)
    wanted = {"train": 1, "validation": validation, "test": test}
    if any(share > 0 and not expected[part] for part, share in wanted.items()):
        with pytest.raises(ValueError, match="the scaffold split leaves no molecule for"):
            scaffold_split(names, validation=validation, test=test)
        return
    found = scaffold_split(names, validation=validation, test=test)
    assert {part: np.flatnonzero(found == part).tolist() for part in PARTS} == {
        part: sorted(rows) for part, rows in expected.items()
    }
    for name in set(names):
        assert len(set(found[np.array(names) == name])) == 1


def test_a_split_by_hand():
    """Ten molecules: four of a, three of b, then c, d, e; of the last three e goes first."""
    found = scaffold_split(list("aaaabbbcde"), validation=0.1, test=0.1)
    expected = ["train"] * 7 + ["test", "validation", "train"]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("validation", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1, 0), (float("nan"), 0.1)]
)
def test_shares_out_of_range_are_refused(validation, test):
    with pytest.raises(ValueError, match="validation and test, shares of the molecules, must be"):
        scaffold_split(["a", "b"], validation=validation, test=test)


def test_an_empty_part_is_told():
    message = (
        "the scaffold split leaves no molecule for train and validation: 4 molecules have 1 "
        "scaffolds, and a scaffold is not divided; take other shares, or a random split"
    )
    with pytest.raises(ValueError, match=message):
        scaffold_split(["", "", "", ""])


@pytest.mark.slow
def test_the_split_is_that_of_the_benchmark(shared_data):
    """All 41,127 molecules, those that RDKit cannot sanitise included."""
    with gzip.open(shared_data / "molhiv" / "HIV_41127.csv.gz", "rt") as file:
        smiles = [row["smiles"] for row in csv.DictReader(file)]
    given_parts = np.load(shared_data / "molhiv" / "scaffold_split_rdkit.npz")
    found = scaffold_split(scaffolds(smiles, progress=False))
    for ours, theirs in zip(PARTS, ("train", "valid", "test"), strict=True):
        assert np.array_equal(np.flatnonzero(found == ours), given_parts[theirs])

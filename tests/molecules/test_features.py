"""Nine categories of each atom and three of each bond, as the Open Graph Benchmark has them."""

import csv
import gzip
import re

import numpy as np
import pytest
from oracles_molecules import (
    ATOMS,
    BONDS,
    LENIENT,
    SMILES,
    graph,
    lenient_molecule,
    lists,
    molecule,
    same_arrays,
)

from aucmax.molecules import ATOM_SIZES, BOND_SIZES, Graphs, featurise
from aucmax.molecules.categories import ATOM_FEATURES, BOND_FEATURES
from aucmax.molecules.features import tabulate
from aucmax.molecules.parsing import parse


def test_sizes_are_those_of_the_published_network():
    assert ATOM_SIZES == (119, 4, 12, 12, 10, 6, 6, 2, 2)
    assert BOND_SIZES == (5, 6, 2)
    assert tuple(len(values) for values, _ in ATOMS) == ATOM_SIZES
    assert tuple(len(values) for values, _ in BONDS) == BOND_SIZES
    assert len(ATOM_FEATURES) == len(ATOM_SIZES)
    assert len(BOND_FEATURES) == len(BOND_SIZES)


@pytest.mark.parametrize("smiles", SMILES)
def test_features_are_those_of_a_look_up_per_atom(smiles):
    found = featurise(smiles)
    assert lists(found) == graph(molecule(smiles))
    assert found.note == ""
    assert found.atoms.dtype == found.bonds.dtype == np.uint8
    assert found.edges.dtype == np.int32
    assert found.edges.shape == (2, len(found.bonds))
    assert found.edges.flags.c_contiguous


@pytest.mark.parametrize("smiles", [s for s in LENIENT if "[2H]" not in s])
def test_a_molecule_that_cannot_be_sanitised_has_a_graph_and_a_note(smiles):
    found = featurise(smiles)
    assert lists(found) == graph(lenient_molecule(smiles))
    assert re.fullmatch(
        r"Explicit valence for atom # \d+ \w+, \d+, is greater than permitted", found.note
    )


def test_a_molecule_by_hand():
    """Glycine as a zwitterion, atom by atom."""
    found = featurise("[NH3+]CC(=O)[O-]")
    assert found.atoms.tolist() == [
        [6, 0, 4, 6, 3, 0, 2, 0, 0],  # N: 4 neighbours with 3 hydrogens, +1, SP3
        [5, 0, 4, 5, 2, 0, 2, 0, 0],
        [5, 0, 3, 5, 0, 0, 1, 0, 0],  # the carbon of the acid: SP2
        [7, 0, 1, 5, 0, 0, 1, 0, 0],
        [7, 0, 1, 4, 0, 0, 1, 0, 0],  # O with -1
    ]
    assert found.edges.tolist() == [[0, 1, 1, 2, 2, 3, 2, 4], [1, 0, 2, 1, 3, 2, 4, 2]]
    single, plain_double, conjugated = [0, 0, 0], [1, 0, 1], [0, 0, 1]
    assert found.bonds.tolist() == [
        *[single] * 2,
        *[single] * 2,
        *[plain_double] * 2,
        *[conjugated] * 2,
    ]


def test_the_cases_meet_every_common_category():
    """So that a wrong column or order could not go unseen."""
    seen = Graphs.of([featurise(smiles) for smiles in SMILES])
    atoms, bonds = seen.atoms, seen.bonds
    met = [set(column.tolist()) for column in atoms.T]
    assert len(met[0]) > 25
    assert met[0] >= {0, 118}
    assert met[1] == {0, 1, 2, 3}
    assert met[2] >= {0, 1, 2, 3, 4, 5, 6}
    assert met[3] >= {4, 5, 6, 7}
    assert met[4] >= {0, 1, 2, 3, 4}
    assert met[5] >= {0, 1, 2, 4}
    assert met[6] == {0, 1, 2, 3, 4, 5}
    assert met[7] == met[8] == {0, 1}
    assert [set(column.tolist()) for column in bonds.T] == [{0, 1, 2, 3, 4}, {0, 2, 1}, {0, 1}]


@pytest.mark.parametrize(
    ("smiles", "column", "last"),
    [("[N+7]", 3, 11), ("[N-6]", 3, 11), ("[CH9-5]", 4, 9), ("[C+5]", 3, 10), ("*", 0, 118)],
)
def test_what_has_no_category_of_its_own_is_the_last(smiles, column, last):
    assert featurise(smiles).atoms[0, column] == last


def test_single_atoms_have_no_edges():
    found = featurise("[Na+]")
    assert found.atoms.shape == (1, 9)
    assert found.edges.shape == (2, 0)
    assert found.bonds.shape == (0, 3)


def test_many_at_once_are_one_by_one():
    everything = [*SMILES, *LENIENT]
    together = tabulate(map(parse, everything))
    assert same_arrays(together, Graphs.of([featurise(smiles) for smiles in everything]))
    assert same_arrays(tabulate([]), Graphs.of([]))


def test_a_large_molecule_keeps_its_numbers():
    found = featurise("C" * 600)
    assert found.edges.max() == 599
    assert np.array_equal(found.edges[1, ::2], found.edges[0, ::2] + 1)


def test_real_molecules(shared_data):
    with gzip.open(shared_data / "molhiv" / "HIV_41127.csv.gz", "rt") as file:
        rows = [row["smiles"] for row in csv.DictReader(file)]
    for smiles in [*rows[::137], rows[137], rows[35728]]:
        expected = molecule(smiles)
        found = featurise(smiles)
        assert (found.note == "") == (expected is not None)
        assert lists(found) == graph(lenient_molecule(smiles) if expected is None else expected)

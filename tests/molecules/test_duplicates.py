"""The same molecule, however its SMILES is written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_molecules import LENIENT, SMILES, molecule
from rdkit import Chem

from aucmax.molecules import canonical, duplicates


def test_names_are_rdkits_canonical_smiles(tmp_path):
    found = canonical(SMILES, tmp_path, progress=False)
    assert found.tolist() == [Chem.MolToSmiles(molecule(smiles)) for smiles in SMILES]
    assert len(list(tmp_path.glob("canonical-1-*.npz"))) == 1
    assert canonical([], progress=False).shape == (0,)


@pytest.mark.parametrize(
    "same",
    [
        ["CCO", "OCC", "C(O)C", "[CH3][CH2][OH]", "[H]OCC"],
        ["c1ccccc1", "C1=CC=CC=C1", "C1C=CC=CC=1"],
        ["C/C=C/C", "C\\C=C\\C"],
        ["N[C@@H](C)C(=O)O", "C[C@H](N)C(=O)O"],
        ["CN(=O)=O", "C[N+](=O)[O-]"],
        ["[Na+].[Cl-]", "[Cl-].[Na+]"],
        ["CN(C)(C)C", "N(C)(C)(C)C"],
    ],
)
def test_ways_of_writing_do_not_matter(same):
    assert len(set(canonical(same, progress=False).tolist())) == 1


@pytest.mark.parametrize(
    "other",
    [
        ["C/C=C/C", "C/C=C\\C", "CC=CC"],
        ["N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O", "NC(C)C(=O)O"],
        ["CCO", "[13CH3]CO", "[2H]OCC"],
        ["CC(=O)O", "CC(=O)[O-]"],
    ],
)
def test_isomers_isotopes_and_charges_are_other_molecules(other):
    assert len(set(canonical(other, progress=False).tolist())) == len(other)


def test_random_ways_of_writing_are_found():
    few = [smiles for smiles in SMILES if molecule(smiles).GetNumAtoms() > 6][:20]
    again = [Chem.MolToSmiles(molecule(smiles), doRandom=True) for smiles in few]
    names = canonical([*few, *again, *LENIENT], progress=False)
    n = len(few)
    assert [pair for pair in duplicates(names) if pair[1] >= n] == [(i, n + i) for i in range(n)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["train", "test"]))))
def test_sets_are_those_of_a_double_loop(rows):
    names, parts = [name for name, _ in rows], [part for _, part in rows]
    sets = [
        tuple(j for j in range(len(rows)) if names[j] == names[i])
        for i in range(len(rows))
        if names[i] not in names[:i]
    ]
    assert duplicates(names) == tuple(s for s in sets if len(s) > 1)
    across = tuple(s for s in sets if len({parts[i] for i in s}) > 1)
    assert duplicates(names, parts) == across
    assert duplicates(np.array(names, dtype=str), np.array(parts, dtype=str)) == across


def test_parts_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"parts must have shape \(2,\), got \(3,\)"):
        duplicates(["a", "b"], ["train", "test", "train"])

"""Morgan bits, then MACCS keys."""

import numpy as np
import pytest
from oracles_molecules import BAD, LENIENT, SMILES, lenient_molecule, molecule
from rdkit.Chem import MACCSkeys, rdFingerprintGenerator

from aucmax.molecules import fingerprints

FEW = [*SMILES[::3], *[smiles for smiles in LENIENT if "[2H]" not in smiles]]


def slow(found):
    """Bit by bit, from sparse counts folded by hand and from the list of keys."""
    sparse = rdFingerprintGenerator.GetMorganGenerator(radius=2).GetSparseFingerprint(found)
    on = {bit % 2048 for bit in sparse.GetOnBits()}
    keys = MACCSkeys.GenMACCSKeys(found)
    return [int(bit in on) for bit in range(2048)] + [int(keys[key]) for key in range(167)]


def test_fingerprints_are_those_of_rdkit(tmp_path):
    found = fingerprints(FEW, tmp_path, progress=False)
    assert found.shape == (len(FEW), 2215)
    assert found.dtype == np.uint8
    for row, smiles in enumerate(FEW):
        assert found[row].tolist() == slow(molecule(smiles) or lenient_molecule(smiles))
    assert np.array_equal(fingerprints(FEW, tmp_path, progress=False), found)
    assert len(list(tmp_path.glob("fingerprints-1-*.npz"))) == 1


def test_keys_by_hand():
    """Of benzene, keys 162 (an aromatic atom), 163 (a six-ring) and 165 (a ring) are on."""
    keys = np.flatnonzero(fingerprints(["c1ccccc1"], progress=False)[0, 2048:])
    assert {162, 163, 165} <= set(keys.tolist())
    assert 0 not in keys
    assert 164 not in keys  # oxygen


def test_each_morgan_bit_has_atoms_that_set_it():
    found = fingerprints(SMILES[:40], progress=False)[:, :2048]
    for row, smiles in enumerate(SMILES[:40]):
        generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
        output = rdFingerprintGenerator.AdditionalOutput()
        output.AllocateBitInfoMap()
        generator.GetFingerprint(molecule(smiles), additionalOutput=output)
        info = output.GetBitInfoMap()
        assert sorted(info) == np.flatnonzero(found[row]).tolist()
        assert all(radius <= 2 for atoms in info.values() for _, radius in atoms)


def test_there_may_be_none():
    assert fingerprints([], progress=False).shape == (0, 2215)


@pytest.mark.parametrize("smiles", [*BAD, ""])
def test_what_is_no_molecule_is_refused(smiles):
    with pytest.raises(ValueError, match=r"cannot be read|at least one atom"):
        fingerprints(["CCO", smiles], progress=False)

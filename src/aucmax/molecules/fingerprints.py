"""Fingerprints: one bit for each piece that a molecule may hold."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._chunks import Arrays, in_chunks, joined
from .parsing import parse

MORGAN_BITS = 2048
"""Columns 0 to 2047: circular neighbourhoods up to two bonds wide, hashed."""

MACCS_BITS = 167
"""Columns from 2048 on: the MACCS keys; the first of them is always 0, as keys count from 1."""


def fingerprints(
    smiles: Sequence[str],
    folder: str | Path | None = None,
    *,
    workers: int = 0,
    progress: bool = True,
) -> NDArray[np.uint8]:
    """The fingerprint of each of many molecules: Morgan of radius 2, then MACCS keys.

    Args:
        smiles: of n molecules.
        folder: as in :func:`aucmax.molecules.featurised`.
        workers: as in :func:`aucmax.molecules.featurised`.
        progress: whether to show a bar.

    Returns:
        (n, 2215) of 0 and 1.

    Raises:
        TypeError: if a SMILES is no text.
        ValueError: if one cannot be read; if ``workers`` is negative.
        OSError: as :func:`aucmax.molecules.featurised`.

    Source: Rogers and Hahn, J. Chem. Inf. Model. 50 (2010), https://doi.org/10.1021/ci100050t;
    Durant et al., J. Chem. Inf. Comput. Sci. 42 (2002), https://doi.org/10.1021/ci010132r.

    >>> fingerprints(["CCO", "c1ccccc1"], progress=False).shape
    (2, 2215)
    """
    chunks = in_chunks(
        _chunk,
        smiles,
        name="fingerprints-1",
        folder=folder,
        workers=workers,
        title="making fingerprints" if progress else "",
    )
    packed = joined(chunks, "packed", np.empty((0, -(-_BITS // 8)), dtype=np.uint8))
    return np.unpackbits(packed, axis=1, count=_BITS)


_BITS = MORGAN_BITS + MACCS_BITS


def _chunk(smiles: Sequence[str]) -> Arrays:
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
    from rdkit.Chem.rdMolDescriptors import GetMACCSKeysFingerprint

    morgan = GetMorganGenerator(radius=2, fpSize=MORGAN_BITS)
    bits = np.zeros((len(smiles), _BITS), dtype=np.uint8)
    for row, text in enumerate(smiles):
        molecule = parse(text).molecule
        bits[row, :MORGAN_BITS] = morgan.GetFingerprintAsNumPy(molecule)
        bits[row, MORGAN_BITS:][list(GetMACCSKeysFingerprint(molecule).GetOnBits())] = 1
    return {"packed": np.packbits(bits, axis=1)}

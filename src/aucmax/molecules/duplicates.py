"""Molecules that come twice, however their SMILES are written."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._chunks import Arrays, in_chunks, joined
from ._packages import Chem
from .parsing import parse


def canonical(
    smiles: Sequence[str],
    folder: str | Path | None = None,
    *,
    workers: int = 0,
    progress: bool = True,
) -> NDArray[np.str_]:
    """One way of writing each molecule, (n,): equal for equal molecules, isomers apart.

    Salts, charges and tautomers are not reduced to one form.

    Args:
        smiles: of n molecules.
        folder: as in :func:`aucmax.molecules.featurised`.
        workers: as in :func:`aucmax.molecules.featurised`.
        progress: whether to show a bar.

    Raises:
        TypeError: if a SMILES is no text.
        ValueError: if one cannot be read; if ``workers`` is negative.
        OSError: as :func:`aucmax.molecules.featurised`.

    >>> canonical(["OCC", "C(O)C"], progress=False).tolist()
    ['CCO', 'CCO']
    """
    chunks = in_chunks(
        _chunk,
        smiles,
        name="canonical-1",
        folder=folder,
        workers=workers,
        title="comparing molecules" if progress else "",
    )
    return joined(chunks, "canonical", np.empty(0, dtype=np.str_))


def duplicates(
    names: Sequence[str] | NDArray[np.str_], parts: ArrayLike | None = None
) -> tuple[tuple[int, ...], ...]:
    """Rows of each molecule that comes more than once, in the order of their first rows.

    Args:
        names: (n,) canonical SMILES, see :func:`canonical`.
        parts: (n,) the part of each row: then molecules in more than one part alone count.

    Raises:
        ValueError: ``parts`` of another length.

    >>> duplicates(["CCO", "CO", "CCO"])
    ((0, 2),)
    >>> duplicates(["CCO", "CO", "CCO"], ["train", "test", "train"])
    ()
    """
    part = None if parts is None else np.asarray(parts)
    if part is not None and part.shape != (len(names),):
        raise ValueError(f"parts must have shape ({len(names)},), got {part.shape}")
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[str(name)].append(row)
    return tuple(
        tuple(found)
        for found in rows.values()
        if len(found) > 1 and (part is None or len(set(part[found].tolist())) > 1)
    )


def _chunk(smiles: Sequence[str]) -> Arrays:
    return {"canonical": np.array([Chem.MolToSmiles(parse(x).molecule) for x in smiles], np.str_)}

"""Bemis-Murcko scaffolds, and a split that keeps molecules of one scaffold together."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._chunks import Arrays, in_chunks, joined
from ._packages import Chem
from .parsing import parse


def scaffold(smiles: str) -> str:
    """The ring systems of a molecule and what links them, as canonical SMILES.

    Stereochemistry and isotopes are left out, so that mirror images have the same scaffold.

    Args:
        smiles: of one molecule.

    Returns:
        SMILES of the scaffold; "" for a molecule without rings.

    Raises:
        TypeError: if it is no text.
        ValueError: if it cannot be read, as :func:`aucmax.molecules.featurise` says.

    Source: Bemis and Murcko, J. Med. Chem. 39 (1996), https://doi.org/10.1021/jm9602928.

    >>> scaffold("CC(=O)Oc1ccccc1C(=O)O")  # aspirin
    'c1ccccc1'
    """
    core = Chem.MurckoDecompose(parse(smiles).molecule)
    return Chem.MolToSmiles(core, isomericSmiles=False)


def scaffolds(
    smiles: Sequence[str],
    folder: str | Path | None = None,
    *,
    workers: int = 0,
    progress: bool = True,
) -> NDArray[np.str_]:
    """The scaffold of each of many molecules, (n,).

    Args:
        smiles: of n molecules.
        folder: as in :func:`aucmax.molecules.featurised`.
        workers: as in :func:`aucmax.molecules.featurised`.
        progress: whether to show a bar.

    Raises:
        TypeError: if a SMILES is no text.
        ValueError: if one cannot be read; if ``workers`` is negative.
        OSError: as :func:`aucmax.molecules.featurised`.
    """
    chunks = in_chunks(
        _chunk,
        smiles,
        name="scaffolds-1",
        folder=folder,
        workers=workers,
        title="finding scaffolds" if progress else "",
    )
    return joined(chunks, "scaffolds", np.empty(0, dtype=np.str_))


def scaffold_split(
    scaffolds: Sequence[str] | NDArray[np.str_], *, validation: float = 0.1, test: float = 0.1
) -> NDArray[np.str_]:
    """The part of each molecule: "train", "validation" or "test"; no scaffold is in two.

    Sets of molecules with the same scaffold are put, the largest first, into the training part as
    long as they fit, else into the validation part if they fit there, else into the test part. Of
    sets of one size, that whose first molecule comes last goes first. Nothing is random. So common
    scaffolds are trained on and rare ones are tested: harder than a random split, and closer to
    what a model meets. With the defaults this is the split of the Open Graph Benchmark.

    Args:
        scaffolds: (n,) one for each molecule, see :func:`scaffold`; any names will do.
        validation: share of the molecules, >= 0.
        test: share of the molecules, >= 0; validation + test < 1.

    Raises:
        ValueError: a share out of range; a part that is wanted but gets no molecule.

    Source: Wu et al., MoleculeNet, Chem. Sci. 9 (2018), https://arxiv.org/abs/1703.00564.

    >>> scaffold_split(["a", "b", "a", "c", "a"], validation=0.2, test=0.2).tolist()
    ['train', 'test', 'train', 'validation', 'train']
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise ValueError(
            "validation and test, shares of the molecules, must be >= 0 and less than 1 together, "
            f"got {validation} and {test}"
        )
    sets: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(scaffolds):
        sets[str(name)].append(row)
    n = len(scaffolds)
    slack = 1e-9 * n  # shares such as 0.1 are not exact
    most_train, most_seen = (1 - validation - test) * n + slack, (1 - test) * n + slack
    part = np.full(n, "test", dtype="<U10")
    train = seen = 0
    for rows in sorted(sets.values(), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if train + len(rows) <= most_train:
            part[rows] = "train"
            train, seen = train + len(rows), seen + len(rows)
        elif seen + len(rows) <= most_seen:
            part[rows] = "validation"
            seen += len(rows)
    _refuse_empty(part, {"train": 1, "validation": validation, "test": test}, len(sets))
    return part


def _refuse_empty(part: NDArray[np.str_], shares: dict[str, float], sets: int) -> None:
    empty = [name for name, share in shares.items() if share > 0 and not (part == name).any()]
    if empty:
        raise ValueError(
            f"the scaffold split leaves no molecule for {' and '.join(empty)}: {len(part)} "
            f"molecules have {sets} scaffolds, and a scaffold is not divided; take other shares, "
            "or a random split"
        )


def _chunk(smiles: Sequence[str]) -> Arrays:
    return {"scaffolds": np.array([scaffold(text) for text in smiles], dtype=np.str_)}

"""Molecules as graphs of categories: nine numbers for each atom, three for each bond."""

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ._packages import Chem
from .categories import ATOM_SIZES as ATOM_SIZES
from .categories import BOND_SIZES as BOND_SIZES
from .graphs import Graph, Graphs, offsets_of
from .parsing import Parsed, parse

FEATURE_VERSION = 2
"""To be raised with every change of a feature: what was kept before is then made anew."""

_CHIRALITY = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW", "CHI_OTHER")
_HYBRIDIZATION = ("SP", "SP2", "SP3", "SP3D", "SP3D2", "anything else")
_BOND_TYPE = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "anything else")
_STEREO = ("STEREONONE", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS", "STEREOANY")


def featurise(smiles: str) -> Graph:
    """The graph of a molecule, with the categories of the Open Graph Benchmark.

    Hydrogens are atoms where RDKit leaves them so. Chirality has four categories: whatever is
    neither unspecified nor tetrahedral is the last.

    Args:
        smiles: of one molecule, with at least one atom.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is no SMILES, has no atom, or its aromatic rings cannot be resolved. An
            impossible valence is no error: the graph comes with a note.

    Source: Hu et al., Open Graph Benchmark, NeurIPS 2020, https://arxiv.org/abs/2005.00687.

    >>> graph = featurise("C=O")
    >>> graph.atoms[:, 0] + 1  # atomic numbers
    array([6, 8], dtype=uint8)
    >>> graph.edges
    array([[0, 1],
           [1, 0]], dtype=int32)
    """
    parsed = parse(smiles)
    one = tabulate([parsed])
    return Graph(one.atoms, one.edges, one.bonds, parsed.note)


def tabulate(molecules: Iterable[Parsed]) -> Graphs:
    """The features of many molecules at once: RDKit is asked for numbers, NumPy does the rest.

    Molecules are read one by one and let go, as thousands of them at a time slow down everything.
    """
    of_atoms = [array("i") for _ in _ATOM_QUESTIONS]
    of_bonds = [array("i") for _ in _BOND_QUESTIONS]
    chirality, stereo, num_atoms, num_bonds = (array("i") for _ in range(4))
    for molecule, _, plain in molecules:
        atoms = [*map(molecule.GetAtomWithIdx, range(molecule.GetNumAtoms()))]
        bonds = [*map(molecule.GetBondWithIdx, range(molecule.GetNumBonds()))]
        num_atoms.append(len(atoms))
        num_bonds.append(len(bonds))
        for column, question in zip(of_atoms, _ATOM_QUESTIONS, strict=True):
            column.extend(map(question, atoms))
        for column, question in zip(of_bonds, _BOND_QUESTIONS, strict=True):
            column.extend(map(question, bonds))
        # The answers to these two are slow to come, and known if there is no mark of any.
        chirality.extend([0] * len(atoms) if plain else map(Chem.Atom.GetChiralTag, atoms))
        stereo.extend([0] * len(bonds) if plain else map(Chem.Bond.GetStereo, bonds))
    atom_offsets, bond_offsets = offsets_of(_numbers(num_atoms)), offsets_of(_numbers(num_bonds))
    first, last, kind, conjugated = map(_numbers, of_bonds)
    starts = np.repeat(atom_offsets[:-1], np.diff(bond_offsets))
    ends = np.concatenate([first + starts, last + starts])
    neighbours = np.bincount(ends, minlength=int(atom_offsets[-1]))
    both_ways = np.stack([first, last, last, first], axis=1).reshape(-1, 2).T
    bonds_once = np.stack([_BOND_TYPES[kind], _STEREOS[_numbers(stereo)], conjugated], axis=1)
    return Graphs(
        _atom_columns([_numbers(column) for column in of_atoms], _numbers(chirality), neighbours),
        np.ascontiguousarray(both_ways),
        np.repeat(bonds_once.astype(np.uint8), 2, axis=0),
        atom_offsets,
        2 * bond_offsets,
    )


_ATOM_QUESTIONS = (
    Chem.Atom.GetAtomicNum,
    Chem.Atom.GetFormalCharge,
    Chem.Atom.GetTotalNumHs,
    Chem.Atom.GetNumRadicalElectrons,
    Chem.Atom.GetHybridization,
    Chem.Atom.GetIsAromatic,
    Chem.Atom.IsInRing,
)
_BOND_QUESTIONS = (
    Chem.Bond.GetBeginAtomIdx,
    Chem.Bond.GetEndAtomIdx,
    Chem.Bond.GetBondType,
    Chem.Bond.GetIsConjugated,
)


def _atom_columns(
    answers: list[NDArray[np.int32]], chirality: NDArray[np.int32], neighbours: NDArray[np.int64]
) -> NDArray[np.uint8]:
    number, charge, hydrogens, radicals, hybridization, aromatic, ring = answers
    columns = [
        _within(number - 1, 118),
        _CHIRALITIES[chirality],
        _within(neighbours + hydrogens, 11),
        _within(charge + 5, 11),
        _within(hydrogens, 9),
        _within(radicals, 5),
        _HYBRIDIZATIONS[hybridization],
        aromatic,
        ring,
    ]
    return np.stack(columns, axis=1).astype(np.uint8)


def _numbers(column: "array[int]") -> NDArray[np.int32]:
    return np.frombuffer(column, dtype=np.int32)


def _within(category: NDArray[np.int64] | NDArray[np.int32], last: int) -> NDArray[np.int64]:
    """Categories from 0 to ``last``; what lies outside is the last."""
    return np.where((category < 0) | (category > last), last, category)


def _table(codes: dict[str, int], categories: tuple[str, ...]) -> NDArray[np.int64]:
    """The category of each of RDKit's codes; a name that is no category of its own is the last."""
    table = np.full(max(map(int, codes.values())) + 1, len(categories) - 1)
    for name, code in codes.items():
        if name in categories:
            table[int(code)] = categories.index(name)
    return table


_CHIRALITIES = _table(Chem.ChiralType.names, _CHIRALITY)
_HYBRIDIZATIONS = _table(Chem.HybridizationType.names, _HYBRIDIZATION)
_BOND_TYPES = _table(Chem.BondType.names, _BOND_TYPE)
_STEREOS = _table(Chem.BondStereo.names, _STEREO)

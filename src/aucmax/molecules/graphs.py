"""Many graphs in a few flat arrays, and batches of them without a loop over molecules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ._packages import graph_classes
from .categories import ATOM_SIZES, BOND_SIZES

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data

Offsets = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Graph:
    """A molecule of A atoms and B bonds.

    Args:
        atoms: (A, 9) uint8, the categories of ``ATOM_FEATURES``.
        edges: (2, 2B) int32, from which atom to which: each bond and, next to it, its reverse.
        bonds: (2B, 3) uint8, the categories of ``BOND_FEATURES`` for each edge.
        note: why the valences could not be checked; "" if they are right.
    """

    atoms: NDArray[np.uint8]
    edges: NDArray[np.int32]
    bonds: NDArray[np.uint8]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Graphs:
    """n molecules: the atoms of all, one below the other, and the edges of all.

    A pickle holds five arrays, whatever n is. Molecule i has the atoms from ``atom_offsets[i]`` to
    ``atom_offsets[i + 1]``, and likewise its edges, which count its atoms from 0.

    Args:
        atoms: (atoms, 9) uint8, see :class:`aucmax.molecules.Graph`.
        edges: (2, edges) int32.
        bonds: (edges, 3) uint8.
        atom_offsets: (n + 1,) int64.
        edge_offsets: (n + 1,) int64.
    """

    atoms: NDArray[np.uint8]
    edges: NDArray[np.int32]
    bonds: NDArray[np.uint8]
    atom_offsets: Offsets
    edge_offsets: Offsets

    @classmethod
    def of(cls, graphs: Sequence[Graph]) -> Self:
        """Put graphs together, in their order; there may be none."""
        none = Graph(
            np.empty((0, len(ATOM_SIZES)), np.uint8),
            np.empty((2, 0), np.int32),
            np.empty((0, len(BOND_SIZES)), np.uint8),
        )
        return cls(
            np.concatenate([none.atoms, *(graph.atoms for graph in graphs)]),
            np.concatenate([none.edges, *(graph.edges for graph in graphs)], axis=1),
            np.concatenate([none.bonds, *(graph.bonds for graph in graphs)]),
            offsets_of(np.array([len(graph.atoms) for graph in graphs], dtype=np.int64)),
            offsets_of(np.array([len(graph.bonds) for graph in graphs], dtype=np.int64)),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Graphs"]) -> Self:
        """All graphs of all parts, in their order; there may be none."""
        parts = [cls.of([]), *parts]
        return cls(
            np.concatenate([part.atoms for part in parts]),
            np.concatenate([part.edges for part in parts], axis=1),
            np.concatenate([part.bonds for part in parts]),
            offsets_of(np.concatenate([np.diff(part.atom_offsets) for part in parts])),
            offsets_of(np.concatenate([np.diff(part.edge_offsets) for part in parts])),
        )

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def num_atoms(self) -> NDArray[np.int64]:
        """(n,) atoms of each molecule."""
        return np.diff(self.atom_offsets)

    @property
    def num_bonds(self) -> NDArray[np.int64]:
        """(n,) bonds of each molecule."""
        return np.diff(self.edge_offsets) // 2

    def take(self, rows: ArrayLike) -> Self:
        """The graphs of some rows, in that order; a row may come twice.

        Args:
            rows: integers in [-n, n), or a mask of n booleans.

        Raises:
            ValueError: neither of these.
        """
        return self._taken(self._rows(rows))

    def __getitem__(self, row: int) -> "Data":
        """The graph of one row for PyTorch Geometric; tensors as in :meth:`batch`."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must lie in [-{len(self)}, {len(self)}), got {row}")
        data, _ = graph_classes()
        return data(**self._taken(np.array([row % len(self)]))._tensors())

    def batch(self, rows: ArrayLike) -> "Batch":
        """The graphs of some rows as one graph for PyTorch Geometric.

        It equals ``Batch.from_data_list([graphs[row] for row in rows])``, without the means to take
        it apart again.

        Args:
            rows: as in :meth:`take`.

        Returns:
            ``x`` (A, 9), ``edge_index`` (2, E), ``edge_attr`` (E, 3), ``batch`` (A,), the molecule
            of each atom, and ``ptr`` (molecules + 1,), where each begins; all int64.

        Raises:
            ValueError: as :meth:`take`.
            ImportError: PyTorch Geometric is not installed.
        """
        taken = self._taken(self._rows(rows))
        starts = np.repeat(taken.atom_offsets[:-1], np.diff(taken.edge_offsets))
        tensors = taken._tensors()
        tensors["edge_index"] += torch.from_numpy(starts)
        molecule = np.repeat(np.arange(len(taken)), taken.num_atoms)
        _, batch = graph_classes()
        return batch(
            **tensors,
            batch=torch.from_numpy(molecule),
            ptr=torch.from_numpy(taken.atom_offsets.copy()),
        )

    def _tensors(self) -> dict[str, torch.Tensor]:
        arrays = {"x": self.atoms, "edge_index": self.edges, "edge_attr": self.bonds}
        return {name: torch.from_numpy(x.astype(np.int64)) for name, x in arrays.items()}

    def _taken(self, rows: NDArray[np.int64]) -> Self:
        atoms, atom_offsets = _ranges(self.atom_offsets, rows)
        edges, edge_offsets = _ranges(self.edge_offsets, rows)
        return type(self)(
            self.atoms[atoms], self.edges[:, edges], self.bonds[edges], atom_offsets, edge_offsets
        )

    def _rows(self, rows: Any) -> NDArray[np.int64]:
        array, n = np.asarray(rows), len(self)
        if array.dtype == bool and array.shape == (n,):
            return np.flatnonzero(array)
        if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
            raise ValueError(
                f"rows must be a one-dimensional array of integers, or a mask of {n} booleans, got "
                f"{array.dtype} of shape {array.shape}"
            )
        if array.size and not -n <= array.min() <= array.max() < n:
            raise ValueError(f"rows must lie in [-{n}, {n}), got {array.min()} to {array.max()}")
        return array.astype(np.int64) % max(n, 1)


def offsets_of(counts: NDArray[np.int64] | NDArray[np.int32]) -> Offsets:
    """Where each of some groups begins, and where the last ends, from their sizes."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _ranges(offsets: Offsets, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Offsets]:
    """Positions of everything that some rows have, row by row, and where each row begins there."""
    counts = offsets[rows + 1] - offsets[rows]
    new = offsets_of(counts)
    return np.arange(new[-1]) + np.repeat(offsets[rows] - new[:-1], counts), new

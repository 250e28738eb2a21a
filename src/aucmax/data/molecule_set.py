"""Molecules with their targets."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aucmax.data._messages import listed
from aucmax.data.base import LabelledSet, contradict
from aucmax.data.unreadable import Unreadable

if TYPE_CHECKING:
    from ..molecules.graphs import Graphs


@dataclass(frozen=True, eq=False)
class MoleculeSet(LabelledSet):
    """n molecules with their targets, see :class:`LabelledSet`.

    Args:
        graphs: a graph for each molecule.
        smiles: (n,) what each was read from.
        target: this and the following up to ``split``: see :class:`LabelledSet`.
        labels: names.
        ids: names.
        groups: names, or None.
        split: parts, or None.
        forest: (n, L) float32 probabilities of a random forest, for a network that mixes them
            with its own; None: there are none.
        cache: folder in which what is computed of molecules is kept; None: nowhere.
        workers: processes that compute it.
        left_out: rows whose SMILES cannot be read, if they are left out; None: that is an error.
        order: ids of all rows of the source, also of those left out; empty: there are no others.

    Raises:
        ValueError: see :class:`LabelledSet`.
    """

    graphs: "Graphs"
    smiles: NDArray[np.str_]
    target: NDArray[np.float32]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    groups: NDArray[np.str_] | None = None
    split: NDArray[np.str_] | None = None
    forest: NDArray[np.float32] | None = None
    cache: Path | None = None
    workers: int = 0
    left_out: tuple[Unreadable, ...] | None = None
    order: tuple[str, ...] = ()
    noun: ClassVar[str] = "molecule"

    def inputs(self) -> dict[str, Sized | None]:
        """Graphs, SMILES and the forest's probabilities."""
        return {"graphs": self.graphs, "smiles": self.smiles, "forest": self.forest}

    def inputs_of(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The same of some rows."""
        return {
            "graphs": self.graphs.take(rows),
            "smiles": self.smiles[rows],
            "forest": None if self.forest is None else self.forest[rows],
        }

    def with_forest(self, scores: NDArray[np.floating]) -> Self:
        """The same rows with a forest's probabilities, (n, L)."""
        if scores.shape != self.target.shape:
            raise ValueError(f"scores must have shape {self.target.shape}, got {scores.shape}")
        return self._with(forest=scores.astype(np.float32))

    def fingerprints(self) -> NDArray[np.uint8]:
        """Bits that say which pieces each molecule holds, (n, W)."""
        from ..molecules.fingerprints import fingerprints  # needs RDKit, as all of these

        return fingerprints(self.smiles.tolist(), folder=self.cache, workers=self.workers)

    def scaffolds(self) -> NDArray[np.str_]:
        """(n,) ring systems of each molecule with what links them, as SMILES; "" without rings."""
        from ..molecules.scaffolds import scaffolds

        return scaffolds(self.smiles.tolist(), folder=self.cache, workers=self.workers)

    def scaffold_split(self, *, validation: float, test: float) -> NDArray[np.str_]:
        """The part of each molecule; molecules with the same scaffold are in the same part."""
        from ..molecules.scaffolds import scaffold_split

        return scaffold_split(self.scaffolds(), validation=validation, test=test)

    def warnings(self) -> Iterator[str]:
        """A sentence for each way in which equal molecules spoil training or testing."""
        from ..molecules.duplicates import canonical, duplicates

        forms = canonical(self.smiles.tolist(), folder=self.cache, workers=self.workers)
        same = duplicates(forms)
        kinds = {
            "has different labels": [rows for rows in same if contradict(self.target[list(rows)])],
            "lies in more than one part (molecules for training that are tested)": duplicates(
                forms, self.split
            ),
        }
        for what, found in kinds.items():
            if found:
                several = "sets" if len(found) > 1 else "set"
                yield (
                    f"{len(found)} {several} of equal molecules {what}, by their ids: "
                    f"{listed(' = '.join(self.ids[row] for row in rows) for rows in found)}; "
                    "leave them out with exclude."
                )

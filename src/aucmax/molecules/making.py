"""Graphs of many molecules, made in parallel and kept for the next time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._chunks import Arrays, in_chunks
from .categories import ATOM_SIZES, BOND_SIZES
from .features import FEATURE_VERSION, tabulate
from .graphs import Graphs
from .parsing import Parsed, parse

_FIELDS = [field.name for field in fields(Graphs)]


@dataclass(frozen=True, eq=False)
class Featurised:
    """What became of n SMILES.

    Args:
        graphs: of the molecules that can be read, in their order.
        rows: (graphs,) int64, the row of each.
        errors: the reason by row, for those that cannot be read.
        notes: by row, for those with an impossible valence: they have a graph.
    """

    graphs: Graphs
    rows: NDArray[np.int64]
    errors: dict[int, str]
    notes: dict[int, str]


def featurised(
    smiles: Sequence[str],
    folder: str | Path | None = None,
    *,
    workers: int = 0,
    progress: bool = True,
) -> Featurised:
    """The graphs of many molecules; the same for any number of workers, kept or not.

    Args:
        smiles: any number of them.
        folder: where finished chunks are kept, so that a second call reads them, and one after a
            kill goes on; made if it is not there. None keeps nothing.
        workers: processes that work; 0 works in this one.
        progress: whether to show a bar.

    Raises:
        TypeError: if a SMILES is no text.
        ValueError: if ``workers`` is negative.
        OSError: if the folder cannot be written, or a process was ended from outside.

    >>> found = featurised(["CCO", "C(C", "CN(C)(C)C"], progress=False)
    >>> found.rows, found.errors
    (array([0, 2]), {1: "smiles 'C(C' cannot be read: extra open parentheses near position 2"})
    >>> found.notes
    {2: 'Explicit valence for atom # 1 N, 4, is greater than permitted'}
    """
    chunks = in_chunks(
        _chunk,
        smiles,
        name=f"graphs-{FEATURE_VERSION}",
        folder=folder,
        workers=workers,
        title="featurising molecules" if progress else "",
        is_sound=_is_sound,
    )
    first = 0
    rows: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    errors: dict[int, str] = {}
    notes: dict[int, str] = {}
    for chunk in chunks:
        rows.append(chunk["rows"].astype(np.int64) + first)
        errors |= _texts(chunk, "error", first)
        notes |= _texts(chunk, "note", first)
        first += int(chunk["size"])
    graphs = Graphs.concatenate([Graphs(**{x: chunk[x] for x in _FIELDS}) for chunk in chunks])
    return Featurised(graphs, np.concatenate(rows), errors, notes)


def _chunk(smiles: Sequence[str]) -> Arrays:
    rows: list[int] = []
    errors: dict[int, str] = {}
    notes: dict[int, str] = {}

    def molecules() -> Iterator[Parsed]:
        for row, text in enumerate(smiles):
            try:
                parsed = parse(text)
            except ValueError as error:
                errors[row] = str(error)
                continue
            rows.append(row)
            if parsed.note:
                notes[row] = parsed.note
            yield parsed

    graphs = tabulate(molecules())
    return {
        **vars(graphs),
        "rows": np.array(rows, dtype=np.int64),
        "size": np.array(len(smiles)),
        **_as_arrays("error", errors),
        **_as_arrays("note", notes),
    }


def _is_sound(arrays: Arrays, size: int) -> bool:
    """Whether arrays read from a file are graphs of some of ``size`` molecules."""
    graphs, rows = Graphs(**{name: arrays[name] for name in _FIELDS}), arrays["rows"]
    if int(arrays["size"]) != size or not _are_rows(rows, size):
        return False
    if not all(
        _are_rows(arrays[f"{kind}_rows"], size)
        and len(arrays[f"{kind}_rows"]) == len(arrays[f"{kind}_texts"])
        for kind in ("error", "note")
    ):
        return False
    atoms, edges = len(graphs.atoms), len(graphs.bonds)
    offsets = ((graphs.atom_offsets, atoms), (graphs.edge_offsets, edges))
    if graphs.edges.shape != (2, edges) or not all(
        len(at) == len(rows) + 1 and at[0] == 0 and at[-1] == end and bool((np.diff(at) >= 0).all())
        for at, end in offsets
    ):
        return False
    per_edge = np.repeat(graphs.num_atoms, np.diff(graphs.edge_offsets))
    sizes = [(graphs.atoms, ATOM_SIZES), (graphs.bonds, BOND_SIZES)]
    return bool(((graphs.edges >= 0) & (graphs.edges < per_edge)).all()) and all(
        table.shape[1] == len(limits) and bool((table < np.array(limits)).all())
        for table, limits in sizes
    )


def _are_rows(rows: NDArray[np.int64], size: int) -> bool:
    """Whether these are different rows of ``size``, in their order."""
    return bool((np.diff(rows) > 0).all() and (rows >= 0).all() and (rows < size).all())


def _as_arrays(kind: str, texts: dict[int, str]) -> Arrays:
    return {
        f"{kind}_rows": np.array([*texts], dtype=np.int64),
        f"{kind}_texts": np.array([*texts.values()], dtype=np.str_),
    }


def _texts(chunk: Arrays, kind: str, first: int) -> dict[int, str]:
    rows, texts = chunk[f"{kind}_rows"], chunk[f"{kind}_texts"]
    return {first + int(row): str(text) for row, text in zip(rows, texts, strict=True)}

"""Molecules listed as SMILES in a CSV file."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aucmax.data._csvfile import CSVFile
from aucmax.data._labelled import column_problems, labelled
from aucmax.data._messages import listed, repeated
from aucmax.data._official import choice_problem
from aucmax.data._options import existing_file
from aucmax.data.base import Source
from aucmax.data.molecule_set import MoleculeSet
from aucmax.data.unreadable import Unreadable

log = logging.getLogger("aucmax")


@dataclass(frozen=True)
class Molecules(Source):
    """Molecules listed in a CSV file (or .csv.gz), one row a molecule.

    The smallest such file has the header ``smiles,label`` and rows like ``CCO,1``.
    """

    csv: str | Path
    """The file: a header row and a row for each molecule, separated by commas, semicolons or tabs,
    in UTF-8; it may be compressed (.csv.gz)."""
    smiles: str = "smiles"
    """Column with the molecule as SMILES."""
    label: str | tuple[str, ...] = ("label",)
    """Column with the label, or several columns, as in Tox21: [NR-AR,NR-ER]. 1 or true is active, 0
    or false inactive; a blank, NA or NaN is unknown and ignored in training and in metrics."""
    id: str | None = None
    """Column with a name for each molecule that no other has; without it rows are counted from 0,
    below the header."""
    group: str | None = None
    """Column that says which molecules belong together, such as the series. A group is never
    divided between training, validation and test."""
    split: str | None = None
    """Column with the part of each molecule: train, validation (or val), test, or blank where
    that is left to chance. Without it parts are drawn as --split.by says."""
    exclude: str | tuple[str, ...] = ()
    """Ids of molecules to leave out."""
    on_error: Literal["raise", "skip"] = "raise"
    """What a SMILES that cannot be read does: raise stops and names it; skip leaves it out, says
    so, and lists it in skipped.csv."""
    cache: str | Path | None = None
    """Folder in which graphs and fingerprints are kept; without it, the folder beside the CSV file
    with .aucmax behind its name."""
    workers: int = 2
    """Processes that make graphs and fingerprints, the first time; 0 makes them in this one."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        others = {"smiles": self.smiles, "id": self.id, "group": self.group, "split": self.split}
        yield from column_problems(self.label, others)
        yield from choice_problem("on_error", self.on_error, ("raise", "skip"))
        if self.workers < 0:
            yield f"workers must be at least 0, got {self.workers}"

    def load(self) -> MoleculeSet:
        """Read the CSV file, and make a graph of every molecule, or read it from the cache.

        Raises:
            FileNotFoundError: no such file.
            ValueError: a missing column, a value that is not allowed (with its line), an id that
                comes twice, a SMILES that cannot be read, a label with one class only.
        """
        from ..molecules.making import featurised

        path = existing_file("csv", self.csv)
        table = CSVFile.read(path)
        smiles = table.column("smiles", self.smiles)
        ids = list(map(str, range(len(smiles)))) if self.id is None else table.filled("id", self.id)
        keep, columns = labelled(
            table,
            ids,
            label=self.label,
            group=self.group,
            split=self.split,
            exclude=self.exclude,
        )
        cache = Path(self.cache or path.with_name(f"{path.name}.aucmax")).expanduser()
        chosen = [smiles[row] for row in keep]
        made = featurised(chosen, cache, workers=self.workers)
        lines = [table.lines[row] for row in keep]
        left_out = self._left_out(path, made.errors, chosen, columns["ids"], lines)
        if made.notes:
            log.warning("%s", _noted(made.notes, chosen, lines, len(chosen)))
        return MoleculeSet(
            graphs=made.graphs,
            smiles=np.array(chosen, dtype=np.str_)[made.rows],
            cache=cache,
            workers=self.workers,
            left_out=left_out,
            order=columns["ids"],
            **_rows(columns, made.rows),
        )

    def _left_out(
        self,
        path: Path,
        reasons: Mapping[int, str],
        smiles: list[str],
        ids: tuple[str, ...],
        lines: list[int],
    ) -> tuple[Unreadable, ...] | None:
        """What cannot be read, if it is to be left out: told, or refused."""
        bad = tuple(
            Unreadable(ids[row], f"line {lines[row]}: {smiles[row]}", _short(reason))
            for row, reason in sorted(reasons.items())
        )
        some = "; ".join(map(str, bad[:5])) + (f"; ... ({len(bad)} in all)" if bad[5:] else "")
        if self.on_error == "raise":
            if bad:
                raise ValueError(
                    f"{str(path)!r}: SMILES that cannot be read: {some}; fix them, exclude "
                    "them, or leave them out with --data.on_error skip"
                )
            return None
        if len(bad) == len(smiles):
            raise ValueError(
                f"smiles: none of the {len(bad)} values in column {self.smiles!r} of "
                f"{str(path)!r} can be read as SMILES: {some}"
            )
        if bad:
            log.warning(
                "%d of %d SMILES cannot be read and are left out (listed in skipped.csv): %s",
                len(bad),
                len(smiles),
                some,
            )
        return bad


def read_smiles(
    csv: str | Path,
    smiles: str,
    name: str | None,
    labels: tuple[str, ...],
    *,
    workers: int = 0,
) -> tuple[tuple[str, ...], dict[str, str], MoleculeSet]:
    """Molecules to be scored, of a CSV file without labels.

    Args:
        csv: the file, or .csv.gz.
        smiles: name of the column with the molecules.
        name: name of the column with their names; None: rows are counted from 0.
        labels: what they are to be scored for.
        workers: processes that make graphs.

    Returns:
        All ids in their order, why some cannot be read by their ids, and the molecules of the
        others, with unknown targets.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such column, an id that comes twice, or no SMILES that can be read.
    """
    from ..molecules.making import featurised

    table = CSVFile.read(existing_file("csv", csv))
    text = table.column("smiles", smiles)
    ids = tuple(map(str, range(len(text))) if name is None else table.filled("id", name))
    if doubles := repeated(ids):
        raise ValueError(f"ids must be unique, but these come more than once: {listed(doubles)}")
    made = featurised(text, None, workers=workers)
    failed = {ids[row]: _short(reason) for row, reason in sorted(made.errors.items())}
    if len(failed) == len(ids):
        raise ValueError(
            f"smiles: none of the {len(ids)} values in column {smiles!r} of {str(csv)!r} can be "
            f"read as SMILES: {next(iter(failed.values()))}"
        )
    found = MoleculeSet(
        graphs=made.graphs,
        smiles=np.array(text, dtype=np.str_)[made.rows],
        target=np.full((len(made.rows), len(labels)), np.nan, dtype=np.float32),
        labels=labels,
        ids=tuple(ids[row] for row in made.rows),
        workers=workers,
    )
    return ids, failed, found


def _rows(columns: dict[str, Any], rows: NDArray[np.int64]) -> dict[str, Any]:
    """The columns of some rows; labels are not one."""
    ids = columns["ids"]
    taken = {
        name: None if columns[name] is None else columns[name][rows]
        for name in ("target", "groups", "split")
    }
    return taken | {"ids": tuple(ids[row] for row in rows), "labels": columns["labels"]}


def _short(reason: str) -> str:
    """A reason without the SMILES that it is about."""
    return reason.partition(" cannot be read: ")[2] or reason


def _noted(notes: Mapping[int, str], smiles: list[str], lines: list[int], total: int) -> str:
    some = listed(f"line {lines[row]}: {smiles[row]} ({note})" for row, note in notes.items())
    return (
        f"{len(notes)} of {total} molecules break a rule of chemistry and are taken as they are "
        f"drawn: {some}"
    )

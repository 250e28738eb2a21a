"""The exchange format: predictions as a CSV file.

Columns: ``id``; then ``score`` and ``target`` for a binary task, or ``score_NAME`` and
``target_NAME`` per label; then, if samples come in clusters, ``group``. A blank target is unknown.
A row with a text in the column ``error`` has no score: the sample could not be read. Other columns
are ignored. Scores are written so that reading gives back the same floats.
"""

import csv
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from .._files import write_text
from ._samples import UNNAMED
from ._samples import Predictions as Predictions
from .align import align as align

QUOTE = '"'
SPECIAL = re.compile('[",\r\n]')

log = logging.getLogger("aucmax")


def write_predictions(
    path: str | Path,
    predictions: Predictions,
    *,
    failed: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
) -> Path:
    """Write a CSV file in one step: it is the old file or the whole new one, never half of it.

    Args:
        path: file to write or replace; its folder must exist.
        predictions: what to write; without targets there are no target columns.
        failed: why samples have no score, by their ids: they get a row with that ``error``.
            None: there is no such column.
        order: ids in the order of the rows, if samples have failed; others come last.

    Returns:
        The path written.

    Raises:
        OSError: if the file cannot be written, say on a full disk; an old file stays as it was.
    """
    p = predictions
    columns = [("id", list(p.ids))]
    for j, label in enumerate(p.labels):
        suffix = "" if p.labels == (UNNAMED,) else f"_{label}"
        columns.append((f"score{suffix}", [repr(float(x)) for x in p.scores[:, j]]))
        if p.target is not None:
            known = ["" if np.isnan(t) else str(int(t)) for t in p.target[:, j]]
            columns.append((f"target{suffix}", known))
    if p.groups is not None:
        columns.append(("group", [str(g) for g in p.groups]))
    if failed is not None:
        columns.append(("error", [""] * len(p)))
    header, *rows = zip(*([name, *values] for name, values in columns), strict=True)
    rows += [(name, *[""] * (len(header) - 2), reason) for name, reason in (failed or {}).items()]
    place = {name: number for number, name in enumerate(order)}
    rows.sort(key=lambda row: place.get(row[0], len(place)))
    lines = [",".join(map(_quoted, row)) for row in (header, *rows)]
    return write_text(path, "\n".join([*lines, ""]))


def _quoted(cell: str) -> str:
    # Not csv.writer: before Python 3.13 it leaves a carriage return bare, where reading breaks.
    return f'"{cell.replace(QUOTE, 2 * QUOTE)}"' if SPECIAL.search(cell) else cell


def read_predictions(path: str | Path) -> Predictions:
    """Read a CSV file of predictions; rows may stand in any order.

    Args:
        path: file with the columns told at the head of this module.

    Returns:
        The predictions in the order of the file; ``target`` is None if no target column exists.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column is missing or a cell is not what its column holds; the message
            names the file and the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no predictions file {path}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _Table(path, file).predictions()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error.reason})") from error
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from error


@dataclass(frozen=True)
class _Columns:
    """Where in a row the parts of a sample stand."""

    id: int
    labels: tuple[str, ...]
    scores: tuple[int, ...]
    targets: tuple[int, ...]
    group: int | None
    error: int | None


class _Table:
    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self.reader = path, csv.reader(file, strict=True)
        header = next(self.reader, None)
        if not header:
            raise ValueError(f"{path}: the file is empty; its first line must name the columns")
        self.names = [name.strip() for name in header]

    def predictions(self) -> Predictions:
        columns = self._columns()
        ids: dict[str, int] = {}
        scores, targets, groups = [], [], []
        seen: dict[str, int] = {}
        for line, row in self._rows():
            name = self._text(row[columns.id], line, "id")
            if name in seen:
                raise self._error(line, f"id {name!r} already stands in line {seen[name]}")
            seen[name] = line
            if columns.error is not None and row[columns.error].strip():
                continue
            ids[name] = line
            scores.append(self._cells(row, line, columns.scores, _score))
            targets.append(self._cells(row, line, columns.targets, _target))
            if columns.group is not None:
                groups.append(self._text(row[columns.group], line, "group"))
        if not seen:
            raise ValueError(f"{self.path}: the file has a header but no rows")
        if not ids:
            raise ValueError(f"{self.path}: all {len(seen)} rows have an error and no score")
        if len(seen) > len(ids):
            log.warning(
                "%s: %d of %d rows have an error and no score: left out",
                self.path,
                len(seen) - len(ids),
                len(seen),
            )
        return Predictions(
            tuple(ids),
            columns.labels,
            np.array(scores),
            np.array(targets) if columns.targets else None,
            np.array(groups) if groups else None,
        )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        for row in self.reader:
            if not row:
                continue
            if len(row) != len(self.names):
                raise self._error(
                    self.reader.line_num,
                    f"{len(row)} cells, but the header names {len(self.names)} columns",
                )
            yield self.reader.line_num, row

    def _columns(self) -> _Columns:
        names = self.names
        if twice := {name for name in names if names.count(name) > 1 and name}:
            raise ValueError(f"{self.path}: column {min(twice)!r} stands there more than once")
        found = ", ".join(map(repr, names))
        if "id" not in names:
            raise ValueError(f"{self.path}: no column 'id'; found {found} (comma-separated?)")
        scores, targets = _labelled(names, "score"), _labelled(names, "target")
        if not scores:
            raise ValueError(f"{self.path}: no column 'score' or 'score_NAME'; found {found}")
        if "score" in names and len(scores) > 1:
            raise ValueError(f"{self.path}: both 'score' and 'score_NAME' columns; found {found}")
        if targets and (odd := set(scores.values()) ^ set(targets.values())):
            label = min(odd)
            have, lack = ("score", "target") if label in scores.values() else ("target", "score")
            raise ValueError(
                f"{self.path}: label {label!r} has a {have} column but no {lack} column; "
                f"found {found}"
            )
        at = {label: place for place, label in targets.items()}
        return _Columns(
            names.index("id"),
            tuple(scores.values()),
            tuple(scores),
            tuple(at[label] for label in scores.values()) if targets else (),
            names.index("group") if "group" in names else None,
            names.index("error") if "error" in names else None,
        )

    def _cells(
        self, row: list[str], line: int, places: tuple[int, ...], parse: Callable[[str], float]
    ) -> list[float]:
        values = []
        for place in places:
            try:
                values.append(parse(row[place]))
            except ValueError as error:
                raise self._error(line, f"column {self.names[place]!r}: {error}") from None
        return values

    def _text(self, cell: str, line: int, column: str) -> str:
        if not cell.strip():
            raise self._error(line, f"column {column!r} is blank")
        return cell

    def _error(self, line: int, text: str) -> ValueError:
        return ValueError(f"{self.path}, line {line}: {text}")


def _labelled(names: list[str], kind: str) -> dict[int, str]:
    """Positions of the columns ``kind`` and ``kind_NAME``, with the label each belongs to."""
    found = {i: name.removeprefix(f"{kind}_") for i, name in enumerate(names)}
    return {
        i: UNNAMED if names[i] == kind else label
        for i, label in found.items()
        if names[i] == kind or (label != names[i] and label)
    }


def _score(cell: str) -> float:
    # Python reads "1_0" as 10; in a file of numbers it is a slip.
    try:
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a score must be a finite number, got {cell!r}")
    return value


def _target(cell: str) -> float:
    known = {"": math.nan, "nan": math.nan, "0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}
    value = known.get(cell.strip().lower())
    if value is None:
        raise ValueError(f"a target must be 0, 1 or blank (unknown), got {cell!r}")
    return value

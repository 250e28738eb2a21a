"""The exchange format: predictions as a CSV file.

Columns: ``id``; then ``score`` and ``target`` for a binary task, or ``score_NAME`` and
``target_NAME`` per label; then, if samples come in clusters, ``group``. A target is 1, 0, true,
false, or unknown: blank, NA, NaN, None or null. A row with a text in the column ``error`` has no
score: the sample could not be read. Other columns are ignored. The rules for cells and column names
are those of :mod:`aucmax._csv`. Scores are written so that reading gives back the same floats.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .._csv import open_csv
from .._files import write_text
from ._prediction_rows import Columns, Rows
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
        path: file with the columns that the head of this module names; it may be compressed (.gz).

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
    with open_csv(path) as reader:
        columns = Columns.of(reader)
        rows = Rows(reader, columns)
    if not rows.lines:
        raise ValueError(f"{str(path)!r}: all {rows.failed} rows have an error and no score")
    if rows.failed:
        total = rows.failed + len(rows.lines)
        log.warning(
            "%s: %d of %d rows have an error and no score: left out", path, rows.failed, total
        )
    _note_groups(path, rows.group_like())
    return Predictions(
        tuple(rows.ids),
        columns.labels,
        rows.score_values(),
        rows.target_values() if columns.targets else None,
        None if rows.groups is None else np.array(rows.groups),
    )


def _note_groups(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Say once that rows count as independent although a column seems to tell their patient."""
    repeated = [name for name, values in columns.items() if len(set(values)) < len(values)]
    if repeated:
        log.warning(
            "%s: column %r is not used, and rows count as independent; if rows with the same value "
            "belong together, as those of one patient do, rename it to 'group'",
            path,
            repeated[0],
        )

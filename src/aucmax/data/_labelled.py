"""Labels, names, groups and parts from the columns of a user's own CSV file."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aucmax.data._csvfile import CSVFile
from aucmax.data._messages import names
from aucmax.data._options import kept_rows

from .._csv import group_like

_VALUES = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "": np.nan}
log = logging.getLogger("aucmax")

_UNCERTAIN = "; decide what an uncertain or other value means, and write 0, 1 or a blank (unknown)"
_PARTS = {"": "", "train": "train", "training": "train", "test": "test"}
_PARTS |= dict.fromkeys(("val", "valid", "validation"), "validation")


def column_problems(
    label: str | tuple[str, ...], others: Mapping[str, str | None]
) -> Iterator[str]:
    """What is wrong with the names of columns; ``others`` are options that name one each."""
    labels = names(label)
    if not labels or "" in labels:
        yield f"label must name at least one column, and no name may be blank, got {labels}"
    for name, column in others.items():
        if column == "":
            yield f"{name} must name a column, got ''"
        if column and column in labels:
            yield f"label and {name} are the same column {column!r}"


def _note_groups(table: CSVFile) -> None:
    """Say once that rows count as independent although a column seems to tell their patient."""
    for name in group_like(table.header):
        values = table.column("group", name)
        if len(set(values)) < len(values):
            log.warning(
                "%s: column %r is not used; if rows with the same value belong together, as those "
                "of one patient do, name it with group",
                table.path,
                name,
            )
            return


def labelled(
    table: CSVFile,
    ids: Sequence[str],
    *,
    label: str | tuple[str, ...],
    group: str | None,
    split: str | None,
    exclude: str | tuple[str, ...],
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """The rows that are kept, and of these target, labels, ids, groups and split.

    Raises:
        ValueError: a missing column, a value that is not allowed (with its line), an excluded id
            that is not there.
    """
    labels = names(label)
    target = [table.mapped("label", name, _VALUES, _UNCERTAIN) for name in labels]
    if group is None:
        _note_groups(table)
    groups = None if group is None else np.array(table.filled("group", group, words=True))
    parts = None if split is None else np.array(table.mapped("split", split, _PARTS))
    keep = kept_rows(ids, exclude)
    return keep, {
        "target": np.array(target, np.float32).T[keep],
        "labels": labels,
        "ids": tuple(ids[row] for row in keep),
        "groups": None if groups is None else groups[keep],
        "split": None if parts is None else parts[keep],
    }

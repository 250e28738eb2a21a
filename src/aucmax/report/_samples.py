"""Scores and targets of many samples: the one thing that all reports are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

UNNAMED = "target"
"""Name of the label of a binary task that was given no name."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about n samples and L labels, and what is true of them.

    Args:
        ids: one name per sample, all different, none blank.
        labels: one name per label; a binary task without a name has the label ``"target"``.
        scores: shape (n, L), finite; higher means more likely positive. Any scale.
        target: shape (n, L): 1, 0 or NaN = unknown. None if nothing is known.
        groups: shape (n,): the patient (or other cluster) that a sample belongs to. None if every
            sample stands alone.

    Raises:
        ValueError: if a shape or a value breaks these rules.

    Example:
        >>> import numpy as np
        >>> scores, target = np.array([[0.2], [0.9]]), np.array([[0.0], [1.0]])
        >>> p = Predictions(("x", "y"), ("target",), scores, target)
        >>> len(p), p.labels
        (2, ('target',))
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    scores: Floats
    target: Floats | None = None
    groups: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(map(str, self.ids)))
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))
        object.__setattr__(self, "scores", np.asarray(self.scores, dtype=np.float64))
        if self.target is not None:
            object.__setattr__(self, "target", np.asarray(self.target, dtype=np.float64))
        if self.groups is not None:
            object.__setattr__(self, "groups", np.asarray(self.groups).astype(np.str_))
        _check_names(self.ids, self.labels)
        _check_arrays(self)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.ids)

    def select(self, rows: Sequence[int] | NDArray[np.intp]) -> "Predictions":
        """The samples at positions ``rows``, in that order."""
        rows = np.asarray(rows, dtype=np.intp)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in rows),
            scores=self.scores[rows],
            target=None if self.target is None else self.target[rows],
            groups=None if self.groups is None else self.groups[rows],
        )


def _check_names(ids: tuple[str, ...], labels: tuple[str, ...]) -> None:
    if not ids:
        raise ValueError("predictions need at least one sample, got none")
    if not labels:
        raise ValueError("predictions need at least one label, got none")
    for kind, names in (("id", ids), ("label", labels)):
        if twice := _first_repeated(names):
            raise ValueError(f"each {kind} must occur once, {twice!r} occurs more than once")
        if not all(name.strip() for name in names):
            raise ValueError(f"each {kind} must have a name, one is blank")
    if padded := [name for name in labels if name != name.strip()]:
        raise ValueError(f"label names must not begin or end with a space, got {padded[0]!r}")


def _check_arrays(p: Predictions) -> None:
    shape = (len(p.ids), len(p.labels))
    for name, array in (("scores", p.scores), ("target", p.target)):
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name} must have one row per id and one column per label, {shape}, "
                f"got shape {array.shape}"
            )
    if p.groups is not None and p.groups.shape != shape[:1]:
        raise ValueError(f"groups must have shape {shape[:1]}, one per id, got {p.groups.shape}")
    if not np.isfinite(p.scores).all():
        row, column = np.argwhere(~np.isfinite(p.scores))[0]
        raise ValueError(
            f"scores must be finite, got {p.scores[row, column]} for id {p.ids[row]!r}, "
            f"label {p.labels[column]!r}"
        )
    if p.target is not None:
        wrong = ~(np.isnan(p.target) | (p.target == 0) | (p.target == 1))
        if wrong.any():
            raise ValueError(
                f"target must be 0, 1 or NaN (unknown), got {p.target[wrong][0]}; "
                "recode other label schemes such as -1/1 first"
            )


def _first_repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None

"""Several images of one study, such as frontal and lateral views, joined into one prediction."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aucmax.data._messages import listed


class Studies(NamedTuple):
    """Scores and targets with one row a study, in the order in which studies first come.

    Args:
        names: (s,) the studies.
        scores: (s,) or (s, L).
        target: as ``scores``: 0, 1, or NaN where no view knows; None if none was given.
    """

    names: NDArray[np.str_]
    scores: NDArray[np.float64]
    target: NDArray[np.float64] | None


def study_names(ids: Sequence[str]) -> NDArray[np.str_]:
    """The study of each image: its id up to the last slash.

    Args:
        ids: as :class:`aucmax.data.CheXpert` gives them.

    Raises:
        ValueError: an id without a slash.

    >>> study_names(["test/patient1/study1/view1_frontal.jpg"]).tolist()
    ['test/patient1/study1']
    """
    parts = [name.rpartition("/") for name in ids]
    if bad := [name for name, part in zip(ids, parts, strict=True) if not part[0]]:
        raise ValueError(f"ids must be paths STUDY/IMAGE to tell the study, got {listed(bad)}")
    return np.array([part[0] for part in parts], dtype=str)


def max_over_views(
    scores: ArrayLike, target: ArrayLike | None = None, *, studies: ArrayLike
) -> Studies:
    """One score a study: the highest of its views.

    score(study) = max over its views v of score(v), for each label. CheXpert's authors join views
    so: https://arxiv.org/abs/1901.07031.

    Args:
        scores: (n,) or (n, L), finite.
        target: as ``scores``; 0, 1 and NaN (unknown), the same for all views of a study.
        studies: (n,) the study of each row.

    Returns:
        A row for each study.

    Raises:
        ValueError: shapes that do not match, scores that are not finite, views of one study with
            different targets.

    >>> joined = max_over_views([0.1, 0.7, 0.4], [0, 1, 0], studies=["a", "b", "a"])
    >>> joined.scores.tolist(), joined.target.tolist()
    ([0.4, 0.7], [0.0, 1.0])
    """
    views = _Views(scores, target, studies)
    return views.joined(np.maximum.reduceat(views.scores, views.starts, axis=0))


def mean_over_views(
    scores: ArrayLike, target: ArrayLike | None = None, *, studies: ArrayLike
) -> Studies:
    """One score a study: the mean of its views.

    score(study) = sum over its views v of score(v) / number of views, for each label.

    Args:
        scores: (n,) or (n, L), finite.
        target: as ``scores``; 0, 1 and NaN (unknown), the same for all views of a study.
        studies: (n,) the study of each row.

    Returns:
        A row for each study.

    Raises:
        ValueError: as :func:`max_over_views`.

    >>> mean_over_views([0.0, 0.7, 0.5], studies=["a", "b", "a"]).scores.tolist()
    [0.25, 0.7]
    """
    views = _Views(scores, target, studies)
    counts = np.diff([*views.starts, len(views.scores)])
    shape = (-1,) + (1,) * (views.scores.ndim - 1)
    total = np.add.reduceat(views.scores, views.starts, axis=0)
    return views.joined(total / counts.reshape(shape))


class _Views:
    """Rows sorted by study, and where each study starts."""

    def __init__(self, scores: ArrayLike, target: ArrayLike | None, studies: ArrayLike) -> None:
        rows, names = np.asarray(scores, dtype=np.float64), np.asarray(studies, dtype=str)
        truth = None if target is None else np.asarray(target, dtype=np.float64)
        _check(rows, truth, names)
        unique, first, which = np.unique(names, return_index=True, return_inverse=True)
        place = np.empty(len(unique), dtype=np.int64)
        place[np.argsort(first)] = np.arange(len(unique))  # studies in the order they come
        order = np.argsort(place[which], kind="stable")
        self.names = names[np.sort(first)]
        self.starts = np.searchsorted(place[which][order], np.arange(len(unique)))
        self.scores = rows[order]
        self.target = None if truth is None else self._agreed(truth[order])

    def _agreed(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        low = np.fmin.reduceat(target, self.starts, axis=0)  # fmin, fmax: NaN only if all are
        high = np.fmax.reduceat(target, self.starts, axis=0)
        differ = ((low != high) & ~np.isnan(low)).reshape(len(low), -1).any(1)
        if differ.any():
            raise ValueError(
                "target must be the same for all views of a study, but it differs in "
                f"{listed(self.names[differ])}"
            )
        return low

    def joined(self, scores: NDArray[np.float64]) -> Studies:
        return Studies(self.names, scores, self.target)


def _check(
    scores: NDArray[np.float64], target: NDArray[np.float64] | None, studies: NDArray[np.str_]
) -> None:
    if scores.ndim not in (1, 2) or not len(scores):
        raise ValueError(f"scores must have shape (n,) or (n, L) with n > 0, got {scores.shape}")
    if studies.shape != (len(scores),):
        raise ValueError(f"studies must have shape ({len(scores)},), got {studies.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite, got NaN or infinity")
    if target is None:
        return
    if target.shape != scores.shape:
        raise ValueError(f"target must have the shape of scores {scores.shape}, got {target.shape}")
    if not np.isin(target[~np.isnan(target)], (0, 1)).all():
        raise ValueError("target must be 0, 1 or NaN (unknown)")

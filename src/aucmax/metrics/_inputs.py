"""From whatever came (lists, arrays, tensors) to checked numpy arrays, one label at a time."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[
    Any
]  # float32 or float64: the scores keep their own precision, results are float64
Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]


class UndefinedMetricWarning(UserWarning):
    """A label has positives only or negatives only, so that its metric is nan."""


def to_numpy(values: Any, name: str = "the array") -> NDArray[Any]:
    """Array of ``values``; a tensor is detached, copied from its device and read without torch.

    Raises:
        ValueError: if ``values`` are a masked array with masked values: a plain array would show
            them as if they were valid.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        try:
            return values.numpy()
        except TypeError:  # bfloat16 and the 8-bit floats are unknown to numpy; float32 holds them
            return values.float().numpy()
    if isinstance(values, list | tuple):
        if any(hasattr(v, "detach") for v in values):
            return np.stack([to_numpy(v, name) for v in values])
        if any(isinstance(v, np.ma.MaskedArray) for v in values):
            values = np.ma.stack(values)
    if isinstance(values, np.ma.MaskedArray):
        if masked := int(np.ma.count_masked(values)):
            raise ValueError(
                f"{name} must not hold masked values, got {masked} of {values.size}; drop the rows"
            )
        return np.asarray(values.data)
    return _from_frame(values)


def _from_frame(values: Any) -> NDArray[Any]:
    """Array of anything else; of a column with pandas' own missing values, floats with NaN."""
    array = np.asarray(values)
    if array.dtype.kind == "O" and hasattr(values, "to_numpy"):
        try:
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):  # texts, or a library whose to_numpy is another one
            pass
    return array


def with_nan(values: Any) -> Any:
    """A masked array as floats, NaN where it is masked; anything else as it is."""
    if isinstance(values, list | tuple) and any(isinstance(v, np.ma.MaskedArray) for v in values):
        values = np.ma.stack(values)
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "biuf":
        return np.ma.filled(values.astype(np.float64), np.nan)
    return values


def as_scores(scores: Any, name: str = "scores") -> Floats:
    """Float32 or float64 array of real scores of any scale, infinities included; NaN is refused."""
    array = to_numpy(scores, name)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype not in (np.float32, np.float64):
        exact, array = array, _as_float64(array, name)
        _check_exact(exact, array, name)
    if not array.size:
        raise ValueError(f"{name} is empty, got shape {array.shape}; metrics need at least 2 rows")
    if np.isnan(np.min(array)):  # the minimum carries any NaN along: no mask is built
        count = int(np.isnan(array).sum())
        raise ValueError(f"{name} must not hold NaN, got {count} of {array.size}; drop those rows")
    return array


def _as_float64(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.dtype.kind not in "biufO":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}") from error


def _check_exact(exact: NDArray[Any], array: NDArray[np.float64], name: str) -> None:
    """Refuse numbers that differ but are one in float64: they would count as tied."""
    if exact.dtype.kind == "b" or not exact.size:
        return
    if exact.dtype.kind in "iu" and np.abs(array).max() < 2**53:
        return
    known = ~np.isnan(array)
    if len(np.unique(exact[known])) != len(np.unique(array[known])):
        raise ValueError(
            f"{name} holds different numbers of dtype {exact.dtype} that are equal in float64, and "
            "would count as ties; pass their ranks, "
            f"numpy.unique({name}, return_inverse=True)[1].reshape(numpy.shape({name}))"
        )


def as_target(target: Any, name: str = "target") -> tuple[Bools, Bools | None]:
    """Masks of the positives and of the known values (``None`` if all are), for 0, 1 and NaN.

    The masked values of a masked array are unknown, as NaN is.
    """
    array = to_numpy(with_nan(target), name)
    if array.dtype == np.bool_:
        return array, None
    if array.dtype.kind not in "iuf":
        array = _as_float64(array, name)
    positive, negative = array == 1, array == 0
    if np.count_nonzero(positive) + np.count_nonzero(negative) == array.size:
        return positive, None
    unknown = np.isnan(array)
    wrong = np.unique(array[~(positive | negative | unknown)])
    if wrong.size:
        shown = ", ".join(f"{v:g}" for v in wrong[:5])
        rule = f"{name} must hold 0, 1 or NaN (unknown)"
        raise ValueError(f"{rule}, got {shown}; {_cure(wrong, array)}")
    return positive, ~unknown


def _cure(wrong: NDArray[Any], array: NDArray[Any]) -> str:
    """How to come from other codes of labels to 0 and 1."""
    values = np.unique(array[~np.isnan(array)])
    if np.isinf(wrong).any():
        return "an unknown label is NaN"
    if ((values >= 0) & (values <= 1)).all():
        return "of soft labels choose a cut, for example (y >= 0.5)"
    if (wrong != np.floor(wrong)).any():
        return "choose a cut above which a row is positive"
    if values[0] == -1 and values[-1] == 1:
        zeros = "" if len(values) == 2 else ", if 0 is negative; if -1 is unknown make it NaN"
        return f"labels -1/1 become 0/1 by (y > 0){zeros}"
    if len(values) == 2:
        return f"two codes become 0/1 by (y == {values[1]:g})"
    if values[0] >= 0:
        return (
            "class numbers with scores (n, C) are for one_vs_rest_auroc; class k against the rest "
            "is (y == k) with scores[:, k]"
        )
    return "say which codes are positive, for example by (y == 1)"


@dataclass(frozen=True)
class Rows:
    """Checked scores and labels: ``scores`` and ``positive`` (n, L), ``known`` (n, L) or None."""

    scores: Floats
    positive: Bools
    known: Bools | None
    single: bool  # the caller's arrays had one label and no label axis

    def column(self, label: int) -> tuple[Floats, Bools]:
        """Scores and positives of one label's known rows."""
        scores, positive = self.scores[:, label], self.positive[:, label]
        if self.known is None:
            return scores, positive
        return scores[self.known[:, label]], positive[self.known[:, label]]

    def require_single(self, name: str) -> None:
        """Refuse several labels where one number or one curve is meant."""
        if not self.single:
            labels = self.scores.shape[1]
            cure = f"pass {name}[:, k] and target[:, k]"
            raise ValueError(f"{name} must hold one label here, got {labels}; {cure}")

    def both_classes(self) -> Bools:
        """(L,): has the label at least one positive and one negative?"""
        known = np.ones_like(self.positive) if self.known is None else self.known
        return np.any(self.positive & known, axis=0) & np.any(~self.positive & known, axis=0)

    def defined(self) -> Bools:
        """:meth:`both_classes`; lacking one, a single label is an error, else it is a warning."""
        defined = self.both_classes()
        if self.single and not defined[0]:
            have = "positives" if self.column(0)[1].any() else "negatives"
            raise ValueError(
                f"target must hold both classes, got {have} only in {len(self.positive)} rows"
            )
        if not defined.all():
            lacking = np.flatnonzero(~defined).tolist()
            text = f"labels {lacking} have one class only: their value is nan, averages skip them"
            warnings.warn(text, UndefinedMetricWarning, stacklevel=4)
        return defined


def as_rows(scores: Any, target: Any, name: str = "scores") -> Rows:
    """Check scores (n,), (n, 1) or (n, L) against a target of the same shape."""
    values = as_scores(scores, name)
    positive, known = as_target(target)
    shapes = f"got {name} {values.shape} and target {positive.shape}"
    values, positive = _flat(values), _flat(positive)
    if values.shape != positive.shape or values.ndim not in (1, 2):
        cure = _shape_cure(values, positive, name)
        raise ValueError(f"{name} and target must both be (n,) or both (n, L), {shapes}{cure}")
    n = len(values)
    columns = None if known is None else known.reshape(n, -1)
    return Rows(values.reshape(n, -1), positive.reshape(n, -1), columns, values.ndim == 1)


def _shape_cure(scores: NDArray[Any], target: NDArray[Any], name: str) -> str:
    if scores.ndim != 2 or target.shape != scores.shape[:1]:
        return ""
    if scores.shape[1] == 2:
        return f"; of the scores of two classes, as a softmax gives, pass {name}[:, 1]"
    return f"; pass the column of one label, {name}[:, k], or use one_vs_rest_auroc for C classes"


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def binary(scores: Any, target: Any, name: str = "scores") -> tuple[Floats, Bools]:
    """Scores and positives of the known rows of one label that has both classes."""
    rows = as_rows(scores, target, name)
    rows.require_single(name)
    rows.defined()
    return rows.column(0)


def per_label(
    metric: Callable[[Floats, Bools], float], scores: ArrayLike, target: ArrayLike
) -> float | NDArray[np.float64]:
    """``metric`` of one label as a float, of L labels as an array, nan where it is undefined."""
    rows = as_rows(scores, target)
    defined = rows.defined()
    if rows.single:
        return metric(*rows.column(0))
    values = [metric(*rows.column(k)) if ok else np.nan for k, ok in enumerate(defined)]
    return np.array(values, dtype=np.float64)


def as_groups(groups: ArrayLike | Sequence[str] | None, rows: int) -> Codes | None:
    """Codes 0, 1, ... of the group of each row; ``None`` stays None: every row by itself."""
    if groups is None:
        return None
    array = to_numpy(groups, "groups")
    if array.shape != (rows,):
        raise ValueError(f"groups must be ({rows},), one per row, got shape {array.shape}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("groups must not hold NaN; give a row without a group one of its own")
    if array.dtype.kind == "O":
        array = array.astype(str)
    return np.unique(array, return_inverse=True)[1].reshape(-1)


def known_groups(rows: Rows, groups: ArrayLike | Sequence[str] | None) -> Codes | None:
    """Codes of the groups of the known rows of a single label."""
    codes = as_groups(groups, len(rows.scores))
    return codes if codes is None or rows.known is None else codes[rows.known[:, 0]]


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}; 0.95 means 95 %")

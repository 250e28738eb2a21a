"""AUROC where each row is of exactly one of C classes."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import (
    Codes,
    Floats,
    UndefinedMetricWarning,
    as_scores,
    as_target,
    to_numpy,
    with_nan,
)


def one_vs_rest_auroc(scores: ArrayLike, target: ArrayLike) -> float:
    r"""Mean over the classes of the AUROC of each against all others together.

    .. math:: \frac{1}{C} \sum_j P\bigl(s_j(x_j) > s_j(x)\bigr),\quad
              x_j \text{ of class } j,\ x \text{ of any other, ties half}

    How the other classes weigh depends on how frequent they are: :func:`one_vs_one_auroc` does not.
    With a one-hot target this is :func:`macro_auroc`, so :func:`macro_auroc_interval` and
    :func:`macro_auroc_test` give its uncertainty, and :func:`auroc` the value of each class.

    Args:
        scores: (n, C), C >= 2; column j, of any real scale, is higher the more a row is of class j.
        target: class numbers (n,) in 0 to C - 1, NaN if unknown; or one-hot (n, C), a row of NaN
            if unknown.

    Returns:
        A float in [0, 1]; classes without a row are left out, with an
        :class:`UndefinedMetricWarning`.

    Raises:
        TypeError: if target holds names of classes instead of their numbers.
        ValueError: if shapes differ, scores hold NaN, target holds something else, or fewer than
            two classes.

    Source: Provost and Domingos, Machine Learning 52 (2003),
    https://doi.org/10.1023/A:1024099825458 (who weight classes by their frequency)

    >>> import numpy as np
    >>> from aucmax.metrics import auroc, macro_auroc_interval
    >>> scores = [[5, 1, 2], [2, 3, 0], [1, 4, 1], [3, 0, 4], [0, 2, 3], [4, 5, 1]]
    >>> target = [0, 1, 1, 2, 2, 0]
    >>> one_vs_rest_auroc(scores, target)
    0.916...
    >>> one_hot = np.eye(3)[target]
    >>> auroc(scores, one_hot)
    array([1.  , 0.75, 1.  ])
    >>> print(macro_auroc_interval(scores, one_hot))
    0.917 [0.247, 0.996]
    """
    wins, sizes = _wins(scores, target)
    np.fill_diagonal(wins, 0)
    present = sizes > 0
    pairs = sizes * (sizes.sum() - sizes)
    return float(np.mean(wins.sum(axis=1)[present] / pairs[present]))


def one_vs_one_auroc(scores: ArrayLike, target: ArrayLike) -> float:
    r"""Hand and Till's M: the mean AUROC over all ordered pairs of classes.

    .. math:: M = \frac{2}{C(C-1)} \sum_{j<k} \frac{A(j|k) + A(k|j)}{2},\quad
              A(j|k) = P\bigl(s_j(x_j) > s_j(x_k)\bigr),\ \text{ties half}

    It does not depend on how frequent the classes are. With two columns of which one is the other's
    negative it is the AUROC. An interval comes from :func:`bootstrap_interval` with a one-hot
    target, which draws rows, and again where a draw has lost a class. Time O(C n log n).

    Args:
        scores: (n, C), C >= 2; column j, of any real scale, is higher the more a row is of class j.
        target: class numbers (n,) in 0 to C - 1, NaN if unknown; or one-hot (n, C), a row of NaN
            if unknown.

    Returns:
        A float in [0, 1]; classes without a row are left out, with an
        :class:`UndefinedMetricWarning`.

    Raises:
        TypeError: as for :func:`one_vs_rest_auroc`.
        ValueError: as for :func:`one_vs_rest_auroc`.

    Source: Hand and Till, Machine Learning 45 (2001), https://doi.org/10.1023/A:1010920819831

    >>> import numpy as np
    >>> from aucmax.metrics import bootstrap_interval
    >>> scores = [[5, 1, 2], [2, 3, 0], [1, 4, 1], [3, 0, 4], [0, 2, 3], [4, 5, 1]]
    >>> target = [0, 1, 1, 2, 2, 0]
    >>> one_vs_one_auroc(scores, target)
    0.916...
    >>> bootstrap_interval(one_vs_one_auroc, scores, np.eye(3)[target], replicates=99).estimate
    0.916...
    """
    return float(np.nanmean(_pair_values(*_wins(scores, target))))


def class_pair_auroc(scores: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    r"""AUROC of each class against each other one: which two are confused, and by which score.

    .. math:: A(j|k) = P\bigl(s_j(x_j) > s_j(x_k)\bigr),\quad
              x_j \text{ of class } j,\ x_k \text{ of class } k,\ \text{ties half}

    Args:
        scores: (n, C), C >= 2; column j, of any real scale, is higher the more a row is of class j.
        target: class numbers (n,) in 0 to C - 1, NaN if unknown; or one-hot (n, C), a row of NaN
            if unknown.

    Returns:
        (C, C), with A(j|k) in row j and column k, nan on the diagonal, and (with an
        :class:`UndefinedMetricWarning`) for classes without a row. Their mean is
        :func:`one_vs_one_auroc`.

    Raises:
        TypeError: as for :func:`one_vs_rest_auroc`.
        ValueError: as for :func:`one_vs_rest_auroc`.

    Source: Hand and Till, Machine Learning 45 (2001), https://doi.org/10.1023/A:1010920819831

    >>> scores = [[5, 1, 2], [2, 3, 0], [1, 4, 1], [3, 0, 4], [0, 2, 3], [4, 5, 1]]
    >>> class_pair_auroc(scores, [0, 1, 1, 2, 2, 0])
    array([[nan, 1. , 1. ],
           [0.5, nan, 1. ],
           [1. , 1. , nan]])
    """
    return _pair_values(*_wins(scores, target))


def _pair_values(wins: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    pairs = np.outer(sizes, sizes).astype(np.float64)
    np.fill_diagonal(pairs, 0)
    return np.divide(wins, pairs, out=np.full_like(wins, np.nan), where=pairs > 0)


def _wins(scores: Any, target: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(C, C): pairs of a row of j and one of k where s_j is higher for j, ties half; rows (C,).

    One sort per column: a row sees how many members of the column's class lie below and up to it.
    Multiples of a half, exact in float64 up to 2^52 pairs.
    """
    values, classes = _known_rows(scores, target)
    count = values.shape[1]
    sizes = np.bincount(classes, minlength=count)
    if np.count_nonzero(sizes) < 2:
        have = f"class {classes[0]} only" if len(classes) else "no known class"
        raise ValueError(f"target must hold at least two classes, got {have}")
    if not sizes.all():
        absent = np.flatnonzero(sizes == 0).tolist()
        text = f"classes {absent} have no row: what concerns them is undefined, averages skip it"
        warnings.warn(text, UndefinedMetricWarning, stacklevel=3)
    wins = np.empty((count, count))
    for j in range(count):
        column = values[:, j]
        own = np.sort(column[classes == j])
        below, upto = np.searchsorted(own, column), np.searchsorted(own, column, side="right")
        wins[j] = np.bincount(classes, len(own) - (below + upto) / 2, minlength=count)
    return wins, sizes


def _known_rows(scores: Any, target: Any) -> tuple[Floats, Codes]:
    """Checked scores (m, C) and class numbers (m,) of the rows whose class is known."""
    values, array = as_scores(scores), to_numpy(with_nan(target), "target")
    if values.ndim != 2 or values.shape[1] < 2:
        raise ValueError(f"scores must be (n, C) with C >= 2 classes, got {values.shape}")
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.shape not in (values.shape[:1], values.shape):
        raise ValueError(
            f"target must be class numbers (n,) or one-hot (n, C) for scores {values.shape}, "
            f"got {array.shape}"
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"target must hold class numbers, got dtype {array.dtype}; "
            "numpy.unique(target, return_inverse=True)[1] numbers names in their order"
        )
    codes = _from_numbers(array, values.shape[1]) if array.ndim == 1 else _from_one_hot(array)
    known = codes >= 0
    return (values, codes) if known.all() else (values[known], codes[known])


def _from_numbers(array: NDArray[Any], classes: int) -> Codes:
    """Class numbers; -1 for NaN."""
    unknown, finite = np.isnan(array), np.isfinite(array)
    codes = np.where(finite, array, 0).astype(np.intp)
    allowed = finite & (codes == array) & (codes >= 0) & (codes < classes)
    wrong = np.unique(array[~(allowed | unknown)])
    if wrong.size:
        shown = ", ".join(f"{v:g}" for v in wrong[:5])
        rule = f"target must hold class numbers 0 to C - 1 = {classes - 1}, or NaN (unknown)"
        raise ValueError(f"{rule}, got {shown}")
    codes[unknown] = -1
    return codes


def _from_one_hot(array: NDArray[Any]) -> Codes:
    """Class numbers; -1 for a row of NaN."""
    hot, mask = as_target(array)
    known = np.ones_like(hot) if mask is None else mask
    unknown = ~known.any(axis=1)
    wrong = ~unknown & ((hot.sum(axis=1) != 1) | ~known.all(axis=1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "target (n, C) must hold in each row one 1 and else 0, or NaN alone (unknown), got "
            f"{array[row].tolist()} in row {row}; where several labels may hold at once, use "
            "macro_auroc"
        )
    return np.where(unknown, -1, hot.argmax(axis=1))

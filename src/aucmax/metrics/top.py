"""The top of the list: what the k rows with the highest scores hold."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._counts import counts
from ._inputs import Rows, UndefinedMetricWarning, as_rows, to_numpy

Sizes = int | Sequence[int] | NDArray[Any]


def precision_at_k(scores: ArrayLike, target: ArrayLike, k: Sizes) -> float | NDArray[np.float64]:
    r"""Share of positives among the k rows with the highest scores.

    .. math:: P_k = \frac{1}{k} \Bigl(T_{>} + T_{=} \frac{k - n_{>}}{n_{=}}\Bigr)

    with n rows and T positives above, and at, the k-th highest score: where rows tie for the last
    places, this is the mean over all ways to break the tie.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, infinities allowed, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        k: whole number of rows, 1 <= k <= n; or a sequence of K of them.

    Returns:
        A float in [0, 1], or (K,), or for L labels (L,), or (L, K); nan (with an
        :class:`UndefinedMetricWarning`) for a label with fewer than k known rows.

    Raises:
        TypeError: if k does not consist of integers.
        ValueError: if k is outside 1 to the number of known rows, of the label that has most; or
            as for :func:`auroc`, but for a label of one class, which is allowed.

    Source: McSherry and Najork, ECIR 2008, https://doi.org/10.1007/978-3-540-78646-7_38 (ties)

    >>> precision_at_k([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 2)
    0.5
    >>> precision_at_k([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1], [1, 2, 3, 4])
    array([1.        , 0.75      , 0.66666667, 0.5       ])
    """
    rows = as_rows(scores, target)
    sizes = _as_sizes(k, rows)
    return _shaped(_top_hits(rows, sizes) / sizes.ravel(), rows, sizes)


def recall_at_k(scores: ArrayLike, target: ArrayLike, k: Sizes) -> float | NDArray[np.float64]:
    r"""Share of the positives that are among the k rows with the highest scores.

    .. math:: R_k = \frac{k P_k}{n_+}, \quad P_k \text{ the precision at } k

    Rows that tie for the last places count by the mean over all ways to break the tie.

    Args:
        scores: (n,), (n, 1) or (n, L), any real scale, infinities allowed, higher = more positive.
        target: same shape, 0, 1 or NaN (unknown: the row does not count for that label).
        k: whole number of rows, 1 <= k <= n; or a sequence of K of them.

    Returns:
        A float in [0, 1], or (K,), or for L labels (L,), or (L, K); nan (with an
        :class:`UndefinedMetricWarning`) for a label with fewer than k known rows, or no positive.

    Raises:
        TypeError: if k does not consist of integers.
        ValueError: as for :func:`precision_at_k`, and if the only label has no positive.

    Source: McSherry and Najork, ECIR 2008, https://doi.org/10.1007/978-3-540-78646-7_38 (ties)

    >>> recall_at_k([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 3)
    1.0
    >>> recall_at_k([[1, 8], [4, 3], [3, 2], [7, 5]], [[0, 1], [0, 0], [1, 0], [1, 1]], 2)
    array([0.5, 1. ])
    """
    rows = as_rows(scores, target)
    sizes, positives = _as_sizes(k, rows), rows.positive.sum(axis=0)
    barren = np.flatnonzero(positives == 0).tolist()
    if barren and rows.single:
        raise ValueError(
            f"target must hold a positive, got none in {len(rows.positive)} rows: recall has "
            "nothing to find"
        )
    if barren:
        text = f"labels {barren} have no positive: their recall is nan"
        warnings.warn(text, UndefinedMetricWarning, stacklevel=2)
    shares = _top_hits(rows, sizes) / np.where(positives, positives, np.nan)[:, None]
    return _shaped(shares, rows, sizes)


def _top_hits(rows: Rows, sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """(L, K): expected number of positives among the first k rows; nan if there are fewer."""
    hits = np.full((rows.scores.shape[1], sizes.size), np.nan)
    for label, row in enumerate(hits):
        scores, positive = rows.column(label)
        enough = sizes.ravel() <= len(scores)
        if enough.any():
            _, true, false = counts(scores, positive)
            # Linear in k within a tie: each of its rows is as likely to be taken as the others.
            steps, heights = np.append(0, true + false), np.append(0, true)
            row[enough] = np.interp(sizes.ravel()[enough], steps, heights)
    short = np.flatnonzero(np.isnan(hits).any(axis=1)).tolist()
    if short:
        text = f"labels {short} have fewer than k known rows: their value is nan"
        warnings.warn(text, UndefinedMetricWarning, stacklevel=3)
    return hits


def _shaped(
    shares: NDArray[np.float64], rows: Rows, sizes: NDArray[np.int64]
) -> float | NDArray[np.float64]:
    """(L, K) without the axes that the caller did not give."""
    values = shares.reshape((() if rows.single else shares.shape[:1]) + sizes.shape)
    return values if values.ndim else float(values)


def _as_sizes(k: Sizes, rows: Rows) -> NDArray[np.int64]:
    """K as an array, () or (K,), of whole numbers that some label can satisfy."""
    array = to_numpy(k, "k")
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"k must be a whole number of rows, or a sequence of them, got {k!r}; a share s of n "
            "rows is max(1, round(s * n))"
        )
    if array.ndim > 1 or not array.size:
        raise ValueError(f"k must be one number or a sequence of them, got shape {array.shape}")
    most = len(rows.positive) if rows.known is None else int(rows.known.sum(axis=0).max())
    wrong = np.unique(array[(array < 1) | (array > most)])
    if wrong.size:
        shown = ", ".join(str(v) for v in wrong[:5])
        raise ValueError(f"k must lie in 1 to {most}, the number of known rows, got {shown}")
    return array.astype(np.int64)

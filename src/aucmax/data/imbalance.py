"""Make a balanced data set imbalanced, as the papers on AUC maximization do."""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray


def make_imbalanced(target: ArrayLike, positives: float, *, seed: int = 0) -> NDArray[np.int64]:
    r"""The rows to keep so that a share ``positives`` of them is positive.

    .. math:: n_+ = \lfloor \tfrac{r}{1 - r} n_- \rfloor

    All negatives are kept, and the first :math:`n_+` positives of a shuffled order, so that for one
    seed the rows for a smaller share are a part of those for a larger one.

    Args:
        target: (n,) of 0 and 1.
        positives: wanted share r of positives, 0 < r < 1.
        seed: of the shuffle.

    Returns:
        Sorted indices into ``target``.

    Raises:
        ValueError: r out of range, a target that is not 0 or 1, or fewer positives than are needed.

    Source: Yuan et al., ICCV 2021, section 5 (https://arxiv.org/abs/2012.03173).

    >>> target = np.repeat([0, 1], 25_000)
    >>> len(make_imbalanced(target, 0.1)), len(make_imbalanced(target, 0.01))
    (27777, 25252)
    """
    if not 0 < positives < 1:
        raise ValueError(f"positives must be a share between 0 and 1, got {positives}")
    values = np.asarray(target)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"target must be one column of 0 and 1, got shape {values.shape} with values "
            f"{np.unique(values)[:5].tolist()}"
        )
    share = Fraction(str(positives))  # exact: 0.3 / 0.7 * 70 is 29.999... in floating point
    negatives = int((values == 0).sum())
    wanted = math.floor(share / (1 - share) * negatives)
    available = len(values) - negatives
    if not 0 < wanted <= available:
        raise ValueError(
            f"positives={positives} asks for {wanted} positives beside {negatives} negatives, and "
            f"there are {available}: choose a {'larger' if wanted == 0 else 'smaller'} share"
        )
    order = np.random.default_rng(seed).permutation(len(values))
    kept = order[values[order] == 1][:wanted]
    return np.sort(np.concatenate([np.flatnonzero(values == 0), kept]))

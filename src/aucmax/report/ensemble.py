"""Several models as one: the mean of their scores, or of their ranks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ._samples import Floats, Predictions
from .align import align


def ensemble_mean(members: Sequence[Predictions]) -> Predictions:
    r"""Mean of the scores of several models.

    .. math:: s_{ik} = \frac{1}{M} \sum_{m=1}^{M} s_{mik}

    A member whose scores spread wider weighs more: for members on different scales use
    :func:`ensemble_rank`. The order of the members does not matter, to the last bit.

    Args:
        members: predictions of M >= 2 models for the same samples, in any order of rows and labels.

    Returns:
        Predictions in the order of the first member, with the targets and groups of the members.

    Raises:
        ValueError: if there are fewer than two members, or their ids, labels, targets or groups
            differ; the message says which member.

    Example:
        >>> target = np.array([[0.0], [1.0]])
        >>> a = Predictions(("x", "y"), ("edema",), np.array([[0.2], [0.4]]), target)
        >>> b = Predictions(("y", "x"), ("edema",), np.array([[0.8], [0.6]]), target[::-1])
        >>> ensemble_mean([a, b]).scores.ravel().tolist()
        [0.4, 0.6000000000000001]
    """
    aligned = _aligned(members)
    # Sorted, so that the rounding of the sum, and with it every tie, is free of the members' order.
    scores = np.sort(np.stack([member.scores for member in aligned]), axis=0)
    return replace(aligned[0], scores=scores.sum(axis=0) / len(aligned))


def ensemble_rank(members: Sequence[Predictions]) -> Predictions:
    r"""Mean of the ranks that several models give, for members on different scales.

    .. math:: s_{ik} = \frac{1}{M} \sum_{m=1}^{M} \frac{R_{mik} - \frac12}{n}

    :math:`R_{mik}` is the rank of sample i among all n for label k and member m, 1 the lowest, tied
    samples sharing their mean rank. Any increasing change of a member's scale leaves the result as
    it is. A rank belongs to the whole set: the samples of one file cannot be scored one by one.

    Args:
        members: predictions of M >= 2 models for the same samples, in any order of rows and labels.

    Returns:
        Predictions in the order of the first member, scores in (0, 1), with the targets and groups
        of the members.

    Raises:
        ValueError: as :func:`ensemble_mean`.

    Example:
        >>> target = np.array([[0.0], [1.0], [1.0]])
        >>> a = Predictions(tuple("xyz"), ("edema",), np.array([[0.2], [0.4], [0.4]]), target)
        >>> b = Predictions(tuple("xyz"), ("edema",), np.array([[-7.0], [50.0], [9.0]]), target)
        >>> ensemble_rank([a, b]).scores.ravel().round(3).tolist()
        [0.167, 0.75, 0.583]
    """
    aligned = _aligned(members)
    doubled = sum(_doubled_ranks(member.scores) for member in aligned)
    return replace(
        aligned[0], scores=(doubled - len(aligned)) / (2 * len(aligned[0]) * len(aligned))
    )


def _doubled_ranks(scores: Floats) -> NDArray[np.int64]:
    """Twice the mid-rank within each column: whole numbers, whose sums have no rounding."""
    columns = []
    for column in scores.T:
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        columns.append((2 * np.cumsum(counts) - counts + 1)[place.reshape(-1)])
    return np.stack(columns, axis=1)


def _aligned(members: Sequence[Predictions]) -> list[Predictions]:
    """All members in the order of the first, with what any of them knows of labels and groups."""
    if isinstance(members, Predictions) or len(members) < 2:
        count = 1 if isinstance(members, Predictions) else len(members)
        raise ValueError(f"an ensemble needs at least two members, got {count}")
    first = members[0]
    for number, other in enumerate(members[1:], start=2):
        try:
            first = align(first, other)[0]
        except ValueError as error:
            raise ValueError(
                f"the members of an ensemble must hold the same samples; member {number} does not "
                f"match the first: {error}"
            ) from error
    return [first, *(align(first, other)[1] for other in members[1:])]
